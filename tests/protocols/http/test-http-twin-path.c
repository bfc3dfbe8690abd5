/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What requests about twins say in paths, times, tags and fields, as tables. */

#include "http-fields.h"
#include "http-twins.h"

static void
paths_name_a_twin_and_a_part_of_it (void)
{
  static const struct {
    const char *path, *id, *subject;
    HttpTwinPart part;
  } table[] = {
    { "fleet", "fleet", NULL, HTTP_TWIN_ITSELF },
    { "site/north/f1/s01", "site/north/f1/s01", NULL, HTTP_TWIN_ITSELF },
    { "site%2Fnorth%2Ff1%2Fs01", "site/north/f1/s01", NULL, HTTP_TWIN_ITSELF },
    { "site%2fnorth/f1", "site/north/f1", NULL, HTTP_TWIN_ITSELF },
    { "site/north/children", "site/north", NULL, HTTP_TWIN_CHILDREN },
    { "site%2Fnorth/aggregate", "site/north", NULL, HTTP_TWIN_AGGREGATE },
    { "fleet/history", "fleet", NULL, HTTP_TWIN_HISTORY },
    { "my%2Fhistory", "my/history", NULL, HTTP_TWIN_ITSELF },
    { "children", "children", NULL, HTTP_TWIN_ITSELF },
    { "children/children", "children", NULL, HTTP_TWIN_CHILDREN },
    { "fleet/inbox/dispatch", "fleet", "dispatch", HTTP_TWIN_INBOX },
    { "site/a/inbox/valve/open", "site/a", "valve/open", HTTP_TWIN_INBOX },
    { "a/inbox/b/inbox/c", "a/inbox/b", "c", HTTP_TWIN_INBOX },
    { "a%2Finbox%2Fb", "a/inbox/b", NULL, HTTP_TWIN_ITSELF },
    { "caf%C3%A9", "café", NULL, HTTP_TWIN_ITSELF },
    { "inbox/x", "inbox/x", NULL, HTTP_TWIN_ITSELF },
  };
  static const char * const refused[] = { "", "/children", "a/inbox/", "/inbox/x", "a%00", "a%", "a%2", "..", "a/../b", "%2e%2e/b", "a%0a", "a%252fb", "%ff", "a/inbox/%0d%0a" };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_auto (HttpTwinPath) path = { 0 };

      g_assert_true (http_twin_path_read (table[i].path, &path));
      g_assert_cmpstr (path.id, ==, table[i].id);
      g_assert_cmpstr (path.subject, ==, table[i].subject);
      g_assert_cmpint (path.part, ==, table[i].part);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_auto (HttpTwinPath) path = { 0 };

      if (http_twin_path_read (refused[i], &path))
        g_error ("'%s' was taken as '%s'", refused[i], path.id);
    }
}

static void
times_are_dates_seconds_or_ago (void)
{
  static const struct { const char *text; gint64 us; } table[] = {
    { "1970-01-01T00:00:01Z", 1000000 },
    { "1970-01-01T01:00:01.5+01:00", 1500000 },
    { "1970-01-01T00:00:02", 2000000 },
    { "12.25", 12250000 },
    { "0", 0 },
    { "-10s", 90000000 },
    { "-1min", 40000000 },
  };
  static const char * const refused[] = { "", "yesterday", "-", "-x", "1e300", "nan", "inf", "2026-13-01T00:00:00Z" };
  gint64 us;

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_assert_true (http_twin_read_time (table[i].text, 100 * G_USEC_PER_SEC, &us));
      g_assert_cmpint (us, ==, table[i].us);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    g_assert_false (http_twin_read_time (refused[i], 0, &us));
}

static void
tags_are_looked_for_in_a_list (void)
{
  static const struct { const char *tags; gboolean has; } table[] = {
    { "\"7\"", TRUE }, { "*", TRUE }, { "W/\"7\"", TRUE }, { "\"6\", \"7\"", TRUE }, { "7", TRUE }, { " \"1\" ,\t\"7\" ", TRUE },
    { "\"6\"", FALSE }, { "\"77\"", FALSE }, { "", FALSE }, { "\"\"", FALSE }, { ",,,", FALSE }, { "\"7", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    g_assert_cmpint (http_twin_tags_have (table[i].tags, 7), ==, table[i].has);
}

static void
fields_leave_what_was_asked_for (void)
{
  static const char document[] = "{\"id\":\"a\",\"state\":\"online\",\"reported\":{\"soc\":{\"value\":0.5,\"time\":\"t\"},\"a/b\":{\"value\":1},\"x~y\":[1,{\"value\":2}]},\"desired\":{}}";
  static const struct { const char *fields, *result; } table[] = {
    { "state", "{\"state\":\"online\"}" },
    { "state,id", "{\"id\":\"a\",\"state\":\"online\"}" },
    { "reported/soc/value", "{\"reported\":{\"soc\":{\"value\":0.5}}}" },
    { "/reported/soc", "{\"reported\":{\"soc\":{\"value\":0.5,\"time\":\"t\"}}}" },
    { "reported/soc/value,reported/soc", "{\"reported\":{\"soc\":{\"value\":0.5,\"time\":\"t\"}}}" },
    { "reported/a~1b/value", "{\"reported\":{\"a/b\":{\"value\":1}}}" },
    { "reported/x~0y", "{\"reported\":{\"x~y\":[1,{\"value\":2}]}}" },
    { "reported/none,nothing,desired/x", "{}" },
    { "desired", "{\"desired\":{}}" },
    { "state/deeper", "{}" },
    { ",,state,,", "{\"state\":\"online\"}" },
  };
  static const char * const refused[] = { "", ",", "/", "a/b/c/d/e/f/g/h/i" };
  const char *detail;

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (HttpFields) fields = http_fields_new (table[i].fields, &detail);
      g_autoptr (GString) out = g_string_new (NULL);

      g_assert_nonnull (fields);
      g_assert_cmpint (http_fields_project (fields, document, sizeof document - 1, out), ==, !g_str_equal (table[i].result, "{}"));
      g_assert_cmpstr (out->str, ==, table[i].result);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    g_assert_null (http_fields_new (refused[i], &detail));
}

static void
fields_are_at_most_64 (void)
{
  g_autoptr (GString) text = g_string_new ("f0");
  const char *detail;

  for (int i = 1; i < 64; i++)
    g_string_append_printf (text, ",f%d", i);
  {
    g_autoptr (HttpFields) fields = http_fields_new (text->str, &detail);
    g_autoptr (GString) out = g_string_new (NULL);

    g_assert_nonnull (fields);
    g_assert_true (http_fields_project (fields, "{\"f63\":1,\"f64\":2}", 17, out));
    g_assert_cmpstr (out->str, ==, "{\"f63\":1}");
  }
  g_string_append (text, ",f64");
  g_assert_null (http_fields_new (text->str, &detail));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/twins/paths-name-a-twin-and-a-part-of-it", paths_name_a_twin_and_a_part_of_it);
  g_test_add_func ("/http/twins/times-are-dates-seconds-or-ago", times_are_dates_seconds_or_ago);
  g_test_add_func ("/http/twins/tags-are-looked-for-in-a-list", tags_are_looked_for_in_a_list);
  g_test_add_func ("/http/fields/leave-what-was-asked-for", fields_leave_what_was_asked_for);
  g_test_add_func ("/http/fields/are-at-most-64", fields_are_at_most_64);
  return g_test_run ();
}
