/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is declared in a bus: topics and the policies that they name. The table is hawser-topic-table.c, what decides by it
 * hawser-authority.c. Context: the bus's. */

#include "hawser-bus-private.h"

#include <string.h>

/* ---- Topics ---- */

/**
 * hawser_bus_add_topic:
 * @self: a bus
 * @topic: a topic, usually a #HawserLocalTopic; one whose name is a filter holds for every topic that it matches and
 *   where that topic, and any more specific filter, does not say something else
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (name), %HAWSER_ERROR_EXISTS, %HAWSER_ERROR_QUOTA.
 * Context: the bus's.
 *
 * Returns: %TRUE if it was added
 * Since: 0.1
 */
gboolean
hawser_bus_add_topic (HawserBus *self, HawserTopic *topic, GError **error)
{
  g_autofree char *name = hawser_topic_dup_name (topic);

  if (hawser_kept_topics_contains (self->kept_topics, name) && hawser_bus_get_topic (self, name) != topic)
    {
      /* recovered from before the restart; what is declared now wins */
      hawser_bus_model_remove_topic (self, name);
      hawser_topic_table_undeclare (&self->topics, name);
      hawser_kept_topics_forget (self->kept_topics, name);
    }
  if (!hawser_topic_table_declare (&self->topics, topic, error))
    return FALSE;
  self->statistics.n_topics = hawser_topic_table_get_n_topics (&self->topics);
  if (strpbrk (name, "+#") == NULL)
    hawser_bus_model_add_topic (self, hawser_topic_table_find (&self->topics, name, strlen (name)));
  return TRUE;
}

/**
 * hawser_bus_remove_topic:
 * @self: a bus
 * @name: name or filter it was added under, or the name of a topic that was made on first use
 *
 * The retained value of a topic that was added goes with it; a topic that was made on first use stays while it has one.
 * Not from inside a publish call.
 *
 * Context: the bus's.
 *
 * Returns: %TRUE if there was one
 * Since: 0.1
 */
gboolean
hawser_bus_remove_topic (HawserBus *self, const char *name)
{
  HawserTopicRecord *record = hawser_topic_table_find (&self->topics, name, strlen (name));

  if (record != NULL && record->retained != NULL && record->topic != NULL)
    {
      hawser_journal_remove (&self->journal, "retained", name, NULL, NULL);
      hawser_topic_table_set_retained (&self->topics, record, name, strlen (name), NULL);
    }
  if (record != NULL && record->topic == NULL)
    {
      if (record->retained != NULL)
        return FALSE;
      hawser_bus_model_remove_topic (self, name);
      hawser_topic_table_remove (&self->topics, record);
      self->statistics.n_topics = hawser_topic_table_get_n_topics (&self->topics);
      return TRUE;
    }
  hawser_bus_model_remove_topic (self, name);
  hawser_kept_topics_forget (self->kept_topics, name);
  return hawser_topic_table_undeclare (&self->topics, name);
}

/**
 * hawser_bus_get_topic:
 * @self: a bus
 * @name: name or filter
 *
 * Returns: (transfer none) (nullable): what was added under exactly this name
 * Since: 0.1
 */
HawserTopic *
hawser_bus_get_topic (HawserBus *self, const char *name)
{
  return g_hash_table_lookup (self->topics.declared, name);
}

/**
 * hawser_bus_get_retained:
 * @self: a bus
 * @topic: topic name
 *
 * Context: the bus's.
 *
 * Returns: (transfer full) (nullable): the last value, unless it expired or its author has no right to it any more
 * Since: 0.1
 */
HawserMessage *
hawser_bus_get_retained (HawserBus *self, const char *topic)
{
  HawserMessage *message = hawser_topic_table_get_retained (&self->topics, topic, strlen (topic));

  if (message == NULL || hawser_message_get_remaining_s (message, hawser_lane_get_now_us (self->lane)) == 0 ||
      !hawser_authority_check_author (&self->authority, message))
    return NULL;
  return hawser_message_ref (message);
}

typedef struct {
  HawserBus *bus;
  HawserTopicInfoFunc func;
  gpointer data;
} EachTopic;

static gboolean
each_bare (HawserMatchNode *node, gpointer value, gpointer data)
{
  EachTopic *each = data;
  HawserMessage *message = value;
  HawserTopicInfo info = { message->data, NULL, TRUE, 1 }; /* published once more it has a record */

  return hawser_topic_table_find (&each->bus->topics, message->data, message->topic_len) != NULL || each->func (&info, each->data);
}

void
hawser_bus_foreach_topic (HawserBus *self, HawserTopicInfoFunc func, gpointer data)
{
  EachTopic each = { self, func, data };

  for (guint i = 0; i < self->topics.n_buckets; i++)
    for (HawserTopicRecord *record = self->topics.buckets[i]; record != NULL; record = record->next)
      {
        HawserTopicInfo info = { record->name, record->topic, record->retained != NULL, record->n_published };

        if (!func (&info, data))
          return;
      }
  if (self->topics.n_bare > 0)
    hawser_match_tree_foreach (self->topics.retained, each_bare, &each);
}

/**
 * hawser_bus_keep_topic:
 * @self: a bus
 * @topic: a #HawserLocalTopic that was added to it
 *
 * Lets a declaration survive a restart, as it is now; does nothing for a bus without a spool. hawser_bus_remove_topic()
 * ends that too.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_keep_topic (HawserBus *self, HawserTopic *topic)
{
  hawser_kept_topics_keep (self->kept_topics, topic);
}

/* ---- Policies ---- */

/**
 * hawser_bus_add_policy:
 * @self: a bus
 * @policy: a policy; replaces one of the same name
 *
 * Topics name it in `publish-policy` and `subscribe-policy`. From the first policy on the bus is closed to whatever no
 * policy allows.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_add_policy (HawserBus *self, HawserPolicy *policy)
{
  hawser_bus_forget_kept_policy (self, hawser_policy_get_name (policy));
  hawser_authority_add_policy (&self->authority, policy);
}

/**
 * hawser_bus_set_admin_policy:
 * @self: a bus
 * @name: (nullable): name of a policy, which may be added later; %NULL: everybody whom a listener of the admin API lets in
 *
 * Who may use the admin API, whichever listener serves it. A name that no policy has denies it to everybody.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_set_admin_policy (HawserBus *self, const char *name)
{
  hawser_authority_set_admin_policy (&self->authority, name);
}

/**
 * hawser_bus_remove_policy:
 * @self: a bus
 * @name: name of a policy
 *
 * Topics that still name it are denied to everybody.
 *
 * Context: the bus's.
 *
 * Returns: %TRUE if there was one
 * Since: 0.1
 */
gboolean
hawser_bus_remove_policy (HawserBus *self, const char *name)
{
  return hawser_authority_remove_policy (&self->authority, name);
}
