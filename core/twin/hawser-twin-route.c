/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a published message to its twin, in the router's one pass. Which twin a topic feeds is kept with the topic: the second
 * message of a topic compares two numbers and has its twin, and a topic that no family matches compares one. On the bus's
 * lane. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-twin-telemetry-private.h"

#define IS_MANY 0x80000000u    /* several families match: they are looked for each time */
#define IS_STATUS 0x40000000u  /* of a status topic */
#define REF_MASK 0x3fffffffu

static gint64
get_time (const HawserMessage *message)
{
  return G_LIKELY (message->properties_len == 0) ? 0 : hawser_message_get_given_time_us (message);
}

static void
take_status (HawserTwins *self, HawserTwinRef twin, const HawserMessage *message, HawserConnection *connection)
{
  HawserTwinState state;

  if (!hawser_twin_read_status (message->payload, message->payload_len, &state))
    {
      self->n_refused++;
      return;
    }
  if (state == HAWSER_TWIN_STATE_ONLINE)
    {
      gboolean is_new_way = hawser_twin_note_gateway (self, twin, connection);

      hawser_twin_heard (self, twin, connection != NULL ? (guint32) hawser_connection_get_id (connection) : 0);
      if (is_new_way)
        hawser_twin_send_delta (self, twin);
    }
  else
    hawser_twin_set_state (self, twin, state, "status");
}

static void
take_report (HawserTwins *self, HawserTwinRef twin, HawserMessage *message, HawserConnection *connection)
{
  const HawserTwinReport report = { get_time (message), message->origin, connection != NULL ? (guint32) hawser_connection_get_id (connection) : 0 };

  /* before anything is sent because it is heard of again */
  gboolean is_new_way = hawser_twin_note_gateway (self, twin, connection);

  hawser_twin_take_telemetry (self, twin, message, &report);
  if (G_UNLIKELY (is_new_way))
    hawser_twin_send_delta (self, twin);
}

static void
take (HawserTwins *self, HawserTwinRef twin, gboolean is_status, HawserMessage *message, HawserConnection *connection)
{
  if (is_status)
    take_status (self, twin, message, connection);
  else
    {
      take_report (self, twin, message, connection);
      if (G_UNLIKELY (hawser_twin_family (self, hawser_twin_get (self, twin))->behavior_object != NULL))
        self->host_funcs->message (self->host, twin, NULL, message);
    }
}

/* Calls take() for each family that matches; returns what to keep with the topic. */
static guint32
resolve (HawserTwins *self, const char *topic, gsize len, HawserMessage *message, HawserConnection *connection, gboolean *out_retry)
{
  guint32 found = 0;
  guint n = 0;
  g_autoptr (GString) id = g_string_new (NULL);

  *out_retry = FALSE;
  for (guint i = 1; i < self->families->len; i++)
    {
      HawserTwinFamily *family = self->families->pdata[i];
      HawserTwinCaptures captures;
      gboolean is_status = FALSE, matches = FALSE;
      HawserTwinRef twin;

      for (guint p = 0; p < family->n_topic_patterns && !matches; p++)
        matches = hawser_twin_pattern_match (&family->topic_patterns[p], topic, len, &captures);
      for (guint p = 0; p < family->n_status_patterns && !matches; p++)
        matches = is_status = hawser_twin_pattern_match (&family->status_patterns[p], topic, len, &captures);
      if (!matches)
        continue;
      g_string_truncate (id, 0);
      if (!hawser_twin_pattern_expand (&family->id_pattern, &captures, id))
        continue;
      if (self->host_funcs != NULL && self->host_funcs->load != NULL && hawser_twin_find (self, id->str, id->len) == 0 &&
          self->host_funcs->load (self->host, id->str, id->len, message, connection))
        {
          *out_retry = TRUE;
          continue;
        }
      twin = hawser_twin_activate (self, id->str, id->len, NULL);
      if (twin == 0)
        {
          self->n_refused++;
          continue;
        }
      if (++n == 1)
        found = twin | (is_status ? IS_STATUS : 0);
      take (self, twin, is_status, message, connection);
    }
  return n > 1 ? IS_MANY : found;
}

/* For somebody, or nobody has asked yet. Not inlined, because a message for no twin should not pay for its frame. */
G_GNUC_NO_INLINE static void
find_and_take (HawserTwins *self, HawserTopicRecord *record, HawserMessage *message, HawserConnection *connection)
{
  guint32 kept = record->twin;
  gboolean retry = FALSE;

  if (G_LIKELY (kept != 0 && kept != IS_MANY))
    {
      HawserTwinRef twin = kept & REF_MASK;

      if (G_LIKELY (record->twin_check == self->version + hawser_twin_get (self, twin)->hash))
        {
          if (G_UNLIKELY (hawser_twin_get (self, twin)->is_passive))
            hawser_twin_wake (self, twin);
          take (self, twin, (kept & IS_STATUS) != 0, message, connection);
          hawser_twins_settle (self);
          return;
        }
    }
  if (record->len > 0 && record->name[0] == '$')
    kept = 0;
  else
    kept = resolve (self, record->name, record->len, message, connection, &retry);
  hawser_twins_settle (self);
  if (record->name[0] != '$' && retry)
    {
      record->twin = IS_MANY;
      record->twin_check = 0;
      return;
    }
  record->twin = kept;
  record->twin_check = kept == 0 || kept == IS_MANY ? self->version : self->version + hawser_twin_get (self, kept & REF_MASK)->hash;
}

void
hawser_twins_on_message (gpointer data, HawserTopicRecord *record, HawserMessage *message, HawserConnection *connection)
{
  HawserTwins *self = data;

  if (G_UNLIKELY (record->twin_check != self->version || record->twin != 0))
    find_and_take (self, record, message, connection);
}
