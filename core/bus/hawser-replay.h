/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: gives receivers what was published before they came. */

#include "hawser-history.h"
#include "hawser-receiver-private.h"

G_BEGIN_DECLS

typedef struct _HawserReplays HawserReplays;

/* What is pointed to must live longer. */
HawserReplays *hawser_replays_new    (HawserLane      *lane,
                                      HawserHistory   *history,
                                      HawserAuthority *authority);
void           hawser_replays_free   (HawserReplays   *self);
/* Gives @receiver what @filter selects, may be read and is not before @since, in the order it was published; @speed 0: at
 * once, before anything newer; else with the pauses of then divided by it. FALSE: @since means nothing. */
gboolean       hawser_replays_start  (HawserReplays   *self,
                                      HawserReceiver  *receiver,
                                      const char      *filter,
                                      const char      *since,
                                      double           speed,
                                      guint8           max_qos);
/* The receiver leaves. */
void           hawser_replays_forget (HawserReplays   *self,
                                      HawserReceiver  *receiver);

G_END_DECLS
