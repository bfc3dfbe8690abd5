/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-timer.h"

G_BEGIN_DECLS

#define HAWSER_WHEEL_TICK_US 8192     /* a power of two: a tick is a shift; 8 ms is far below the 0.25 s we promise */
#define HAWSER_WHEEL_LEVELS 4
#define HAWSER_WHEEL_SLOTS 256        /* 2 s, 9 min, 37 h, 1 year */

typedef struct {
  gint64 tick;                        /* all ticks up to this one have run */
  guint64 occupied[HAWSER_WHEEL_LEVELS][HAWSER_WHEEL_SLOTS / 64];
  HawserTimer *slots[HAWSER_WHEEL_LEVELS][HAWSER_WHEEL_SLOTS];
} HawserTimerWheel;

void   hawser_timer_wheel_init     (HawserTimerWheel *self,
                                    gint64            now_us);
void   hawser_timer_wheel_add      (HawserTimerWheel *self,
                                    HawserTimer      *timer);
/* Needs no wheel: a slot that became empty keeps its mark until it is looked at. */
void   hawser_timer_wheel_remove   (HawserTimer      *timer);

/* Runs what is due; a callback may arm and disarm any timer. */
void   hawser_timer_wheel_run      (HawserTimerWheel *self,
                                    gint64            now_us);

/* When to call run() next: -1 when nothing is armed; may be earlier than the first timer, never later. */
gint64 hawser_timer_wheel_next_us  (HawserTimerWheel *self);

G_END_DECLS
