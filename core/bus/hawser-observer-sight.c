/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What observers see, and how they tell it on their topics: each message, or numbers, or what went wrong. The message that is told of
 * is never held up: telling is done after the turn, from queues with limits. Context: the bus's lane. */

#include "hawser-observer-state.h"

#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-message-private.h"

#define MAX_ERRORS 1000              /* of one observer that wait for the end of the turn */

/* ---- Telling ---- */

static gint64
get_wall_us (HawserObserver *self)
{
  return hawser_clock_get_wall_us (self->bus->clock);
}

void
hawser_observer_append_time (HawserJsonWriter *writer, const char *key, gint64 wall_us)
{
  g_autofree char *text = wall_us != 0 ? hawser_time_format (wall_us) : NULL;

  hawser_json_writer_key (writer, key);
  if (text != NULL)
    hawser_json_writer_string (writer, text, strlen (text));
  else
    hawser_json_writer_null (writer);
}

void
hawser_observer_append_count (HawserJsonWriter *writer, const char *key, guint64 n)
{
  hawser_json_writer_key (writer, key);
  hawser_json_writer_uint (writer, n);
}

static void
publish (HawserObserver *self, HawserMessage *message)
{
  hawser_bus_route (self->bus, self->bus->self_publisher, message, NULL, NULL, 0, FALSE);
}

void
hawser_observer_publish_json (HawserObserver *self, const char *json, gboolean is_retained)
{
  HawserProperties properties = { 0 };

  hawser_properties_add (&properties, HAWSER_PROPERTY_CONTENT_TYPE, NULL, 0, "application/json", strlen ("application/json"));
  publish (self, hawser_message_new_raw (&(HawserMessageInit) {
      .topic = self->topic, .topic_len = strlen (self->topic), .properties = properties.data, .properties_len = properties.len,
      .payload = (const guint8 *) json, .payload_len = strlen (json), .qos = 1, .retain = is_retained }));
  hawser_properties_clear (&properties);
}

void
hawser_observer_publish_metric (HawserObserver *self)
{
  g_autoptr (GString) json = g_string_new (NULL);
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, json);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "filter", hawser_topic_filter_get_text (self->filter));
  hawser_observer_append_count (&writer, "messages", self->n_messages);
  hawser_observer_append_count (&writer, "bytes", self->n_bytes);
  hawser_observer_append_count (&writer, "errors", self->n_errors);
  hawser_observer_append_time (&writer, "last_message", self->last_message_us);
  hawser_observer_append_time (&writer, "last_error", self->last_error_us);
  hawser_observer_append_time (&writer, "time", get_wall_us (self));
  hawser_json_writer_end_object (&writer);
  hawser_observer_publish_json (self, json->str, TRUE);
}

/* The same under the observer's topic, with its own in user property `topic` and its id, so that it can be told from others. */
static HawserMessage *
make_copy (HawserObserver *self, HawserMessage *message)
{
  HawserProperties properties = { 0 };
  HawserProperty property;
  HawserMessage *copy;
  gboolean has_id = FALSE;
  gsize position = 0;
  char lost[24];

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    {
      has_id |= property.kind == HAWSER_PROPERTY_USER && property.name_len == 2 && memcmp (property.name, "id", 2) == 0;
      hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
    }
  if (!has_id)
    {
      g_autofree char *id = hawser_message_dup_id (message);

      if (id != NULL)
        hawser_properties_add (&properties, HAWSER_PROPERTY_USER, "id", 2, id, strlen (id));
    }
  hawser_properties_add (&properties, HAWSER_PROPERTY_USER, "topic", 5, message->data, message->topic_len);
  if (self->n_lost > 0)
    {
      g_snprintf (lost, sizeof lost, "%" G_GUINT64_FORMAT, self->n_lost);
      hawser_properties_add (&properties, HAWSER_PROPERTY_USER, "lost", 4, lost, strlen (lost));
      self->n_lost = 0;
    }
  copy = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = self->topic, .topic_len = strlen (self->topic), .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = message->qos });
  hawser_properties_clear (&properties);
  return copy;
}

static void
tell_posted (gpointer data)
{
  g_autoptr (HawserObserver) self = data;

  self->is_posted = FALSE;
  while (self->bus != NULL && !g_queue_is_empty (&self->errors))
    {
      g_autofree char *json = g_queue_pop_head (&self->errors);

      hawser_observer_publish_json (self, json, FALSE);
    }
  if (self->receiver != NULL)
    hawser_receiver_resume (self->receiver);
}

static void
tell_soon (HawserObserver *self)
{
  if (self->is_posted)
    return;
  self->is_posted = TRUE;
  hawser_lane_post (self->bus->lane, tell_posted, g_object_ref (self));
}

/* ---- What it sees ---- */

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HawserObserver *self = data;

  if (self->kind == HAWSER_OBSERVER_MESSAGE && self->bus->routing > 0)
    {
      tell_soon (self);
      return HAWSER_DELIVER_BUSY;
    }
  if (!hawser_observer_may_see (self, hawser_message_get_topic (delivery->message)))
    return HAWSER_DELIVER_DONE;
  self->n_messages++;
  self->n_bytes += delivery->message->payload_len;
  self->last_message_us = get_wall_us (self);
  if (self->kind == HAWSER_OBSERVER_MESSAGE)
    publish (self, make_copy (self, delivery->message));
  return HAWSER_DELIVER_DONE;
}

static void
note_lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  ((HawserObserver *) data)->n_lost += n;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((HawserObserver *) data)->receiver = NULL;
}

const HawserReceiverFuncs hawser_observer_receiver_funcs = { deliver, note_lost, on_ended };

static char *
describe_error (HawserObserver *self, const char *topic, const char *source, const char *reason, const char *detail)
{
  g_autofree char *valid = detail != NULL ? g_utf8_make_valid (detail, -1) : NULL;
  g_autofree char *valid_topic = g_utf8_make_valid (topic, -1);
  GString *json = g_string_new (NULL);
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, json);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "topic", valid_topic);
  hawser_json_writer_member_string (&writer, "reason", reason);
  hawser_json_writer_member_string (&writer, "source", source);
  if (valid != NULL)
    hawser_json_writer_member_string (&writer, "detail", valid);
  if (self->n_lost > 0)
    hawser_observer_append_count (&writer, "lost", self->n_lost);
  self->n_lost = 0;
  hawser_observer_append_time (&writer, "time", self->last_error_us);
  hawser_json_writer_end_object (&writer);
  return g_string_free (json, FALSE);
}

void
hawser_bus_note_error (HawserBus *bus, const char *topic, const char *source, const char *reason, const char *detail)
{
  GHashTableIter iter;
  HawserObserver *self;

  if (!hawser_bus_observes_errors (bus))
    return;
  g_hash_table_iter_init (&iter, bus->observers);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &self))
    {
      if (self->kind == HAWSER_OBSERVER_MESSAGE || !hawser_topic_filter_matches (self->filter, topic) || !hawser_observer_may_see (self, topic))
        continue;
      self->n_errors++;
      self->last_error_us = get_wall_us (self);
      if (self->kind == HAWSER_OBSERVER_METRIC)
        continue;
      if (self->errors.length >= MAX_ERRORS)
        {
          self->n_lost++; /* told with the next one after this turn */
          continue;
        }
      g_queue_push_tail (&self->errors, describe_error (self, topic, source, reason, detail));
      tell_soon (self);
    }
}

void
hawser_observers_note_refusal (HawserBus *bus, const HawserPublisher *publisher, const char *topic, int code)
{
  HawserPolicyContext context = { 0 };
  g_autofree char *detail = g_strdup (hawser_bus_get_last_refusal (bus));
  g_autofree char *source = NULL;

  if (publisher->given != NULL)
    context = *publisher->given;
  else if (publisher->connection != NULL)
    hawser_connection_fill_context (publisher->connection, &context);
  source = context.listener != NULL ? g_strdup_printf ("listener/%s%s%s", context.listener, context.client_id != NULL ? "/client/" : "", context.client_id != NULL ? context.client_id : "")
                                    : g_strdup ("process");
  hawser_bus_note_error (bus, topic, source, hawser_error_to_nick ((HawserError) code), detail);
}

void
hawser_observers_note_drop (HawserReceiver *receiver, const char *topic, HawserDrop reason)
{
  static const char * const words[HAWSER_N_DROPS] = { "overflow", "expired", "too-large", "gone", "denied" };
  g_autofree char *filter = topic == NULL && receiver->entries != NULL ? hawser_match_node_dup_path (receiver->entries->node) : NULL;
  g_autofree char *source = NULL;
  const char *id = hawser_receiver_get_id (receiver);

  if (receiver->flags & HAWSER_RECEIVER_HIDDEN || (topic == NULL && filter == NULL))
    return;
  if (id == NULL && receiver->connection != NULL)
    id = hawser_connection_get_client_id (receiver->connection);
  source = id != NULL ? g_strconcat ("subscription/", id, NULL) : g_strdup ("subscription");
  hawser_bus_note_error (receiver->bus, topic != NULL ? topic : filter, source, words[reason], NULL);
}
