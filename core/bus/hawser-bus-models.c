/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The collections of a bus as GListModels, for people's windows and scripts. Made when first asked for; a bus that
 * nobody looks at pays nothing for them. Context: the bus's. */

#include "hawser-bus-private.h"

#include <string.h>

#include "hawser-subscription-item.h"

/* ---- Topics ---- */

static HawserTopic *
topic_item (HawserTopicRecord *record)
{
  return record->topic != NULL ? g_object_ref (record->topic) : HAWSER_TOPIC (hawser_local_topic_new (record->name));
}

void
hawser_bus_model_add_topic (HawserBus *self, HawserTopicRecord *record)
{
  g_autoptr (HawserTopic) topic = NULL;

  if (self->topic_model == NULL || record->is_listed)
    return;
  record->is_listed = TRUE;
  topic = topic_item (record);
  g_list_store_append (self->topic_model, topic);
}

void
hawser_bus_model_remove_topic (HawserBus *self, const char *name)
{
  guint n = self->topic_model != NULL ? g_list_model_get_n_items (G_LIST_MODEL (self->topic_model)) : 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (HawserTopic) topic = g_list_model_get_item (G_LIST_MODEL (self->topic_model), i);
      g_autofree char *own = hawser_topic_dup_name (topic);

      if (g_str_equal (own, name))
        {
          g_list_store_remove (self->topic_model, i);
          return;
        }
    }
}

static gboolean
add_bare_topic (HawserMatchNode *node, gpointer value, gpointer data)
{
  HawserBus *self = data;
  HawserMessage *message = value;

  if (hawser_topic_table_find (&self->topics, message->data, message->topic_len) == NULL)
    {
      g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new (message->data);

      g_list_store_append (self->topic_model, topic);
    }
  return TRUE;
}

/**
 * hawser_bus_get_topics: (get-property topics)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserTopic of every name that is declared or in use
 * Since: 0.1
 */
GListModel *
hawser_bus_get_topics (HawserBus *self)
{
  if (self->topic_model == NULL)
    {
      self->topic_model = g_list_store_new (HAWSER_TYPE_TOPIC);
      for (guint i = 0; i < self->topics.n_buckets; i++)
        for (HawserTopicRecord *record = self->topics.buckets[i]; record != NULL; record = record->next)
          {
            record->is_listed = FALSE;
            hawser_bus_model_add_topic (self, record);
          }
      hawser_match_tree_foreach (self->topics.retained, add_bare_topic, self);
    }
  return G_LIST_MODEL (self->topic_model);
}

/* ---- Subscriptions ---- */

void
hawser_bus_model_add_subscription (HawserBus *self, HawserEntry *entry)
{
  g_autoptr (HawserSubscriptionItem) item = NULL;

  if (self->subscription_model == NULL || entry->receiver->flags & HAWSER_RECEIVER_HIDDEN)
    return;
  item = hawser_subscription_item_new (entry);
  g_list_store_append (self->subscription_model, item);
}

void
hawser_bus_model_remove_subscription (HawserBus *self, HawserEntry *entry)
{
  guint n = self->subscription_model != NULL ? g_list_model_get_n_items (G_LIST_MODEL (self->subscription_model)) : 0;

  for (guint i = n; i-- > 0;)
    {
      g_autoptr (HawserSubscriptionItem) item = g_list_model_get_item (G_LIST_MODEL (self->subscription_model), i);

      if (hawser_subscription_item_is_for (item, entry))
        {
          g_list_store_remove (self->subscription_model, i);
          return;
        }
    }
}

/**
 * hawser_bus_get_subscriptions: (get-property subscriptions)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserSubscriptionItem of every filter of every receiver
 * Since: 0.1
 */
GListModel *
hawser_bus_get_subscriptions (HawserBus *self)
{
  if (self->subscription_model == NULL)
    {
      self->subscription_model = g_list_store_new (HAWSER_TYPE_SUBSCRIPTION_ITEM);
      for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
        for (HawserEntry *entry = receiver->entries; entry != NULL; entry = entry->next_of_receiver)
          hawser_bus_model_add_subscription (self, entry);
    }
  return G_LIST_MODEL (self->subscription_model);
}

/* ---- Connections ---- */

void
hawser_bus_add_connection (HawserBus *self, HawserConnection *connection)
{
  g_queue_push_tail_link (&self->connections, hawser_connection_get_link (connection));
  self->most_connections = MAX (self->most_connections, self->connections.length);
  if (self->connection_model != NULL)
    g_list_store_append (self->connection_model, connection);
}

void
hawser_bus_remove_connection (HawserBus *self, HawserConnection *connection)
{
  guint position;

  g_queue_unlink (&self->connections, hawser_connection_get_link (connection));
  if (self->connection_model != NULL && g_list_store_find (self->connection_model, connection, &position))
    g_list_store_remove (self->connection_model, position);
  if (self->twins != NULL)
    self->twin_hook->connection_gone (self->twins, connection);
}

void
hawser_bus_note_identity (HawserBus *self, HawserConnection *connection)
{
  if (self->twins != NULL)
    self->twin_hook->identified (self->twins, connection);
}

/**
 * hawser_bus_get_connections: (get-property connections)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserConnection of every peer
 * Since: 0.1
 */
GListModel *
hawser_bus_get_connections (HawserBus *self)
{
  if (self->connection_model == NULL)
    {
      self->connection_model = g_list_store_new (HAWSER_TYPE_CONNECTION);
      for (GList *link = self->connections.head; link != NULL; link = link->next)
        g_list_store_append (self->connection_model, link->data);
    }
  return G_LIST_MODEL (self->connection_model);
}

/* ---- What the host runs ---- */

/**
 * hawser_bus_get_listeners: (get-property listeners)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserListener of everything that accepts peers
 * Since: 0.1
 */
GListModel *
hawser_bus_get_listeners (HawserBus *self)
{
  return hawser_roster_get_model (&self->listeners);
}

/**
 * hawser_bus_get_bridges: (get-property bridges)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserBridge of every bridge that was started
 * Since: 0.1
 */
GListModel *
hawser_bus_get_bridges (HawserBus *self)
{
  return hawser_roster_get_model (&self->bridges);
}

/**
 * hawser_bus_get_pipelines: (get-property pipelines)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserPipeline of every pipeline that was started
 * Since: 0.1
 */
GListModel *
hawser_bus_get_pipelines (HawserBus *self)
{
  return hawser_roster_get_model (&self->pipelines);
}

/**
 * hawser_bus_get_sinks: (get-property sinks)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserSinkRunner of every sink that was started
 * Since: 0.1
 */
GListModel *
hawser_bus_get_sinks (HawserBus *self)
{
  return hawser_roster_get_model (&self->sinks);
}
