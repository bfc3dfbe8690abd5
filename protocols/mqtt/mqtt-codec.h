/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mqtt-properties.h"

G_BEGIN_DECLS

/* What a stranger may make us look at. */
typedef struct {
  guint32 max_packet;            /* bytes, fixed header included */
  guint32 max_user_properties;   /* a packet */
  guint32 max_filters;           /* a SUBSCRIBE or UNSUBSCRIBE */
} MqttLimits;

#define MQTT_MAX_REMAINING 268435455u /* MQTT 5.0 section 1.5.5 */

typedef struct {
  guint8 type;         /* #MqttPacketType */
  guint8 flags;
  guint8 header_len;   /* 2..5 */
  guint32 body_len;
} MqttHeader;

typedef enum {
  MQTT_READ_MORE,      /* the fixed header is cut */
  MQTT_READ_OK,        /* the body need not be there yet */
  MQTT_READ_MALFORMED,
} MqttRead;

/* The fixed header: type, flags against the table, remaining length. Source: MQTT 5.0 section 2.1. */
static inline MqttRead
mqtt_codec_read_header (const guint8 *data, gsize len, MqttHeader *out_header)
{
  guint8 type, flags;
  int n;

  if (len == 0)
    return MQTT_READ_MORE;
  type = data[0] >> 4;
  flags = data[0] & 0x0f;
  if (G_UNLIKELY (type == 0 || (type != MQTT_PUBLISH && flags != mqtt_packet_rules[type].flags)))
    return MQTT_READ_MALFORMED;
  n = mqtt_varint_read (data + 1, len - 1, &out_header->body_len);
  if (n == 0)
    return MQTT_READ_MORE;
  if (n < 0)
    return MQTT_READ_MALFORMED;
  out_header->type = type;
  out_header->flags = flags;
  out_header->header_len = (guint8) (n + 1);
  return MQTT_READ_OK;
}

typedef struct {
  guint8 version;                /* 3, 4, 5; another number when the reason is MQTT_BAD_VERSION */
  gboolean clean_start;
  gboolean has_will, has_user, has_password;
  guint8 will_qos;
  gboolean will_retain;
  guint16 keep_alive_s;
  MqttSlice client_id, will_topic, will_payload, user, password;
  MqttProperties properties, will_properties;
} MqttConnect;

typedef struct {
  gboolean session_present;
  guint8 reason;                 /* 3.1.1: its return code */
  MqttProperties properties;
} MqttConnack;

typedef struct {
  guint8 qos;
  gboolean dup, retain;
  guint16 packet_id;
  MqttSlice topic, payload;
  MqttProperties properties;     /* only present, n_user and block_len are set when there are none */
} MqttPublish;

/* PUBACK, PUBREC, PUBREL, PUBCOMP; DISCONNECT and AUTH have no packet id. */
typedef struct {
  guint16 packet_id;
  guint8 reason;
  MqttProperties properties;
} MqttAck;

/* SUBSCRIBE, UNSUBSCRIBE, SUBACK, UNSUBACK: @rest holds the filters or the reasons. */
typedef struct {
  guint16 packet_id;
  MqttSlice rest;
  guint32 n;                     /* how many */
  MqttProperties properties;
} MqttList;

typedef struct {
  MqttSlice filter;
  guint8 qos;
  gboolean no_local, retain_as_published;
  guint8 retain_handling;
} MqttFilter;

/* Decoders take the body (what follows the fixed header) and return MQTT_SUCCESS or the reason to refuse the packet
 * with; 3.1.1 closes without telling it. Slices point into the body. Nothing is allocated. */
guint8 mqtt_codec_read_connect     (const guint8     *body,
                                    gsize             len,
                                    const MqttLimits *limits,
                                    MqttConnect      *out_connect);
guint8 mqtt_codec_read_connack     (guint8            version,
                                    const guint8     *body,
                                    gsize             len,
                                    const MqttLimits *limits,
                                    MqttConnack      *out_connack);
guint8 mqtt_codec_read_publish     (guint8            version,
                                    guint8            flags,
                                    const guint8     *body,
                                    gsize             len,
                                    const MqttLimits *limits,
                                    MqttPublish      *out_publish);
guint8 mqtt_codec_read_ack         (guint8            version,
                                    MqttPacketType    type,
                                    const guint8     *body,
                                    gsize             len,
                                    const MqttLimits *limits,
                                    MqttAck          *out_ack);
guint8 mqtt_codec_read_list        (guint8            version,
                                    MqttPacketType    type,
                                    const guint8     *body,
                                    gsize             len,
                                    const MqttLimits *limits,
                                    MqttList         *out_list);
/* Walks the filters of a SUBSCRIBE or UNSUBSCRIBE that was accepted: *position starts at 0; FALSE at the end. */
gboolean mqtt_codec_next_filter    (MqttPacketType    type,
                                    const MqttList   *list,
                                    gsize            *position,
                                    MqttFilter       *out_filter);
/* DISCONNECT and AUTH; in 3.1.1 DISCONNECT is empty and AUTH does not exist. */
guint8 mqtt_codec_read_end         (guint8            version,
                                    MqttPacketType    type,
                                    const guint8     *body,
                                    gsize             len,
                                    const MqttLimits *limits,
                                    MqttAck          *out_end);
/* PINGREQ and PINGRESP. */
guint8 mqtt_codec_read_empty       (const guint8     *body,
                                    gsize             len);

/* Whether a topic name has no wildcard and is not empty; the bytes are valid UTF-8 already. */
gboolean mqtt_topic_is_valid       (const guint8     *topic,
                                    gsize             len);

/* Whether a Response Topic, if there is one, is a topic name and no filter: [MQTT-3.3.2-14], and what a will brings is published. */
gboolean mqtt_response_topic_is_valid (const MqttProperties *properties);
/* Whether wildcards of a filter stand where section 4.7.1 allows them. */
gboolean mqtt_filter_is_valid      (const guint8     *filter,
                                    gsize             len);
guint    mqtt_topic_count_levels   (const guint8     *topic,
                                    gsize             len);

/* Encoders append one whole packet. @properties: a block made by mqtt_properties_put_*(), NULL for none; ignored
 * before 5.0. */
void mqtt_codec_write_connect      (GByteArray        *to,
                                    const MqttConnect *connect,
                                    const GByteArray  *properties,
                                    const GByteArray  *will_properties);
void mqtt_codec_write_connack      (GByteArray        *to,
                                    guint8             version,
                                    gboolean           session_present,
                                    guint8             reason,
                                    const GByteArray  *properties);
void mqtt_codec_write_publish      (GByteArray        *to,
                                    guint8             version,
                                    const MqttPublish *publish,
                                    const GByteArray  *properties);
void mqtt_codec_write_ack          (GByteArray        *to,
                                    guint8             version,
                                    MqttPacketType     type,
                                    guint16            packet_id,
                                    guint8             reason,
                                    const GByteArray  *properties);
void mqtt_codec_write_subscribe    (GByteArray        *to,
                                    guint8             version,
                                    guint16            packet_id,
                                    const MqttFilter  *filters,
                                    gsize              n_filters,
                                    const GByteArray  *properties);
void mqtt_codec_write_unsubscribe  (GByteArray        *to,
                                    guint8             version,
                                    guint16            packet_id,
                                    const MqttFilter  *filters,
                                    gsize              n_filters,
                                    const GByteArray  *properties);
/* SUBACK and UNSUBACK. */
void mqtt_codec_write_list_ack     (GByteArray        *to,
                                    guint8             version,
                                    MqttPacketType     type,
                                    guint16            packet_id,
                                    const guint8      *reasons,
                                    gsize              n_reasons,
                                    const GByteArray  *properties);
/* DISCONNECT and AUTH. */
void mqtt_codec_write_end          (GByteArray        *to,
                                    guint8             version,
                                    MqttPacketType     type,
                                    guint8             reason,
                                    const GByteArray  *properties);
/* PINGREQ and PINGRESP. */
void mqtt_codec_write_empty        (GByteArray        *to,
                                    MqttPacketType     type);

G_END_DECLS
