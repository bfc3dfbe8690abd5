/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "flight-chase.h"
#include "flight-model.h"

G_BEGIN_DECLS

#define FLIGHT_ID_MAX 64

/* What became of the last command that reached the craft. */
typedef struct {
  char id[FLIGHT_ID_MAX + 1];     /* "" while no command has come */
  FlightCommand command;
  FlightOutcome outcome;
  const char *via;                /* "ground" or "chase", static */
} FlightAck;

/* One frame as the craft sends it. */
typedef struct {
  gint64 sent_us;                 /* wall clock */
  guint64 sequence;
  gint64 flight;                  /* number of the flight: its start, seconds since 1970 */
  double elapsed_s;
  FlightPhase phase;
  double altitude_m;
  double vertical_speed;
  double speed;
  double heading_deg;
  double temperature_c;
  double pressure_hpa;
  double humidity;
  double lat;
  double lon;
  double volts;
  FlightAck ack;
} FlightTelemetry;

void flight_telemetry_read     (FlightTelemetry       *self,
                                const FlightModel     *model);
void flight_telemetry_write    (const FlightTelemetry *self,
                                const char            *receiver,
                                const FlightSite      *where,
                                double                 rssi,
                                double                 range_m,
                                gint64                 received_us,
                                GString               *json);
void flight_location_write     (const FlightChase     *chase,
                                const FlightLanding   *landing,
                                gint64                 now_us,
                                GString               *json);
void flight_time_write         (gint64                 wall_us,
                                char                   text[32]);

G_END_DECLS
