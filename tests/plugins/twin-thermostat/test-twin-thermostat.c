/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of the thermostat: state in, changes out. */

#include "hawser.h"
#include "twin-thermostat.h"

static const struct {
  const char *name, *state, *changes;
} cases[] = {
  { "cold-is-on", "{'reported': <{'temperature': <18.0>}>, 'desired': <{'temperature': <21.0>}>}", "{'desired': <{'heater': <'on'>}>}" },
  { "warm-is-off", "{'reported': <{'temperature': <22.0>}>, 'desired': <{'temperature': <21.0>}>}", "{'desired': <{'heater': <'off'>}>}" },
  { "whole-degrees-are-numbers", "{'reported': <{'temperature': <18.0>}>, 'desired': <{'temperature': <int64 21>}>}", "{'desired': <{'heater': <'on'>}>}" },
  { "within-the-band-is-nothing", "{'reported': <{'temperature': <20.8>}>, 'desired': <{'temperature': <21.0>}>}", NULL },
  { "nothing-desired-is-nothing", "{'reported': <{'temperature': <18.0>}>, 'desired': <@a{sv} {}>}", NULL },
  { "nothing-reported-is-nothing", "{'reported': <@a{sv} {}>, 'desired': <{'temperature': <21.0>}>}", NULL },
};

static void
answers (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (HawserTwinBehavior) behavior = g_object_new (TWIN_TYPE_THERMOSTAT, NULL);
  g_autoptr (GVariant) state = g_variant_ref_sink (g_variant_new_parsed (cases[i].state)), changes = NULL;
  g_autoptr (HawserMessage) message = hawser_message_new_text ("home/room", "{}");
  g_autoptr (HawserBatch) out = hawser_batch_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  changes = hawser_twin_behavior_handle (behavior, "room", state, message, out, &error);
  g_assert_no_error (error);
  text = changes != NULL ? g_variant_print (g_variant_ref_sink (changes), FALSE) : NULL;
  g_assert_cmpstr (text, ==, cases[i].changes);
  g_assert_cmpuint (hawser_batch_get_size (out), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/twin-thermostat/", cases[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), answers);
    }
  return g_test_run ();
}
