/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes on the bus: a frame of the craft as JSON with what its receiver adds, and the place of the chase vehicle as
 * SenML (RFC 8428). Pure functions; numbers are written in the C locale that the program never leaves. */

#include "flight-telemetry.h"

#include <math.h>

/* Reads the sensors of @model into @self; time, sequence, flight and command are the craft's to fill in. */
void
flight_telemetry_read (FlightTelemetry *self, const FlightModel *model)
{
  FlightAir air = flight_air_at (model->altitude_m);

  self->elapsed_s = model->elapsed_s;
  self->phase = model->phase;
  self->altitude_m = model->altitude_m;
  self->vertical_speed = model->vertical_speed;
  self->speed = hypot (model->east_speed, model->north_speed);
  self->heading_deg = fmod (atan2 (model->east_speed, model->north_speed) * 180.0 / G_PI + 360.0, 360.0);
  self->temperature_c = air.temperature_k - 273.15;
  self->pressure_hpa = air.pressure_pa / 100.0;
  self->humidity = flight_humidity_at (model->altitude_m);
  self->volts = flight_model_battery (model);
  flight_model_position (model, &self->lat, &self->lon);
}

void
flight_time_write (gint64 wall_us, char text[32])
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autofree char *seconds = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");

  g_snprintf (text, 32, "%s.%06dZ", seconds, (int) (wall_us % G_USEC_PER_SEC));
}

/* Overwrites @json. @where is the receiver. */
void
flight_telemetry_write (const FlightTelemetry *self, const char *receiver, const FlightSite *where, double rssi, double range_m,
                        gint64 received_us, GString *json)
{
  char time[32];

  flight_time_write (self->sent_us, time);
  g_string_printf (json,
                   "{\"time\":\"%s\",\"sequence\":%" G_GUINT64_FORMAT ",\"flight\":%" G_GINT64_FORMAT ",\"elapsed\":%.1f,\"phase\":\"%s\","
                   "\"altitude\":%.1f,\"vertical-speed\":%.2f,\"speed\":%.2f,\"heading\":%.1f,"
                   "\"temperature\":%.2f,\"pressure\":%.2f,\"humidity\":%.1f,"
                   "\"gps\":{\"lat\":%.6f,\"lon\":%.6f},\"battery\":{\"volts\":%.3f},",
                   time, self->sequence, self->flight, self->elapsed_s, flight_phase_name (self->phase), self->altitude_m,
                   self->vertical_speed, self->speed, self->heading_deg, self->temperature_c, self->pressure_hpa, self->humidity,
                   self->lat, self->lon, self->volts);
  if (self->ack.id[0] != '\0')
    g_string_append_printf (json, "\"command\":{\"id\":\"%s\",\"name\":\"%s\",\"outcome\":\"%s\",\"via\":\"%s\"},", self->ack.id,
                            flight_command_name (self->ack.command), self->ack.outcome == FLIGHT_DONE ? "done" : "refused", self->ack.via);
  g_string_append_printf (json,
                          "\"link\":{\"receiver\":\"%s\",\"lat\":%.6f,\"lon\":%.6f,\"rssi\":%.1f,\"range\":%.0f},"
                          "\"sent-us\":%" G_GINT64_FORMAT ",\"received-us\":%" G_GINT64_FORMAT "}",
                          receiver, where->lat, where->lon, rssi, range_m, self->sent_us, received_us);
}

/* Overwrites @json. @landing may be %NULL while nothing is known. Latitude and longitude are records 0 and 1, always. */
void
flight_location_write (const FlightChase *chase, const FlightLanding *landing, gint64 now_us, GString *json)
{
  g_string_printf (json,
                   "[{\"bn\":\"chase/\",\"bt\":%" G_GINT64_FORMAT ".%06d,\"n\":\"latitude\",\"u\":\"lat\",\"v\":%.6f},"
                   "{\"n\":\"longitude\",\"u\":\"lon\",\"v\":%.6f},{\"n\":\"speed\",\"u\":\"m/s\",\"v\":%.1f},"
                   "{\"n\":\"heading\",\"u\":\"rad\",\"v\":%.4f},{\"n\":\"arrived\",\"vb\":%s}",
                   now_us / G_USEC_PER_SEC, (int) (now_us % G_USEC_PER_SEC), chase->lat, chase->lon, chase->speed,
                   chase->heading_deg * G_PI / 180.0, chase->has_arrived ? "true" : "false");
  if (landing != NULL)
    g_string_append_printf (json,
                            ",{\"n\":\"landing/latitude\",\"u\":\"lat\",\"v\":%.6f},{\"n\":\"landing/longitude\",\"u\":\"lon\",\"v\":%.6f},"
                            "{\"n\":\"landing/in\",\"u\":\"s\",\"v\":%.0f}",
                            landing->lat, landing->lon, landing->seconds);
  g_string_append_c (json, ']');
}
