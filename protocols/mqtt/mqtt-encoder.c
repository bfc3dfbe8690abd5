/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a delivery of the bus to the bytes of a PUBLISH packet in the connection's output. The hot path out: sizes are
 * computed first, then everything is written once. Which packet id, and whether there is room, is the session's. */

#include "mqtt-encoder.h"

#include <string.h>

#include "mqtt-codec.h"

#define MAX_RESERVE 65000      /* of hawser_connection_reserve() */

/* Sizes of one packet. */
typedef struct {
  HawserMessageView view;
  const HawserDelivery *delivery;
  guint32 expiry_s;            /* what is left of it; 0: not sent */
  gboolean is_5;
  gsize properties_len;        /* as MQTT 5.0 */
  gsize remaining;
  gsize head_len;              /* everything before the payload */
  guint16 alias;               /* topic alias; 0: none */
  gsize topic_len;             /* of the topic as it is sent: 0 where the alias stands for it */
} Shape;

static const struct {
  guint8 id;
  gboolean is_text;
} property_forms[] = {
  [HAWSER_PROPERTY_USER] = { 0x26, TRUE },
  [HAWSER_PROPERTY_CONTENT_TYPE] = { 0x03, TRUE },
  [HAWSER_PROPERTY_REPLY_TO] = { 0x08, TRUE },
  [HAWSER_PROPERTY_CORRELATION] = { 0x09, FALSE },
  [HAWSER_PROPERTY_FORMAT] = { 0x01, FALSE },
};

/* Bytes of a property in MQTT 5.0; 0: MQTT has no way to say it (another protocol allowed it). */
static gsize
property_size (const HawserProperty *property)
{
  if ((gsize) property->kind >= G_N_ELEMENTS (property_forms) || property->value_len > G_MAXUINT16 ||
      (property_forms[property->kind].is_text && !mqtt_utf8_is_valid (property->value, property->value_len)))
    return 0;
  switch (property->kind)
    {
    case HAWSER_PROPERTY_USER:
      return mqtt_utf8_is_valid ((const guint8 *) property->name, property->name_len) ? 5 + property->name_len + property->value_len : 0;
    case HAWSER_PROPERTY_FORMAT:
      return property->value_len == 1 ? 2 : 0;
    case HAWSER_PROPERTY_REPLY_TO:
      return mqtt_topic_is_valid (property->value, property->value_len) ? 3 + property->value_len : 0;
    default:
      return 3 + property->value_len;
    }
}

static gsize
measure_properties (Shape *shape)
{
  const HawserDelivery *delivery = shape->delivery;
  gsize len = (shape->expiry_s > 0 ? 5 : 0) + (shape->alias != 0 ? 3 : 0), position = 0;
  HawserProperty property;

  for (guint i = 0; i < delivery->n_ids; i++)
    len += 1 + mqtt_varint_size (delivery->ids[i]);
  while (hawser_properties_next (shape->view.properties, shape->view.properties_len, &position, &property))
    len += property_size (&property);
  return len;
}

static guint8 *
put_bytes (guint8 *to, const void *data, gsize len)
{
  to = mqtt_u16_put (to, (guint16) len);
  if (len > 0)
    memcpy (to, data, len);
  return to + len;
}

static guint8 *
put_properties (const Shape *shape, guint8 *to)
{
  const HawserDelivery *delivery = shape->delivery;
  HawserProperty property;
  gsize position = 0;

  if (shape->alias != 0)
    {
      *to++ = 0x23;
      to = mqtt_u16_put (to, shape->alias);
    }
  if (shape->expiry_s > 0)
    {
      *to++ = 0x02;
      to = mqtt_u32_put (to, shape->expiry_s);
    }
  for (guint i = 0; i < delivery->n_ids; i++)
    {
      *to++ = 0x0b;
      to = mqtt_varint_put (to, delivery->ids[i]);
    }
  while (hawser_properties_next (shape->view.properties, shape->view.properties_len, &position, &property))
    {
      if (property_size (&property) == 0)
        continue;
      *to++ = property_forms[property.kind].id;
      if (property.kind == HAWSER_PROPERTY_FORMAT)
        {
          *to++ = property.value[0] != 0;
          continue;
        }
      if (property.kind == HAWSER_PROPERTY_USER)
        to = put_bytes (to, property.name, property.name_len);
      to = put_bytes (to, property.value, property.value_len);
    }
  return to;
}

static void
measure (Shape *shape, const HawserDelivery *delivery, gboolean is_5)
{
  gsize counted = 0;

  shape->delivery = delivery;
  shape->is_5 = is_5;
  shape->expiry_s = 0;
  shape->properties_len = 0;
  if (is_5)
    {
      if (G_UNLIKELY (shape->view.expiry_s > 0))
        shape->expiry_s = MAX (1, hawser_message_get_remaining_s (delivery->message, delivery->now_us));
      if (G_UNLIKELY (shape->view.properties_len > 0 || shape->expiry_s > 0 || delivery->n_ids > 0 || shape->alias != 0))
        shape->properties_len = measure_properties (shape);
      counted = mqtt_varint_size (shape->properties_len) + shape->properties_len;
    }
  shape->remaining = 2 + shape->topic_len + (delivery->qos > 0 ? 2 : 0) + counted + shape->view.payload_len;
  shape->head_len = 1 + mqtt_varint_size (shape->remaining) + shape->remaining - shape->view.payload_len;
}

/* Everything before the payload; @out_id_at gets the offset of the packet id. */
static guint8 *
put_head (const Shape *shape, guint8 *to, guint8 first, guint16 packet_id, gsize *out_id_at)
{
  guint8 *start = to;

  *to++ = first;
  to = mqtt_varint_put (to, shape->remaining);
  to = put_bytes (to, shape->view.topic, shape->topic_len);
  *out_id_at = (gsize) (to - start);
  if (shape->delivery->qos > 0)
    to = mqtt_u16_put (to, packet_id);
  if (shape->is_5)
    {
      to = mqtt_varint_put (to, shape->properties_len);
      if (shape->properties_len > 0)
        to = put_properties (shape, to);
    }
  return to;
}

static void
write_kept (MqttEncoder *self, HawserConnection *connection, guint16 packet_id, gboolean dup)
{
  guint8 *to = hawser_connection_reserve (connection, self->len);

  memcpy (to, self->data, self->len);
  if (dup)
    to[0] |= 8;
  if (packet_id != 0)
    mqtt_u16_put (to + self->id_at, packet_id);
  hawser_connection_commit (connection, self->len);
}

static void
keep (MqttEncoder *self, const Shape *shape, guint8 first)
{
  gsize len = shape->head_len + shape->view.payload_len;
  guint8 *to;

  if (len > self->size)
    {
      g_free (self->data);
      self->size = len + len / 2 + 256;
      self->data = g_malloc (self->size);
    }
  to = put_head (shape, self->data, first, 0, &self->id_at);
  if (shape->view.payload_len > 0)
    memcpy (to, shape->view.payload, shape->view.payload_len);
  self->len = len;
}

/* A packet that one reservation cannot hold. */
static void
write_long (const Shape *shape, HawserConnection *connection, guint8 first, guint16 packet_id)
{
  gsize unused;

  if (shape->head_len <= MAX_RESERVE)
    {
      put_head (shape, hawser_connection_reserve (connection, shape->head_len), first, packet_id, &unused);
      hawser_connection_commit (connection, shape->head_len);
    }
  else
    {
      g_autofree guint8 *head = g_malloc (shape->head_len);

      put_head (shape, head, first, packet_id, &unused);
      hawser_connection_write (connection, head, shape->head_len);
    }
  hawser_connection_write_payload (connection, shape->delivery->message);
}

HawserDeliverResult
mqtt_encoder_write (MqttEncoder *self, HawserConnection *connection, gboolean is_5, guint32 max_packet, const HawserDelivery *delivery,
                    guint16 packet_id, gboolean dup)
{
  guint8 first = (guint8) (MQTT_PUBLISH << 4 | delivery->qos << 1 | (delivery->retain ? 1 : 0));
  guint64 sequence = hawser_message_get_sequence (delivery->message);
  gboolean was_seen;
  Shape shape;

  was_seen = self->message == delivery->message && self->sequence == sequence && self->first == first && self->is_5 == is_5 &&
             delivery->n_ids == 0 && sequence != 0;
  if (was_seen && self->len > 0)
    {
      if (G_UNLIKELY (self->len > max_packet))
        return HAWSER_DELIVER_REFUSED;
      write_kept (self, connection, packet_id, dup);
      return HAWSER_DELIVER_DONE;
    }

  hawser_message_view (delivery->message, &shape.view);
  shape.alias = 0;
  shape.topic_len = shape.view.topic_len;
  measure (&shape, delivery, is_5);
  if (G_UNLIKELY (shape.remaining > MQTT_MAX_REMAINING || shape.head_len + shape.view.payload_len > max_packet))
    return HAWSER_DELIVER_REFUSED;
  if (shape.view.payload_len >= HAWSER_LARGE_PAYLOAD || shape.head_len + shape.view.payload_len > MAX_RESERVE)
    {
      write_long (&shape, connection, first | (dup ? 8 : 0), packet_id);
      return HAWSER_DELIVER_DONE;
    }
  if (was_seen && shape.expiry_s == 0)
    {
      keep (self, &shape, first);
      write_kept (self, connection, packet_id, dup);
      return HAWSER_DELIVER_DONE;
    }

  {
    gsize len = shape.head_len + shape.view.payload_len, unused;
    guint8 *to = hawser_connection_reserve (connection, len);

    to = put_head (&shape, to, first | (dup ? 8 : 0), packet_id, &unused);
    if (shape.view.payload_len > 0)
      memcpy (to, shape.view.payload, shape.view.payload_len);
    hawser_connection_commit (connection, len);
  }
  self->message = delivery->message;
  self->sequence = sequence;
  self->first = first;
  self->is_5 = is_5;
  self->len = 0;
  return HAWSER_DELIVER_DONE;
}

HawserDeliverResult
mqtt_encoder_write_alias (HawserConnection *connection, guint32 max_packet, const HawserDelivery *delivery, guint16 packet_id, gboolean dup,
                          MqttAliases *aliases)
{
  guint8 first = (guint8) (MQTT_PUBLISH << 4 | (dup ? 8 : 0) | delivery->qos << 1 | (delivery->retain ? 1 : 0));
  gboolean is_known;
  Shape shape;

  hawser_message_view (delivery->message, &shape.view);
  shape.alias = mqtt_aliases_choose (aliases, shape.view.topic, shape.view.topic_len, &is_known);
  shape.topic_len = is_known ? 0 : shape.view.topic_len;
  measure (&shape, delivery, TRUE);
  if (G_UNLIKELY (shape.remaining > MQTT_MAX_REMAINING || shape.head_len + shape.view.payload_len > max_packet))
    return HAWSER_DELIVER_REFUSED;
  if (shape.view.payload_len >= HAWSER_LARGE_PAYLOAD || shape.head_len + shape.view.payload_len > MAX_RESERVE)
    write_long (&shape, connection, first, packet_id);
  else
    {
      gsize len = shape.head_len + shape.view.payload_len, unused;
      guint8 *to = put_head (&shape, hawser_connection_reserve (connection, len), first, packet_id, &unused);

      if (shape.view.payload_len > 0)
        memcpy (to, shape.view.payload, shape.view.payload_len);
      hawser_connection_commit (connection, len);
    }
  if (shape.alias != 0 && !is_known)
    mqtt_aliases_note (aliases, shape.alias, shape.view.topic, shape.view.topic_len);
  return HAWSER_DELIVER_DONE;
}

void
mqtt_encoder_clear (MqttEncoder *self)
{
  g_clear_pointer (&self->data, g_free);
  self->size = self->len = 0;
  self->message = NULL;
}
