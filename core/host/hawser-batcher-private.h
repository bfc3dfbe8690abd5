/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-batch.h"

G_BEGIN_DECLS

typedef struct {
  HawserMessage *message;
  guint64 position;        /* of the spool; 0: not spooled */
  gint64 taken_us;         /* monotonic */
  gboolean is_repeated;    /* may be at the destination already */
} HawserBatchEntry;

/* The messages of one key, in order. A group exists as long as it holds messages. */
typedef struct {
  char *key;               /* NULL: the sink knows one place only */
  GArray *entries;         /* of HawserBatchEntry; what is before head has left */
  guint head;
  guint64 n_bytes;         /* of payloads */
  guint n_in_write;        /* messages from the front whose write is under way or waits for its retry; 0: idle */
  guint n_singles;         /* messages from the front to write one by one */
  gboolean is_forced;      /* write it now, full or not */
  gpointer owner_data;     /* whoever writes keeps its attempt here; NULL when idle */
} HawserBatchGroup;

typedef struct {
  guint max_count;         /* messages of a batch */
  guint64 max_bytes;       /* payload bytes of a batch; a larger message travels alone */
  gint64 max_age_us;       /* a message waits no longer for others */
  guint window_count;      /* messages held at all */
  guint64 window_bytes;    /* their payloads and 256 bytes each */
  guint max_groups;
} HawserBatchLimits;

typedef struct {
  HawserBatchLimits limits;
  GHashTable *groups;      /* key (or "") to HawserBatchGroup */
  GQueue order;            /* of HawserBatchGroup, longest known first */
  guint n_entries;
  guint64 n_bytes;
} HawserBatcher;

void              hawser_batcher_init        (HawserBatcher           *self,
                                              const HawserBatchLimits *limits);
void              hawser_batcher_clear       (HawserBatcher           *self);
/* Takes a reference on the message. NULL: no room; what could make room is forced. */
HawserBatchGroup *hawser_batcher_add         (HawserBatcher           *self,
                                              const char              *key,
                                              const HawserBatchEntry  *entry);
gboolean          hawser_batcher_is_ready    (const HawserBatcher     *self,
                                              const HawserBatchGroup  *group,
                                              gint64                   now_us);
/* When @group becomes ready by age; G_MAXINT64: not by waiting. */
gint64            hawser_batcher_get_due_us  (const HawserBatcher     *self,
                                              const HawserBatchGroup  *group);
/* Cuts the next batch from the front; group->n_in_write says how many. */
HawserBatch      *hawser_batcher_cut         (HawserBatcher           *self,
                                              HawserBatchGroup        *group);
/* @n messages from the front are done with. The group is gone when it is empty and idle. */
void              hawser_batcher_release     (HawserBatcher           *self,
                                              HawserBatchGroup        *group,
                                              guint                    n);
guint             hawser_batch_group_get_n   (const HawserBatchGroup  *group);
HawserBatchEntry *hawser_batch_group_get     (const HawserBatchGroup  *group,
                                              guint                    index);

G_END_DECLS
