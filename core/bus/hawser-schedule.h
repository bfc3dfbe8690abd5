/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: messages that wait for their time. */

#include "hawser-journal.h"
#include "hawser-message-private.h"
#include "hawser-timer.h"

G_BEGIN_DECLS

typedef struct _HawserBus HawserBus;

typedef struct {
  HawserTimer timer;                 /* for the earliest */
  HawserBus *bus;
  GSequence *by_time;                /* of Scheduled */
  GHashTable *by_id;                 /* id -> GSequenceIter */
  guint64 n_bytes;
} HawserSchedule;

void     hawser_schedule_init    (HawserSchedule    *self,
                                  HawserBus         *bus);
void     hawser_schedule_clear   (HawserSchedule    *self);
/* A HawserResult, or HAWSER_ERROR_QUOTA. PENDING: @done comes after the commit. */
int      hawser_schedule_add     (HawserSchedule    *self,
                                  HawserMessage     *message, /* (transfer full) */
                                  gint64             due_us,
                                  HawserOrigin      *origin,
                                  HawserJournalDone  done,
                                  gpointer           data);
gboolean hawser_schedule_recover (HawserSchedule    *self,
                                  GError           **error);
guint    hawser_schedule_get_n   (HawserSchedule    *self);

G_END_DECLS
