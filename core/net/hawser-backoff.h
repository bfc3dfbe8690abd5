/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* How long to wait before the next attempt: exponential, capped, with full jitter. Embed it; not introspected. */

#include "hawser-types.h"

G_BEGIN_DECLS

typedef struct {
  gint64 initial_us;     /* ceiling of the first pause */
  gint64 maximum_us;     /* ceiling of every pause */
  guint n_failures;      /* in a row */
  guint64 random;        /* private */
} HawserBackoff;

/* @seed: the same seed gives the same pauses; 0 takes one from the machine. */
HAWSER_AVAILABLE_IN_ALL
void   hawser_backoff_init        (HawserBackoff       *self,
                                   gint64               initial_us,
                                   gint64               maximum_us,
                                   guint64              seed);
/* Counts one failure and returns the pause before the next attempt, 0..ceiling. */
HAWSER_AVAILABLE_IN_ALL
gint64 hawser_backoff_fail        (HawserBackoff       *self);
HAWSER_AVAILABLE_IN_ALL
void   hawser_backoff_reset       (HawserBackoff       *self);
/* The ceiling after @n_failures failures in a row: initial x 2^(n-1), at most the maximum. */
HAWSER_AVAILABLE_IN_ALL
gint64 hawser_backoff_ceiling     (const HawserBackoff *self,
                                   guint                n_failures);

G_END_DECLS
