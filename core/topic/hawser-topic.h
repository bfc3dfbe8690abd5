/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-message.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_TOPIC (hawser_topic_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserTopic, hawser_topic, HAWSER, TOPIC, GObject)

/**
 * HawserTopicInterface:
 * @parent_iface: the parent interface
 * @dup_name: the name, or a filter whose metadata holds for every topic that it matches; asked once, when added
 * @publish: (optional): takes a message before it is routed and returns what is routed instead: the same, another one,
 *   or %NULL to keep it back
 *
 * A named place on the bus. The bus makes a #HawserLocalTopic for each name by default.
 *
 * Since: 0.1
 */
struct _HawserTopicInterface {
  GTypeInterface parent_iface;

  char          *(*dup_name) (HawserTopic   *self);
  HawserMessage *(*publish)  (HawserTopic   *self,
                              HawserMessage *message);

  /*< private >*/
  gpointer reserved[8];
};

HAWSER_AVAILABLE_IN_ALL
char          *hawser_topic_dup_name (HawserTopic   *self);
HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_topic_publish  (HawserTopic   *self,
                                      HawserMessage *message);

G_END_DECLS
