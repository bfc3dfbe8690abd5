/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the last messages of topics that say `history`, for who subscribes later. */

#include "hawser-journal.h"
#include "hawser-message-private.h"

G_BEGIN_DECLS

typedef struct _HawserBus HawserBus;
typedef struct _HawserReceiver HawserReceiver;

typedef struct {
  guint64 sequence;                  /* not before */
  gint64 published_us;               /* not before, monotonic */
} HawserSince;

typedef struct {
  HawserBus *bus;
  GHashTable *rings;                 /* topic -> GQueue of messages; NULL: no topic asked yet */
  GHashTable *replays;               /* receiver -> GPtrArray of Replay; NULL: none ever */
  guint64 n_bytes;
  guint64 ceiling;                   /* in the journal: numbers up to it may have been given; 0: none there yet */
} HawserHistory;

/* A sequence number, a time as in RFC 3339 or a duration before now; FALSE: none of these. A pure function. */
gboolean    hawser_since_parse    (const char     *text,
                                   gint64          now_us,
                                   gint64          wall_minus_monotonic_us,
                                   HawserSince    *out);
void        hawser_history_init   (HawserHistory  *self,
                                   HawserBus      *bus);
void        hawser_history_clear  (HawserHistory  *self);
/* @message was stamped; the last @limit of the topic are kept. FALSE: in memory only, and @done will not be called. */
gboolean    hawser_history_add    (HawserHistory  *self,
                                   const char     *topic,
                                   HawserMessage  *message,
                                   guint           limit,
                                   HawserJournalDone done,
                                   gpointer        data);
/* What the journal has, before anybody publishes. */
gboolean    hawser_history_recover (HawserHistory *self,
                                   GError        **error);
/* All topics are declared: those that ask for less than is there lose it. */
void        hawser_history_sweep  (HawserHistory  *self);
/* Gives @receiver what @filter selects, may be read and is not before @since, in the order it was published; @speed 0: at
 * once, before anything newer; else with the pauses of then divided by it. FALSE: @since means nothing. */
gboolean    hawser_history_replay (HawserHistory  *self,
                                   HawserReceiver *receiver,
                                   const char     *filter,
                                   const char     *since,
                                   double          speed,
                                   guint8          max_qos);
/* The receiver leaves. */
void        hawser_history_forget (HawserHistory  *self,
                                   HawserReceiver *receiver);

G_END_DECLS
