/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may read a twin and who may write it, asked by every face of twins: the policies of its family; where it names none, those
 * of the topic twin/ID, which need not be used for anything else. On the bus's lane. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-receiver.h"
#include "hawser-twin-query-private.h"

/* The family that a twin has, or would have. */
HawserTwinFamily *
hawser_twins_find_family (HawserTwins *self, const char *id)
{
  HawserTwinRef twin = hawser_twin_find (self, id, strlen (id));
  HawserTwinCaptures captures;

  if (twin != 0)
    return hawser_twin_family (self, hawser_twin_get (self, twin));
  for (guint i = 1; i < self->families->len; i++)
    {
      HawserTwinFamily *family = self->families->pdata[i];

      if (family->is_single ? strcmp (family->name, id) == 0 : hawser_twin_pattern_match (&family->id_pattern, id, strlen (id), &captures))
        return family;
    }
  return NULL;
}

static int
check (HawserTwins *self, const HawserPolicyContext *context, const char *id, const char *policy_name, gboolean is_write)
{
  HawserPolicyContext named = *context;
  g_autofree char *topic = NULL;
  HawserPolicy *policy;
  int result;

  if (policy_name != NULL)
    {
      policy = hawser_authority_get_policy (&self->bus->authority, policy_name);
      named.topic = id;
      if (policy != NULL && hawser_policy_evaluate (policy, &named, NULL))
        return HAWSER_RESULT_OK;
      return hawser_refuse (&self->bus->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "twin '%s': policy '%s' denies it", id, policy_name);
    }
  topic = g_strconcat ("twin/", id, NULL);
  result = is_write ? hawser_bus_check_publish (self->bus, context, topic) : hawser_bus_check_subscribe (self->bus, context, topic);
  if (result == HAWSER_ERROR_NOT_FOUND)
    return hawser_refuse (&self->bus->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "twin '%s': neither its family nor a topic that matches %s says who may", id, topic);
  return result;
}

/**
 * hawser_twins_check_read: (skip)
 * @self: twins
 * @context: who asks
 * @id: a twin, there or not
 *
 * Context: the bus's.
 *
 * Returns: %HAWSER_RESULT_OK, or the #HawserError that the asker is to be told; hawser_bus_get_last_refusal() has the words
 * Since: 0.1
 */
int
hawser_twins_check_read (HawserTwins *self, const HawserPolicyContext *context, const char *id)
{
  HawserTwinFamily *family = hawser_twins_find_family (self, id);

  return check (self, context, id, family != NULL ? family->subscribe_policy : NULL, FALSE);
}

/**
 * hawser_twins_check_write: (skip)
 * @self: twins
 * @context: who asks
 * @id: a twin, there or not
 *
 * Whether it may be changed, moved, removed, and sent messages.
 *
 * Context: the bus's.
 *
 * Returns: %HAWSER_RESULT_OK, or the #HawserError that the asker is to be told; hawser_bus_get_last_refusal() has the words
 * Since: 0.1
 */
int
hawser_twins_check_write (HawserTwins *self, const HawserPolicyContext *context, const char *id)
{
  HawserTwinFamily *family = hawser_twins_find_family (self, id);

  return check (self, context, id, family != NULL ? family->write_policy : NULL, TRUE);
}

/**
 * hawser_twins_matches: (skip)
 * @self: twins
 * @id: a twin
 * @query: an expression as hawser_twins_write_list() takes it
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (the expression).
 * Context: the bus's.
 *
 * Returns: %TRUE if the twin is there and the expression holds of it
 * Since: 0.1
 */
gboolean
hawser_twins_matches (HawserTwins *self, const char *id, const char *query, GError **error)
{
  g_autoptr (HawserTwinQuery) compiled = hawser_twin_query_new (query, error);
  HawserTwinRef twin = hawser_twin_find (self, id, strlen (id));

  if (twin != 0)
    hawser_twin_use (self, twin);
  return compiled != NULL && twin != 0 && hawser_twin_query_matches (compiled, self, twin);
}

/**
 * hawser_twins_dup_id_of_topic: (skip)
 * @self: twins
 * @topic: a topic name
 *
 * Context: the bus's.
 *
 * Returns: (transfer full) (nullable): the id of the twin that messages of @topic report for, there or not
 * Since: 0.1
 */
char *
hawser_twins_dup_id_of_topic (HawserTwins *self, const char *topic)
{
  g_autoptr (GString) id = g_string_new (NULL);
  HawserTwinCaptures captures;

  for (guint i = 1; i < self->families->len; i++)
    {
      HawserTwinFamily *family = self->families->pdata[i];

      for (guint p = 0; p < family->n_topic_patterns; p++)
        if (hawser_twin_pattern_match (&family->topic_patterns[p], topic, strlen (topic), &captures) && hawser_twin_pattern_expand (&family->id_pattern, &captures, id))
          return g_string_free (g_steal_pointer (&id), FALSE);
    }
  return NULL;
}
