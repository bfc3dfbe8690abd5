/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: which message ids came lately, for topics that say `dedup-window`. */

#include "hawser-journal.h"
#include "hawser-message-private.h"

G_BEGIN_DECLS

typedef struct _HawserDedup HawserDedup;

/* @journal must live longer. */
HawserDedup *hawser_dedup_new              (const HawserJournal *journal);
void         hawser_dedup_free             (HawserDedup         *self);
/* Whether a message of this topic with this id came within @window_us before; else it is remembered. */
gboolean     hawser_dedup_is_known         (HawserDedup         *self,
                                            const HawserMessage *message,
                                            gint64               window_us);
/* Of a known one: TRUE if the first is not stored yet, and @done is told, after it, whether it is. */
gboolean     hawser_dedup_await            (HawserDedup         *self,
                                            const HawserMessage *message,
                                            HawserJournalDone    done,
                                            gpointer             data);
/* What the journal has, before anybody publishes. */
gboolean     hawser_dedup_recover          (HawserDedup         *self,
                                            GError             **error);
guint64      hawser_dedup_get_n_duplicates (HawserDedup         *self);

G_END_DECLS
