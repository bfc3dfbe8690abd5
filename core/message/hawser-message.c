/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HawserMessage: the immutable value that flows. One allocation holds head, topic, properties and a small payload; a
 * large payload stays in the block it was received into. Any thread may read; the bus alone stamps sequence, time and
 * origin, before anybody else has a reference. Building is left to hawser-message-builder.c, the stored form to
 * hawser-message-store.c. */

#include "hawser-message.h"
#include "hawser-message-private.h"

#include <string.h>

#include "hawser-error.h"

G_DEFINE_BOXED_TYPE (HawserMessage, hawser_message, hawser_message_ref, hawser_message_unref)

static const GEnumValue qos_values[] = {
  { HAWSER_QOS_AT_MOST_ONCE, "HAWSER_QOS_AT_MOST_ONCE", "at-most-once" },
  { HAWSER_QOS_AT_LEAST_ONCE, "HAWSER_QOS_AT_LEAST_ONCE", "at-least-once" },
  { HAWSER_QOS_EXACTLY_ONCE, "HAWSER_QOS_EXACTLY_ONCE", "exactly-once" },
  { 0, NULL, NULL },
};

GType
hawser_qos_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserQos", qos_values));
  return type;
}

HawserOrigin *
hawser_origin_new (guint64 id, const char *uid, const char *source)
{
  gsize len = strlen (source);
  HawserOrigin *self = g_malloc (sizeof *self + len + 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->id = id;
  self->author = NULL;
  self->free_author = NULL;
  g_strlcpy (self->uid, uid, sizeof self->uid);
  memcpy (self->source, source, len + 1);
  return self;
}

HawserOrigin *
hawser_origin_ref (HawserOrigin *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
hawser_origin_unref (HawserOrigin *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->author != NULL)
    self->free_author (self->author);
  g_free (self);
}

HawserMessage *
hawser_message_new_raw (const HawserMessageInit *init)
{
  gsize inline_len = init->block != NULL ? 0 : init->payload_len;
  HawserMessage *self = g_malloc (sizeof *self + init->topic_len + 1 + init->properties_len + inline_len);
  guint8 *cursor = (guint8 *) self->data;

  self->ref_count = 1;
  self->qos = init->qos;
  self->retain = init->retain != FALSE;
  self->topic_len = (guint16) init->topic_len;
  self->properties_len = (guint32) init->properties_len;
  self->payload_len = (guint32) init->payload_len;
  self->expiry_s = init->expiry_s;
  self->rights_version = 0;
  self->published_us = 0;
  self->sequence = 0;
  self->origin = NULL;
  self->block = NULL;

  memcpy (cursor, init->topic, init->topic_len);
  cursor[init->topic_len] = '\0';
  cursor += init->topic_len + 1;
  if (init->properties_len > 0)
    memcpy (cursor, init->properties, init->properties_len);
  cursor += init->properties_len;

  if (init->block != NULL)
    {
      self->block = hawser_block_ref (init->block);
      self->payload = init->payload;
    }
  else
    {
      if (init->payload_len > 0)
        memcpy (cursor, init->payload, init->payload_len);
      self->payload = cursor;
    }
  return self;
}

HawserMessage *
hawser_message_new_with_bytes (HawserMessageInit *init, GBytes *payload)
{
  HawserBlock *block = NULL;
  HawserMessage *self;

  if (payload != NULL)
    init->payload = g_bytes_get_data (payload, &init->payload_len);
  if (init->payload_len >= HAWSER_LARGE_PAYLOAD)
    init->block = block = hawser_block_new_for_bytes (payload);
  self = hawser_message_new_raw (init);
  hawser_block_unref (block);
  return self;
}

void
hawser_message_ref_n (HawserMessage *self, gint n)
{
  __atomic_fetch_add (&self->ref_count, n, __ATOMIC_RELAXED);
}

void
hawser_message_unref_n (HawserMessage *self, gint n)
{
  if (__atomic_fetch_sub (&self->ref_count, n, __ATOMIC_ACQ_REL) != n)
    return;
  hawser_block_unref (self->block);
  hawser_origin_unref (self->origin);
  g_free (self);
}

HawserMessage *
hawser_message_stamp (HawserMessage *self, guint64 sequence, gint64 published_us, HawserOrigin *origin)
{
  if (G_UNLIKELY (self->sequence != 0 || __atomic_load_n (&self->ref_count, __ATOMIC_ACQUIRE) != 1))
    {
      HawserMessageInit init = {
        .topic = self->data, .topic_len = self->topic_len,
        .properties = hawser_message_properties (self), .properties_len = self->properties_len,
        .payload = self->payload, .payload_len = self->payload_len, .block = self->block,
        .expiry_s = self->expiry_s, .qos = self->qos, .retain = self->retain,
      };
      HawserMessage *copy = hawser_message_new_raw (&init);

      hawser_message_unref (self);
      self = copy;
    }
  self->sequence = sequence;
  self->published_us = published_us;
  self->origin = origin != NULL ? hawser_origin_ref (origin) : NULL;
  return self;
}

static gboolean
find (const HawserMessage *self, HawserPropertyKind kind, const char *name, HawserProperty *out)
{
  gsize position = 0, name_len = name != NULL ? strlen (name) : 0;

  while (hawser_properties_next (hawser_message_properties (self), self->properties_len, &position, out))
    if (out->kind == kind && out->name_len == name_len && (name_len == 0 || memcmp (out->name, name, name_len) == 0))
      return TRUE;
  return FALSE;
}

static char *
dup_string (const HawserMessage *self, HawserPropertyKind kind, const char *name)
{
  HawserProperty property;

  return find (self, kind, name, &property) ? g_strndup ((const char *) property.value, property.value_len) : NULL;
}

/**
 * hawser_message_new:
 * @topic: topic name, UTF-8, 1..65535 bytes, no `+`, `#` or NUL
 * @payload: (nullable): any bytes, up to 2^32-1; %NULL is empty. From 16 KiB on they are shared, not copied
 *
 * Makes a message with QoS 0 and no properties; hawser_message_builder_new() offers the rest.
 * The name is checked when the message is published.
 *
 * Context: any thread.
 *
 * Returns: (transfer full): a new message
 * Since: 0.1
 */
HawserMessage *
hawser_message_new (const char *topic, GBytes *payload)
{
  HawserMessageInit init = { .topic = topic, .topic_len = strlen (topic) };

  g_return_val_if_fail (init.topic_len <= G_MAXUINT16, NULL);
  return hawser_message_new_with_bytes (&init, payload);
}

/**
 * hawser_message_new_text:
 * @topic: topic name, as for hawser_message_new()
 * @text: UTF-8 payload
 *
 * Context: any thread.
 *
 * Returns: (transfer full): a new message whose payload is @text without its NUL
 * Since: 0.1
 */
HawserMessage *
hawser_message_new_text (const char *topic, const char *text)
{
  HawserMessageInit init = { .topic = topic, .topic_len = strlen (topic), .payload = (const guint8 *) text, .payload_len = strlen (text) };

  g_return_val_if_fail (init.topic_len <= G_MAXUINT16, NULL);
  return hawser_message_new_raw (&init);
}

/**
 * hawser_message_ref:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserMessage *
hawser_message_ref (HawserMessage *self)
{
  hawser_message_ref_n (self, 1);
  return self;
}

/**
 * hawser_message_unref:
 * @self: (transfer full) (nullable): a message
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_message_unref (HawserMessage *self)
{
  if (self != NULL)
    hawser_message_unref_n (self, 1);
}

/**
 * hawser_message_get_topic:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: the topic name
 * Since: 0.1
 */
const char *
hawser_message_get_topic (const HawserMessage *self)
{
  return self->data;
}

static void
release_view (gpointer message)
{
  hawser_message_unref (message);
}

/**
 * hawser_message_dup_payload:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full): the payload: a view that holds a reference on @self, not a copy
 * Since: 0.1
 */
GBytes *
hawser_message_dup_payload (HawserMessage *self)
{
  return g_bytes_new_with_free_func (self->payload, self->payload_len, release_view, hawser_message_ref (self));
}

/**
 * hawser_message_get_data: (skip)
 * @self: a message
 * @len: (out) (optional): bytes of payload
 *
 * Context: any thread.
 *
 * Returns: (array length=len): the payload, valid as long as @self
 * Since: 0.1
 */
const guint8 *
hawser_message_get_data (const HawserMessage *self, gsize *len)
{
  if (len != NULL)
    *len = self->payload_len;
  return self->payload;
}

/**
 * hawser_message_dup_text:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): the payload as text, or %NULL if it is not UTF-8 or holds a NUL
 * Since: 0.1
 */
char *
hawser_message_dup_text (const HawserMessage *self)
{
  if (!g_utf8_validate ((const char *) self->payload, self->payload_len, NULL))
    return NULL;
  return g_strndup ((const char *) self->payload, self->payload_len);
}

/**
 * hawser_message_get_qos:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: the QoS it was published with
 * Since: 0.1
 */
HawserQos
hawser_message_get_qos (const HawserMessage *self)
{
  return self->qos;
}

/**
 * hawser_message_get_retain:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: whether the publisher asked that it be kept as the topic's last value
 * Since: 0.1
 */
gboolean
hawser_message_get_retain (const HawserMessage *self)
{
  return self->retain;
}

/**
 * hawser_message_get_expiry_s:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: seconds of life given by the publisher, 0 for no end
 * Since: 0.1
 */
guint
hawser_message_get_expiry_s (const HawserMessage *self)
{
  return self->expiry_s;
}

/**
 * hawser_message_dup_id:
 * @self: a message
 *
 * The id that the publisher gave (user property `id`), else one that the bus derives from its own identity and the
 * sequence number: the same for all receivers and after a restart.
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): the id, or %NULL before the message was published
 * Since: 0.1
 */
char *
hawser_message_dup_id (const HawserMessage *self)
{
  char *id = dup_string (self, HAWSER_PROPERTY_USER, "id");

  if (id != NULL || self->origin == NULL)
    return id;
  return g_strdup_printf ("%s%010" G_GINT64_MODIFIER "x", self->origin->uid, self->sequence);
}

/**
 * hawser_message_get_sequence:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: its place in the order of this bus, from 1, below 2^53; 0 before it was published
 * Since: 0.1
 */
guint64
hawser_message_get_sequence (const HawserMessage *self)
{
  return self->sequence;
}

/* Wall time minus monotonic time. Two reads of the clocks differ by a microsecond or so: a difference below half a
 * millisecond is taken for that, so that a message tells the same time whenever it is asked. */
static gint64
get_wall_offset_us (void)
{
  static gint64 kept_us;
  gint64 offset_us = g_get_real_time () - g_get_monotonic_time (), kept = __atomic_load_n (&kept_us, __ATOMIC_RELAXED);

  if (kept != 0 && ABS (offset_us - kept) < 500)
    return kept;
  __atomic_store_n (&kept_us, offset_us, __ATOMIC_RELAXED);
  return offset_us;
}

gint64
hawser_message_get_given_time_us (const HawserMessage *self)
{
  g_autofree char *text = dup_string (self, HAWSER_PROPERTY_USER, "time");
  g_autoptr (GDateTime) time = text != NULL ? g_date_time_new_from_iso8601 (text, NULL) : NULL;

  return time != NULL ? g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) : 0;
}

/**
 * hawser_message_get_time_us:
 * @self: a message
 *
 * The time of measurement that the publisher gave (user property `time`), else the time of publishing.
 *
 * Context: any thread.
 *
 * Returns: microseconds since 1970-01-01 UTC; 0 if neither is known
 * Since: 0.1
 */
gint64
hawser_message_get_time_us (const HawserMessage *self)
{
  gint64 time_us = hawser_message_get_given_time_us (self);

  if (time_us != 0)
    return time_us;
  return self->published_us != 0 ? self->published_us + get_wall_offset_us () : 0;
}

/**
 * hawser_message_get_published_us:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: monotonic microseconds when the bus took it; 0 before
 * Since: 0.1
 */
gint64
hawser_message_get_published_us (const HawserMessage *self)
{
  return self->published_us;
}

/**
 * hawser_message_get_source:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (nullable): who published, as a CloudEvents source such as `/listener/mqtt/client/ground-1`
 * Since: 0.1
 */
const char *
hawser_message_get_source (const HawserMessage *self)
{
  return self->origin != NULL ? self->origin->source : NULL;
}

/**
 * hawser_message_dup_content_type:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): media type of the payload
 * Since: 0.1
 */
char *
hawser_message_dup_content_type (const HawserMessage *self)
{
  return dup_string (self, HAWSER_PROPERTY_CONTENT_TYPE, NULL);
}

/**
 * hawser_message_dup_reply_to:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): topic that an answer should be published to
 * Since: 0.1
 */
char *
hawser_message_dup_reply_to (const HawserMessage *self)
{
  return dup_string (self, HAWSER_PROPERTY_REPLY_TO, NULL);
}

/**
 * hawser_message_dup_correlation:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): bytes by which the asker knows the answer
 * Since: 0.1
 */
GBytes *
hawser_message_dup_correlation (const HawserMessage *self)
{
  HawserProperty property;

  return find (self, HAWSER_PROPERTY_CORRELATION, NULL, &property) ? g_bytes_new (property.value, property.value_len) : NULL;
}

/**
 * hawser_message_dup_property:
 * @self: a message
 * @name: name of a user property
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): the first value of that name
 * Since: 0.1
 */
char *
hawser_message_dup_property (const HawserMessage *self, const char *name)
{
  return dup_string (self, HAWSER_PROPERTY_USER, name);
}

/**
 * hawser_message_dup_properties:
 * @self: a message
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (element-type utf8 utf8): all user properties; of a repeated name the first value
 * Since: 0.1
 */
GHashTable *
hawser_message_dup_properties (const HawserMessage *self)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  HawserProperty property;
  gsize position = 0;

  while (hawser_properties_next (hawser_message_properties (self), self->properties_len, &position, &property))
    if (property.kind == HAWSER_PROPERTY_USER)
      {
        g_autofree char *name = g_strndup (property.name, property.name_len);

        if (!g_hash_table_contains (table, name))
          g_hash_table_insert (table, g_steal_pointer (&name), g_strndup ((const char *) property.value, property.value_len));
      }
  return table;
}

void
hawser_message_view (const HawserMessage *self, HawserMessageView *out_view)
{
  out_view->topic = self->data;
  out_view->properties = hawser_message_properties (self);
  out_view->payload = self->payload;
  out_view->topic_len = self->topic_len;
  out_view->properties_len = self->properties_len;
  out_view->payload_len = self->payload_len;
  out_view->expiry_s = self->expiry_s;
  out_view->published_us = self->published_us;
  out_view->sequence = self->sequence;
  out_view->qos = self->qos;
  out_view->retain = self->retain;
  out_view->is_large = self->block != NULL;
}

guint32
hawser_message_get_remaining_s (const HawserMessage *self, gint64 now_us)
{
  gint64 end_us;

  if (self->expiry_s == 0)
    return G_MAXUINT32;
  end_us = self->published_us + (gint64) self->expiry_s * G_USEC_PER_SEC;
  if (end_us <= now_us)
    return 0;
  /* rounded up: a message with part of a second left is alive, and 0 would mean expired */
  return (guint32) ((end_us - now_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
}

gsize
hawser_message_get_size (const HawserMessage *self)
{
  return sizeof *self + self->topic_len + 1 + self->properties_len + self->payload_len;
}
