/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The filters of a receiver: its entries in the bus's match tree, and the right to them. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-mount-private.h"
#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-topic-filter.h"
#include "hawser-topic-raw.h"

static gboolean
is_system (const char *filter, gsize len)
{
  return len >= 5 && memcmp (filter, "$SYS/", 5) == 0;
}

HawserEntry *
hawser_receiver_add_entry (HawserReceiver *self, HawserMatchNode *node, const char *filter, gsize len)
{
  HawserEntry *entry = g_new0 (HawserEntry, 1);

  entry->receiver = self;
  entry->node = node;
  entry->next_of_node = hawser_match_node_get_value (node);
  if (entry->next_of_node != NULL)
    entry->next_of_node->prev_of_node = entry;
  hawser_match_node_set_value (node, entry);
  entry->next_of_receiver = self->entries;
  if (entry->next_of_receiver != NULL)
    entry->next_of_receiver->link_of_receiver = &entry->next_of_receiver;
  self->entries = entry;
  entry->link_of_receiver = &self->entries;
  self->n_entries++;
  self->bus->n_system_filters += is_system (filter, len);
  if (!(self->flags & (HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)))
    self->bus->statistics.n_subscriptions++;
  return entry;
}

/* Costs the same for a client with one filter and with a million, and on a filter of one or a million clients. */
void
hawser_receiver_remove_entry (HawserReceiver *self, HawserEntry *entry)
{
  HawserBus *bus = self->bus;
  g_autofree char *filter = hawser_match_node_dup_path (entry->node);

  hawser_entry_end_lease (bus, entry);
  hawser_bus_model_remove_subscription (bus, entry);
  *entry->link_of_receiver = entry->next_of_receiver;
  if (entry->next_of_receiver != NULL)
    entry->next_of_receiver->link_of_receiver = entry->link_of_receiver;

  if (entry->next_of_node != NULL)
    entry->next_of_node->prev_of_node = entry->prev_of_node;
  if (entry->prev_of_node != NULL)
    entry->prev_of_node->next_of_node = entry->next_of_node;
  else
    hawser_match_node_set_value (entry->node, entry->next_of_node);
  if (hawser_match_node_get_value (entry->node) == NULL)
    hawser_match_tree_prune (bus->routes.filters, entry->node);
  bus->n_system_filters -= is_system (filter, strlen (filter));
  hawser_routes_filter_changed (&bus->routes, filter, strlen (filter));
  self->n_entries--;
  if (!(self->flags & (HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)))
    bus->statistics.n_subscriptions--;
  g_free (entry);
}

void
hawser_receiver_renew_routes (HawserReceiver *self)
{
  for (HawserEntry *entry = self->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);

      hawser_routes_filter_changed (&self->bus->routes, filter, strlen (filter));
    }
}

static HawserEntry *
find_entry (HawserReceiver *self, HawserMatchNode *node)
{
  HawserEntry *entry = hawser_match_node_get_value (node);

  /* few receivers share a filter, or few filters share a receiver: walk the shorter list by turns */
  for (HawserEntry *own = self->entries; entry != NULL && own != NULL; entry = entry->next_of_node, own = own->next_of_receiver)
    {
      if (entry->receiver == self)
        return entry;
      if (own->node == node)
        return own;
    }
  return NULL;
}

void
hawser_receiver_forget_filters (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;

  if (durable->former == NULL)
    durable->former = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  while (self->entries != NULL)
    {
      g_hash_table_add (durable->former, hawser_match_node_dup_path (self->entries->node));
      hawser_receiver_remove_entry (self, self->entries);
    }
}

/* Whether it had the filter before the daemon was started: its retained values were given then, and are behind it. */
static gboolean
was_there (HawserReceiver *self, const char *filter, gsize len)
{
  g_autofree char *name = NULL;

  if (self->durable == NULL || self->durable->former == NULL)
    return FALSE;
  name = g_strndup (filter, len);
  return g_hash_table_remove (self->durable->former, name);
}

static int
subscribe_shared (HawserReceiver *self, const char *filter, gsize filter_len, const HawserSubscribeOptions *options)
{
  gsize at = 0;
  int result = HAWSER_RESULT_OK;

  if (!hawser_group_parse (filter, filter_len, &at))
    return hawser_refuse (&self->bus->refusal, HAWSER_ERROR_INVALID, "not a valid shared subscription: $share/NAME/FILTER");
  if (options->no_local)
    return hawser_refuse (&self->bus->refusal, HAWSER_ERROR_INVALID, "no local has no meaning in a shared subscription"); /* [MQTT-3.8.3-4] */
  if (!hawser_receiver_check_filter (self, filter + at, filter_len - at, &result))
    return result;
  hawser_group_join (self, filter, filter_len, options);
  hawser_receiver_save_later (self);
  return HAWSER_RESULT_OK;
}

int
hawser_receiver_subscribe (HawserReceiver *self, const char *filter, gsize filter_len, const HawserSubscribeOptions *options)
{
  HawserBus *bus = self->bus;
  HawserMatchNode *node;
  HawserEntry *entry;
  gboolean is_new;
  int result = HAWSER_RESULT_OK;
  g_autofree char *full = NULL;

  if (G_UNLIKELY (self->mount_point != NULL) && filter_len > 0)
    {
      full = hawser_mount_filter (self->mount_point, filter, filter_len);
      filter = full;
      filter_len = strlen (full);
    }
  if (G_UNLIKELY (hawser_topic_filter_is_shared_raw (filter, filter_len)))
    return subscribe_shared (self, filter, filter_len, options);
  if (!hawser_topic_filter_check (filter, filter_len))
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_INVALID, "not a valid topic filter");
  if (!hawser_receiver_check_filter (self, filter, filter_len, &result))
    return result;

  if (G_UNLIKELY (is_system (filter, filter_len)) && bus->system_wanted != NULL)
    bus->system_wanted (bus->system_data);
  node = hawser_match_tree_insert (bus->routes.filters, filter, filter_len);
  entry = find_entry (self, node);
  is_new = entry == NULL;
  if (is_new)
    {
      entry = hawser_receiver_add_entry (self, node, filter, filter_len);
      hawser_bus_model_add_subscription (bus, entry);
      hawser_receiver_lease_entry (self, entry, filter, filter_len);
    }
  entry->qos = options->qos;
  entry->no_local = options->no_local != FALSE;
  entry->retain_as_published = options->retain_as_published != FALSE;
  entry->id = options->id;
  self->has_ids |= options->id != 0;
  hawser_routes_filter_changed (&bus->routes, filter, filter_len);
  hawser_receiver_save_later (self);
  if (G_UNLIKELY (options->since != NULL))
    {
      g_autofree char *text = g_strndup (filter, filter_len);

      if (!hawser_replays_start (bus->replays, self, text, options->since, options->replay_speed, options->qos))
        {
          if (is_new)
            hawser_receiver_remove_entry (self, entry);
          return hawser_refuse (&bus->refusal, HAWSER_ERROR_INVALID, "since '%.100s' is no sequence number, no time as in RFC 3339 and no duration", options->since);
        }
    }
  else if (options->retain_handling == 0 || (options->retain_handling == 1 && is_new && !was_there (self, filter, filter_len)))
    hawser_receiver_send_retained (self, entry);
  return HAWSER_RESULT_OK;
}

gboolean
hawser_receiver_has_filter (HawserReceiver *self, const char *filter)
{
  g_autofree char *full = self->mount_point != NULL ? hawser_mount_filter (self->mount_point, filter, strlen (filter)) : NULL;
  const char *name = full != NULL ? full : filter;
  HawserMatchNode *node = hawser_match_tree_lookup (self->bus->routes.filters, name, strlen (name));
  HawserMember *member = hawser_group_find_member (self, name, strlen (name));

  if (member != NULL)
    return !member->is_leaving;
  return node != NULL && find_entry (self, node) != NULL;
}

gboolean
hawser_receiver_unsubscribe (HawserReceiver *self, const char *filter, gsize filter_len)
{
  g_autofree char *full = self->mount_point != NULL ? hawser_mount_filter (self->mount_point, filter, filter_len) : NULL;
  const char *name = full != NULL ? full : filter;
  gsize len = full != NULL ? strlen (full) : filter_len;
  HawserMatchNode *node = hawser_match_tree_lookup (self->bus->routes.filters, name, len);
  HawserEntry *entry = node != NULL ? find_entry (self, node) : NULL;
  HawserMember *member = entry == NULL ? hawser_group_find_member (self, name, len) : NULL;

  if (member != NULL && !member->is_leaving)
    {
      hawser_group_unsubscribe (member);
      hawser_receiver_save_later (self);
      return TRUE;
    }
  if (entry == NULL)
    return FALSE;
  hawser_receiver_remove_entry (self, entry);
  hawser_receiver_save_later (self);
  return TRUE;
}
