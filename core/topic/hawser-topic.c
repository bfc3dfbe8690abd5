/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The topic role: a named place, or metadata for all places that a filter matches. */

#include "hawser-topic.h"

G_DEFINE_INTERFACE (HawserTopic, hawser_topic, G_TYPE_OBJECT)

static void
hawser_topic_default_init (HawserTopicInterface *iface)
{
}

/**
 * hawser_topic_dup_name: (virtual dup_name)
 * @self: a topic
 *
 * Returns: (transfer full): its name or filter; empty, which no bus takes, from one that has none
 * Since: 0.1
 */
char *
hawser_topic_dup_name (HawserTopic *self)
{
  HawserTopicInterface *iface = HAWSER_TOPIC_GET_IFACE (self);
  char *name = iface->dup_name != NULL ? iface->dup_name (self) : NULL;

  return name != NULL ? name : g_strdup ("");
}

/**
 * hawser_topic_publish: (virtual publish)
 * @self: a topic
 * @message: what a publisher sent; rights and limits are checked already
 *
 * Called by the bus before it routes.
 *
 * Returns: (transfer full) (nullable): what to route: @message, another message for the same topic, or %NULL to keep
 *   it back
 * Since: 0.1
 */
HawserMessage *
hawser_topic_publish (HawserTopic *self, HawserMessage *message)
{
  HawserTopicInterface *iface = HAWSER_TOPIC_GET_IFACE (self);

  return iface->publish != NULL ? iface->publish (self, message) : hawser_message_ref (message);
}
