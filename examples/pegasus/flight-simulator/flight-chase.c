/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A car in a country whose roads run north-south and east-west, a mile apart. It keeps to its road until the target lies
 * abeam, and leaves the roads only for a craft that lies in a field. Pure, like the flight model. */

#include "flight-chase.h"

#include <math.h>

#define ROAD_SPEED 27.0           /* m/s: 60 mph */
#define FIELD_SPEED 6.0
#define ACCELERATION 2.0          /* m/s2 */
#define NEAR_M 800.0              /* half the mesh of the roads */
#define BESIDE_M 25.0

void
flight_chase_start (FlightChase *self, double lat, double lon)
{
  *self = (FlightChase) { .lat = lat, .lon = lon };
}

/* Moves towards a goal @east_m, @north_m away, straight, and stops there. */
static void
roll (FlightChase *self, double east_m, double north_m, double top_speed, double seconds)
{
  double distance = hypot (east_m, north_m);
  double brake = sqrt (2.0 * ACCELERATION * distance);
  double length;

  self->speed = MIN (MIN (self->speed + ACCELERATION * seconds, top_speed), brake);
  length = MIN (self->speed * seconds, distance);
  if (distance < 0.1)
    return;
  self->heading_deg = fmod (atan2 (east_m, north_m) * 180.0 / G_PI + 360.0, 360.0);
  flight_move (self->lat, self->lon, east_m / distance * length, north_m / distance * length, &self->lat, &self->lon);
}

static void
drive_step (FlightChase *self, double to_lat, double to_lon, gboolean across_fields, double seconds)
{
  double east_m, north_m;

  flight_offset (self->lat, self->lon, to_lat, to_lon, &east_m, &north_m);
  self->has_arrived = hypot (east_m, north_m) < (across_fields ? BESIDE_M : 1.5 * NEAR_M);
  if (self->has_arrived)
    self->speed = 0.0;
  else if (across_fields && fabs (east_m) < NEAR_M && fabs (north_m) < NEAR_M)
    roll (self, east_m, north_m, FIELD_SPEED, seconds);
  else
    {
      if (self->goes_north && fabs (north_m) < NEAR_M)
        self->goes_north = FALSE;
      else if (!self->goes_north && fabs (east_m) < NEAR_M)
        self->goes_north = fabs (north_m) >= NEAR_M;
      if (self->goes_north)
        roll (self, 0.0, north_m, ROAD_SPEED, seconds);
      else
        roll (self, east_m, 0.0, ROAD_SPEED, seconds);
    }
}

void
flight_chase_drive (FlightChase *self, double to_lat, double to_lon, gboolean across_fields, double seconds)
{
  for (; seconds > 0.0; seconds -= 1.0)
    drive_step (self, to_lat, to_lon, across_fields, MIN (seconds, 1.0));
}
