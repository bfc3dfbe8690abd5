/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packets of MQTT 3.1, 3.1.1 and 5.0 from bytes and back. Pure functions over (bytes, limits): no allocation when
 * reading, no recursion, no state; who may send what when is the session's business. Any thread. */

#include "mqtt-codec.h"

#include <string.h>

/* Cursor over a body: past its end once, it stays failed. */
typedef struct {
  const guint8 *at, *end;
  gboolean failed;
} Reader;

/* @body: NULL where there are no bytes. */
static Reader
start_reading (const guint8 *body, gsize len)
{
  return (Reader) { body, len > 0 ? body + len : body, FALSE };
}

static gsize
left (const Reader *self)
{
  return (gsize) (self->end - self->at);
}

static const guint8 *
take (Reader *self, gsize len)
{
  const guint8 *data = self->at;

  if (self->failed || left (self) < len)
    {
      self->failed = TRUE;
      return NULL;
    }
  self->at += len;
  return data;
}

static guint8
take_u8 (Reader *self)
{
  const guint8 *data = take (self, 1);

  return data != NULL ? data[0] : 0;
}

static guint16
take_u16 (Reader *self)
{
  const guint8 *data = take (self, 2);

  return data != NULL ? mqtt_u16_get (data) : 0;
}

static MqttSlice
take_binary (Reader *self)
{
  gsize len = take_u16 (self);
  const guint8 *data = take (self, len);

  return (MqttSlice) { data, data != NULL ? len : 0 };
}

static MqttSlice
take_string (Reader *self)
{
  MqttSlice slice = take_binary (self);

  if (!self->failed && !mqtt_utf8_is_valid (slice.data, slice.len))
    self->failed = TRUE;
  return slice;
}

static guint8
take_properties (Reader *self, MqttPacketType type, const MqttLimits *limits, MqttProperties *out)
{
  guint32 len = 0;
  int n = mqtt_varint_read (self->at, left (self), &len);
  const guint8 *data;

  if (self->failed || n <= 0)
    return MQTT_MALFORMED;
  self->at += n;
  data = take (self, len);
  if (data == NULL)
    return MQTT_MALFORMED;
  return mqtt_properties_read (out, type, data, len, limits->max_user_properties);
}

static void
no_properties (MqttProperties *self)
{
  self->present = 0;
  self->n_user = 0;
  self->block = NULL;
  self->block_len = 0;
}

gboolean
mqtt_topic_is_valid (const guint8 *topic, gsize len)
{
  if (len == 0)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (topic[i] == '+' || topic[i] == '#')
      return FALSE;
  return TRUE;
}

gboolean
mqtt_response_topic_is_valid (const MqttProperties *properties)
{
  const MqttSlice *topic = &properties->value[MQTT_RESPONSE_TOPIC].slice;

  return !mqtt_properties_has (properties, MQTT_RESPONSE_TOPIC) || mqtt_topic_is_valid (topic->data, topic->len);
}

gboolean
mqtt_filter_is_valid (const guint8 *filter, gsize len)
{
  if (len == 0)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    {
      gboolean starts = i == 0 || filter[i - 1] == '/', ends = i + 1 == len;

      if (filter[i] == '#' && !(starts && ends))
        return FALSE;
      if (filter[i] == '+' && !(starts && (ends || filter[i + 1] == '/')))
        return FALSE;
    }
  return TRUE;
}

guint
mqtt_topic_count_levels (const guint8 *topic, gsize len)
{
  guint n = 1;

  for (gsize i = 0; i < len; i++)
    n += topic[i] == '/';
  return n;
}

/* Protocol name and level, section 3.1.2.1 and 3.1.2.2. */
static guint8
read_version (Reader *reader, MqttConnect *out)
{
  MqttSlice name = take_binary (reader);

  out->version = take_u8 (reader);
  if (reader->failed)
    return MQTT_MALFORMED;
  if (name.len == 6 && memcmp (name.data, "MQIsdp", 6) == 0)
    return out->version == MQTT_VERSION_3_1 ? MQTT_SUCCESS : MQTT_BAD_VERSION;
  if (name.len != 4 || memcmp (name.data, "MQTT", 4) != 0)
    {
      out->version = 0; /* not our protocol at all: closed without a word */
      return MQTT_BAD_VERSION;
    }
  return out->version == MQTT_VERSION_3_1_1 || out->version == MQTT_VERSION_5_0 ? MQTT_SUCCESS : MQTT_BAD_VERSION;
}

static guint8
read_connect_flags (Reader *reader, MqttConnect *out)
{
  guint8 flags = take_u8 (reader);

  out->clean_start = (flags & 0x02) != 0;
  out->has_will = (flags & 0x04) != 0;
  out->will_qos = (flags >> 3) & 3;
  out->will_retain = (flags & 0x20) != 0;
  out->has_password = (flags & 0x40) != 0;
  out->has_user = (flags & 0x80) != 0;
  if ((flags & 0x01) != 0 && out->version != MQTT_VERSION_3_1)
    return MQTT_MALFORMED; /* [MQTT-3.1.2-3] */
  if (out->will_qos == 3 || (!out->has_will && (out->will_qos != 0 || out->will_retain)))
    return MQTT_MALFORMED; /* [MQTT-3.1.2-11] to [MQTT-3.1.2-15] */
  if (out->version != MQTT_VERSION_5_0 && out->has_password && !out->has_user)
    return MQTT_MALFORMED; /* 3.1.1 [MQTT-3.1.2-22] */
  return MQTT_SUCCESS;
}

static guint8
read_will (Reader *reader, const MqttLimits *limits, MqttConnect *out)
{
  guint8 reason;

  if (out->version == MQTT_VERSION_5_0)
    {
      reason = take_properties (reader, MQTT_WILL, limits, &out->will_properties);
      if (reason != MQTT_SUCCESS)
        return reason;
    }
  out->will_topic = take_string (reader);
  out->will_payload = take_binary (reader);
  if (reader->failed)
    return MQTT_MALFORMED;
  return mqtt_topic_is_valid (out->will_topic.data, out->will_topic.len) ? MQTT_SUCCESS : MQTT_BAD_TOPIC;
}

guint8
mqtt_codec_read_connect (const guint8 *body, gsize len, const MqttLimits *limits, MqttConnect *out)
{
  Reader reader = start_reading (body, len);
  guint8 reason;

  memset (out, 0, G_STRUCT_OFFSET (MqttConnect, properties));
  no_properties (&out->properties);
  no_properties (&out->will_properties);
  reason = read_version (&reader, out);
  if (reason != MQTT_SUCCESS)
    return reason;
  reason = read_connect_flags (&reader, out);
  if (reason != MQTT_SUCCESS)
    return reason;
  out->keep_alive_s = take_u16 (&reader);
  if (out->version == MQTT_VERSION_5_0)
    {
      reason = take_properties (&reader, MQTT_CONNECT, limits, &out->properties);
      if (reason != MQTT_SUCCESS)
        return reason;
      if (mqtt_properties_has (&out->properties, MQTT_AUTH_DATA) && !mqtt_properties_has (&out->properties, MQTT_AUTH_METHOD))
        return MQTT_PROTOCOL_ERROR;
    }
  out->client_id = take_string (&reader);
  if (!reader.failed && out->has_will)
    {
      reason = read_will (&reader, limits, out);
      if (reason != MQTT_SUCCESS)
        return reason;
    }
  if (out->has_user)
    out->user = take_string (&reader);
  if (out->has_password)
    out->password = take_binary (&reader);
  return reader.failed || left (&reader) > 0 ? MQTT_MALFORMED : MQTT_SUCCESS;
}

guint8
mqtt_codec_read_connack (guint8 version, const guint8 *body, gsize len, const MqttLimits *limits, MqttConnack *out)
{
  Reader reader = start_reading (body, len);
  guint8 flags = take_u8 (&reader), reason;

  out->session_present = flags & 1;
  out->reason = take_u8 (&reader);
  no_properties (&out->properties);
  if (reader.failed || (flags & ~1) != 0)
    return MQTT_MALFORMED;
  if (version == MQTT_VERSION_5_0)
    {
      reason = take_properties (&reader, MQTT_CONNACK, limits, &out->properties);
      if (reason != MQTT_SUCCESS)
        return reason;
      if (!mqtt_reason_is_valid (MQTT_CONNACK, out->reason))
        return MQTT_MALFORMED;
    }
  else if (out->reason > 5)
    return MQTT_MALFORMED;
  if (out->reason != 0 && out->session_present)
    return MQTT_PROTOCOL_ERROR; /* [MQTT-3.2.2-6] */
  return left (&reader) > 0 ? MQTT_MALFORMED : MQTT_SUCCESS;
}

guint8
mqtt_codec_read_publish (guint8 version, guint8 flags, const guint8 *body, gsize len, const MqttLimits *limits, MqttPublish *out)
{
  const guint8 *at = body, *end = body + len;
  gsize topic_len;

  out->qos = (flags >> 1) & 3;
  out->dup = (flags & 8) != 0;
  out->retain = flags & 1;
  if (G_UNLIKELY (out->qos == 3 || (out->dup && out->qos == 0)))
    return MQTT_MALFORMED; /* [MQTT-3.3.1-4], [MQTT-3.3.1-2] */
  if (G_UNLIKELY (len < 2))
    return MQTT_MALFORMED;
  topic_len = mqtt_u16_get (at);
  at += 2;
  if (G_UNLIKELY ((gsize) (end - at) < topic_len || !mqtt_utf8_is_valid (at, topic_len)))
    return MQTT_MALFORMED;
  out->topic = (MqttSlice) { at, topic_len };
  at += topic_len;
  out->packet_id = 0;
  if (out->qos > 0)
    {
      if (G_UNLIKELY (end - at < 2))
        return MQTT_MALFORMED;
      out->packet_id = mqtt_u16_get (at);
      at += 2;
    }
  no_properties (&out->properties);
  if (version == MQTT_VERSION_5_0)
    {
      if (G_LIKELY (at < end && *at == 0))
        at++;
      else
        {
          Reader reader = { at, end, FALSE };
          guint8 reason = take_properties (&reader, MQTT_PUBLISH, limits, &out->properties);

          if (reason != MQTT_SUCCESS)
            return reason;
          at = reader.at;
        }
    }
  out->payload = (MqttSlice) { at, (gsize) (end - at) };

  if (G_UNLIKELY (out->qos > 0 && out->packet_id == 0))
    return MQTT_PROTOCOL_ERROR; /* [MQTT-2.2.1-3] */
  if (G_UNLIKELY (topic_len == 0))
    return mqtt_properties_has (&out->properties, MQTT_ALIAS) ? MQTT_SUCCESS
           : version == MQTT_VERSION_5_0 ? MQTT_PROTOCOL_ERROR : MQTT_MALFORMED;
  return G_LIKELY (mqtt_topic_is_valid (out->topic.data, topic_len)) ? MQTT_SUCCESS : MQTT_BAD_TOPIC;
}

guint8
mqtt_codec_read_ack (guint8 version, MqttPacketType type, const guint8 *body, gsize len, const MqttLimits *limits, MqttAck *out)
{
  Reader reader = start_reading (body, len);

  out->reason = MQTT_SUCCESS;
  no_properties (&out->properties);
  out->packet_id = take_u16 (&reader);
  if (reader.failed)
    return MQTT_MALFORMED;
  /* 5.0 leaves out the reason when it is success, and the property length when there are none: 3.4.2.1, 3.4.2.2 */
  if (left (&reader) > 0)
    {
      if (version != MQTT_VERSION_5_0)
        return MQTT_MALFORMED;
      out->reason = take_u8 (&reader);
      if (!mqtt_reason_is_valid (type, out->reason))
        return MQTT_MALFORMED;
    }
  if (left (&reader) > 0)
    {
      guint8 reason = take_properties (&reader, type, limits, &out->properties);

      if (reason != MQTT_SUCCESS)
        return reason;
    }
  if (left (&reader) > 0)
    return MQTT_MALFORMED;
  return out->packet_id == 0 ? MQTT_PROTOCOL_ERROR : MQTT_SUCCESS;
}

/* One filter and, in SUBSCRIBE, its options. Source: section 3.8.3. */
static guint8
take_filter (Reader *reader, guint8 version, MqttPacketType type, MqttFilter *out)
{
  guint8 options;

  out->filter = take_string (reader);
  out->qos = 0;
  out->no_local = out->retain_as_published = FALSE;
  out->retain_handling = 0;
  if (!reader->failed && type == MQTT_SUBSCRIBE)
    {
      options = take_u8 (reader);
      out->qos = options & 3;
      out->no_local = (options & 4) != 0;
      out->retain_as_published = (options & 8) != 0;
      out->retain_handling = (options >> 4) & 3;
      if (!reader->failed && (options & (version == MQTT_VERSION_5_0 ? 0xc0 : 0xfc)) != 0)
        return MQTT_MALFORMED; /* [MQTT-3.8.3-5] */
      if (!reader->failed && out->qos == 3)
        return version == MQTT_VERSION_5_0 ? MQTT_PROTOCOL_ERROR : MQTT_MALFORMED;
      if (!reader->failed && out->retain_handling == 3)
        return MQTT_PROTOCOL_ERROR;
    }
  if (reader->failed)
    return MQTT_MALFORMED;
  if (!mqtt_filter_is_valid (out->filter.data, out->filter.len))
    return MQTT_BAD_FILTER;
  return MQTT_SUCCESS;
}

static guint8
read_filters (Reader *reader, guint8 version, MqttPacketType type, const MqttLimits *limits, MqttList *out)
{
  while (left (reader) > 0)
    {
      MqttFilter filter;
      guint8 reason = take_filter (reader, version, type, &filter);

      if (reason != MQTT_SUCCESS)
        return reason;
      if (++out->n > limits->max_filters)
        return MQTT_QUOTA;
      /* [MQTT-3.8.3-4] */
      if (filter.no_local && filter.filter.len > 7 && memcmp (filter.filter.data, "$share/", 7) == 0)
        return MQTT_PROTOCOL_ERROR;
    }
  return MQTT_SUCCESS;
}

static guint8
read_reasons (Reader *reader, guint8 version, MqttPacketType type, MqttList *out)
{
  out->n = (guint32) left (reader);
  for (; left (reader) > 0; reader->at++)
    if (version == MQTT_VERSION_5_0 ? !mqtt_reason_is_valid (type, *reader->at) : *reader->at > 2 && *reader->at != 0x80)
      return MQTT_MALFORMED;
  return MQTT_SUCCESS;
}

guint8
mqtt_codec_read_list (guint8 version, MqttPacketType type, const guint8 *body, gsize len, const MqttLimits *limits, MqttList *out)
{
  Reader reader = start_reading (body, len);
  gboolean is_ack = type == MQTT_SUBACK || type == MQTT_UNSUBACK;
  guint8 reason;

  no_properties (&out->properties);
  out->n = 0;
  out->packet_id = take_u16 (&reader);
  if (reader.failed)
    return MQTT_MALFORMED;
  if (version == MQTT_VERSION_5_0)
    {
      reason = take_properties (&reader, type, limits, &out->properties);
      if (reason != MQTT_SUCCESS)
        return reason;
    }
  out->rest = (MqttSlice) { reader.at, left (&reader) };
  if (type == MQTT_UNSUBACK && version != MQTT_VERSION_5_0 && out->rest.len > 0)
    return MQTT_MALFORMED;
  reason = is_ack ? read_reasons (&reader, version, type, out) : read_filters (&reader, version, type, limits, out);
  if (reason != MQTT_SUCCESS)
    return reason;
  if (out->packet_id == 0)
    return MQTT_PROTOCOL_ERROR;
  /* [MQTT-3.8.3-2], [MQTT-3.10.3-2]: at least one */
  return out->n == 0 && !(type == MQTT_UNSUBACK && version != MQTT_VERSION_5_0) ? MQTT_PROTOCOL_ERROR : MQTT_SUCCESS;
}

gboolean
mqtt_codec_next_filter (MqttPacketType type, const MqttList *list, gsize *position, MqttFilter *out)
{
  Reader reader = { list->rest.data + *position, list->rest.data + list->rest.len, FALSE };

  if (*position >= list->rest.len || take_filter (&reader, MQTT_VERSION_5_0, type, out) != MQTT_SUCCESS)
    return FALSE;
  *position = (gsize) (reader.at - list->rest.data);
  return TRUE;
}

guint8
mqtt_codec_read_end (guint8 version, MqttPacketType type, const guint8 *body, gsize len, const MqttLimits *limits, MqttAck *out)
{
  Reader reader = start_reading (body, len);

  out->packet_id = 0;
  out->reason = MQTT_SUCCESS;
  no_properties (&out->properties);
  if (version != MQTT_VERSION_5_0)
    return type == MQTT_DISCONNECT && len == 0 ? MQTT_SUCCESS : MQTT_MALFORMED;
  if (len == 0)
    return MQTT_SUCCESS;
  out->reason = take_u8 (&reader);
  if (!mqtt_reason_is_valid (type, out->reason))
    return MQTT_MALFORMED;
  if (left (&reader) > 0)
    {
      guint8 reason = take_properties (&reader, type, limits, &out->properties);

      if (reason != MQTT_SUCCESS)
        return reason;
    }
  return left (&reader) > 0 ? MQTT_MALFORMED : MQTT_SUCCESS;
}

guint8
mqtt_codec_read_empty (const guint8 *body, gsize len)
{
  return len == 0 ? MQTT_SUCCESS : MQTT_MALFORMED;
}

/* ---- writing ---- */

static void
put (GByteArray *to, const void *data, gsize len)
{
  if (len > 0)
    g_byte_array_append (to, data, (guint) len);
}

static void
put_u8 (GByteArray *to, guint8 value)
{
  put (to, &value, 1);
}

static void
put_u16 (GByteArray *to, guint16 value)
{
  guint8 bytes[2];

  mqtt_u16_put (bytes, value);
  put (to, bytes, 2);
}

static void
put_varint (GByteArray *to, gsize value)
{
  guint8 bytes[5];

  put (to, bytes, (gsize) (mqtt_varint_put (bytes, value) - bytes));
}

static void
put_slice (GByteArray *to, MqttSlice slice)
{
  put_u16 (to, (guint16) slice.len);
  put (to, slice.data, slice.len);
}

static void
put_header (GByteArray *to, guint8 first, gsize body_len)
{
  put_u8 (to, first);
  put_varint (to, body_len);
}

static gsize
block_len (guint8 version, const GByteArray *block)
{
  return block != NULL && version == MQTT_VERSION_5_0 ? block->len : 0;
}

/* Length of a property block with its own length in front; nothing before 5.0. */
static gsize
counted_len (guint8 version, const GByteArray *block)
{
  gsize len = block_len (version, block);

  return version == MQTT_VERSION_5_0 ? mqtt_varint_size (len) + len : 0;
}

static void
put_block (GByteArray *to, guint8 version, const GByteArray *block)
{
  gsize len = block_len (version, block);

  if (version != MQTT_VERSION_5_0)
    return;
  put_varint (to, len);
  if (len > 0)
    put (to, block->data, len);
}

void
mqtt_codec_write_connect (GByteArray *to, const MqttConnect *connect, const GByteArray *properties, const GByteArray *will_properties)
{
  guint8 version = connect->version, flags;
  MqttSlice name = { (const guint8 *) (version == MQTT_VERSION_3_1 ? "MQIsdp" : "MQTT"), version == MQTT_VERSION_3_1 ? 6 : 4 };
  gsize len = 2 + name.len + 4 + counted_len (version, properties) + 2 + connect->client_id.len;

  if (connect->has_will)
    len += counted_len (version, will_properties) + 4 + connect->will_topic.len + connect->will_payload.len;
  if (connect->has_user)
    len += 2 + connect->user.len;
  if (connect->has_password)
    len += 2 + connect->password.len;
  flags = (guint8) ((connect->clean_start ? 2 : 0) | (connect->has_will ? 4 : 0) | connect->will_qos << 3 |
                    (connect->will_retain ? 0x20 : 0) | (connect->has_password ? 0x40 : 0) | (connect->has_user ? 0x80 : 0));

  put_header (to, MQTT_CONNECT << 4, len);
  put_slice (to, name);
  put_u8 (to, version);
  put_u8 (to, flags);
  put_u16 (to, connect->keep_alive_s);
  put_block (to, version, properties);
  put_slice (to, connect->client_id);
  if (connect->has_will)
    {
      put_block (to, version, will_properties);
      put_slice (to, connect->will_topic);
      put_slice (to, connect->will_payload);
    }
  if (connect->has_user)
    put_slice (to, connect->user);
  if (connect->has_password)
    put_slice (to, connect->password);
}

void
mqtt_codec_write_connack (GByteArray *to, guint8 version, gboolean session_present, guint8 reason, const GByteArray *properties)
{
  put_header (to, MQTT_CONNACK << 4, 2 + counted_len (version, properties));
  put_u8 (to, session_present ? 1 : 0);
  put_u8 (to, reason);
  put_block (to, version, properties);
}

void
mqtt_codec_write_publish (GByteArray *to, guint8 version, const MqttPublish *publish, const GByteArray *properties)
{
  gsize len = 2 + publish->topic.len + (publish->qos > 0 ? 2 : 0) + counted_len (version, properties) + publish->payload.len;

  put_header (to, (guint8) (MQTT_PUBLISH << 4 | (publish->dup ? 8 : 0) | publish->qos << 1 | (publish->retain ? 1 : 0)), len);
  put_slice (to, publish->topic);
  if (publish->qos > 0)
    put_u16 (to, publish->packet_id);
  put_block (to, version, properties);
  put (to, publish->payload.data, publish->payload.len);
}

void
mqtt_codec_write_ack (GByteArray *to, guint8 version, MqttPacketType type, guint16 packet_id, guint8 reason, const GByteArray *properties)
{
  gboolean has_properties = block_len (version, properties) > 0;
  gboolean has_reason = version == MQTT_VERSION_5_0 && (reason != MQTT_SUCCESS || has_properties);

  put_header (to, (guint8) (type << 4 | mqtt_packet_rules[type].flags),
              2 + (has_reason ? 1 : 0) + (has_properties ? counted_len (version, properties) : 0));
  put_u16 (to, packet_id);
  if (has_reason)
    put_u8 (to, reason);
  if (has_properties)
    put_block (to, version, properties);
}

static void
write_filters (GByteArray *to, guint8 version, MqttPacketType type, guint16 packet_id, const MqttFilter *filters, gsize n_filters,
               const GByteArray *properties)
{
  gsize len = 2 + counted_len (version, properties);

  for (gsize i = 0; i < n_filters; i++)
    len += 2 + filters[i].filter.len + (type == MQTT_SUBSCRIBE ? 1 : 0);
  put_header (to, (guint8) (type << 4 | mqtt_packet_rules[type].flags), len);
  put_u16 (to, packet_id);
  put_block (to, version, properties);
  for (gsize i = 0; i < n_filters; i++)
    {
      const MqttFilter *f = &filters[i];

      put_slice (to, f->filter);
      if (type == MQTT_SUBSCRIBE)
        put_u8 (to, (guint8) (f->qos | (f->no_local ? 4 : 0) | (f->retain_as_published ? 8 : 0) | f->retain_handling << 4));
    }
}

void
mqtt_codec_write_subscribe (GByteArray *to, guint8 version, guint16 packet_id, const MqttFilter *filters, gsize n_filters,
                            const GByteArray *properties)
{
  write_filters (to, version, MQTT_SUBSCRIBE, packet_id, filters, n_filters, properties);
}

void
mqtt_codec_write_unsubscribe (GByteArray *to, guint8 version, guint16 packet_id, const MqttFilter *filters, gsize n_filters,
                              const GByteArray *properties)
{
  write_filters (to, version, MQTT_UNSUBSCRIBE, packet_id, filters, n_filters, properties);
}

void
mqtt_codec_write_list_ack (GByteArray *to, guint8 version, MqttPacketType type, guint16 packet_id, const guint8 *reasons, gsize n_reasons,
                           const GByteArray *properties)
{
  gsize n = type == MQTT_UNSUBACK && version != MQTT_VERSION_5_0 ? 0 : n_reasons;

  put_header (to, (guint8) (type << 4), 2 + counted_len (version, properties) + n);
  put_u16 (to, packet_id);
  put_block (to, version, properties);
  put (to, reasons, n);
}

void
mqtt_codec_write_end (GByteArray *to, guint8 version, MqttPacketType type, guint8 reason, const GByteArray *properties)
{
  gboolean has_properties = block_len (version, properties) > 0;
  gboolean has_reason = version == MQTT_VERSION_5_0 && (reason != MQTT_SUCCESS || has_properties);

  put_header (to, (guint8) (type << 4), (has_reason ? 1 : 0) + (has_properties ? counted_len (version, properties) : 0));
  if (has_reason)
    put_u8 (to, reason);
  if (has_properties)
    put_block (to, version, properties);
}

void
mqtt_codec_write_empty (GByteArray *to, MqttPacketType type)
{
  put_header (to, (guint8) (type << 4), 0);
}
