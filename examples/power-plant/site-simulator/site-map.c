/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grid of an invented valley: four regions, each a substation with five feeders that leave it in different directions,
 * sites to both sides of each feeder. Pure functions. */

#include "site-map.h"

#include <math.h>

#define N_FEEDERS 5                 /* of a region */
#define KM_LAT (1.0 / 111.2)        /* degrees of latitude in a kilometre */
#define FEEDER_KM 13.0

static const struct {
  const char *name;
  SitePlace substation;
  double turn;                      /* of the first feeder, clockwise from north, in degrees */
} regions[SITE_N_REGIONS] = {
  { "north", { 46.610, 8.110 }, 20.0 },
  { "lake", { 46.460, 7.780 }, 65.0 },
  { "south", { 46.290, 8.180 }, 40.0 },
  { "east", { 46.450, 8.540 }, 10.0 },
};

static SitePlace
move (SitePlace from, double east_km, double north_km)
{
  double km_lon = KM_LAT / cos (from.lat * G_PI / 180.0);

  return (SitePlace) { from.lat + north_km * KM_LAT, from.lon + east_km * km_lon };
}

void
site_map_spot (guint index, guint n, SiteSpot *out)
{
  guint region = index % SITE_N_REGIONS;
  guint feeder = index / SITE_N_REGIONS % N_FEEDERS;
  guint number = index / (SITE_N_REGIONS * N_FEEDERS);
  guint n_of_feeder = MAX (1, (n + SITE_N_REGIONS * N_FEEDERS - 1) / (SITE_N_REGIONS * N_FEEDERS));
  guint64 random = site_seed (7, index), bend = site_seed (11, region * N_FEEDERS + feeder);
  double along = FEEDER_KM * (0.26 + 0.74 * (number + 1) / n_of_feeder);
  double turns = (site_random (&bend) - 0.5) * 0.9;
  double angle = (regions[region].turn + 360.0 / N_FEEDERS * feeder) * G_PI / 180.0 + turns * along / FEEDER_KM;
  double aside = (number % 2 == 0 ? 1.0 : -1.0) * (0.55 + 0.9 * site_random (&random));

  out->region = regions[region].name;
  out->feeder = feeder + 1;
  out->number = number + 1;
  out->kind = number % 10 == 4 ? SITE_DEPOT : number % 3 == 2 ? SITE_SHOP : SITE_HOME;
  out->place = move (regions[region].substation, along * sin (angle) + aside * cos (angle), along * cos (angle) - aside * sin (angle));
}
