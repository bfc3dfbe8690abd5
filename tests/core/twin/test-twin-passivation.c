/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Twins that leave memory and come back: which, when, and that nobody can tell but by looking at memory. */

#include <string.h>
#include <unistd.h>

#include "hawser.h"
#include "hawser-twins-private.h"

#define WALL_US (G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC)
#define LIMIT 1000

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  HawserTwins *twins;
} Fixture;

static const char * const topics[] = { "grid/{region}/{site}/telemetry", NULL };
static const char * const map[] = { "power-kw:/power", "soc:/soc", "volts:/volts", "mode:/mode", NULL };
static const char * const aggregate[] = { "sum:power-kw", "min:soc", "max:soc", "count:online", "count:offline", NULL };

static void
add_family (Fixture *f, const char *name, const char *first, ...)
{
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new (name);
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, first);
  g_object_set_valist (G_OBJECT (family), first, args);
  va_end (args);
  hawser_twins_add_family (f->twins, family, &error);
  g_assert_no_error (error);
}

/* @data: not NULL: pages are in a file */
static void
set_up (Fixture *f, gconstpointer data)
{
  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, WALL_US);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->twins = hawser_twins_get (f->bus);
  if (data != NULL)
    {
      g_autoptr (GError) error = NULL;

      hawser_twin_host_set_page_dir (hawser_twin_host_get (f->bus), g_get_tmp_dir (), &error);
      g_assert_no_error (error);
    }
  add_family (f, "site", "topics", topics, "id", "site/{region}/{site}", "parent", "region/{region}", "map", map, "aggregate", aggregate,
              "aggregate-interval", (gint64) 100000, "offline-after", 30 * (gint64) G_USEC_PER_SEC, "passivate-after", 10 * (gint64) G_USEC_PER_SEC, "history", 5u, NULL);
  add_family (f, "region", "id", "region/{region}", "parent", "fleet", NULL);
  add_family (f, "fleet", "single", TRUE, NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_object_unref (f->clock);
}

static void
wait_ms (Fixture *f, guint ms)
{
  for (guint step; ms > 0; ms -= step)
    {
      step = MIN (ms, 50);
      hawser_clock_advance (f->clock, step * 1000);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
}

static void
report (Fixture *f, guint region, guint site, double power)
{
  g_autofree char *topic = g_strdup_printf ("grid/r%u/s%u/telemetry", region, site);
  g_autofree char *text = g_strdup_printf ("{\"power\": %g, \"soc\": %u, \"volts\": 230.5, \"mode\": \"m%u\"}", power, site % 100, site % 7);
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static char *
read_twin (Fixture *f, const char *id)
{
  g_autoptr (GError) error = NULL;
  char *json = hawser_twins_dup_json (f->twins, id, &error);

  g_assert_no_error (error);
  return json;
}

static char *
read_total (Fixture *f, const char *id)
{
  g_autoptr (GString) out = g_string_new (NULL);

  hawser_twins_aggregate (f->twins);
  g_assert_true (hawser_twins_write_aggregate (f->twins, id, out, NULL));
  /* when it was summed and how often is no part of it */
  return g_strdup (strstr (out->str, "\"stale\""));
}

static char *
read_history (Fixture *f, const char *id)
{
  GString *out = g_string_new (NULL);

  g_assert_true (hawser_twins_write_history (f->twins, id, "power-kw", 0, G_MAXINT64, 0, out, NULL));
  g_assert_true (hawser_twins_write_history (f->twins, id, "mode", 0, G_MAXINT64, 0, out, NULL));
  return g_string_free (out, FALSE);
}

static gboolean
is_live (Fixture *f, const char *id)
{
  HawserTwinRef twin = hawser_twin_find (f->twins, id, strlen (id));

  g_assert_cmpuint (twin, !=, 0);
  return !hawser_twin_get (f->twins, twin)->is_passive;
}

#define assert_same(a, b) \
  G_STMT_START { \
    g_autofree char *a_ = a, *b_ = b; \
    g_assert_cmpstr (a_, ==, b_); \
  } G_STMT_END

/* ---- what comes back ---- */

static void
everything_it_was_told_comes_back (Fixture *f, gconstpointer data)
{
  g_autofree char *before = NULL, *history = NULL;
  HawserTwinRef twin;

  for (guint i = 0; i < 8; i++)
    {
      report (f, 0, 1, i);
      wait_ms (f, 100);
    }
  /* numbers with times and sources of their own, documents of all kinds */
  g_assert_true (hawser_twins_patch (f->twins, "site/r0/s1", "{\"reported\":{\"soc\":7,\"note\":\"ä\\n\",\"gps\":{\"lat\":1}},\"desired\":{\"mode\":\"eco\"},"
                                     "\"attributes\":{\"place\":{\"city\":\"Ulm\"}}}", -1, HAWSER_TWIN_ANY_REVISION, "/who", NULL, NULL));
  wait_ms (f, 100);
  before = read_twin (f, "site/r0/s1");
  history = read_history (f, "site/r0/s1");
  g_assert_nonnull (strstr (before, "\"/who\""));
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  g_assert_false (is_live (f, "site/r0/s1"));
  twin = hawser_twin_find (f->twins, "site/r0/s1", strlen ("site/r0/s1"));
  g_assert_cmpuint (hawser_twin_row (f->twins, hawser_twin_get (f->twins, twin))->n, ==, 2); /* power and soc are counted */
  assert_same (read_twin (f, "site/r0/s1"), g_strdup (before));
  g_assert_true (is_live (f, "site/r0/s1"));
  assert_same (read_history (f, "site/r0/s1"), g_strdup (history));
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  assert_same (read_history (f, "site/r0/s1"), g_strdup (history));
}

static void
message_and_patch_go_on_where_it_was (Fixture *f, gconstpointer data)
{
  guint64 revision = 0;
  double power = 0;

  report (f, 0, 1, 4);
  g_assert_true (hawser_twins_patch (f->twins, "site/r0/s1", "{\"desired\":{\"a\":1,\"b\":2}}", -1, HAWSER_TWIN_ANY_REVISION, NULL, &revision, NULL));
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  g_assert_false (hawser_twins_patch (f->twins, "site/r0/s1", "{\"desired\":{\"a\":3}}", -1, revision - 1, NULL, NULL, NULL));
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  g_assert_true (hawser_twins_patch (f->twins, "site/r0/s1", "{\"desired\":{\"a\":3}}", -1, revision, NULL, NULL, NULL));
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  report (f, 0, 1, 5);
  g_assert_true (is_live (f, "site/r0/s1"));
  {
    g_autofree char *json = read_twin (f, "site/r0/s1");

    g_assert_nonnull (strstr (json, "\"desired\":{\"a\":3,\"b\":2}"));
    g_assert_true (hawser_json_pointer_get_double ("/reported/power-kw/value", json, strlen (json), &power));
    g_assert_cmpfloat (power, ==, 5);
  }
}

/* ---- what does not change ---- */

static void
no_total_changes (Fixture *f, gconstpointer data)
{
  g_autofree char *before = NULL;

  for (guint i = 0; i < 200; i++)
    report (f, i % 2, i, i);
  before = read_total (f, "fleet");
  g_assert_nonnull (strstr (before, "\"sum\":19900"));
  for (guint i = 0; i < 200; i += 3)
    {
      g_autofree char *id = g_strdup_printf ("site/r%u/s%u", i % 2, i);

      g_assert_true (hawser_twins_passivate (f->twins, id));
    }
  assert_same (read_total (f, "fleet"), g_strdup (before));
  /* a move of one that is not in memory, and a neighbour that changes: summed again with those that are away */
  g_assert_true (hawser_twins_patch (f->twins, "site/r0/s6", "{\"parent\":\"region/r1\"}", -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL));
  report (f, 1, 1, 1001);
  {
    g_autofree char *after = read_total (f, "fleet");

    g_assert_nonnull (strstr (after, "\"sum\":20900"));
  }
}

static void
passivated_twin_becomes_offline_in_its_time (Fixture *f, gconstpointer data)
{
  g_autofree char *total = NULL, *json = NULL;

  report (f, 0, 1, 4);
  report (f, 0, 2, 8);
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  for (guint i = 0; i < 31; i++)
    {
      report (f, 0, 2, 8);
      wait_ms (f, 1000);
    }
  g_assert_false (is_live (f, "site/r0/s1"));
  total = read_total (f, "fleet");
  g_assert_nonnull (strstr (total, "\"sum\":8"));
  g_assert_nonnull (strstr (total, "\"online\":1,\"offline\":1"));
  json = read_twin (f, "site/r0/s1");
  g_assert_nonnull (strstr (json, "\"state\":\"offline\""));
}

static void
lists_and_searches_find_it (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *id = g_strdup_printf ("site/r0/s%u", i);
      g_autofree char *patch = g_strdup_printf ("{\"attributes\":{\"kind\":\"%s\"}}", i % 2 == 0 ? "home" : "farm");

      report (f, 0, i, i);
      g_assert_true (hawser_twins_patch (f->twins, id, patch, -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL));
      g_assert_true (hawser_twins_passivate (f->twins, id));
    }
  g_assert_cmpint (hawser_twins_count (f->twins, NULL, "ge(power-kw,40)", NULL), ==, 10);
  g_assert_false (is_live (f, "site/r0/s3")); /* a number that is counted is here */
  g_assert_cmpint (hawser_twins_count (f->twins, "region/r0", "and(eq(attributes/kind,\"home\"),lt(power-kw,10))", NULL), ==, 5);
  g_assert_cmpint (hawser_twins_count (f->twins, "region/r0", "eq(volts,230.5)", NULL), ==, 50);
  g_assert_cmpint (hawser_twins_count (f->twins, "region/r0", "eq(mode,\"m3\")", NULL), ==, 7);
}

/* ---- when it leaves ---- */

static void
silence_lets_it_leave (Fixture *f, gconstpointer data)
{
  report (f, 0, 1, 1);
  report (f, 0, 2, 2);
  for (guint i = 0; i < 9; i++)
    {
      wait_ms (f, 1000);
      report (f, 0, 2, 2);
    }
  g_assert_true (is_live (f, "site/r0/s1"));
  wait_ms (f, 1500);
  g_assert_false (is_live (f, "site/r0/s1"));
  g_assert_true (is_live (f, "site/r0/s2"));
  g_assert_true (is_live (f, "region/r0"));
  /* read: it stays once more */
  g_free (read_twin (f, "site/r0/s1"));
  wait_ms (f, 5000);
  g_assert_true (is_live (f, "site/r0/s1"));
  wait_ms (f, 6000);
  g_assert_false (is_live (f, "site/r0/s1"));
}

static void
queued_work_and_holders_keep_it (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("x");
  g_autoptr (HawserMessage) message = NULL;
  HawserTwin *held;

  report (f, 0, 1, 1);
  report (f, 0, 2, 2);
  wait_ms (f, 29000);
  wait_ms (f, 2000); /* offline: a command waits for it */
  hawser_message_builder_set_text (builder, "go");
  hawser_message_builder_set_expiry_s (builder, 600);
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_twins_send (f->twins, "site/r0/s1", "go", message, NULL, NULL));
  held = hawser_twins_dup_twin (f->twins, "site/r0/s2", NULL);
  wait_ms (f, 25000);
  g_assert_true (is_live (f, "site/r0/s1"));
  g_assert_false (hawser_twins_passivate (f->twins, "site/r0/s1"));
  g_assert_false (hawser_twins_passivate (f->twins, "region/r0"));
  g_assert_true (is_live (f, "site/r0/s2"));
  g_object_unref (held);
  wait_ms (f, 12000);
  g_assert_false (is_live (f, "site/r0/s2"));
}

static void
least_recently_used_leaves_first (Fixture *f, gconstpointer data)
{
  guint n_before, n;

  hawser_twins_set_live_limit (f->twins, 100);
  for (guint i = 0; i < 98; i++) /* and the region and the fleet: full */
    report (f, 0, i, i);
  g_assert_cmpuint (hawser_twins_get_live (f->twins, NULL, NULL), ==, 100);
  g_free (read_twin (f, "site/r0/s0"));
  report (f, 0, 1, 7);
  report (f, 0, 1000, 1);
  n_before = hawser_twins_get_live (f->twins, NULL, NULL);
  g_assert_cmpuint (n_before, ==, 94); /* a sixteenth of room */
  g_assert_true (is_live (f, "site/r0/s0"));
  g_assert_true (is_live (f, "site/r0/s1"));
  for (guint i = 2; i < 9; i++)
    {
      g_autofree char *id = g_strdup_printf ("site/r0/s%u", i);

      g_assert_false (is_live (f, id));
    }
  g_assert_true (is_live (f, "site/r0/s9"));
  for (guint i = 0; i < 6; i++)
    report (f, 0, 2000 + i, 1);
  n = hawser_twins_get_live (f->twins, NULL, NULL);
  g_assert_cmpuint (n, ==, 100); /* no twin left for each that came */
  g_assert_true (is_live (f, "region/r0"));
}

static void
limit_holds_while_many_are_touched_once (Fixture *f, gconstpointer data)
{
  const guint n = GPOINTER_TO_UINT (data);
  guint64 n_passivated;
  double sum = 0, found = 0;
  g_autoptr (GRand) chance = g_rand_new_with_seed (3);

  hawser_twins_set_live_limit (f->twins, LIMIT);
  for (guint i = 0; i < n; i++)
    {
      report (f, i % 50, i, i % 1000);
      sum += i % 1000;
      g_assert_cmpuint (hawser_twins_get_live (f->twins, NULL, NULL), <=, LIMIT);
    }
  g_assert_cmpuint (hawser_twins_get_n_twins (f->twins), ==, n + 51);
  hawser_twins_get_live (f->twins, &n_passivated, NULL);
  g_assert_cmpuint (n_passivated, >=, n - LIMIT);
  {
    g_autofree char *total = read_total (f, "fleet");
    const char *at = strstr (total, "\"sum\":");

    found = g_ascii_strtod (at + 6, NULL);
  }
  g_assert_cmpfloat (found, ==, sum);
  for (guint i = 0; i < 2000; i++)
    {
      guint site = (guint) g_rand_int_range (chance, 0, (gint32) n);
      g_autofree char *id = g_strdup_printf ("site/r%u/s%u", site % 50, site), *json = read_twin (f, id), *mode = NULL;
      double power, volts, soc;

      g_assert_true (hawser_json_pointer_get_double ("/reported/power-kw/value", json, strlen (json), &power));
      g_assert_true (hawser_json_pointer_get_double ("/reported/volts/value", json, strlen (json), &volts));
      g_assert_true (hawser_json_pointer_get_double ("/reported/soc/value", json, strlen (json), &soc));
      mode = hawser_json_pointer_dup_string ("/reported/mode/value", json, strlen (json));
      g_assert_cmpfloat (power, ==, site % 1000);
      g_assert_cmpfloat (volts, ==, 230.5);
      g_assert_cmpfloat (soc, ==, site % 100);
      g_assert_cmpint (mode[1], ==, '0' + (int) (site % 7));
      g_assert_cmpuint (hawser_twins_get_live (f->twins, NULL, NULL), <=, LIMIT);
    }
}

/* ---- a disk that lies ---- */

static void
what_the_disk_does_not_give_back_costs_one_twin (Fixture *f, gconstpointer data)
{
  g_autofree char *json = NULL, *other = NULL;

  report (f, 0, 1, 1);
  report (f, 0, 2, 2);
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s1"));
  g_assert_true (hawser_twins_passivate (f->twins, "site/r0/s2"));
  g_assert_cmpint (pwrite (f->twins->pages.fd, "xxxxxxxxxxxxxxxx", 16, 64), ==, 16); /* the first one's block */
  g_test_expect_message ("hawser", G_LOG_LEVEL_WARNING, "*site/r0/s1*did not give back*");
  json = read_twin (f, "site/r0/s1");
  g_test_assert_expected_messages ();
  g_assert_nonnull (strstr (json, "\"power-kw\":{\"value\":1,")); /* what is counted was here */
  other = read_twin (f, "site/r0/s2");
  g_assert_nonnull (strstr (other, "\"volts\":{\"value\":230.5,"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) \
  g_test_add ("/twin/passivation/memory" path, Fixture, NULL, set_up, func, tear_down); \
  g_test_add ("/twin/passivation/file" path, Fixture, "file", set_up, func, tear_down)
  ADD ("/everything-it-was-told-comes-back", everything_it_was_told_comes_back);
  ADD ("/message-and-patch-go-on-where-it-was", message_and_patch_go_on_where_it_was);
  ADD ("/no-total-changes", no_total_changes);
  ADD ("/becomes-offline-in-its-time", passivated_twin_becomes_offline_in_its_time);
  ADD ("/lists-and-searches-find-it", lists_and_searches_find_it);
  ADD ("/silence-lets-it-leave", silence_lets_it_leave);
  ADD ("/queued-work-and-holders-keep-it", queued_work_and_holders_keep_it);
  ADD ("/least-recently-used-leaves-first", least_recently_used_leaves_first);
  g_test_add ("/twin/passivation/file/limit-holds-while-many-are-touched-once", Fixture, GUINT_TO_POINTER (20000), set_up, limit_holds_while_many_are_touched_once, tear_down);
  g_test_add ("/twin/passivation/file/what-the-disk-does-not-give-back-costs-one-twin", Fixture, "file", set_up, what_the_disk_does_not_give_back_costs_one_twin, tear_down);
  return g_test_run ();
}
