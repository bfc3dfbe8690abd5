/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the listing shows of each subscription. Context: the bus's lane. */

#include "hawser-receiver-private.h"

char *
hawser_receiver_describe (HawserReceiver *self)
{
  const char *client_id;

  if (self->flags & HAWSER_RECEIVER_PASSIVE)
    return g_strdup_printf ("sink %s", self->durable != NULL && self->durable->id != NULL ? self->durable->id : "");
  if (self->connection == NULL)
    return g_strdup (self->durable != NULL && self->durable->id != NULL ? "absent" : "in-process");
  client_id = hawser_connection_get_client_id (self->connection);
  return g_strdup_printf ("%s client %s", hawser_connection_get_protocol (self->connection), client_id != NULL ? client_id : "");
}

void
hawser_bus_foreach_subscription (HawserBus *self, HawserSubscriptionInfoFunc func, gpointer data)
{
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    {
      g_autofree char *description = NULL;
      guint64 n, bytes;

      if (receiver->flags & HAWSER_RECEIVER_HIDDEN || receiver->entries == NULL)
        continue;
      description = hawser_receiver_describe (receiver);
      hawser_receiver_get_depth (receiver, &n, &bytes);
      for (HawserEntry *entry = receiver->entries; entry != NULL; entry = entry->next_of_receiver)
        {
          g_autofree char *filter = hawser_match_node_dup_path (entry->node);
          const char *own_id = hawser_receiver_get_id (receiver);
          g_autofree char *id = own_id != NULL && receiver->flags & HAWSER_RECEIVER_PROVISIONED ? g_strdup (own_id)
                                : own_id != NULL ? g_strdup_printf ("%s:%s", own_id, filter)
                                                 : g_strdup_printf ("%u:%s", receiver->serial, filter);
          HawserSubscriptionInfo info = {
            .id = id, .filter = filter, .receiver = description,
            .identity = receiver->durable == NULL ? NULL : receiver->durable->identity != NULL ? receiver->durable->identity : own_id,
            .connection_id = receiver->connection != NULL ? hawser_connection_get_id (receiver->connection) : 0,
            .is_durable = (receiver->flags & HAWSER_RECEIVER_DURABLE) != 0, .is_passive = (receiver->flags & HAWSER_RECEIVER_PASSIVE) != 0,
            .qos = entry->qos, .n_queued = n, .queued_bytes = bytes, .n_delivered = receiver->n_delivered, .n_dropped = receiver->n_dropped,
            .handle = receiver,
          };

          if (!func (&info, data))
            return;
        }
    }
}
