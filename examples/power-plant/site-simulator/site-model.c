/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One building with a roof of solar cells, people who use power, and a battery that evens both out. Pure functions over
 * plain values, with no clock, no I/O and no random source but the one in the model: the same seed has the same day, and the
 * tests walk tables. Which message says what is site-report.c, when anything happens is site-simulator.c. */

#include "site-model.h"

#include <math.h>

#define SUNRISE_H 6.0
#define SUNSET_H 20.0
#define LOWEST_SOC 0.08             /* below, batteries age: it gives nothing more */
#define EFFICIENCY 0.95             /* one way */
#define CLOUD_HOURS 1.5             /* after which a sky has forgotten what it was */

static const struct {
  const char *name;
  SitePlant smallest, largest;
} kinds[] = {
  [SITE_HOME] = { "home", { SITE_HOME, 3.5, 2.0, 5.0, 13.5 }, { SITE_HOME, 11.0, 6.5, 10.0, 27.0 } },
  [SITE_SHOP] = { "shop", { SITE_SHOP, 15.0, 12.0, 25.0, 75.0 }, { SITE_SHOP, 45.0, 38.0, 60.0, 180.0 } },
  [SITE_DEPOT] = { "depot", { SITE_DEPOT, 80.0, 60.0, 100.0, 300.0 }, { SITE_DEPOT, 150.0, 120.0, 200.0, 600.0 } },
};

/* Hour of the day and share of the highest usual draw; the day goes round. */
static const double home_day[][2] = { { 0, .28 }, { 5, .22 }, { 7.5, .62 }, { 10, .38 }, { 15, .36 }, { 18.5, 1.0 }, { 21, .78 }, { 24, .28 } };
static const double shop_day[][2] = { { 0, .18 }, { 6, .2 }, { 9, .8 }, { 13, 1.0 }, { 18, .85 }, { 20, .35 }, { 24, .18 } };
static const double depot_day[][2] = { { 0, 1.0 }, { 4, .9 }, { 6, .3 }, { 12, .2 }, { 18, .3 }, { 21, .8 }, { 24, 1.0 } };

const char *
site_kind_name (SiteKind kind)
{
  return kinds[kind].name;
}

/* xorshift64*: 0 <= x < 1. The same on every machine, which GRand does not promise across releases. */
double
site_random (guint64 *state)
{
  guint64 x = *state;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return (double) ((x * G_GUINT64_CONSTANT (2685821657736338717)) >> 11) / 9007199254740992.0;
}

/* A generator of its own for each @stream of a @seed (splitmix64); never 0. */
guint64
site_seed (guint64 seed, guint64 stream)
{
  guint64 x = seed * G_GUINT64_CONSTANT (0xd1342543de82ef95) + (stream + 1) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  x = (x ^ x >> 30) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  x ^= x >> 31;
  return x != 0 ? x : 1;
}

/* Share of its peak that a roof under a clear sky gives. */
double
site_sun_at (double hour)
{
  if (hour <= SUNRISE_H || hour >= SUNSET_H)
    return 0.0;
  return pow (sin (G_PI * (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H)), 1.3);
}

double
site_use_at (SiteKind kind, double hour)
{
  const double (*day)[2] = kind == SITE_HOME ? home_day : kind == SITE_SHOP ? shop_day : depot_day;
  gsize i = 1;

  while (hour > day[i][0] && day[i][0] < 24.0)
    i++;
  return day[i - 1][1] + (day[i][1] - day[i - 1][1]) * CLAMP ((hour - day[i - 1][0]) / (day[i][0] - day[i - 1][0]), 0.0, 1.0);
}

/* Towards 0 with time, pushed about meanwhile: a walk that stays near home. */
static double
wander (double value, guint64 *random, double hours, double memory_hours, double push)
{
  double keeps = exp (-hours / memory_hours);

  return value * keeps + (site_random (random) - 0.5) * 2.0 * push * sqrt (1.0 - keeps * keeps) * sqrt (3.0);
}

static double
between (double low, double high, guint64 *random)
{
  return low + (high - low) * site_random (random);
}

void
site_model_start (SiteModel *self, SiteKind kind, guint64 seed, double hour)
{
  const SitePlant *low = &kinds[kind].smallest, *high = &kinds[kind].largest;

  *self = (SiteModel) { .random = seed };
  self->plant.kind = kind;
  self->plant.solar_kw = between (low->solar_kw, high->solar_kw, &self->random);
  self->plant.load_kw = between (low->load_kw, high->load_kw, &self->random);
  self->plant.battery_kw = between (low->battery_kw, high->battery_kw, &self->random);
  self->plant.battery_kwh = between (low->battery_kwh, high->battery_kwh, &self->random);
  self->soc = between (0.35, 0.75, &self->random);
  self->cloud = between (-0.3, 0.5, &self->random);
  site_model_advance (self, hour, 0.0, 0.0);
}

/* What a battery can do now: nothing out of an empty one, nothing into a full one. */
static double
limit_battery (const SiteModel *self, double kw, double hours)
{
  double hour = MAX (hours, 1e-3);
  double most = (self->soc - LOWEST_SOC) * self->plant.battery_kwh * EFFICIENCY / hour;
  double least = -(1.0 - self->soc) * self->plant.battery_kwh / EFFICIENCY / hour;

  kw = CLAMP (kw, -self->plant.battery_kw, self->plant.battery_kw);
  return CLAMP (kw, MIN (least, 0.0), MAX (most, 0.0));
}

/* @hour: of the day, 0 to 24; @hours: how much of the day passes; @real_s: how much of a watch, for what was ordered */
void
site_model_advance (SiteModel *self, double hour, double hours, double real_s)
{
  double by_itself, charged;

  self->cloud = wander (self->cloud, &self->random, hours, CLOUD_HOURS, 0.45);
  self->wander = wander (self->wander, &self->random, hours, 0.5, 0.12);
  self->solar_kw = self->plant.solar_kw * site_sun_at (hour) * (1.0 - 0.75 * CLAMP (self->cloud, 0.0, 1.0));
  self->load_kw = self->plant.load_kw * MAX (0.05, site_use_at (self->plant.kind, hour) + self->wander);

  /* by itself it wants nothing from the grid and keeps something for the evening */
  by_itself = limit_battery (self, 0.8 * (self->load_kw - self->solar_kw), hours);
  self->battery_kw = self->order_left_s > 0.0 ? limit_battery (self, by_itself + self->order_kw, hours) : by_itself;
  self->dispatched_kw = self->battery_kw - by_itself;
  self->power_kw = self->solar_kw - self->load_kw + self->battery_kw;

  charged = self->battery_kw > 0.0 ? self->battery_kw / EFFICIENCY : self->battery_kw * EFFICIENCY;
  self->soc = CLAMP (self->soc - charged * hours / self->plant.battery_kwh, 0.0, 1.0);
  self->order_left_s = MAX (0.0, self->order_left_s - real_s);
}

/* @kw: more towards the grid than it would give by itself, less when negative; @seconds: 0 takes the order back */
void
site_model_order (SiteModel *self, double kw, double seconds)
{
  self->order_kw = kw;
  self->order_left_s = seconds;
}
