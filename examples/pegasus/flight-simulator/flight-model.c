/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The physics of one balloon flight: standard atmosphere, winds in layers, a balloon that rises until it bursts, a box that
 * falls against drag, a parachute. Pure functions over plain values, with no clock, no I/O and no random source but the one
 * in the model, so the same seed always flies the same flight and the tests can walk tables. Who sends what over which radio
 * is flight-simulator.c. */

#include "flight-model.h"

#include <math.h>

#define GRAVITY 9.80665                 /* m/s2, ISO 2533 */
#define GAS_CONSTANT 287.05287          /* J/(kg K), ISO 2533 */
#define EARTH_RADIUS_M 6356766.0        /* for geopotential height, ISO 2533 */
#define MEAN_RADIUS_M 6371008.8         /* for distances on the map, IUGG */
#define SEA_LEVEL_PA 101325.0

#define STEP_S 0.1                      /* of the integration; a tenth of the time in which a parachute slows the box */
#define ASCENT_RATE 5.0                 /* m/s: a 2 kg load under a 1.5 kg balloon */
#define FALL_SPEED 22.0                 /* m/s at sea level: box, rag of a balloon, no parachute */
#define CHUTE_SPEED 5.2                 /* m/s at sea level */
#define CHUTE_BY_ITSELF_M 9000.0        /* opens here if nobody commanded it before */
#define FLIGHT_HOURS 3.2                /* what the battery is good for */

/* ---- The air -------------------------------------------------------- */

typedef struct {
  double base_m;          /* geopotential */
  double base_k;
  double lapse;           /* K/m */
  double base_pa;
} AirLayer;

/* ISO 2533 / US Standard Atmosphere 1976, table 4; pressures follow from the row above */
static const AirLayer air_layers[] = {
  {     0.0, 288.15, -0.0065, 101325.0 },
  { 11000.0, 216.65,  0.0,     22632.06 },
  { 20000.0, 216.65,  0.0010,   5474.889 },
  { 32000.0, 228.65,  0.0028,    868.0187 },
};

/* A westerly day with a jet at 10.5 km, and the easterlies of summer above 20 km */
static const FlightWindLayer wind_layers[] = {
  {     0.0, 230.0,  3.5 },
  {  1500.0, 242.0,  8.0 },
  {  5500.0, 256.0, 15.0 },
  { 10500.0, 268.0, 27.0 },
  { 14000.0, 282.0, 16.0 },
  { 18000.0, 300.0,  6.0 },
  { 21000.0,  40.0,  3.0 },
  { 26000.0,  78.0,  7.0 },
};

/* relative humidity of a fair day, per cent */
static const double humidity_table[][2] = {
  { 0.0, 58.0 }, { 1500.0, 66.0 }, { 3000.0, 44.0 }, { 6000.0, 31.0 }, { 9000.0, 22.0 }, { 12000.0, 9.0 }, { 16000.0, 3.0 }, { 30000.0, 1.5 },
};

static double
radians (double degrees)
{
  return degrees * G_PI / 180.0;
}

static double
mix (double a, double b, double t)
{
  return a + (b - a) * t;
}

FlightAir
flight_air_at (double altitude_m)
{
  double height = EARTH_RADIUS_M * altitude_m / (EARTH_RADIUS_M + altitude_m);
  const AirLayer *layer = &air_layers[0];
  FlightAir air;

  for (gsize i = 1; i < G_N_ELEMENTS (air_layers) && height >= air_layers[i].base_m; i++)
    layer = &air_layers[i];

  air.temperature_k = layer->base_k + layer->lapse * (height - layer->base_m);
  if (layer->lapse == 0.0)
    air.pressure_pa = layer->base_pa * exp (-GRAVITY * (height - layer->base_m) / (GAS_CONSTANT * layer->base_k));
  else
    air.pressure_pa = layer->base_pa * pow (layer->base_k / air.temperature_k, GRAVITY / (GAS_CONSTANT * layer->lapse));
  air.density = air.pressure_pa / (GAS_CONSTANT * air.temperature_k);
  return air;
}

double
flight_humidity_at (double altitude_m)
{
  gsize i = 1;

  while (i < G_N_ELEMENTS (humidity_table) - 1 && altitude_m > humidity_table[i][0])
    i++;
  return mix (humidity_table[i - 1][1], humidity_table[i][1],
              CLAMP ((altitude_m - humidity_table[i - 1][0]) / (humidity_table[i][0] - humidity_table[i - 1][0]), 0.0, 1.0));
}

static void
layer_vector (const FlightWindLayer *layer, const FlightWinds *winds, double *out_east, double *out_north)
{
  double towards = radians (layer->from_deg + winds->turn_deg + 180.0);

  *out_east = layer->speed * winds->scale * sin (towards);
  *out_north = layer->speed * winds->scale * cos (towards);
}

/* Interpolates the vectors, not the angles: 300° and 40° then meet by way of north. */
void
flight_wind_at (const FlightWinds *winds, double altitude_m, double *out_east, double *out_north)
{
  gsize i = 1;
  double t, low_east, low_north, high_east, high_north;

  while (i < G_N_ELEMENTS (wind_layers) - 1 && altitude_m > wind_layers[i].altitude_m)
    i++;
  t = CLAMP ((altitude_m - wind_layers[i - 1].altitude_m) / (wind_layers[i].altitude_m - wind_layers[i - 1].altitude_m), 0.0, 1.0);
  layer_vector (&wind_layers[i - 1], winds, &low_east, &low_north);
  layer_vector (&wind_layers[i], winds, &high_east, &high_north);
  *out_east = mix (low_east, high_east, t);
  *out_north = mix (low_north, high_north, t);
}

/* ---- The craft ------------------------------------------------------ */

/* xorshift64*: 0 <= x < 1. Small, and the same on every machine, which GRand does not promise across releases. */
double
flight_random (guint64 *state)
{
  guint64 x = *state;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return (double) ((x * G_GUINT64_CONSTANT (2685821657736338717)) >> 11) / 9007199254740992.0;
}

void
flight_model_start (FlightModel *self, const FlightSite *site, guint64 seed, double countdown_s)
{
  *self = (FlightModel) { .site = *site, .countdown_s = countdown_s, .altitude_m = site->elevation_m, .charge = 1.0 };
  self->random = seed * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) + 0x5bd1e995;
  if (self->random == 0)
    self->random = 1;
  for (int i = 0; i < 8; i++)
    flight_random (&self->random);
  self->winds.turn_deg = (flight_random (&self->random) - 0.5) * 16.0;
  self->winds.scale = 0.9 + flight_random (&self->random) * 0.25;
}

/* Vertical speed one step later of a body whose terminal speed at sea level is @sea_level_speed. The drag term is taken
 * implicitly, so that a parachute opening at 90 m/s brakes hard and does not throw the box upwards. */
static double
fall (double vertical_speed, double density, double sea_level_speed, double step_s)
{
  double drag = GRAVITY / (sea_level_speed * sea_level_speed) * density / 1.225;

  return (vertical_speed - GRAVITY * step_s) / (1.0 + drag * fabs (vertical_speed) * step_s);
}

static void
step_vertically (FlightModel *self, double step_s)
{
  double density = flight_air_at (self->altitude_m).density;
  double aim;

  switch (self->phase)
    {
    case FLIGHT_ASCENT:
      /* lift and drag shrink together, so the rate is nearly constant and grows a little with height */
      aim = ASCENT_RATE * (1.0 + 0.08 * self->altitude_m / FLIGHT_BURST_ALTITUDE_M);
      self->vertical_speed += (aim - self->vertical_speed) * MIN (1.0, step_s / 3.0) + (flight_random (&self->random) - 0.5) * 0.3 * sqrt (step_s);
      break;
    case FLIGHT_DESCENT:
      self->vertical_speed = fall (self->vertical_speed, density, FALL_SPEED, step_s);
      break;
    case FLIGHT_PARACHUTE:
      self->vertical_speed = fall (self->vertical_speed, density, CHUTE_SPEED, step_s);
      break;
    case FLIGHT_READY:
    case FLIGHT_LANDED:
    default:
      break;
    }
  self->altitude_m += self->vertical_speed * step_s;
}

static void
step_sideways (FlightModel *self, double step_s)
{
  double east, north, follow;

  flight_wind_at (&self->winds, self->altitude_m, &east, &north);
  self->gust_east += -self->gust_east * step_s / 90.0 + (flight_random (&self->random) - 0.5) * 0.45 * sqrt (step_s);
  self->gust_north += -self->gust_north * step_s / 90.0 + (flight_random (&self->random) - 0.5) * 0.45 * sqrt (step_s);
  follow = MIN (1.0, step_s / (self->phase == FLIGHT_DESCENT ? 8.0 : 2.0));
  self->east_speed += (east + self->gust_east - self->east_speed) * follow;
  self->north_speed += (north + self->gust_north - self->north_speed) * follow;
  self->east_m += self->east_speed * step_s;
  self->north_m += self->north_speed * step_s;
}

static void
change_phase (FlightModel *self)
{
  if (self->phase == FLIGHT_ASCENT && self->altitude_m >= FLIGHT_BURST_ALTITUDE_M)
    self->phase = FLIGHT_DESCENT;
  else if (self->phase == FLIGHT_DESCENT && self->altitude_m <= CHUTE_BY_ITSELF_M && self->vertical_speed < -CHUTE_SPEED)
    self->phase = FLIGHT_PARACHUTE;

  if ((self->phase == FLIGHT_DESCENT || self->phase == FLIGHT_PARACHUTE) && self->altitude_m <= self->site.elevation_m)
    {
      self->phase = FLIGHT_LANDED;
      self->altitude_m = self->site.elevation_m;
      self->vertical_speed = self->east_speed = self->north_speed = 0.0;
    }
}

static void
step (FlightModel *self, double step_s)
{
  double cold;

  if (self->phase == FLIGHT_READY)
    {
      self->countdown_s -= step_s;
      if (self->countdown_s <= 0.0)
        self->phase = FLIGHT_ASCENT;
      return;
    }

  self->elapsed_s += step_s;
  cold = (288.15 - flight_air_at (self->altitude_m).temperature_k) / 100.0;
  self->charge = MAX (0.0, self->charge - step_s / (FLIGHT_HOURS * 3600.0) * (1.0 + 0.3 * cold));
  if (self->phase == FLIGHT_LANDED)
    return;

  step_vertically (self, step_s);
  step_sideways (self, step_s);
  change_phase (self);
}

void
flight_model_advance (FlightModel *self, double seconds)
{
  while (seconds > 0.0)
    {
      step (self, MIN (seconds, STEP_S));
      seconds -= STEP_S;
    }
}

FlightOutcome
flight_model_command (FlightModel *self, FlightCommand command)
{
  if (command == FLIGHT_COMMAND_RELEASE && self->phase == FLIGHT_ASCENT)
    {
      self->phase = FLIGHT_DESCENT;
      return FLIGHT_DONE;
    }
  if (command == FLIGHT_COMMAND_PARACHUTE && self->phase == FLIGHT_DESCENT)
    {
      self->phase = FLIGHT_PARACHUTE;
      return FLIGHT_DONE;
    }
  return FLIGHT_REFUSED;
}

void
flight_model_position (const FlightModel *self, double *out_lat, double *out_lon)
{
  flight_move (self->site.lat, self->site.lon, self->east_m, self->north_m, out_lat, out_lon);
}

/* One lithium cell: 4.15 V full, a long plateau, lower while it is cold. */
double
flight_model_battery (const FlightModel *self)
{
  double cold = MAX (0.0, 273.15 - flight_air_at (self->altitude_m).temperature_k);

  return 3.35 + 0.55 * self->charge + 0.25 * pow (self->charge, 8.0) - 0.0022 * cold;
}

/* Flies what was seen to the ground in coarse steps: at terminal speed in the winds of the forecast. */
FlightLanding
flight_predict_landing (const FlightSight *sight, const FlightWinds *forecast, double ground_m)
{
  const double step_s = 2.0;
  FlightPhase phase = sight->phase;
  double altitude_m = sight->altitude_m;
  double east_m = 0.0, north_m = 0.0;
  FlightLanding landing = { .seconds = 0.0 };

  while (phase != FLIGHT_LANDED && altitude_m > ground_m - 1.0 && landing.seconds < 6 * 3600.0)
    {
      double east, north;
      double thinner = sqrt (1.225 / flight_air_at (altitude_m).density);

      if (phase == FLIGHT_READY)
        phase = FLIGHT_ASCENT;
      if (phase == FLIGHT_ASCENT && altitude_m >= FLIGHT_BURST_ALTITUDE_M)
        phase = FLIGHT_DESCENT;
      if (phase == FLIGHT_DESCENT && altitude_m <= CHUTE_BY_ITSELF_M)
        phase = FLIGHT_PARACHUTE;

      flight_wind_at (forecast, altitude_m, &east, &north);
      east_m += east * step_s;
      north_m += north * step_s;
      landing.seconds += step_s;
      if (phase == FLIGHT_ASCENT)
        altitude_m += ASCENT_RATE * (1.0 + 0.08 * altitude_m / FLIGHT_BURST_ALTITUDE_M) * step_s;
      else
        altitude_m -= (phase == FLIGHT_DESCENT ? FALL_SPEED : CHUTE_SPEED) * thinner * step_s;
      if (phase != FLIGHT_ASCENT && altitude_m <= ground_m)
        break;
    }
  flight_move (sight->lat, sight->lon, east_m, north_m, &landing.lat, &landing.lon);
  return landing;
}

const char *
flight_phase_name (FlightPhase phase)
{
  static const char *const names[] = { "ready", "ascent", "descent", "parachute", "landed" };

  g_return_val_if_fail ((gsize) phase < G_N_ELEMENTS (names), "unknown");
  return names[phase];
}

const char *
flight_command_name (FlightCommand command)
{
  return command == FLIGHT_COMMAND_RELEASE ? "release" : "parachute";
}

/* ---- The Earth and the radio ---------------------------------------- */

/* A plane that touches the sphere: off by less than 20 m in 100 km at these latitudes, finer than the map can show. */
void
flight_move (double lat, double lon, double east_m, double north_m, double *out_lat, double *out_lon)
{
  double moved = lat + north_m / MEAN_RADIUS_M * 180.0 / G_PI;

  *out_lon = lon + east_m / (MEAN_RADIUS_M * cos (radians ((lat + moved) / 2.0))) * 180.0 / G_PI;
  *out_lat = moved;
}

void
flight_offset (double from_lat, double from_lon, double to_lat, double to_lon, double *out_east_m, double *out_north_m)
{
  *out_north_m = radians (to_lat - from_lat) * MEAN_RADIUS_M;
  *out_east_m = radians (to_lon - from_lon) * MEAN_RADIUS_M * cos (radians ((from_lat + to_lat) / 2.0));
}

/* With the 4/3 Earth of ITU-R P.310: 4.12 km per root of a metre of height. */
double
flight_radio_horizon_m (double height_m, double other_height_m)
{
  return 4120.0 * (sqrt (MAX (height_m, 0.0)) + sqrt (MAX (other_height_m, 0.0)));
}

/* dBm of 100 mW at 434 MHz after free space (ITU-R P.525: 32.4 + 20 log f + 20 log d); behind the horizon 1 dB is lost for
 * each 200 m. A receiver hears down to about -118 dBm. */
double
flight_radio_rssi (double range_m, double horizon_m, double gain_db)
{
  double loss = 32.4 + 20.0 * log10 (434.0) + 20.0 * log10 (MAX (range_m, 10.0) / 1000.0);
  double behind = MAX (0.0, range_m - horizon_m) / 200.0;

  return 20.0 + gain_db - loss - behind;
}
