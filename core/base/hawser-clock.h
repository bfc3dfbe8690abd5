/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_CLOCK (hawser_clock_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserClock, hawser_clock, HAWSER, CLOCK, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserClock *hawser_clock_get_system       (void);
HAWSER_AVAILABLE_IN_ALL
HawserClock *hawser_clock_new_manual       (gint64       monotonic_us,
                                            gint64       wall_us);
HAWSER_AVAILABLE_IN_ALL
gint64       hawser_clock_get_monotonic_us (HawserClock *self);
HAWSER_AVAILABLE_IN_ALL
gint64       hawser_clock_get_wall_us      (HawserClock *self);
HAWSER_AVAILABLE_IN_ALL
gboolean     hawser_clock_is_manual        (HawserClock *self);
HAWSER_AVAILABLE_IN_ALL
void         hawser_clock_advance          (HawserClock *self,
                                            gint64       us);
HAWSER_AVAILABLE_IN_ALL
void         hawser_clock_set_wall_us      (HawserClock *self,
                                            gint64       wall_us);

G_END_DECLS
