/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* twin-tree N ROUNDS: N twins under regions of a thousand under one fleet; every round, each gets five numbers, in no order, and
 * the sums of all five are kept at the regions and the fleet, which hears of its regions ten times a second. Prints one JSON
 * object. The same as twin-tree.escript, which is Erlang's processes; bench/twin-peer runs both. */

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <hawser/hawser.h>

#define PER_REGION 1000
#define STEP 7919        /* a prime that divides no N in use: (i * STEP) % N visits all, far from each other */

static const char * const map[] = { "power:/power", "soc:/soc", "volts:/volts", "amps:/amps", "temp:/temp", NULL };
static const char * const aggregate[] = { "sum:power", "sum:soc", "sum:volts", "sum:amps", "sum:temp", NULL };
static const char * const keys[] = { "power", "soc", "volts", "amps", "temp" };

static double
cpu_s (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double
resident_bytes (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  words = g_strsplit (text, " ", 3);
  return (double) g_ascii_strtoull (words[1], NULL, 10) * 4096;
}

static void
add_family (HawserTwins *twins, const char *name, const char *first, ...)
{
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new (name);
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, first);
  g_object_set_valist (G_OBJECT (family), first, args);
  va_end (args);
  if (!hawser_twins_add_family (twins, family, &error))
    g_error ("%s", error->message);
}

static double
take_sum (HawserTwins *twins, const char *key)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *pointer = g_strdup_printf ("/aggregate/%s/sum", key);
  double sum = 0;

  hawser_twins_write_aggregate (twins, "fleet", text, NULL);
  hawser_json_pointer_get_double (pointer, text->str, text->len, &sum);
  return sum;
}

int
main (int argc, char **argv)
{
  guint n = argc > 1 ? (guint) atoi (argv[1]) : 100000, rounds = argc > 2 ? (guint) atoi (argv[2]) : 10;
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  HawserTwins *twins = hawser_twins_get (bus);
  g_autofree HawserTwinRef *refs = g_new0 (HawserTwinRef, n);
  char (*ids)[40] = g_malloc ((gsize) n * sizeof *ids);
  double values[5] = { 0 }, before, bytes, began, activation_s, update_s, expected;
  int columns[5];

  add_family (twins, "site", "id", "site/{region}/{site}", "parent", "region/{region}", "map", map, "aggregate", aggregate, "aggregate-interval", (gint64) 100000, NULL);
  add_family (twins, "region", "id", "region/{region}", "parent", "fleet", NULL);
  add_family (twins, "fleet", "single", TRUE, NULL);
  for (guint i = 0; i < n; i++)
    g_snprintf (ids[i], sizeof ids[i], "site/r%04u/s%07u", i / PER_REGION, i);
  before = resident_bytes ();
  began = cpu_s ();
  for (guint i = 0; i < n; i++)
    {
      refs[i] = hawser_twins_lookup (twins, ids[i], TRUE, NULL);
      for (guint c = 0; c < 5 && i == 0; c++)
        columns[c] = hawser_twins_get_column (twins, refs[0], keys[c]);
      hawser_twins_report_columns (twins, refs[i], columns, values, 5);
    }
  activation_s = cpu_s () - began;
  bytes = resident_bytes () - before;

  began = cpu_s ();
  for (guint round = 1; round <= rounds; round++)
    for (guint i = 0; i < n; i++)
      {
        guint at = (guint) ((guint64) i * STEP % n);

        for (guint c = 0; c < 5; c++)
          values[c] = (double) ((at + round) % 1000) + c;
        hawser_twins_report_columns (twins, refs[at], columns, values, 5);
        if (i % 1000 == 0)
          g_main_context_iteration (NULL, FALSE);
      }
  hawser_twins_aggregate (twins);
  update_s = cpu_s () - began;
  expected = 0;
  for (guint i = 0; i < n; i++)
    expected += (double) ((i + rounds) % 1000) + 4;
  if (fabs (take_sum (twins, "temp") - expected) > 1e-6 * expected)
    g_error ("the fleet's sum is %f, not %f", take_sum (twins, "temp"), expected);
  g_print ("{\"bytes_per_actor\": %.0f, \"activations_per_cpu_s\": %.0f, \"updates_per_cpu_s\": %.0f}\n", bytes / n, n / activation_s, (double) n * rounds / update_s);
  g_free (ids);
  hawser_bus_close (bus);
  return 0;
}
