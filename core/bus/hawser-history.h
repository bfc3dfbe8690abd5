/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the last messages of topics that say `history`, for who subscribes later. */

#include "hawser-journal.h"
#include "hawser-lane-private.h"
#include "hawser-message-private.h"
#include "hawser-since.h"

G_BEGIN_DECLS

typedef struct _HawserHistory HawserHistory;

/* How many messages of @topic are to be kept. */
typedef guint    (*HawserHistoryLimit)   (gpointer    data,
                                          const char *topic);
typedef gboolean (*HawserHistoryMayRead) (gpointer    data,
                                          const char *topic);

/* What is pointed to must live longer; @sequence: the number that a message was given last, raised by what is recovered. */
HawserHistory *hawser_history_new     (HawserLane           *lane,
                                       const HawserJournal  *journal,
                                       guint64              *sequence);
void           hawser_history_free    (HawserHistory        *self);
/* @message was stamped; the last @limit of the topic are kept. FALSE: in memory only, and @done will not be called. */
gboolean       hawser_history_add     (HawserHistory        *self,
                                       const char           *topic,
                                       HawserMessage        *message,
                                       guint                 limit,
                                       HawserJournalDone     done,
                                       gpointer              data);
/* (transfer full) (element-type HawserMessage): what @filter selects, may be read and is not before @since, in the order it was
 * published. */
GPtrArray     *hawser_history_take    (HawserHistory        *self,
                                       const char           *filter,
                                       const HawserSince    *since,
                                       HawserHistoryMayRead  may_read,
                                       gpointer              data);
/* What the journal has, before anybody publishes. */
gboolean       hawser_history_recover (HawserHistory        *self,
                                       GError              **error);
/* All topics are declared: those that ask for less than is there lose it. */
void           hawser_history_sweep   (HawserHistory        *self,
                                       HawserHistoryLimit    get_limit,
                                       gpointer              data);

G_END_DECLS
