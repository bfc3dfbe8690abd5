/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_TOPIC_FILTER (hawser_topic_filter_get_type())
HAWSER_AVAILABLE_IN_ALL
GType              hawser_topic_filter_get_type      (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserTopicFilter *hawser_topic_filter_new           (const char               *text,
                                                      GError                  **error);
HAWSER_AVAILABLE_IN_ALL
HawserTopicFilter *hawser_topic_filter_ref           (HawserTopicFilter        *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_topic_filter_unref         (HawserTopicFilter        *self);

HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_topic_filter_matches       (const HawserTopicFilter  *self,
                                                      const char               *topic);

HAWSER_AVAILABLE_IN_ALL
const char        *hawser_topic_filter_get_text      (const HawserTopicFilter  *self);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_topic_filter_has_wildcards (const HawserTopicFilter  *self);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_topic_filter_is_shared     (const HawserTopicFilter  *self);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_topic_filter_overlaps      (const HawserTopicFilter  *self,
                                                      const HawserTopicFilter  *other);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_topic_filter_is_subset     (const HawserTopicFilter  *self,
                                                      const HawserTopicFilter  *other);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserTopicFilter, hawser_topic_filter_unref)

G_END_DECLS
