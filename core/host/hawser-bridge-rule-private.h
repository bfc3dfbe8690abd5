/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line of topics-in, topics-out or topics-both of a bridge: `PATTERN [qos=N] [local=PREFIX] [remote=PREFIX]`. The
 * pattern is a topic filter behind both prefixes; `""` is the empty one, so that the prefixes are whole topics. */

#include "hawser-topic-filter.h"

G_BEGIN_DECLS

typedef struct {
  HawserTopicFilter *local;      /* prefix and pattern */
  HawserTopicFilter *remote;
  gsize local_len;               /* of the prefixes */
  gsize remote_len;
  guint8 qos;
} HawserBridgeRule;

HawserBridgeRule       *hawser_bridge_rule_parse       (const char              *text,
                                                        GError                 **error);
void                    hawser_bridge_rule_free        (HawserBridgeRule        *self);
/* The first rule of @rules whose side matches @topic; NULL: none. */
const HawserBridgeRule *hawser_bridge_rule_find_local  (GPtrArray               *rules,
                                                        const char              *topic);
const HawserBridgeRule *hawser_bridge_rule_find_remote (GPtrArray               *rules,
                                                        const char              *topic);
/* The same topic as the other side names it. */
char                   *hawser_bridge_rule_to_remote   (const HawserBridgeRule  *self,
                                                        const char              *local_topic);
char                   *hawser_bridge_rule_to_local    (const HawserBridgeRule  *self,
                                                        const char              *remote_topic);

G_END_DECLS
