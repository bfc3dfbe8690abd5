/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a tap shows of a message, as a table: event, rules, what is left. */

#include "http-redact.h"

#include <string.h>

static const struct {
  const char *name, *json, *shown;
  const char *rules[4];
} table[] = {
  { "without-rules-only-secrets-are-hidden", "{\"id\":\"1\",\"data\":{\"a\":1,\"password\":\"p\",\"Token\":{\"x\":1}}}",
    "{\"id\":\"1\",\"data\":{\"a\":1,\"password\":\"***\",\"Token\":\"***\"}}", { NULL } },
  { "a-pointer-hides-one-place", "{\"data\":{\"gps\":{\"lat\":1,\"lon\":2},\"lat\":3}}", "{\"data\":{\"gps\":{\"lat\":\"***\",\"lon\":2},\"lat\":3}}", { "/gps/lat", NULL } },
  { "a-pointer-hides-a-whole-object", "{\"data\":{\"gps\":{\"lat\":1,\"lon\":2}}}", "{\"data\":{\"gps\":\"***\"}}", { "/gps", NULL } },
  { "a-pointer-counts-elements", "{\"data\":[{\"v\":1},{\"v\":2}]}", "{\"data\":[{\"v\":1},{\"v\":\"***\"}]}", { "/1/v", NULL } },
  { "a-pointer-does-not-reach-outside-data", "{\"id\":\"1\",\"data\":{\"id\":\"2\"}}", "{\"id\":\"1\",\"data\":{\"id\":\"***\"}}", { "/id", NULL } },
  { "a-name-hides-everywhere", "{\"pin\":1,\"data\":{\"PIN\":2,\"deep\":[{\"pin\":3}]}}", "{\"pin\":\"***\",\"data\":{\"PIN\":\"***\",\"deep\":[{\"pin\":\"***\"}]}}",
    { "pin", NULL } },
  { "slashes-and-tildes-are-escaped", "{\"data\":{\"a/b\":1,\"c~d\":2}}", "{\"data\":{\"a/b\":\"***\",\"c~d\":\"***\"}}", { "/a~1b", "/c~0d", NULL } },
  { "an-escaped-name-is-the-same-name", "{\"data\":{\"p\\u0061ssword\":1}}", "{\"data\":{\"p\\u0061ssword\":\"***\"}}", { NULL } },
  { "what-is-empty-stays", "{\"data\":{},\"list\":[]}", "{\"data\":{},\"list\":[]}", { "/x", NULL } },
};

static void
shows_what_no_rule_hides (gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);
  g_autoptr (GString) out = g_string_new (NULL);

  http_redact (out, table[i].json, strlen (table[i].json), table[i].rules);
  g_assert_cmpstr (out->str, ==, table[i].shown);
}

/* A payload may be as deep as the reader allows, and the event is one level around it. */
static void
the_deepest_payload_is_shown_whole (void)
{
  g_autoptr (GString) json = g_string_new ("{\"data\":");
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; i < HAWSER_JSON_MAX_DEPTH; i++)
    g_string_append_c (json, '[');
  for (guint i = 0; i < HAWSER_JSON_MAX_DEPTH; i++)
    g_string_append_c (json, ']');
  g_string_append_c (json, '}');
  http_redact (out, json->str, json->len, NULL);
  g_assert_cmpstr (out->str, ==, json->str);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *path = g_strconcat ("/http/redact/", table[i].name, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), shows_what_no_rule_hides);
    }
  g_test_add_func ("/http/redact/the-deepest-payload-is-shown-whole", the_deepest_payload_is_shown_whole);
  return g_test_run ();
}
