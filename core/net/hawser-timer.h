/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* A timer of the many: embed it in the thing that waits, no allocation, no GSource of its own.
 * Resolution 8 ms, never early. Lives on one lane. Not introspected. */

#include "hawser-types.h"

G_BEGIN_DECLS

typedef struct _HawserTimer HawserTimer;
typedef void (*HawserTimerFunc) (HawserTimer *timer);

struct _HawserTimer {
  HawserTimer *next;      /* private from here on */
  HawserTimer **link;     /* NULL: not armed */
  gint64 due_us;
  HawserTimerFunc func;
};

/* Moves the timer to @due_us on the clock of @lane; from the callback too. */
HAWSER_AVAILABLE_IN_ALL
void hawser_timer_arm    (HawserTimer     *timer,
                          HawserLane      *lane,
                          gint64           due_us,
                          HawserTimerFunc  func);
HAWSER_AVAILABLE_IN_ALL
void hawser_timer_disarm (HawserTimer     *timer);

static inline gboolean
hawser_timer_is_armed (const HawserTimer *timer)
{
  return timer->link != NULL;
}

G_END_DECLS
