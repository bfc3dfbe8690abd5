/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One building, the map and what is said, against physics and against itself. Nothing here waits: the model has no clock. */

#include "site-map.h"
#include "site-model.h"
#include "site-report.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

static void
sun_is_up_by_day_and_highest_at_noon (void)
{
  for (double hour = 0.0; hour <= 24.0; hour += 0.25)
    {
      double sun = site_sun_at (hour);

      g_assert_cmpfloat (sun, >=, 0.0);
      g_assert_cmpfloat (sun, <=, 1.0);
      g_assert_true ((sun > 0.0) == (hour > 6.0 && hour < 20.0));
      g_assert_cmpfloat (sun, <=, site_sun_at (13.0));
    }
  g_assert_cmpfloat_with_epsilon (site_sun_at (13.0), 1.0, 1e-9);
}

static void
use_goes_round_the_day_without_a_jump (void)
{
  for (SiteKind kind = SITE_HOME; kind <= SITE_DEPOT; kind++)
    {
      g_assert_cmpfloat_with_epsilon (site_use_at (kind, 0.0), site_use_at (kind, 24.0), 1e-9);
      for (double hour = 0.01; hour <= 24.0; hour += 0.01)
        g_assert_cmpfloat (fabs (site_use_at (kind, hour) - site_use_at (kind, hour - 0.01)), <, 0.01);
    }
}

static void
power_is_what_comes_from_roof_and_battery_less_what_is_used (void)
{
  for (guint i = 0; i < 60; i++)
    {
      SiteModel model;

      site_model_start (&model, i % 3, site_seed (3, i), 6.0);
      for (double hour = 6.0; hour < 24.0; hour += 0.05)
        {
          double before = model.soc, charged;

          site_model_advance (&model, hour, 0.05, 1.5);
          g_assert_cmpfloat_with_epsilon (model.power_kw, model.solar_kw - model.load_kw + model.battery_kw, 1e-9);
          g_assert_cmpfloat (fabs (model.battery_kw), <=, model.plant.battery_kw + 1e-9);
          g_assert_cmpfloat (model.soc, >=, 0.0);
          g_assert_cmpfloat (model.soc, <=, 1.0);
          g_assert_cmpfloat (model.solar_kw, <=, model.plant.solar_kw);
          /* no energy out of nothing: what went in is at least what is there more */
          charged = -model.battery_kw * 0.05 / model.plant.battery_kwh;
          g_assert_cmpfloat (model.soc - before, <=, charged + 1e-9);
        }
    }
}

static void
an_order_moves_the_meter_by_as_much_and_ends (void)
{
  SiteModel ordered, other;

  site_model_start (&ordered, SITE_DEPOT, site_seed (1, 1), 12.0);
  ordered.soc = 0.5;
  other = ordered;
  site_model_order (&ordered, 20.0, 10.0);
  for (int i = 0; i < 12; i++)
    {
      site_model_advance (&ordered, 12.0, 0.0001, 1.0);
      site_model_advance (&other, 12.0, 0.0001, 1.0);
      g_assert_cmpfloat_with_epsilon (ordered.power_kw - other.power_kw, i < 10 ? 20.0 : 0.0, 1e-6);
      g_assert_cmpfloat_with_epsilon (ordered.dispatched_kw, i < 10 ? 20.0 : 0.0, 1e-6);
    }
}

static void
an_order_that_is_too_large_is_done_as_far_as_the_battery_goes (void)
{
  SiteModel model;

  site_model_start (&model, SITE_HOME, site_seed (1, 2), 1.0);
  model.soc = 0.6;
  site_model_order (&model, -1000.0, 60.0);
  site_model_advance (&model, 1.0, 0.001, 1.0);
  g_assert_cmpfloat_with_epsilon (model.battery_kw, -model.plant.battery_kw, 1e-9);
  for (int i = 0; i < 100000; i++)
    {
      site_model_order (&model, 1000.0, 60.0);
      site_model_advance (&model, 1.0, 0.01, 1.0);
    }
  g_assert_cmpfloat (model.soc, >=, 0.07);
  g_assert_cmpfloat (model.soc, <, 0.09);
  g_assert_cmpfloat (model.battery_kw, <, 0.1);
}

static void
the_same_seed_has_the_same_day (void)
{
  SiteModel a, b, c;

  site_model_start (&a, SITE_SHOP, site_seed (5, 9), 6.0);
  site_model_start (&b, SITE_SHOP, site_seed (5, 9), 6.0);
  site_model_start (&c, SITE_SHOP, site_seed (5, 10), 6.0);
  for (double hour = 6.0; hour < 20.0; hour += 0.1)
    {
      site_model_advance (&a, hour, 0.1, 3.0);
      site_model_advance (&b, hour, 0.1, 3.0);
      site_model_advance (&c, hour, 0.1, 3.0);
    }
  g_assert_cmpmem (&a, sizeof a, &b, sizeof b);
  g_assert_cmpfloat (a.power_kw, !=, c.power_kw);
}

static void
every_spot_of_the_map_is_another_one (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint n_of[3] = { 0 };

  for (guint i = 0; i < 200; i++)
    {
      SiteSpot spot;

      site_map_spot (i, 200, &spot);
      g_assert_cmpuint (spot.feeder, >=, 1);
      g_assert_cmpuint (spot.feeder, <=, 5);
      g_assert_cmpfloat (spot.place.lat, >, 46.1);
      g_assert_cmpfloat (spot.place.lat, <, 46.8);
      g_assert_true (g_hash_table_add (seen, g_strdup_printf ("%s/%u/%u", spot.region, spot.feeder, spot.number)));
      g_assert_true (g_hash_table_add (seen, g_strdup_printf ("%.4f %.4f", spot.place.lat, spot.place.lon)));
      n_of[spot.kind]++;
    }
  g_assert_cmpuint (n_of[SITE_HOME], >, n_of[SITE_SHOP]);
  g_assert_cmpuint (n_of[SITE_SHOP], >, n_of[SITE_DEPOT]);
  g_assert_cmpuint (n_of[SITE_DEPOT], >, 0);
}

static void
a_report_is_json_with_the_numbers_of_the_model (void)
{
  g_autoptr (GString) text = g_string_new ("rest of the one before");
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object;
  SiteModel model;

  site_model_start (&model, SITE_SHOP, site_seed (2, 2), 12.0);
  site_report_write (&model, &(SitePlace) { 46.5, 8.25 }, 12.0, text);
  g_assert_true (json_parser_load_from_data (parser, text->str, (gssize) text->len, NULL));
  object = json_node_get_object (json_parser_get_root (parser));
  g_assert_cmpstr (json_object_get_string_member (object, "kind"), ==, "shop");
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (object, "power-kw"), model.power_kw, 0.001);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (object, "soc"), model.soc, 0.001);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (object, "lon"), 8.25, 1e-6);
}

static void
orders_are_read_or_refused (void)
{
  static const struct { const char *text; gboolean is_order; double kw, seconds; } table[] = {
    { "{\"power-kw\":2.5}", TRUE, 2.5, 60 },
    { "{\"power-kw\":-500,\"seconds\":30}", TRUE, -500, 30 },
    { "{\"power-kw\":1,\"seconds\":0,\"why\":\"peak\"}", TRUE, 1, 0 },
    { "{\"power-kw\":-500,\"share\":-0.5}", TRUE, -5, 60 },
    { "{\"share\":0.25,\"seconds\":5}", TRUE, 2.5, 5 },
    { "{\"share\":\"all\"}", FALSE, 0, 0 },
    { "{}", FALSE, 0, 0 },
    { "{\"power-kw\":\"2\"}", FALSE, 0, 0 },
    { "{\"power-kw\":1e999}", FALSE, 0, 0 },
    { "{\"power-kw\":1,\"seconds\":-1}", FALSE, 0, 0 },
    { "{\"power-kw\":1,\"seconds\":3601}", FALSE, 0, 0 },
    { "[1]", FALSE, 0, 0 },
    { "", FALSE, 0, 0 },
    { "nonsense", FALSE, 0, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      double kw = 0.0, seconds = 0.0;
      const char *why;

      g_assert_cmpint (site_order_read (table[i].text, strlen (table[i].text), 10.0, &kw, &seconds, &why), ==, table[i].is_order);
      g_assert_cmpfloat (kw, ==, table[i].kw);
      g_assert_cmpfloat (seconds, ==, table[i].seconds);
    }
}

static void
a_time_has_milliseconds (void)
{
  char text[32];

  site_time_write (G_GINT64_CONSTANT (1795233068042000), text);
  g_assert_cmpstr (text, ==, "2026-11-21T03:51:08.042Z");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/power-plant/sun/is-up-by-day-and-highest-at-noon", sun_is_up_by_day_and_highest_at_noon);
  g_test_add_func ("/power-plant/use/goes-round-the-day-without-a-jump", use_goes_round_the_day_without_a_jump);
  g_test_add_func ("/power-plant/site/power-is-what-comes-from-roof-and-battery-less-what-is-used", power_is_what_comes_from_roof_and_battery_less_what_is_used);
  g_test_add_func ("/power-plant/site/an-order-moves-the-meter-by-as-much-and-ends", an_order_moves_the_meter_by_as_much_and_ends);
  g_test_add_func ("/power-plant/site/an-order-that-is-too-large-is-done-as-far-as-the-battery-goes", an_order_that_is_too_large_is_done_as_far_as_the_battery_goes);
  g_test_add_func ("/power-plant/site/the-same-seed-has-the-same-day", the_same_seed_has_the_same_day);
  g_test_add_func ("/power-plant/map/every-spot-is-another-one", every_spot_of_the_map_is_another_one);
  g_test_add_func ("/power-plant/report/is-json-with-the-numbers-of-the-model", a_report_is_json_with_the_numbers_of_the_model);
  g_test_add_func ("/power-plant/order/is-read-or-refused", orders_are_read_or_refused);
  g_test_add_func ("/power-plant/time/has-milliseconds", a_time_has_milliseconds);
  return g_test_run ();
}
