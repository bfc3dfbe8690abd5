/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Totals against brute force while a fleet churns: sites in feeders in regions in a fleet report, fall silent, are said to be
 * offline, come back, move, are deleted, send what is too late and what is no number. After each second and one interval every
 * node must say what its sites come to. Seeded; test-twin-churn --sites 100000 is the large one. */

#include <math.h>
#include <string.h>

#include "hawser.h"
#include "hawser-twins-private.h"

#define WALL_US (G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC)
#define INTERVAL_US 100000
#define SETTLE_US (INTERVAL_US + 20000) /* one interval, and what the timers of a lane round up by */
#define OFFLINE_US 5500000       /* half a second off the beat of the reports: nobody becomes offline while totals are compared */
#define BOUND_US 350000          /* by which offline may be late: two slots and a tick */
#define PER_FEEDER 50
#define FEEDERS_PER_REGION 20

static int n_sites = 10000, n_rounds = 12, seed = 4;

typedef struct {
  double power, soc;
  gint64 heard_us;               /* lane time */
  guint feeder;
  gboolean is_there, has_value, is_dead, is_offline; /* dead: it does not speak; offline: it was said to be */
  char *topic, *status_topic, *id;
} Site;

typedef struct {
  double sum, min, max, total_soc, min_soc;
  guint n, n_online, n_offline;
} Total;

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  HawserTwins *twins;
  GRand *chance;
  Site *sites;
  guint n_feeders, n_regions;
  guint64 n_compared;
} Fleet;

static void
add_family (Fleet *f, const char *name, const char *first, ...)
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

static char *
name_feeder (guint feeder)
{
  return g_strdup_printf ("feeder/r%u/f%u", feeder / FEEDERS_PER_REGION, feeder);
}

static void
make_fleet (Fleet *f)
{
  static const char * const topics[] = { "grid/{region}/{feeder}/{site}/telemetry", NULL }, * const status[] = { "grid/{region}/{feeder}/{site}/link", NULL };
  static const char * const map[] = { "power-kw:/power", "soc:/soc", NULL };
  static const char * const aggregate[] = { "sum:power-kw", "min:power-kw", "max:power-kw", "mean:soc", "min:soc", "count:power-kw", "count:online", "count:offline", NULL };

  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, WALL_US);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->twins = hawser_twins_get (f->bus);
  f->chance = g_rand_new_with_seed ((guint32) seed);
  add_family (f, "site", "topics", topics, "status-topics", status, "id", "site/{region}/{feeder}/{site}", "parent", "feeder/{region}/{feeder}", "map", map, "aggregate",
              aggregate, "aggregate-interval", (gint64) INTERVAL_US, "offline-after", (gint64) OFFLINE_US, NULL);
  add_family (f, "feeder", "id", "feeder/{region}/{feeder}", "parent", "region/{region}", NULL);
  add_family (f, "region", "id", "region/{region}", "parent", "fleet", NULL);
  add_family (f, "fleet", "single", TRUE, NULL);
  f->sites = g_new0 (Site, n_sites);
  f->n_feeders = ((guint) n_sites + PER_FEEDER - 1) / PER_FEEDER;
  f->n_regions = (f->n_feeders + FEEDERS_PER_REGION - 1) / FEEDERS_PER_REGION;
  for (guint i = 0; i < (guint) n_sites; i++)
    {
      guint feeder = i / PER_FEEDER, region = feeder / FEEDERS_PER_REGION;

      f->sites[i].feeder = feeder;
      f->sites[i].topic = g_strdup_printf ("grid/r%u/f%u/s%u/telemetry", region, feeder, i);
      f->sites[i].status_topic = g_strdup_printf ("grid/r%u/f%u/s%u/link", region, feeder, i);
      f->sites[i].id = g_strdup_printf ("site/r%u/f%u/s%u", region, feeder, i);
    }
}

static void
free_fleet (Fleet *f)
{
  for (guint i = 0; i < (guint) n_sites; i++)
    {
      g_free (f->sites[i].topic);
      g_free (f->sites[i].status_topic);
      g_free (f->sites[i].id);
    }
  g_free (f->sites);
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_object_unref (f->clock);
  g_rand_free (f->chance);
}

static void
pass (Fleet *f, gint64 us)
{
  for (gint64 step; us > 0; us -= step)
    {
      step = MIN (us, 50000);
      hawser_clock_advance (f->clock, step);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
}

static void
publish (Fleet *f, const char *topic, const char *text, gint64 age_us)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (topic);
  g_autoptr (HawserMessage) message = NULL;

  hawser_message_builder_set_text (builder, text);
  if (age_us > 0)
    {
      g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc ((hawser_clock_get_wall_us (f->clock) - age_us) / G_USEC_PER_SEC);
      g_autofree char *then = g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ");

      hawser_message_builder_add_property (builder, "time", then);
    }
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static void
report (Fleet *f, Site *site)
{
  /* three digits: what is written is what is counted */
  double power = g_rand_int_range (f->chance, -50000, 50000) / 1000., soc = g_rand_int_range (f->chance, 0, 1000) / 1000.;
  g_autofree char *text = g_strdup_printf ("{\"power\":%.3f,\"soc\":%.3f}", power, soc);

  publish (f, site->topic, text, 0);
  if (!site->is_there)
    site->feeder = (guint) (site - f->sites) / PER_FEEDER; /* made again where its name says */
  site->power = power;
  site->soc = soc;
  site->is_there = site->has_value = TRUE;
  site->is_offline = FALSE;
  site->heard_us = hawser_clock_get_monotonic_us (f->clock);
}

static void
move (Fleet *f, Site *site)
{
  guint feeder = (guint) g_rand_int_range (f->chance, 0, (gint32) f->n_feeders);
  g_autofree char *parent = name_feeder (feeder);

  g_assert_true (hawser_twins_set_parent (f->twins, site->id, parent, NULL));
  site->feeder = feeder;
}

/* One second in which about a third of those who live report, and things happen. */
static void
live (Fleet *f)
{
  static const char * const nonsense[] = { "{\"power\":1e999,\"soc\":NaN}", "{\"power\":-Infinity}", "[1,2]", "{", "" };

  for (guint i = 0; i < (guint) n_sites; i++)
    {
      Site *site = &f->sites[i];
      guint event = (guint) g_rand_int_range (f->chance, 0, 1000);

      if (!site->is_dead && event < 330)
        report (f, site);
      else if (event >= 330 && event < 340)
        site->is_dead = TRUE;
      else if (event >= 340 && event < 370)
        site->is_dead = FALSE;
      else if (!site->is_there)
        continue;
      else if (event < 380)
        move (f, site);
      else if (event < 385)
        {
          publish (f, site->status_topic, "offline", 0);
          site->is_offline = TRUE;
        }
      else if (event < 388)
        {
          g_assert_true (hawser_twins_remove (f->twins, site->id, HAWSER_TWIN_ANY_REVISION, NULL));
          site->is_there = site->has_value = FALSE;
        }
      else if (event < 398 && !site->is_dead)
        {
          /* older than what is held: heard of, and nothing else */
          publish (f, site->topic, "{\"power\":99999,\"soc\":77}", 3600 * (gint64) G_USEC_PER_SEC);
          site->is_offline = FALSE;
          site->heard_us = hawser_clock_get_monotonic_us (f->clock);
        }
      else if (event == 398)
        publish (f, site->topic, nonsense[i % G_N_ELEMENTS (nonsense)], 0);
      if (i % 4096 == 0)
        pass (f, 10000);
    }
}

/* ---- the same by brute force ---- */

static void
add_site (Total *total, const Site *site, gboolean is_online)
{
  total->n_online += is_online;
  total->n_offline += !is_online;
  if (!is_online || !site->has_value)
    return;
  total->min = total->n == 0 ? site->power : MIN (total->min, site->power);
  total->max = total->n == 0 ? site->power : MAX (total->max, site->power);
  total->min_soc = total->n == 0 ? site->soc : MIN (total->min_soc, site->soc);
  total->sum += site->power;
  total->total_soc += site->soc;
  total->n++;
}

static double
look (const char *json, const char *pointer)
{
  double value = NAN;

  hawser_json_pointer_get_double (pointer, json, strlen (json), &value);
  return value;
}

static void
assert_near (const char *json, const char *pointer, double expected, const char *id)
{
  double found = look (json, pointer);

  if (isnan (found) || fabs (found - expected) > 1e-9 * MAX (1, fabs (expected)))
    g_error ("%s of %s is %.12g, its sites come to %.12g: %s", pointer, id, found, expected, json);
}

static void
compare (Fleet *f, const char *id, const Total *total)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (!hawser_twins_write_aggregate (f->twins, id, out, NULL))
    {
      g_assert_cmpuint (total->n_online + total->n_offline, ==, 0); /* nobody ever reported below it */
      return;
    }
  f->n_compared++;
  if (total->n_online + total->n_offline == 0 && strstr (out->str, "\"online\"") == NULL)
    return; /* empty, and no family below says what is counted */
  assert_near (out->str, "/aggregate/count/online", total->n_online, id);
  assert_near (out->str, "/aggregate/count/offline", total->n_offline, id);
  assert_near (out->str, "/aggregate/power-kw/sum", total->sum, id);
  assert_near (out->str, "/aggregate/power-kw/count", total->n, id);
  if (total->n == 0)
    return;
  assert_near (out->str, "/aggregate/power-kw/min", total->min, id);
  assert_near (out->str, "/aggregate/power-kw/max", total->max, id);
  assert_near (out->str, "/aggregate/soc/mean", total->total_soc / total->n, id);
  assert_near (out->str, "/aggregate/soc/min", total->min_soc, id);
}

static void
add_total (Total *total, const Total *other)
{
  if (other->n > 0)
    {
      total->min = total->n == 0 ? other->min : MIN (total->min, other->min);
      total->max = total->n == 0 ? other->max : MAX (total->max, other->max);
      total->min_soc = total->n == 0 ? other->min_soc : MIN (total->min_soc, other->min_soc);
    }
  total->sum += other->sum;
  total->total_soc += other->total_soc;
  total->n += other->n;
  total->n_online += other->n_online;
  total->n_offline += other->n_offline;
}

static Total
compare_all (Fleet *f)
{
  g_autofree Total *feeders = g_new0 (Total, f->n_feeders), *regions = g_new0 (Total, f->n_regions);
  gint64 now_us = hawser_clock_get_monotonic_us (f->clock);
  Total fleet = { 0 };

  for (guint i = 0; i < (guint) n_sites; i++)
    {
      Site *site = &f->sites[i];
      HawserTwinRef twin = hawser_twin_find (f->twins, site->id, strlen (site->id));
      gint64 silent_us = now_us - site->heard_us;
      gboolean is_online;

      g_assert_true ((twin != 0) == site->is_there);
      if (twin == 0)
        continue;
      is_online = hawser_twins_get_state (f->twins, twin) == HAWSER_TWIN_STATE_ONLINE;
      /* within the bound, and never early */
      if (site->is_offline || silent_us > OFFLINE_US + BOUND_US)
        g_assert_false (is_online);
      else if (silent_us < OFFLINE_US)
        g_assert_true (is_online);
      add_site (&feeders[site->feeder], site, is_online);
    }
  for (guint i = 0; i < f->n_feeders; i++)
    {
      g_autofree char *id = name_feeder (i);

      compare (f, id, &feeders[i]);
      add_total (&regions[i / FEEDERS_PER_REGION], &feeders[i]);
    }
  for (guint i = 0; i < f->n_regions; i++)
    {
      g_autofree char *id = g_strdup_printf ("region/r%u", i);

      compare (f, id, &regions[i]);
      add_total (&fleet, &regions[i]);
    }
  compare (f, "fleet", &fleet);
  return fleet;
}

static void
totals_equal_brute_force_under_churn (void)
{
  Fleet f = { NULL };

  make_fleet (&f);
  for (int round = 0; round < n_rounds; round++)
    {
      live (&f);
      pass (&f, SETTLE_US);
      compare_all (&f);
      pass (&f, G_USEC_PER_SEC - SETTLE_US);
    }
  g_test_message ("%" G_GUINT64_FORMAT " totals compared", f.n_compared);
  g_assert_cmpuint (f.n_compared, >, (guint64) n_rounds);
  free_fleet (&f);
}

static void
speak (Fleet *f)
{
  for (guint i = 0; i < (guint) n_sites; i++)
    if (!f->sites[i].is_dead)
      publish (f, f->sites[i].topic, "{}", 0); /* it lives, and nothing changes */
}

static void
killing_one_in_a_hundred_changes_exactly_that (void)
{
  Fleet f = { NULL };
  Total before, after;
  double lost = 0;
  guint n_killed = 0;

  make_fleet (&f);
  for (guint i = 0; i < (guint) n_sites; i++)
    report (&f, &f.sites[i]);
  pass (&f, SETTLE_US);
  before = compare_all (&f);
  g_assert_cmpuint (before.n_online, ==, n_sites);
  for (guint i = 0; i < (guint) n_sites; i += 100)
    {
      f.sites[i].is_dead = TRUE;
      lost += f.sites[i].power;
      n_killed++;
    }
  for (gint64 waited_us = 0; waited_us < OFFLINE_US; waited_us += 2 * G_USEC_PER_SEC)
    {
      speak (&f);
      for (guint i = 0; i < (guint) n_sites; i++)
        if (!f.sites[i].is_dead)
          f.sites[i].heard_us = hawser_clock_get_monotonic_us (f.clock);
      pass (&f, 2 * G_USEC_PER_SEC);
    }
  after = compare_all (&f);
  g_assert_cmpuint (after.n_offline, ==, n_killed);
  g_assert_cmpuint (after.n_online, ==, (guint) n_sites - n_killed);
  g_assert_cmpfloat_with_epsilon (before.sum - after.sum, lost, 1e-6);
  for (guint i = 0; i < (guint) n_sites; i += 100)
    {
      f.sites[i].is_dead = FALSE;
      report (&f, &f.sites[i]);
    }
  pass (&f, SETTLE_US);
  g_assert_cmpuint (compare_all (&f).n_online, ==, n_sites);
  free_fleet (&f);
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "sites", 0, 0, G_OPTION_ARG_INT, &n_sites, "of the fleet; default 10000", "N" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &n_rounds, "seconds of churn; default 12", "N" },
    { "churn-seed", 0, 0, G_OPTION_ARG_INT, &seed, "of what happens; default 4", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- totals against brute force");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  if (!g_option_context_parse (context, &argc, &argv, &error) || n_sites < 100 || n_rounds < 1)
    g_error ("%s", error != NULL ? error->message : "at least 100 sites and one round");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/twin/churn/totals-equal-brute-force", totals_equal_brute_force_under_churn);
  g_test_add_func ("/twin/churn/killing-one-in-a-hundred-changes-exactly-that", killing_one_in_a_hundred_changes_exactly_that);
  return g_test_run ();
}
