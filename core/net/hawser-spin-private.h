/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether to look for the next event awake before sleeping. All zero: never. */
typedef struct {
  gint64 max_us;       /* of one look; 0: none */
  gint64 gap_ns;       /* smoothed time between a turn and what comes next */
  gint64 sleep_ns;     /* smoothed time of the processor that it takes to fall asleep and to wake */
  guint n_skip;        /* waits that are not tried */
  guint penalty;       /* what n_skip becomes when the next look is in vain */
  guint n_slept;
} HawserSpin;

void     hawser_spin_init        (HawserSpin *self,
                                  gint64      max_us);
/* A wait begins: how long to look before sleeping. */
gint64   hawser_spin_get_us      (HawserSpin *self);
/* It ended after @took_us; @looked: awake at first; @slept: but in vain. */
void     hawser_spin_learn_gap   (HawserSpin *self,
                                  gint64      took_us,
                                  gboolean    looked,
                                  gboolean    slept);
/* Whether this sleep's cost should be measured, and what it was. */
gboolean hawser_spin_wants_sleep (HawserSpin *self);
void     hawser_spin_learn_sleep (HawserSpin *self,
                                  gint64      cpu_ns);

G_END_DECLS
