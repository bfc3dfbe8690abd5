/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a fleet costs inside one process: bench-twins [--twins N] [--only measure]. A million sites in regions in a fleet: resident
 * memory with names, parents and five numbers each, activations a second, typed updates a second with all sums up to the
 * root, the same fleet with ten thousand of it live, JSON reports a second through the bus, a query over 100,000. CPU time, one
 * thread. Fails when a goal is missed; those of rates are for a million. */

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <hawser/hawser.h>

#define PER_REGION 1000

static gint64
cpu_us (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static double
resident_mb (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  words = g_strsplit (text, " ", 3);
  return (double) g_ascii_strtoull (words[1], NULL, 10) * 4096 / 1e6;
}

static gboolean is_missed, is_larger;

static void
judge (const char *what, double found, const char *unit, double goal, gboolean at_most)
{
  gboolean missed = at_most ? found > goal : found < goal && !is_larger;

  g_print ("%-52s %10.2f %s   goal %s %.2f%s\n", what, found, unit, at_most ? "at most" : "at least", goal, missed ? "   MISSED" : "");
  is_missed |= missed;
}

static const char * const topics[] = { "grid/{region}/{site}/telemetry", NULL };
static const char * const map[] = { "power-kw:/power", "soc:/soc", "volts:/volts", "amps:/amps", "temp:/temp", NULL };
static const char * const aggregate[] = { "sum:power-kw", "mean:soc", "min:soc", "max:soc", "count:online", NULL };
static const char * const keys[] = { "power-kw", "soc", "volts", "amps", "temp" };

static HawserBus *
make_bus (void)
{
  HawserBus *bus = hawser_bus_new ();
  HawserTwins *twins = hawser_twins_get (bus);
  HawserTwinFamily *site = hawser_twin_family_new ("site"), *region = hawser_twin_family_new ("region"), *fleet = hawser_twin_family_new ("fleet");
  g_autoptr (GError) error = NULL;

  g_object_set (site, "topics", topics, "id", "site/{region}/{site}", "parent", "region/{region}", "map", map, "aggregate", aggregate,
                "offline-after", (gint64) 600 * G_USEC_PER_SEC, "aggregate-interval", (gint64) 100000, NULL);
  g_object_set (region, "id", "region/{region}", "parent", "fleet", NULL);
  g_object_set (fleet, "single", TRUE, NULL);
  if (!hawser_twins_add_family (twins, site, &error) || !hawser_twins_add_family (twins, region, &error) || !hawser_twins_add_family (twins, fleet, &error))
    g_error ("%s", error->message);
  g_object_unref (site);
  g_object_unref (region);
  g_object_unref (fleet);
  return bus;
}

static guint
take_total (HawserTwins *twins, double *out_sum)
{
  g_autoptr (GString) text = g_string_new (NULL);
  double online = 0;

  hawser_twins_write_aggregate (twins, "fleet", text, NULL);
  hawser_json_pointer_get_double ("/aggregate/power-kw/sum", text->str, text->len, out_sum);
  hawser_json_pointer_get_double ("/aggregate/count/online", text->str, text->len, &online);
  return (guint) online;
}

/* A million of them, as programs make them. */
static void
measure_fleet (guint n)
{
  double before_mb = resident_mb ();
  HawserBus *bus = make_bus ();
  HawserTwins *twins = hawser_twins_get (bus);
  HawserTwinRef *refs = g_new (HawserTwinRef, n);
  char (*ids)[40] = g_malloc ((gsize) n * sizeof *ids);
  double values[5] = { 1, 50, 230, 4, 20 }, sum = 0, expected = 0;
  HawserTwinNumber numbers[1000];
  int columns[5];
  gint64 began_us, wall_us;
  guint64 n_updates = 0;
  double base_mb;

  for (guint i = 0; i < n; i++)
    g_snprintf (ids[i], sizeof ids[i], "site/r%04u/s%07u", i / PER_REGION, i);
  base_mb = resident_mb () - before_mb;
  began_us = cpu_us ();
  for (guint i = 0; i < n; i++)
    refs[i] = hawser_twins_lookup (twins, ids[i], TRUE, NULL);
  judge ("activations", n / (double) (cpu_us () - began_us), "M/CPU s", 1, FALSE);

  for (guint c = 0; c < 5; c++)
    columns[c] = hawser_twins_get_column (twins, refs[0], keys[c]);
  for (guint i = 0; i < n; i++)
    hawser_twins_report_columns (twins, refs[i], columns, values, 5);
  judge ("resident, live twins with five numbers", (resident_mb () - before_mb - base_mb - (double) n * sizeof *refs / 1e6) * 1e6 / n, "MB per million", 300, TRUE);

  /* numbers that come in messages of their own have times of their own */
  for (guint i = 0; i < n; i++)
    hawser_twins_report_columns (twins, refs[i], columns + 1, values, 1);
  judge ("resident, each number with its own time", (resident_mb () - before_mb - base_mb - (double) n * sizeof *refs / 1e6) * 1e6 / n, "MB per million", 300, TRUE);

  /* one number at a time, in no order, with the loop that sums running as it does */
  began_us = cpu_us ();
  wall_us = g_get_monotonic_time ();
  while (g_get_monotonic_time () - wall_us < 2 * G_USEC_PER_SEC)
    {
      for (guint i = 0; i < 10000; i++, n_updates++)
        {
          guint at = (guint) ((n_updates * 2654435761u) % n);
          double value = (double) (n_updates % 1000) / 8;

          hawser_twins_report_columns (twins, refs[at], columns, &value, 1);
        }
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  judge ("updates, all of a million in no order, one a call", (double) n_updates / (double) (cpu_us () - began_us), "M/CPU s", 0.3, FALSE);

  /* the same, handed over a thousand at a time */
  began_us = cpu_us ();
  wall_us = g_get_monotonic_time ();
  n_updates = 0;
  while (g_get_monotonic_time () - wall_us < 2 * G_USEC_PER_SEC)
    {
      for (guint batch = 0; batch < 10; batch++)
        {
          for (guint i = 0; i < G_N_ELEMENTS (numbers); i++, n_updates++)
            numbers[i] = (HawserTwinNumber) { refs[(n_updates * 2654435761u) % n], columns[0], (double) (n_updates % 1000) / 8 };
          hawser_twins_report_numbers (twins, numbers, G_N_ELEMENTS (numbers));
        }
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  judge ("updates, all of a million in no order, in batches", (double) n_updates / (double) (cpu_us () - began_us), "M/CPU s", 3, FALSE);

  began_us = cpu_us ();
  wall_us = g_get_monotonic_time ();
  n_updates = 0;
  while (g_get_monotonic_time () - wall_us < 2 * G_USEC_PER_SEC)
    {
      for (guint i = 0; i < 10000; i++, n_updates++)
        {
          double value = (double) (n_updates % 1000) / 8;

          hawser_twins_report_columns (twins, refs[n_updates % MIN (n, 100000)], columns, &value, 1);
        }
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  judge ("updates, of 100,000 in turn", (double) n_updates / (double) (cpu_us () - began_us), "M/CPU s", 3, FALSE);

  /* what was summed is what there is */
  for (wall_us = g_get_monotonic_time (); g_get_monotonic_time () - wall_us < G_USEC_PER_SEC / 2;)
    g_main_context_iteration (NULL, FALSE);
  for (guint i = 0; i < n; i++)
    {
      double value;

      if (hawser_twins_get_double (twins, refs[i], "power-kw", &value))
        expected += value;
    }
  if (take_total (twins, &sum) != n || fabs (sum - expected) > 1e-6 * fabs (expected))
    {
      g_print ("the total is %f, the values come to %f\n", sum, expected);
      is_missed = TRUE;
    }
  hawser_bus_close (bus);
  g_object_unref (bus);
  g_free (refs);
  g_free (ids);
}

/* A million touched once while ten thousand may be live: what stays of each, and what is there when it is touched again. */
static void
measure_passive (guint n, guint limit)
{
  double before_mb = resident_mb ();
  HawserBus *bus = make_bus ();
  HawserTwins *twins = hawser_twins_get (bus);
  g_autoptr (GRand) chance = g_rand_new_with_seed (1);
  g_autoptr (GError) error = NULL;
  double values[5] = { 0, 50, 230, 4, 20 }, sum = 0, expected = 0;
  int columns[5];
  gint64 began_us;
  guint most = 0, n_wrong = 0;

  if (!hawser_twin_host_set_page_dir (hawser_twin_host_get (bus), g_get_tmp_dir (), &error))
    g_error ("%s", error->message);
  hawser_twins_set_live_limit (twins, limit);
  began_us = cpu_us ();
  for (guint i = 0; i < n; i++)
    {
      char id[40];
      HawserTwinRef twin;

      g_snprintf (id, sizeof id, "site/r%04u/s%07u", i / PER_REGION, i);
      twin = hawser_twins_lookup (twins, id, TRUE, NULL);
      for (guint c = 0; c < 5 && i == 0; c++)
        columns[c] = hawser_twins_get_column (twins, twin, keys[c]);
      values[0] = i;
      hawser_twins_report_columns (twins, twin, columns, values, 5);
      expected += i;
      most = MAX (most, hawser_twins_get_live (twins, NULL, NULL));
    }
  judge ("touched once, with a limit", n / (double) (cpu_us () - began_us), "M/CPU s", 0.1, FALSE);
  judge ("most live at a time", most, "twins", limit, TRUE);
  judge ("resident, twins that are not live", (resident_mb () - before_mb) * 1e6 / n, "MB per million", 200, TRUE);
  began_us = cpu_us ();
  for (guint i = 0; i < 10000; i++)
    {
      guint at = (guint) g_rand_int_range (chance, 0, (gint32) n);
      char id[40];
      double power = 0, temp = 0;
      HawserTwinRef twin;

      g_snprintf (id, sizeof id, "site/r%04u/s%07u", at / PER_REGION, at);
      twin = hawser_twins_lookup (twins, id, FALSE, NULL);
      n_wrong += !hawser_twins_get_double (twins, twin, "power-kw", &power) || power != at || !hawser_twins_get_double (twins, twin, "temp", &temp) || temp != 20;
    }
  judge ("coming back", (double) (cpu_us () - began_us) / 10000, "CPU us", 50, TRUE);
  judge ("came back wrong, of 10,000", n_wrong, "twins", 0, TRUE);
  hawser_twins_aggregate (twins);
  if (take_total (twins, &sum) != n || fabs (sum - expected) > 1e-9 * expected)
    {
      g_print ("the total is %f, the values come to %f\n", sum, expected);
      is_missed = TRUE;
    }
  hawser_bus_close (bus);
  g_object_unref (bus);
}

/* 200 bytes of JSON on the topic of each site, through everything the bus does. */
static void
measure_json (guint n)
{
  HawserBus *bus = make_bus ();
  gint64 began_us;
  guint64 n_messages = 0;
  HawserMessage **messages = g_new (HawserMessage *, n);
  double took_us, sum = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *topic = g_strdup_printf ("grid/r%03u/s%06u/telemetry", i / PER_REGION, i);
      g_autofree char *text = g_strdup_printf ("{\"id\":\"s%06u\",\"power\":%.2f,\"soc\":%u,\"volts\":230.5,\"amps\":4.25,\"temp\":21.5,\"mode\":\"charging\",\"grid\":true,"
                                               "\"firmware\":\"2.14.3-stable\",\"uptime\":%u,\"errors\":0,\"site\":\"Neustadt 12\",\"tariff\":\"night\"}", i, i / 7., i % 100, i * 3);

      messages[i] = hawser_message_new_text (topic, text);
    }
  began_us = cpu_us ();
  for (guint round = 0; round < 5; round++)
    for (guint i = 0; i < n; i++, n_messages++)
      {
        hawser_bus_publish (bus, messages[i], NULL);
        if (n_messages % 1000 == 0)
          while (g_main_context_iteration (NULL, FALSE))
            ;
      }
  took_us = (double) (cpu_us () - began_us);
  hawser_twins_aggregate (hawser_twins_get (bus));
  g_assert_cmpuint (take_total (hawser_twins_get (bus), &sum), ==, n);
  judge ("JSON reports of 200 bytes through the bus", (double) n_messages / took_us, "M/CPU s", 0.5, FALSE);
  for (guint i = 0; i < n; i++)
    hawser_message_unref (messages[i]);
  g_free (messages);
  hawser_bus_close (bus);
  g_object_unref (bus);
}

static void
measure_search (guint n)
{
  HawserBus *bus = make_bus ();
  HawserTwins *twins = hawser_twins_get (bus);
  double best_ms = G_MAXDOUBLE;
  gint64 found = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *id = g_strdup_printf ("site/r%03u/s%06u", i / PER_REGION, i);
      g_autofree char *patch = g_strdup_printf ("{\"reported\":{\"soc\":%u},\"attributes\":{\"kind\":\"%s\"}}", i % 100, i % 3 == 0 ? "home" : "farm");

      hawser_twins_patch (twins, id, patch, -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL);
    }
  for (guint round = 0; round < 5; round++)
    {
      g_autoptr (GString) out = g_string_new (NULL);
      gint64 began_us = cpu_us ();

      found = hawser_twins_count (twins, NULL, "and(gt(reported/soc,20),or(eq(attributes/kind,\"home\"),like(id,\"*/s0000*\")),not(eq(state,\"offline\")))", NULL);
      hawser_twins_write_list (twins, NULL, "lt(soc,2)", "-soc", NULL, 100, out, NULL);
      best_ms = MIN (best_ms, (double) (cpu_us () - began_us) / 1000);
    }
  g_assert_cmpint (found, >, 0);
  judge ("a count and a sorted page over 100,000", best_ms, "ms", 50, TRUE);
  hawser_bus_close (bus);
  g_object_unref (bus);
}

int
main (int argc, char **argv)
{
  int n = 1000000;
  g_autofree char *only = NULL;
  const GOptionEntry entries[] = {
    { "twins", 0, 0, G_OPTION_ARG_INT, &n, "of the fleet; default a million", "N" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &only, "fleet, passive, json or search", "MEASURE" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- what twins cost");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  is_larger = n > 1000000;
  if (only == NULL || g_str_equal (only, "fleet"))
    measure_fleet ((guint) n);
  if (only == NULL || g_str_equal (only, "passive"))
    measure_passive ((guint) n, 10000);
  if (only == NULL || g_str_equal (only, "json"))
    measure_json (100000);
  if (only == NULL || g_str_equal (only, "search"))
    measure_search (100000);
  return is_missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
