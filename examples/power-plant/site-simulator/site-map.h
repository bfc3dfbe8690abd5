/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "site-report.h"

G_BEGIN_DECLS

#define SITE_N_REGIONS 4

/* One place of the grid: who is above it, what is built there and where. */
typedef struct {
  const char *region;
  guint feeder;           /* of the region, from 1 */
  guint number;           /* of the feeder, from 1 */
  SiteKind kind;
  SitePlace place;
} SiteSpot;

/* The same for every seed of the weather: a valley is where it is. @n sites are dealt out evenly. */
void site_map_spot (guint      index,
                    guint      n,
                    SiteSpot  *out);

G_END_DECLS
