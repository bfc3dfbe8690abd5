/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ring of messages that wait for one receiver. Knows order, number and bytes; limits and what is dropped are the
 * receiver's. One lane. */

#include "hawser-message.h"

G_BEGIN_DECLS

typedef struct {
  HawserMessage *message;
  guint64 position;                  /* of the journal; 0: only here */
  guint8 qos;
  guint8 retain;
  guint8 is_retained_value;
  guint8 is_redelivered;
  guint8 is_void;                    /* the journal refused it: taken out when its turn comes */
} HawserQueueEntry;

typedef struct {
  HawserQueueEntry *entries;
  guint32 head, n, size;             /* size is a power of two */
  guint64 bytes;
} HawserQueue;

void     hawser_queue_push  (HawserQueue            *self,
                             const HawserQueueEntry *entry); /* its message is (transfer full) */
/* FALSE: empty. The message is (transfer full). */
gboolean hawser_queue_pop   (HawserQueue            *self,
                             HawserQueueEntry       *out_entry);
void     hawser_queue_clear (HawserQueue            *self);

static inline HawserQueueEntry *
hawser_queue_peek (HawserQueue *self)
{
  return self->n > 0 ? &self->entries[self->head] : NULL;
}

G_END_DECLS
