/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: declarations of topics that survive a restart. */

#include "hawser-journal.h"
#include "hawser-topic.h"

G_BEGIN_DECLS

typedef struct _HawserKeptTopics HawserKeptTopics;

typedef gboolean (*HawserKeptTopicFunc) (gpointer      data,
                                         HawserTopic  *topic,
                                         GError      **error);

/* @journal must live longer. */
HawserKeptTopics *hawser_kept_topics_new      (const HawserJournal  *journal);
void              hawser_kept_topics_free     (HawserKeptTopics     *self);
/* As it is now. Only where there is a journal, and only a #HawserLocalTopic. */
void              hawser_kept_topics_keep     (HawserKeptTopics     *self,
                                               HawserTopic          *topic);
void              hawser_kept_topics_forget   (HawserKeptTopics     *self,
                                               const char           *name);
gboolean          hawser_kept_topics_contains (HawserKeptTopics     *self,
                                               const char           *name);
/* @add is given each that the journal has; one that it does not take is kept no longer. */
gboolean          hawser_kept_topics_recover  (HawserKeptTopics     *self,
                                               HawserKeptTopicFunc   add,
                                               gpointer              data,
                                               GError              **error);

G_END_DECLS
