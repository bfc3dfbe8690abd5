/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the party of a receiver may read: who it is for a policy, and what becomes of its filters when rights change. The decision
 * itself is hawser-authority.c. Context: the bus's lane. */

#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-topic-filter.h"

gboolean
hawser_receiver_is_peer (HawserReceiver *self)
{
  return self->connection != NULL || (self->durable != NULL && self->durable->party != NULL);
}

void
hawser_receiver_fill_context (HawserReceiver *self, HawserPolicyContext *out_context)
{
  if (self->connection != NULL)
    {
      hawser_connection_fill_context (self->connection, out_context);
      return;
    }
  *out_context = *self->durable->party;
}

gboolean
hawser_receiver_may_read (HawserReceiver *self, HawserAuthority *authority, HawserLocalTopic *settings, const char *topic)
{
  HawserPolicyContext context;

  if (!hawser_receiver_is_peer (self))
    return hawser_authority_check (authority, HAWSER_ACTION_SUBSCRIBE, settings, NULL) == HAWSER_RESULT_OK;
  hawser_receiver_fill_context (self, &context);
  context.topic = topic;
  return hawser_authority_check (authority, HAWSER_ACTION_SUBSCRIBE, settings, &context) == HAWSER_RESULT_OK;
}

/* The most specific of the declared filters that match all that @wanted does: what is wider never decides about any of it. */
static const char *
find_cover (HawserTopicTable *topics, HawserTopicFilter *wanted)
{
  GHashTableIter iter;
  gpointer topic;
  const char *cover = NULL;

  g_hash_table_iter_init (&iter, topics->declared);
  while (g_hash_table_iter_next (&iter, NULL, &topic))
    {
      const char *declared = HAWSER_IS_LOCAL_TOPIC (topic) ? HAWSER_LOCAL_TOPIC (topic)->name : NULL;
      g_autoptr (HawserTopicFilter) other = declared != NULL ? hawser_topic_filter_new (declared, NULL) : NULL;

      if (other != NULL && hawser_topic_filter_is_subset (wanted, other) && (cover == NULL || hawser_topic_is_more_specific (declared, cover)))
        cover = declared;
    }
  return cover;
}

/* Who only looks on is asked about by policy alone: that a topic is disabled is among what there is to see. */
static int
check_subscribe (HawserReceiver *self, HawserLocalTopic *settings, const HawserPolicyContext *context)
{
  HawserAuthority *authority = &self->bus->authority;

  if ((self->flags & HAWSER_RECEIVER_HIDDEN) != 0 && settings != NULL)
    return hawser_authority_check_policy (authority, HAWSER_ACTION_SUBSCRIBE, settings, context);
  return hawser_authority_check (authority, HAWSER_ACTION_SUBSCRIBE, settings, context);
}

gboolean
hawser_receiver_check_filter (HawserReceiver *self, const char *filter, gsize len, int *out_result)
{
  HawserBus *bus = self->bus;
  g_autofree char *name = g_strndup (filter, len);
  HawserPolicyContext context, *asked = NULL;
  g_autoptr (HawserTopicFilter) wanted = hawser_topic_filter_new (name, NULL);
  GHashTableIter iter;
  gpointer topic;
  const char *cover;

  if (hawser_receiver_is_peer (self))
    {
      hawser_receiver_fill_context (self, &context);
      context.topic = name;
      asked = &context;
    }
  if (asked == NULL || bus->authority.is_open)
    return TRUE;
  if (!hawser_topic_filter_has_wildcards (wanted))
    {
      *out_result = check_subscribe (self, hawser_topic_table_find_settings (&bus->topics, filter, len), asked);
      return *out_result == HAWSER_RESULT_OK;
    }
  /* a wildcard is allowed when something that it can match may be read; the rest is left out of its routes */
  cover = find_cover (&bus->topics, wanted);
  *out_result = hawser_refuse (&bus->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic filter '%s': matches nothing that may be read", name);
  g_hash_table_iter_init (&iter, bus->topics.declared);
  while (g_hash_table_iter_next (&iter, NULL, &topic))
    if (HAWSER_IS_LOCAL_TOPIC (topic))
      {
        const char *declared = HAWSER_LOCAL_TOPIC (topic)->name;
        g_autoptr (HawserTopicFilter) other = hawser_topic_filter_new (declared, NULL);

        if (other == NULL || !hawser_topic_filter_overlaps (wanted, other) || (cover != NULL && cover != declared && hawser_topic_is_more_specific (cover, declared)))
          continue;
        context.topic = strpbrk (declared, "+#") != NULL ? name : declared;
        if (check_subscribe (self, hawser_topic_table_get_in_force (&bus->topics, topic), asked) == HAWSER_RESULT_OK)
          return TRUE;
      }
  return FALSE;
}

/* Those of the configuration stay: who may read by them is decided for each message. */
#define UNCHECKED (HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED | HAWSER_RECEIVER_PASSIVE | HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)

void
hawser_receiver_check_filters (HawserReceiver *self)
{
  HawserBus *bus = self->bus;
  g_autoptr (GPtrArray) ended = NULL;
  HawserEntry *next;
  int result;

  if ((self->flags & UNCHECKED) != 0 || bus->authority.is_open || !hawser_receiver_is_peer (self))
    return;
  for (HawserEntry *entry = self->entries; entry != NULL; entry = next)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);

      next = entry->next_of_receiver;
      if (hawser_receiver_check_filter (self, filter, strlen (filter), &result))
        continue;
      hawser_receiver_remove_entry (self, entry);
      if (ended == NULL)
        ended = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (ended, g_steal_pointer (&filter));
    }
  for (HawserMember *member = self->members, *after; member != NULL; member = after)
    {
      g_autofree char *text = g_strdup (hawser_group_get_text (member->group));
      gsize at = 0;

      after = member->next;
      if (member->is_leaving || !hawser_group_parse (text, strlen (text), &at) || hawser_receiver_check_filter (self, text + at, strlen (text + at), &result))
        continue;
      hawser_group_unsubscribe (member); /* it gets nothing more, and may finish what it has */
      if (ended == NULL)
        ended = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (ended, g_steal_pointer (&text));
    }
  if (ended == NULL)
    return;
  hawser_receiver_save_later (self);
  bus->routing++; /* whoever is told may end the receiver */
  for (guint i = 0; i < ended->len && !self->is_removed; i++)
    {
      hawser_receiver_tell_end (self, ended->pdata[i], "not-authorized");
      if (self->funcs != NULL && self->funcs->filter_ended != NULL)
        self->funcs->filter_ended (self, self->data, ended->pdata[i], HAWSER_ERROR_NOT_AUTHORIZED);
    }
  if (!self->is_removed && self->n_entries == 0 && self->members == NULL && !(self->flags & HAWSER_RECEIVER_DURABLE) &&
      (self->funcs == NULL || self->funcs->filter_ended == NULL))
    hawser_receiver_remove (self);
  if (--bus->routing == 0)
    hawser_bus_bury (bus);
}

void
hawser_bus_check_filters (HawserDirty *dirty)
{
  HawserBus *self = (HawserBus *) ((char *) dirty - G_STRUCT_OFFSET (HawserBus, rights_dirty));
  g_autoptr (GPtrArray) receivers = g_ptr_array_new ();

  if (self->authority.is_open)
    return;
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    if ((receiver->flags & UNCHECKED) == 0 && hawser_receiver_is_peer (receiver))
      g_ptr_array_add (receivers, receiver);
  self->routing++; /* those that end meanwhile are freed after all were looked at */
  for (guint i = 0; i < receivers->len; i++)
    if (!((HawserReceiver *) receivers->pdata[i])->is_removed)
      hawser_receiver_check_filters (receivers->pdata[i]);
  if (--self->routing == 0)
    hawser_bus_bury (self);
}
