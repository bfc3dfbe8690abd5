/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The physics of the flight against published numbers and against itself. Nothing here waits: the model has no clock. */

#include "flight-model.h"

#include <math.h>

static const FlightSite site = { 45.12, -95.04, 345.0 };

static void
air_agrees_with_the_standard_atmosphere (void)
{
  /* US Standard Atmosphere 1976, table I (geometric altitude): m, K, Pa, kg/m3 */
  static const double table[][4] = {
    {     0, 288.150, 101325.0, 1.22500 },
    {  1000, 281.651,  89876.0, 1.11170 },
    {  2000, 275.154,  79501.0, 1.00660 },
    {  5000, 255.676,  54048.0, 0.73643 },
    { 10000, 223.252,  26500.0, 0.41351 },
    { 15000, 216.650,  12111.0, 0.19475 },
    { 20000, 216.650,   5529.3, 0.088910 },
    { 25000, 221.552,   2549.2, 0.040084 },
    { 30000, 226.509,   1197.0, 0.018410 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      FlightAir air = flight_air_at (table[i][0]);

      g_assert_cmpfloat_with_epsilon (air.temperature_k, table[i][1], 0.01);
      g_assert_cmpfloat_with_epsilon (air.pressure_pa / table[i][2], 1.0, 0.0005);
      g_assert_cmpfloat_with_epsilon (air.density / table[i][3], 1.0, 0.0005);
    }
}

static void
air_is_continuous_where_layers_meet (void)
{
  for (double altitude_m = 10.0; altitude_m < 33000.0; altitude_m += 1.0)
    {
      FlightAir below = flight_air_at (altitude_m - 1.0);
      FlightAir above = flight_air_at (altitude_m);

      g_assert_cmpfloat (above.pressure_pa, <, below.pressure_pa);
      g_assert_cmpfloat (below.pressure_pa - above.pressure_pa, <, 13.0);
      g_assert_cmpfloat (fabs (below.temperature_k - above.temperature_k), <, 0.01);
    }
}

static void
wind_blows_from_where_the_layer_says (void)
{
  static const struct { double altitude_m, from_deg, speed; } table[] = {
    { 0, 230, 3.5 }, { 5500, 256, 15 }, { 10500, 268, 27 }, { 21000, 40, 3 }, { 26000, 78, 7 }, { 40000, 78, 7 },
  };
  const FlightWinds forecast = { 0.0, 1.0 };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      double east, north;

      flight_wind_at (&forecast, table[i].altitude_m, &east, &north);
      g_assert_cmpfloat_with_epsilon (hypot (east, north), table[i].speed, 1e-9);
      g_assert_cmpfloat_with_epsilon (fmod (atan2 (-east, -north) * 180 / G_PI + 360, 360), table[i].from_deg, 1e-6);
    }
}

static void
fly_until (FlightModel *model, FlightPhase phase)
{
  for (int i = 0; model->phase != phase && i < 40000; i++)
    flight_model_advance (model, 1.0);
  g_assert_cmpint (model->phase, ==, phase);
}

static void
whole_flight_has_the_published_profile (void)
{
  for (guint64 seed = 1; seed <= 20; seed++)
    {
      FlightModel model;
      double burst_s, fastest = 0.0;

      flight_model_start (&model, &site, seed, 30.0);
      g_assert_cmpint (model.phase, ==, FLIGHT_READY);
      fly_until (&model, FLIGHT_ASCENT);
      fly_until (&model, FLIGHT_DESCENT);
      burst_s = model.elapsed_s;
      g_assert_cmpfloat_with_epsilon (model.altitude_m, FLIGHT_BURST_ALTITUDE_M, 200.0);
      g_assert_cmpfloat_with_epsilon ((FLIGHT_BURST_ALTITUDE_M - site.elevation_m) / burst_s, 5.2, 0.15);
      while (model.phase == FLIGHT_DESCENT)
        {
          flight_model_advance (&model, 1.0);
          fastest = MIN (fastest, model.vertical_speed);
        }
      /* thin air: several times the 22 m/s of sea level, well below the speed of sound */
      g_assert_cmpfloat (fastest, <, -80.0);
      g_assert_cmpfloat (fastest, >, -140.0);
      g_assert_cmpint (model.phase, ==, FLIGHT_PARACHUTE);
      while (model.phase == FLIGHT_PARACHUTE)
        {
          g_assert_cmpfloat (model.vertical_speed, <, 0.0);
          fastest = model.vertical_speed;
          flight_model_advance (&model, 1.0);
        }
      g_assert_cmpint (model.phase, ==, FLIGHT_LANDED);
      g_assert_cmpfloat_with_epsilon (fastest, -5.2 * sqrt (1.225 / flight_air_at (site.elevation_m).density), 0.2);
      g_assert_cmpfloat (model.altitude_m, ==, site.elevation_m);
      g_assert_cmpfloat (model.elapsed_s, >, 5400.0);
      g_assert_cmpfloat (model.elapsed_s, <, 9000.0);
      g_assert_cmpfloat (hypot (model.east_m, model.north_m), >, 30000.0);
      g_assert_cmpfloat (hypot (model.east_m, model.north_m), <, 160000.0);
      g_assert_cmpfloat (flight_model_battery (&model), >, 3.4);
    }
}

static void
same_seed_flies_the_same_flight (void)
{
  FlightModel one, two, other;

  flight_model_start (&one, &site, 7, 0.0);
  flight_model_start (&two, &site, 7, 0.0);
  flight_model_start (&other, &site, 8, 0.0);
  flight_model_advance (&one, 4000.0);
  flight_model_advance (&two, 4000.0);
  flight_model_advance (&other, 4000.0);
  g_assert_cmpfloat (one.altitude_m, ==, two.altitude_m);
  g_assert_cmpfloat (one.east_m, ==, two.east_m);
  g_assert_cmpfloat (one.east_m, !=, other.east_m);
}

static void
commands_work_only_in_their_phase (void)
{
  static const struct { FlightPhase phase; FlightCommand command; FlightOutcome outcome; FlightPhase after; } table[] = {
    { FLIGHT_READY,     FLIGHT_COMMAND_RELEASE,   FLIGHT_REFUSED, FLIGHT_READY },
    { FLIGHT_READY,     FLIGHT_COMMAND_PARACHUTE, FLIGHT_REFUSED, FLIGHT_READY },
    { FLIGHT_ASCENT,    FLIGHT_COMMAND_RELEASE,   FLIGHT_DONE,    FLIGHT_DESCENT },
    { FLIGHT_ASCENT,    FLIGHT_COMMAND_PARACHUTE, FLIGHT_REFUSED, FLIGHT_ASCENT },
    { FLIGHT_DESCENT,   FLIGHT_COMMAND_RELEASE,   FLIGHT_REFUSED, FLIGHT_DESCENT },
    { FLIGHT_DESCENT,   FLIGHT_COMMAND_PARACHUTE, FLIGHT_DONE,    FLIGHT_PARACHUTE },
    { FLIGHT_PARACHUTE, FLIGHT_COMMAND_RELEASE,   FLIGHT_REFUSED, FLIGHT_PARACHUTE },
    { FLIGHT_PARACHUTE, FLIGHT_COMMAND_PARACHUTE, FLIGHT_REFUSED, FLIGHT_PARACHUTE },
    { FLIGHT_LANDED,    FLIGHT_COMMAND_RELEASE,   FLIGHT_REFUSED, FLIGHT_LANDED },
    { FLIGHT_LANDED,    FLIGHT_COMMAND_PARACHUTE, FLIGHT_REFUSED, FLIGHT_LANDED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      FlightModel model;

      flight_model_start (&model, &site, 3, 10.0);
      fly_until (&model, table[i].phase);
      g_assert_cmpint (flight_model_command (&model, table[i].command), ==, table[i].outcome);
      g_assert_cmpint (model.phase, ==, table[i].after);
    }
}

static void
opening_the_parachute_at_full_speed_never_throws_the_craft_up (void)
{
  FlightModel model;

  flight_model_start (&model, &site, 5, 0.0);
  fly_until (&model, FLIGHT_DESCENT);
  while (model.vertical_speed > -90.0)
    flight_model_advance (&model, 0.1);
  flight_model_command (&model, FLIGHT_COMMAND_PARACHUTE);
  for (int i = 0; i < 600; i++)
    {
      flight_model_advance (&model, 0.1);
      g_assert_cmpfloat (model.vertical_speed, <, 0.0);
    }
}

static void
prediction_with_the_true_winds_is_close_to_the_landing (void)
{
  for (guint64 seed = 1; seed <= 10; seed++)
    {
      FlightModel model;
      FlightSight sight = { 0 };
      FlightLanding landing;
      double lat, lon, east_m, north_m;

      flight_model_start (&model, &site, seed, 0.0);
      flight_model_advance (&model, 1000.0);
      sight.phase = model.phase;
      sight.altitude_m = model.altitude_m;
      sight.vertical_speed = model.vertical_speed;
      flight_model_position (&model, &sight.lat, &sight.lon);
      landing = flight_predict_landing (&sight, &model.winds, site.elevation_m);
      fly_until (&model, FLIGHT_LANDED);
      flight_model_position (&model, &lat, &lon);
      flight_offset (lat, lon, landing.lat, landing.lon, &east_m, &north_m);
      g_assert_cmpfloat (hypot (east_m, north_m), <, 9000.0);
      g_assert_cmpfloat_with_epsilon (landing.seconds + 1000.0, model.elapsed_s, 200.0);
    }
}

static void
offset_and_move_are_inverse_and_agree_with_the_great_circle (void)
{
  for (double bearing = 0.0; bearing < 360.0; bearing += 15.0)
    {
      double east_m = 100000.0 * sin (bearing * G_PI / 180), north_m = 100000.0 * cos (bearing * G_PI / 180);
      double lat, lon, back_east_m, back_north_m, half;

      flight_move (site.lat, site.lon, east_m, north_m, &lat, &lon);
      flight_offset (site.lat, site.lon, lat, lon, &back_east_m, &back_north_m);
      g_assert_cmpfloat_with_epsilon (back_east_m, east_m, 0.001);
      g_assert_cmpfloat_with_epsilon (back_north_m, north_m, 0.001);

      half = pow (sin ((lat - site.lat) * G_PI / 360), 2)
             + cos (lat * G_PI / 180) * cos (site.lat * G_PI / 180) * pow (sin ((lon - site.lon) * G_PI / 360), 2);
      g_assert_cmpfloat_with_epsilon (2 * 6371008.8 * asin (sqrt (half)), 100000.0, 20.0);
    }
}

static void
radio_is_lost_behind_the_horizon (void)
{
  double horizon_m = flight_radio_horizon_m (25000.0, 10.0);

  /* ITU-R: 4.12 * sqrt(25000) + 4.12 * sqrt(10) km */
  g_assert_cmpfloat_with_epsilon (horizon_m, 664452.0, 100.0);
  g_assert_cmpfloat_with_epsilon (flight_radio_rssi (100000.0, horizon_m, 0.0), 20.0 - 125.15, 0.1);
  g_assert_cmpfloat (flight_radio_rssi (80000.0, 60000.0, 12.0), <, -150.0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pegasus/model/air/agrees-with-the-standard-atmosphere", air_agrees_with_the_standard_atmosphere);
  g_test_add_func ("/pegasus/model/air/is-continuous-where-layers-meet", air_is_continuous_where_layers_meet);
  g_test_add_func ("/pegasus/model/wind/blows-from-where-the-layer-says", wind_blows_from_where_the_layer_says);
  g_test_add_func ("/pegasus/model/flight/has-the-published-profile", whole_flight_has_the_published_profile);
  g_test_add_func ("/pegasus/model/flight/same-seed-flies-the-same-flight", same_seed_flies_the_same_flight);
  g_test_add_func ("/pegasus/model/command/works-only-in-its-phase", commands_work_only_in_their_phase);
  g_test_add_func ("/pegasus/model/parachute/never-throws-the-craft-up", opening_the_parachute_at_full_speed_never_throws_the_craft_up);
  g_test_add_func ("/pegasus/model/prediction/is-close-with-the-true-winds", prediction_with_the_true_winds_is_close_to_the_landing);
  g_test_add_func ("/pegasus/model/map/agrees-with-the-great-circle", offset_and_move_are_inverse_and_agree_with_the_great_circle);
  g_test_add_func ("/pegasus/model/radio/is-lost-behind-the-horizon", radio_is_lost_behind_the_horizon);
  return g_test_run ();
}
