/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _FlightRadio FlightRadio;

/* @frame: what was sent; valid during the call */
typedef void (*FlightRadioHeard) (gconstpointer frame,
                                  double        rssi,
                                  gpointer      user_data);

FlightRadio *flight_radio_new  (guint             delay_ms,
                                double            loss,
                                guint64           seed);
void         flight_radio_free (FlightRadio      *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FlightRadio, flight_radio_free)

gboolean     flight_radio_send (FlightRadio      *self,
                                gconstpointer     frame,
                                gsize             len,
                                double            rssi,
                                FlightRadioHeard  heard,
                                gpointer          user_data);

G_END_DECLS
