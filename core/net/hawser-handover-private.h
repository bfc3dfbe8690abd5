/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One way from a lane to another: what was put in a turn travels at its end, as one batch, with at most one wake-up. Knows
 * nothing of what travels. */

#include "hawser-lane-private.h"

G_BEGIN_DECLS

/* What travels starts with this, and belongs to the other lane from the moment it is put. */
typedef struct _HawserParcel HawserParcel;
struct _HawserParcel {
  HawserParcel *next;
  void (*arrive) (HawserParcel *self); /* on the lane that it travelled to */
};

typedef struct _HawserHandover HawserHandover;

HawserHandover *hawser_handover_new           (HawserLane     *from,
                                               HawserLane     *to);
/* Nothing may be under way. */
void            hawser_handover_free          (HawserHandover *self);
/* When the two lanes share a thread, or one has none any more: all that is under way arrives here. FALSE: nothing was. */
gboolean        hawser_handover_settle        (HawserHandover *self);

/* On the lane that it leaves. Parcels arrive in the order in which they were put. */
void            hawser_handover_put           (HawserHandover *self,
                                               HawserParcel   *parcel);
/* What was put so far does not wait for the end of the turn. */
void            hawser_handover_send          (HawserHandover *self);

/* Batches that found the other lane without mail, each of which told it so. */
guint64         hawser_handover_get_n_told    (HawserHandover *self);

G_END_DECLS
