/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "flight-model.h"

G_BEGIN_DECLS

typedef struct {
  double lat;
  double lon;
  double speed;           /* m/s */
  double heading_deg;
  gboolean goes_north;    /* the road it is on: north-south or east-west */
  gboolean has_arrived;
} FlightChase;

void flight_chase_start (FlightChase   *self,
                         double         lat,
                         double         lon);
void flight_chase_drive (FlightChase   *self,
                         double         to_lat,
                         double         to_lon,
                         gboolean       across_fields,
                         double         seconds);

G_END_DECLS
