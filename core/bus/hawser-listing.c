/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the listing shows of each subscription, and what nobody is shown. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-receiver-private.h"

char *
hawser_receiver_describe (HawserReceiver *self)
{
  const char *client_id;

  if (self->group != NULL)
    {
      g_autofree char *name = hawser_group_dup_name (self->group);

      return g_strdup_printf ("group %s of %u", name, hawser_group_get_n_members (self->group));
    }
  if (self->flags & HAWSER_RECEIVER_PASSIVE)
    return g_strdup_printf ("sink %s", self->durable != NULL && self->durable->id != NULL ? self->durable->id : "");
  if (self->connection == NULL)
    return g_strdup (self->durable != NULL && self->durable->id != NULL ? "absent" : "in-process");
  client_id = hawser_connection_get_client_id (self->connection);
  return g_strdup_printf ("%s client %s", hawser_connection_get_protocol (self->connection), client_id != NULL ? client_id : "");
}

/* What all subscriptions of a receiver have in common. */
static void
describe (HawserReceiver *self, const char *description, HawserSubscriptionInfo *out_info)
{
  guint64 n, bytes;

  hawser_receiver_get_depth (self, &n, &bytes);
  *out_info = (HawserSubscriptionInfo) {
    .receiver = description,
    .identity = self->durable == NULL || self->group != NULL ? NULL : self->durable->identity != NULL ? self->durable->identity : hawser_receiver_get_id (self),
    .connection_id = self->connection != NULL ? hawser_connection_get_id (self->connection) : 0, .is_group = self->group != NULL,
    .is_durable = (self->flags & HAWSER_RECEIVER_DURABLE) != 0, .is_passive = (self->flags & HAWSER_RECEIVER_PASSIVE) != 0,
    .n_queued = n, .queued_bytes = bytes, .n_delivered = self->n_delivered, .n_dropped = self->n_dropped, .handle = self,
  };
}

static char *
make_id (HawserReceiver *self, const char *filter)
{
  const char *own_id = hawser_receiver_get_id (self);

  if (self->group != NULL || (own_id != NULL && self->flags & HAWSER_RECEIVER_PROVISIONED))
    return g_strdup (own_id);
  return own_id != NULL ? g_strdup_printf ("%s:%s", own_id, filter) : g_strdup_printf ("%u:%s", self->serial, filter);
}

static gboolean
list_filters (HawserReceiver *self, const HawserSubscriptionInfo *common, HawserSubscriptionInfoFunc func, gpointer data)
{
  g_autofree char *group = self->group != NULL ? hawser_group_dup_name (self->group) : NULL;

  for (HawserEntry *entry = self->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);
      g_autofree char *id = make_id (self, filter);
      HawserSubscriptionInfo info = *common;

      info.id = id;
      info.filter = filter;
      info.group = group;
      info.qos = entry->qos;
      info.no_local = entry->no_local;
      if (!func (&info, data))
        return FALSE;
    }
  return TRUE;
}

/* Its shared subscriptions: the queue is the group's, what is counted here is under way to this member. */
static gboolean
list_memberships (HawserReceiver *self, const HawserSubscriptionInfo *common, HawserSubscriptionInfoFunc func, gpointer data)
{
  for (HawserMember *member = self->members; member != NULL; member = member->next)
    {
      g_autofree char *group = hawser_group_dup_name (member->group);
      g_autofree char *id = make_id (self, hawser_group_get_text (member->group));
      HawserSubscriptionInfo info = *common;

      if (member->is_leaving)
        continue;
      info.id = id;
      info.filter = hawser_group_get_text (member->group);
      info.group = group;
      info.qos = member->qos;
      info.n_queued = member->n_given;
      info.queued_bytes = 0;
      if (!func (&info, data))
        return FALSE;
    }
  return TRUE;
}

void
hawser_bus_foreach_subscription (HawserBus *self, HawserSubscriptionInfoFunc func, gpointer data)
{
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    {
      g_autofree char *description = NULL;
      HawserSubscriptionInfo common;

      if (receiver->flags & HAWSER_RECEIVER_HIDDEN || (receiver->entries == NULL && receiver->members == NULL))
        continue;
      description = hawser_receiver_describe (receiver);
      describe (receiver, description, &common);
      if (!list_filters (receiver, &common, func, data) || !list_memberships (receiver, &common, func, data))
        return;
    }
}

void
hawser_bus_set_redact (HawserBus *self, const char * const *rules)
{
  char **copy = g_strdupv ((char **) rules);

  g_strfreev (self->redact);
  self->redact = copy;
}

const char * const *
hawser_bus_get_redact (HawserBus *self)
{
  return (const char * const *) self->redact;
}
