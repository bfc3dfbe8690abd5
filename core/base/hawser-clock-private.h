/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-clock.h"

G_BEGIN_DECLS

typedef struct _HawserClockWatch HawserClockWatch;

/* moved() runs with the clock's lock held, on the thread that advanced it: it may only wake something up. */
struct _HawserClockWatch {
  void (*moved) (HawserClockWatch *watch);
};

void hawser_clock_add_watch    (HawserClock      *self,
                                HawserClockWatch *watch);
void hawser_clock_remove_watch (HawserClock      *self,
                                HawserClockWatch *watch);

G_END_DECLS
