/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* What a bridge did, for metrics and listings. Not introspected. */

#include "hawser-bridge.h"

G_BEGIN_DECLS

/* Since the bridge was made. */
typedef struct {
  guint64 n_connects;         /* times it came to be connected */
  guint64 n_sent;             /* the broker has them */
  guint64 n_received;         /* published here */
  guint64 n_refused_there;    /* the broker would not have them */
  guint64 n_refused_here;     /* the bus would not have them, or no rule is for them */
  guint64 n_looped;           /* had been here before, and went no further */
  guint64 n_in_flight;        /* now: sent, and not answered */
} HawserBridgeStatistics;

HAWSER_AVAILABLE_IN_ALL
void hawser_bridge_get_statistics (HawserBridge           *self,
                                   HawserBridgeStatistics *out_statistics);

G_END_DECLS
