/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-types.h"

G_BEGIN_DECLS

/* A publisher without a connection that waits where a connection would not be read: for room in the queues of receivers with
 * the block policy. On the bus's lane. */

#define HAWSER_TYPE_HOLD (hawser_hold_get_type ())
G_DECLARE_FINAL_TYPE (HawserHold, hawser_hold, HAWSER, HOLD, GObject)

/* @released: there is room in all of them again; it may not publish. */
HawserHold *hawser_hold_new     (void       (*released) (gpointer data),
                                 gpointer     data);
/* @released is not called any more. */
void        hawser_hold_forget  (HawserHold  *self);
gboolean    hawser_hold_is_held (HawserHold  *self);

/* ---- for receivers, in pairs ---- */
void        hawser_hold_add     (HawserHold  *self);
void        hawser_hold_remove  (HawserHold  *self);

G_END_DECLS
