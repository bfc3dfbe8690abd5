/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Some keys are declared twice: in the table of core keys, and as a property of what runs the group. What the manual says
 * must be what happens. */

#include <string.h>

#include "hawser-config-keys-private.h"
#include "hawser-listener.h"
#include "hawser-param-spec.h"
#include "hawser-sink-runner.h"
#include "hawser-units.h"

static gint64
read_number (const HawserConfigKey *key)
{
  gint64 duration_us = 0;
  guint64 size = 0;

  switch (key->type)
    {
    case HAWSER_KEY_DURATION:
      g_assert_true (hawser_duration_parse (key->default_text, &duration_us, NULL));
      return duration_us;
    case HAWSER_KEY_SIZE:
      g_assert_true (hawser_size_parse (key->default_text, &size, NULL));
      return (gint64) size;
    default:
      return g_ascii_strtoll (key->default_text, NULL, 10);
    }
}

static void
assert_default (const HawserConfigKey *key, GParamSpec *pspec)
{
  const GValue *value = g_param_spec_get_default_value (pspec);

  g_test_message ("[%s] %s=%s", key->kind, key->key, key->default_text);
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    g_assert_cmpstr (g_enum_get_value (G_PARAM_SPEC_ENUM (pspec)->enum_class, g_value_get_enum (value))->value_nick, ==, key->default_text);
  else if (G_IS_PARAM_SPEC_UINT (pspec))
    g_assert_cmpint (g_value_get_uint (value), ==, read_number (key));
  else if (G_IS_PARAM_SPEC_UINT64 (pspec))
    g_assert_cmpint ((gint64) g_value_get_uint64 (value), ==, read_number (key));
  else if (G_IS_PARAM_SPEC_INT64 (pspec))
    g_assert_cmpint (g_value_get_int64 (value), ==, read_number (key));
}

static void
test_agree (gconstpointer data)
{
  const char *kind = data;
  GType type = g_str_equal (kind, "listener") ? HAWSER_TYPE_LISTENER : HAWSER_TYPE_SINK_RUNNER;
  GObjectClass *klass = g_type_class_ref (type);
  guint n = 0;

  for (const HawserConfigKey *key = hawser_config_keys; key->key != NULL; key++)
    {
      GParamSpec *pspec = strcmp (key->kind, kind) == 0 && key->default_text != NULL ? g_object_class_find_property (klass, key->key) : NULL;

      if (pspec == NULL)
        continue;
      assert_default (key, pspec);
      n++;
    }
  g_assert_cmpuint (n, >, 1);
  g_type_class_unref (klass);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/config/defaults/of-listeners-are-those-of-the-object", "listener", test_agree);
  g_test_add_data_func ("/config/defaults/of-sinks-are-those-of-the-runner", "subscription", test_agree);
  return g_test_run ();
}
