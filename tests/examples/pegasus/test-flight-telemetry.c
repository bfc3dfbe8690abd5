/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the simulator puts on the bus, read back with a JSON parser by the paths that others use; and the car that drives. */

#include "flight-telemetry.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

static const FlightSite site = { 45.12, -95.04, 345.0 };

static JsonNode *
parse (const GString *text)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) error = NULL;

  json_parser_load_from_data (parser, text->str, (gssize) text->len, &error);
  g_assert_no_error (error);
  return json_parser_steal_root (parser);
}

static FlightTelemetry
one_frame (void)
{
  FlightModel model;
  FlightTelemetry frame = { .sent_us = 1479697868412345, .sequence = 48211, .flight = 1479690000 };

  flight_model_start (&model, &site, 1, 0.0);
  flight_model_advance (&model, 3000.0);
  flight_telemetry_read (&frame, &model);
  return frame;
}

static void
frame_has_the_members_that_others_read (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  FlightTelemetry frame = one_frame ();
  g_autoptr (JsonNode) root = NULL;
  JsonObject *object;

  flight_telemetry_write (&frame, "ground", &site, -92.4, 51234.5, 1479697868412999, text);
  root = parse (text);
  object = json_node_get_object (root);
  g_assert_cmpstr (json_object_get_string_member (object, "time"), ==, "2016-11-21T03:11:08.412345Z");
  g_assert_cmpint (json_object_get_int_member (object, "sequence"), ==, 48211);
  g_assert_cmpstr (json_object_get_string_member (object, "phase"), ==, "ascent");
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (object, "altitude"), frame.altitude_m, 0.1);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (object, "temperature"), -56.5, 0.01);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_object_get_object_member (object, "battery"), "volts"), frame.volts, 0.001);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_object_get_object_member (object, "gps"), "lat"), frame.lat, 1e-6);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_object_get_object_member (object, "gps"), "lon"), frame.lon, 1e-6);
  g_assert_cmpint (json_object_get_int_member (object, "received-us") - json_object_get_int_member (object, "sent-us"), ==, 654);
  g_assert_false (json_object_has_member (object, "command"));
}

static void
frame_repeats_the_command_that_came_last (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  FlightTelemetry frame = one_frame ();
  g_autoptr (JsonNode) root = NULL;
  JsonObject *command;

  frame.ack = (FlightAck) { "page-1", FLIGHT_COMMAND_PARACHUTE, FLIGHT_REFUSED, "chase" };
  flight_telemetry_write (&frame, "ground", &site, -92.4, 51234.5, 1479697868412999, text);
  root = parse (text);
  command = json_object_get_object_member (json_node_get_object (root), "command");
  g_assert_cmpstr (json_object_get_string_member (command, "id"), ==, "page-1");
  g_assert_cmpstr (json_object_get_string_member (command, "name"), ==, "parachute");
  g_assert_cmpstr (json_object_get_string_member (command, "outcome"), ==, "refused");
  g_assert_cmpstr (json_object_get_string_member (command, "via"), ==, "chase");
}

static void
location_is_senml_with_latitude_and_longitude_first (void)
{
  static const char *const names[] = { "latitude", "longitude", "speed", "heading", "arrived", "landing/latitude", "landing/longitude", "landing/in" };
  static const char *const units[] = { "lat", "lon", "m/s", "rad", NULL, "lat", "lon", "s" };
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (JsonNode) root = NULL;
  FlightChase chase = { .lat = 45.1, .lon = -95.2, .speed = 27.0, .heading_deg = 90.0 };
  FlightLanding landing = { 45.2, -94.1, 600.0 };
  JsonArray *records;

  flight_location_write (&chase, &landing, 1479697868412345, text);
  root = parse (text);
  records = json_node_get_array (root);
  g_assert_cmpuint (json_array_get_length (records), ==, G_N_ELEMENTS (names));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      JsonObject *record = json_array_get_object_element (records, i);

      g_assert_cmpstr (json_object_get_string_member (record, "n"), ==, names[i]);
      g_assert_cmpstr (json_object_get_string_member_with_default (record, "u", NULL), ==, units[i]);
      g_assert_true (json_object_has_member (record, units[i] != NULL ? "v" : "vb"));
    }
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_array_get_object_element (records, 0), "v"), 45.1, 1e-9);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_array_get_object_element (records, 1), "v"), -95.2, 1e-9);
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (json_array_get_object_element (records, 0), "bt"), 1479697868.412345, 1e-5);

  flight_location_write (&chase, NULL, 1479697868412345, text);
  g_clear_pointer (&root, json_node_unref);
  root = parse (text);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (root)), ==, 5);
}

static void
chase_keeps_to_the_roads_and_arrives (void)
{
  FlightChase chase;
  double lat, lon, seconds = 0.0;

  flight_move (site.lat, site.lon, 40000.0, 9000.0, &lat, &lon);
  flight_chase_start (&chase, site.lat, site.lon);
  while (!chase.has_arrived && seconds < 7200.0)
    {
      double east_m, north_m;

      flight_offset (chase.lat, chase.lon, lat, lon, &east_m, &north_m);
      flight_chase_drive (&chase, lat, lon, TRUE, 1.0);
      g_assert_cmpfloat (chase.speed, <=, 27.0);
      if (chase.speed > 0.0 && hypot (east_m, north_m) > 2000.0)
        g_assert_cmpfloat (fabs (remainder (chase.heading_deg, 90.0)), <, 1e-6);
      seconds += 1.0;
    }
  g_assert_true (chase.has_arrived);
  /* 49 km at 27 m/s and some of a field at 6 m/s */
  g_assert_cmpfloat (seconds, >, 1800.0);
  g_assert_cmpfloat (seconds, <, 2200.0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pegasus/telemetry/frame/has-the-members-that-others-read", frame_has_the_members_that_others_read);
  g_test_add_func ("/pegasus/telemetry/frame/repeats-the-command-that-came-last", frame_repeats_the_command_that_came_last);
  g_test_add_func ("/pegasus/telemetry/location/is-senml-with-latitude-and-longitude-first", location_is_senml_with_latitude_and_longitude_first);
  g_test_add_func ("/pegasus/chase/keeps-to-the-roads-and-arrives", chase_keeps_to_the_roads_and_arrives);
  return g_test_run ();
}
