/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages from twins to things: what is desired and not yet reported, as a retained message on $twin/delta/ID that a device finds
 * when it comes back; and commands, on $twin/inbox/ID/SUBJECT, which go down the tree to every thing below a node and wait, if
 * they have an expiry, for a device that is offline. On the bus's lane; hawser_twins_send() from any thread. */

#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-topic-name.h"

#define MAX_OUTBOX 64        /* commands that wait for one device: more than a person gives in a night */
#define MAX_SENDS 10000      /* on their way to one twin from other threads */
#define MAX_SUBJECT 256

/* ---- desired ---- */

static gboolean
is_reported (HawserTwins *self, HawserTwinRef twin, const HawserTwinEntry *wanted)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  HawserTwinEntry *entry = hawser_twin_document_find (&extra->reported, wanted->key, strlen (wanted->key));
  HawserJsonSlice value;
  double number, held;

  if (entry != NULL)
    return strcmp (entry->json, wanted->json) == 0;
  return hawser_json_parse (wanted->json, strlen (wanted->json), &value, NULL) && hawser_json_slice_get_double (&value, &number) &&
         hawser_twins_get_double (self, twin, wanted->key, &held) && held == number;
}

static void
publish_delta (HawserTwins *self, HawserTwinRef twin, const GString *text)
{
  const HawserMessageInit retained = { .retain = TRUE, .qos = 1 };
  const HawserMessageInit passing = { .qos = 1 };
  g_autofree char *topic = g_strconcat ("$twin/delta/", hawser_twins_get_id (self, twin), NULL);
  g_autofree char *gateway_topic = hawser_twin_dup_gateway_topic (self, twin, topic + strlen ("$twin/"));

  if (hawser_topic_name_is_valid (topic, -1, NULL))
    hawser_twins_send_later (self, topic, text != NULL ? text->str : "", text != NULL ? text->len : 0, &retained);
  /* not retained: the thing may be heard through another gateway next */
  if (gateway_topic != NULL)
    hawser_twins_send_later (self, gateway_topic, text != NULL ? text->str : "", text != NULL ? text->len : 0, &passing);
}

/* Tells the device what is desired and not reported; an empty message when nothing is left. */
void
hawser_twin_send_delta (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  g_autoptr (GString) text = NULL;
  HawserJsonWriter writer;
  guint n = 0;

  if (extra == NULL || (extra->desired.n == 0 && !extra->has_delta))
    return;
  text = g_string_sized_new (256);
  hawser_json_writer_init (&writer, text);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", hawser_twins_get_id (self, twin));
  hawser_json_writer_key (&writer, "revision");
  hawser_json_writer_uint (&writer, record->revision);
  hawser_json_writer_key (&writer, "desired");
  hawser_json_writer_begin_object (&writer);
  for (guint i = 0; i < extra->desired.n; i++)
    {
      HawserTwinEntry *entry = &extra->desired.entries[i];

      if (is_reported (self, twin, entry))
        continue;
      hawser_json_writer_key (&writer, entry->key);
      hawser_json_writer_raw (&writer, entry->json, -1);
      n++;
    }
  hawser_json_writer_end_object (&writer);
  hawser_json_writer_end_object (&writer);
  if (n == 0 && !extra->has_delta)
    return;
  extra->has_delta = n > 0;
  publish_delta (self, twin, n > 0 ? text : NULL);
}

void
hawser_twin_clear_delta (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinExtra *extra = hawser_twin_extra (self, hawser_twin_get (self, twin));

  if (extra != NULL && extra->has_delta)
    publish_delta (self, twin, NULL);
}

/* ---- commands ---- */

static HawserMessage *
address (HawserMessage *message, const char *topic)
{
  return hawser_message_new_raw (&(HawserMessageInit) {
      .topic = topic, .topic_len = strlen (topic), .properties = hawser_message_properties (message), .properties_len = message->properties_len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block, .expiry_s = message->expiry_s, .qos = message->qos });
}

/* To the thing, or to the gateway that speaks for it now. */
static void
send_to_thing (HawserTwins *self, HawserTwinRef twin, HawserMessage *message) /* (transfer full) */
{
  g_autofree char *topic = hawser_twin_dup_gateway_topic (self, twin, hawser_message_get_topic (message) + strlen ("$twin/"));

  if (topic != NULL)
    {
      HawserMessage *addressed = address (message, topic);

      hawser_message_unref (message);
      message = addressed;
    }
  hawser_twins_send_message_later (self, message);
}

/* A device that is offline: a command with an expiry waits, one without is of no use later. */
static gboolean
deliver (HawserTwins *self, HawserTwinRef twin, const char *subject, HawserMessage *message)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  g_autofree char *topic = g_strconcat ("$twin/inbox/", hawser_twins_get_id (self, twin), "/", subject, NULL);
  HawserMessage *addressed;
  HawserTwinExtra *extra;

  if (hawser_twin_family (self, record)->behavior_object != NULL)
    hawser_twin_use (self, twin);
  if (self->host_funcs != NULL && self->host_funcs->message != NULL && self->host_funcs->message (self->host, twin, subject, message))
    return TRUE;
  if (!hawser_topic_name_is_valid (topic, -1, NULL))
    return FALSE;
  addressed = address (message, topic);
  if (record->state != HAWSER_TWIN_STATE_OFFLINE)
    {
      send_to_thing (self, twin, addressed);
      return TRUE;
    }
  extra = hawser_twin_need_extra (self, twin);
  if (message->expiry_s == 0 || (extra->outbox != NULL && extra->outbox->length >= MAX_OUTBOX))
    {
      hawser_message_unref (addressed);
      return FALSE;
    }
  if (extra->outbox == NULL)
    extra->outbox = g_queue_new ();
  addressed->published_us = hawser_lane_get_now_us (self->bus->lane);
  record->flags |= HAWSER_TWIN_IS_BUSY;
  g_queue_push_tail (extra->outbox, addressed);
  return TRUE;
}

/* It is heard of again: what waited and is still of use. */
void
hawser_twin_flush_outbox (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinExtra *extra = hawser_twin_extra (self, record);
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);

  if (extra == NULL || extra->outbox == NULL)
    return;
  while (extra->outbox->length > 0)
    {
      HawserMessage *message = g_queue_pop_head (extra->outbox);
      guint32 left_s = hawser_message_get_remaining_s (message, now_us);

      message->expiry_s = left_s;
      message->published_us = 0;
      if (left_s > 0)
        send_to_thing (self, twin, message);
      else
        hawser_message_unref (message);
    }
  record->flags &= (guint8) ~HAWSER_TWIN_IS_BUSY;
}

/* The node itself when a behaviour takes it, or when it is a thing; else every thing below, without recursion. */
static guint
send_down (HawserTwins *self, HawserTwinRef top, const char *subject, HawserMessage *message)
{
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));
  guint n = 0;

  g_array_append_val (stack, top);
  while (stack->len > 0)
    {
      HawserTwinRef twin = g_array_index (stack, HawserTwinRef, stack->len - 1);
      HawserTwinRecord *record = hawser_twin_get (self, twin);
      HawserTwinExtra *extra = hawser_twin_extra (self, record);

      g_array_set_size (stack, stack->len - 1);
      if (record->flags & HAWSER_TWIN_IS_DEVICE || extra == NULL || extra->node == NULL || extra->node->n == 0 ||
          hawser_twin_family (self, record)->behavior_object != NULL)
        {
          self->n_sent_on = 0;
          if (deliver (self, twin, subject, message))
            n += MAX (1, self->n_sent_on); /* a node's behaviour passes it on to so many */
          continue;
        }
      for (guint i = extra->node->n; i-- > 0;)
        g_array_append_val (stack, extra->node->children[i]);
    }
  return n;
}

typedef struct {
  HawserTwins *self;
  char *id, *subject;
  HawserMessage *message;
} Posted;

static void
send_posted (gpointer data)
{
  Posted *posted = data;
  HawserTwins *self = posted->self;
  HawserTwinRef twin = hawser_twin_activate (self, posted->id, strlen (posted->id), NULL);
  guint left;

  g_mutex_lock (&self->send_lock);
  left = GPOINTER_TO_UINT (g_hash_table_lookup (self->sends, posted->id)) - 1;
  if (left > 0)
    g_hash_table_insert (self->sends, g_strdup (posted->id), GUINT_TO_POINTER (left));
  else
    g_hash_table_remove (self->sends, posted->id);
  g_mutex_unlock (&self->send_lock);
  if (twin != 0)
    send_down (self, twin, posted->subject, posted->message);
  hawser_twins_settle (self);
  hawser_message_unref (posted->message);
  g_free (posted->id);
  g_free (posted->subject);
  g_object_unref (self);
  g_free (posted);
}

static gboolean
post (HawserTwins *self, const char *id, const char *subject, HawserMessage *message, GError **error)
{
  Posted *posted;
  guint n;

  g_mutex_lock (&self->send_lock);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->sends, id));
  if (n < MAX_SENDS)
    g_hash_table_insert (self->sends, g_strdup (id), GUINT_TO_POINTER (n + 1));
  g_mutex_unlock (&self->send_lock);
  if (n >= MAX_SENDS)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "twin '%s': %d messages wait for it already", id, MAX_SENDS);
      return FALSE;
    }
  posted = g_new (Posted, 1);
  *posted = (Posted) { g_object_ref (self), g_strdup (id), g_strdup (subject), hawser_message_ref (message) };
  hawser_lane_post (self->bus->lane, send_posted, posted);
  return TRUE;
}

/**
 * hawser_twins_send:
 * @self: twins
 * @id: a twin; it is made if it is not there
 * @subject: what the message is about: one or more topic levels, such as `dispatch`
 * @message: payload, content type, reply-to, correlation, expiry; its topic does not matter
 * @out_n_sent: (out) (optional): how many things it went to, or waits for; on another thread than the bus's, 0
 * @error: return location
 *
 * Gives a message to a twin: to its behaviour, else to its device as $twin/inbox/ID/SUBJECT (below the gateway-topic of its family, if a
 * gateway reported for it last), for a node of the tree to all things
 * below it. For a device that is offline it waits until its expiry; without one it is not delivered.
 *
 * Errors: %HAWSER_ERROR_INVALID (id, subject), %HAWSER_ERROR_QUOTA (too many wait for it), %HAWSER_ERROR_UNAVAILABLE (nobody is online).
 * Context: any thread.
 *
 * Returns: %TRUE if somebody gets it
 * Since: 0.1
 */
gboolean
hawser_twins_send (HawserTwins *self, const char *id, const char *subject, HawserMessage *message, guint *out_n_sent, GError **error)
{
  HawserTwinRef twin;
  guint n;

  if (out_n_sent != NULL)
    *out_n_sent = 0;
  if (!hawser_twin_check_id (id, strlen (id), error))
    return FALSE;
  if (*subject == '\0' || strlen (subject) > MAX_SUBJECT || strpbrk (subject, "+#") != NULL || !g_utf8_validate (subject, -1, NULL))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a subject has 1 to %d bytes and no wildcard", MAX_SUBJECT);
      return FALSE;
    }
  if (!hawser_bus_is_current (self->bus))
    return post (self, id, subject, message, error);
  twin = hawser_twin_activate (self, id, strlen (id), error);
  if (twin == 0)
    return FALSE;
  n = send_down (self, twin, subject, message);
  hawser_twins_settle (self);
  if (out_n_sent != NULL)
    *out_n_sent = n;
  if (n > 0)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "twin '%s': nothing that could take it is online; a message with an expiry waits", id);
  return FALSE;
}
