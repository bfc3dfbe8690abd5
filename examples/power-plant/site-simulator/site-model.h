/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  SITE_HOME,
  SITE_SHOP,
  SITE_DEPOT,             /* of buses: a large roof, large batteries */
} SiteKind;

/* What was built: does not change. */
typedef struct {
  SiteKind kind;
  double solar_kw;        /* peak of the roof */
  double load_kw;         /* highest usual draw */
  double battery_kw;      /* most it takes or gives */
  double battery_kwh;
} SitePlant;

/* Powers are positive towards the grid: solar and a discharging battery are positive, load is subtracted. */
typedef struct {
  SitePlant plant;
  guint64 random;         /* state of the generator; never 0 */
  double cloud;           /* of the site's own sky: 0 clear, 1 dark */
  double wander;          /* slow part of the load */

  double order_kw;        /* what was dispatched: change against what it would do by itself */
  double order_left_s;    /* of real time; 0: nothing ordered */

  double solar_kw;
  double load_kw;
  double battery_kw;
  double power_kw;        /* at the meter */
  double dispatched_kw;   /* how much of the order it does */
  double soc;             /* state of charge, 0 to 1 */
} SiteModel;

void        site_model_start       (SiteModel       *self,
                                    SiteKind         kind,
                                    guint64          seed,
                                    double           hour);
void        site_model_advance     (SiteModel       *self,
                                    double           hour,
                                    double           hours,
                                    double           real_s);
void        site_model_order       (SiteModel       *self,
                                    double           kw,
                                    double           seconds);

double      site_sun_at            (double           hour);
double      site_use_at            (SiteKind         kind,
                                    double           hour);
const char *site_kind_name         (SiteKind         kind);
double      site_random            (guint64         *state);
guint64     site_seed              (guint64          seed,
                                    guint64          stream);

G_END_DECLS
