/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* ---- The air -------------------------------------------------------- */

typedef struct {
  double temperature_k;
  double pressure_pa;
  double density;         /* kg/m3 */
} FlightAir;

typedef struct {
  double altitude_m;
  double from_deg;        /* where the wind comes from, clockwise from north */
  double speed;           /* m/s */
} FlightWindLayer;

/* Two numbers turn the published winds of the day into the winds that really blow. */
typedef struct {
  double turn_deg;
  double scale;
} FlightWinds;

FlightAir flight_air_at            (double             altitude_m);
double    flight_humidity_at       (double             altitude_m);
void      flight_wind_at           (const FlightWinds *winds,
                                    double             altitude_m,
                                    double            *out_east,
                                    double            *out_north);

/* ---- The craft ------------------------------------------------------ */

#define FLIGHT_BURST_ALTITUDE_M 25908.0   /* 85,000 ft */

typedef enum {
  FLIGHT_READY,
  FLIGHT_ASCENT,
  FLIGHT_DESCENT,
  FLIGHT_PARACHUTE,
  FLIGHT_LANDED,
} FlightPhase;

typedef enum {
  FLIGHT_COMMAND_RELEASE,
  FLIGHT_COMMAND_PARACHUTE,
} FlightCommand;

typedef enum {
  FLIGHT_DONE,
  FLIGHT_REFUSED,         /* not in this phase: nothing happened */
} FlightOutcome;

typedef struct {
  double lat;
  double lon;
  double elevation_m;     /* above sea level */
} FlightSite;

typedef struct {
  FlightSite site;
  FlightWinds winds;
  guint64 random;         /* state of the generator; never 0 */

  FlightPhase phase;
  double countdown_s;     /* on the pad */
  double elapsed_s;       /* since launch; stands still on the pad */
  double altitude_m;      /* above sea level */
  double vertical_speed;  /* m/s, up is positive */
  double east_m;          /* from the site */
  double north_m;
  double east_speed;
  double north_speed;
  double gust_east;       /* slowly wandering part of the wind */
  double gust_north;
  double charge;          /* of the battery, 1 to 0 */
} FlightModel;

/* What a receiver knows about a craft: enough to say where it will come down. */
typedef struct {
  FlightPhase phase;
  double lat;
  double lon;
  double altitude_m;
  double vertical_speed;
} FlightSight;

typedef struct {
  double lat;
  double lon;
  double seconds;         /* until then */
} FlightLanding;

void          flight_model_start       (FlightModel       *self,
                                        const FlightSite  *site,
                                        guint64            seed,
                                        double             countdown_s);
void          flight_model_advance     (FlightModel       *self,
                                        double             seconds);
FlightOutcome flight_model_command     (FlightModel       *self,
                                        FlightCommand      command);
void          flight_model_position    (const FlightModel *self,
                                        double            *out_lat,
                                        double            *out_lon);
double        flight_model_battery     (const FlightModel *self);
FlightLanding flight_predict_landing   (const FlightSight *sight,
                                        const FlightWinds *forecast,
                                        double             ground_m);

const char   *flight_phase_name        (FlightPhase        phase);
const char   *flight_command_name      (FlightCommand      command);

/* ---- The Earth and the radio ---------------------------------------- */

void          flight_move              (double             lat,
                                        double             lon,
                                        double             east_m,
                                        double             north_m,
                                        double            *out_lat,
                                        double            *out_lon);
void          flight_offset            (double             from_lat,
                                        double             from_lon,
                                        double             to_lat,
                                        double             to_lon,
                                        double            *out_east_m,
                                        double            *out_north_m);
double        flight_radio_horizon_m   (double             height_m,
                                        double             other_height_m);
double        flight_radio_rssi        (double             range_m,
                                        double             horizon_m,
                                        double             gain_db);
double        flight_random            (guint64           *state);

G_END_DECLS
