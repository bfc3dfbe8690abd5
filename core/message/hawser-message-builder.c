/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The changeable form of a message: set what is wanted, build as often as wanted. Not for the hot path, where
 * hawser_message_new_raw() makes a message from bytes in one step. */

#include "hawser-message-builder.h"

#include <string.h>

#include "hawser-message-private.h"

struct _HawserMessageBuilder {
  gatomicrefcount ref_count;
  char *topic;
  GBytes *payload;
  HawserProperties properties;
  guint expiry_s;
  HawserQos qos;
  gboolean retain;
};

G_DEFINE_BOXED_TYPE (HawserMessageBuilder, hawser_message_builder, hawser_message_builder_ref, hawser_message_builder_unref)

/**
 * hawser_message_builder_new:
 * @topic: topic name
 *
 * Context: any thread; a builder belongs to whoever uses it, one thread at a time.
 *
 * Returns: (transfer full): a builder for an empty message with QoS 0
 * Since: 0.1
 */
HawserMessageBuilder *
hawser_message_builder_new (const char *topic)
{
  HawserMessageBuilder *self = g_new0 (HawserMessageBuilder, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->topic = g_strdup (topic);
  return self;
}

/**
 * hawser_message_builder_new_from:
 * @message: the message to start from
 *
 * Context: any thread.
 *
 * Returns: (transfer full): a builder with everything that the publisher of @message had set
 * Since: 0.1
 */
HawserMessageBuilder *
hawser_message_builder_new_from (HawserMessage *message)
{
  HawserMessageBuilder *self = hawser_message_builder_new (message->data);
  const guint8 *properties = hawser_message_properties (message);
  HawserProperty property;
  gsize position = 0;

  self->payload = hawser_message_dup_payload (message);
  self->qos = message->qos;
  self->retain = message->retain;
  self->expiry_s = message->expiry_s;
  while (hawser_properties_next (properties, message->properties_len, &position, &property))
    hawser_properties_add (&self->properties, property.kind, property.name, property.name_len, property.value, property.value_len);
  return self;
}

/**
 * hawser_message_builder_ref:
 * @self: a builder
 *
 * Context: any thread.
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserMessageBuilder *
hawser_message_builder_ref (HawserMessageBuilder *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_message_builder_unref:
 * @self: (transfer full) (nullable): a builder
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_message_builder_unref (HawserMessageBuilder *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->topic);
  g_clear_pointer (&self->payload, g_bytes_unref);
  hawser_properties_clear (&self->properties);
  g_free (self);
}

/**
 * hawser_message_builder_build:
 * @self: a builder
 *
 * Context: the thread that uses the builder.
 *
 * Returns: (transfer full): a message; a payload of 16 KiB and more is shared, a smaller one copied
 * Since: 0.1
 */
HawserMessage *
hawser_message_builder_build (HawserMessageBuilder *self)
{
  HawserMessageInit init = {
    .topic = self->topic, .topic_len = strlen (self->topic),
    .properties = self->properties.data, .properties_len = self->properties.len,
    .expiry_s = self->expiry_s, .qos = self->qos, .retain = self->retain,
  };

  return hawser_message_new_with_bytes (&init, self->payload);
}

/**
 * hawser_message_builder_set_topic:
 * @self: a builder
 * @topic: topic name
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_topic (HawserMessageBuilder *self, const char *topic)
{
  g_return_if_fail (strlen (topic) <= G_MAXUINT16);
  g_free (self->topic);
  self->topic = g_strdup (topic);
}

/**
 * hawser_message_builder_set_payload:
 * @self: a builder
 * @payload: (nullable): any bytes
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_payload (HawserMessageBuilder *self, GBytes *payload)
{
  g_clear_pointer (&self->payload, g_bytes_unref);
  if (payload != NULL)
    self->payload = g_bytes_ref (payload);
}

/**
 * hawser_message_builder_set_text:
 * @self: a builder
 * @text: UTF-8
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_text (HawserMessageBuilder *self, const char *text)
{
  g_clear_pointer (&self->payload, g_bytes_unref);
  self->payload = g_bytes_new (text, strlen (text));
}

/**
 * hawser_message_builder_set_qos:
 * @self: a builder
 * @qos: how often receivers may see it
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_qos (HawserMessageBuilder *self, HawserQos qos)
{
  g_return_if_fail (qos <= HAWSER_QOS_EXACTLY_ONCE);
  self->qos = qos;
}

/**
 * hawser_message_builder_set_retain:
 * @self: a builder
 * @retain: whether it becomes the topic's last value
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_retain (HawserMessageBuilder *self, gboolean retain)
{
  self->retain = retain;
}

/**
 * hawser_message_builder_set_expiry_s:
 * @self: a builder
 * @seconds: life from publishing on; 0 for no end
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_expiry_s (HawserMessageBuilder *self, guint seconds)
{
  self->expiry_s = seconds;
}

/* In the place of one that is there: MQTT has each of these once (MQTT 5.0, 2.2.2.2). @name: NULL unless a user property. */
static void
set_property (HawserMessageBuilder *self, HawserPropertyKind kind, const char *name, gconstpointer value, gsize len)
{
  HawserProperties old = self->properties;
  const gsize name_len = name != NULL ? strlen (name) : 0;
  HawserProperty property;
  gsize position = 0;

  self->properties = (HawserProperties) { 0 };
  while (hawser_properties_next (old.data, old.len, &position, &property))
    if (property.kind != kind || property.name_len != name_len || (name_len > 0 && memcmp (property.name, name, name_len) != 0))
      hawser_properties_add (&self->properties, property.kind, property.name, property.name_len, property.value, property.value_len);
  hawser_properties_clear (&old);
  hawser_properties_add (&self->properties, kind, name, name_len, value, len);
}

/**
 * hawser_message_builder_set_content_type:
 * @self: a builder
 * @content_type: media type of the payload, such as `application/json`
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_content_type (HawserMessageBuilder *self, const char *content_type)
{
  set_property (self, HAWSER_PROPERTY_CONTENT_TYPE, NULL, content_type, strlen (content_type));
}

/**
 * hawser_message_builder_set_reply_to:
 * @self: a builder
 * @topic: where an answer should go
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_reply_to (HawserMessageBuilder *self, const char *topic)
{
  set_property (self, HAWSER_PROPERTY_REPLY_TO, NULL, topic, strlen (topic));
}

/**
 * hawser_message_builder_set_correlation:
 * @self: a builder
 * @data: bytes by which the asker knows the answer
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_correlation (HawserMessageBuilder *self, GBytes *data)
{
  set_property (self, HAWSER_PROPERTY_CORRELATION, NULL, g_bytes_get_data (data, NULL), g_bytes_get_size (data));
}

/**
 * hawser_message_builder_set_id:
 * @self: a builder
 * @id: identity of the message, unique for its publisher
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_id (HawserMessageBuilder *self, const char *id)
{
  set_property (self, HAWSER_PROPERTY_USER, "id", id, strlen (id));
}

/**
 * hawser_message_builder_set_time_us:
 * @self: a builder
 * @wall_us: time of measurement, microseconds since 1970-01-01 UTC
 *
 * Since: 0.1
 */
void
hawser_message_builder_set_time_us (HawserMessageBuilder *self, gint64 wall_us)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autoptr (GDateTime) time = seconds != NULL ? g_date_time_add (seconds, wall_us % G_USEC_PER_SEC) : NULL;
  g_autofree char *text = NULL;

  g_return_if_fail (time != NULL);
  text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S.%fZ");
  set_property (self, HAWSER_PROPERTY_USER, "time", text, strlen (text));
}

/**
 * hawser_message_builder_add_property:
 * @self: a builder
 * @name: name, UTF-8, up to 65535 bytes
 * @value: value, UTF-8
 *
 * Adds a user property; names may repeat, order is kept.
 *
 * Since: 0.1
 */
void
hawser_message_builder_add_property (HawserMessageBuilder *self, const char *name, const char *value)
{
  hawser_properties_add (&self->properties, HAWSER_PROPERTY_USER, name, strlen (name), value, strlen (value));
}
