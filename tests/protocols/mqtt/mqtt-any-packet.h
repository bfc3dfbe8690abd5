/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mqtt-codec.h"

/* Decodes one whole packet of any type, for the tests and the fuzz target. Returns the reason, or 0xff when @data is
 * not one whole packet. */
static inline guint8
mqtt_read_any_packet (guint8 version, const guint8 *data, gsize len, const MqttLimits *limits)
{
  union {
    MqttConnect connect;
    MqttConnack connack;
    MqttPublish publish;
    MqttAck ack;
    MqttList list;
  } out;
  MqttFilter filter;
  MqttHeader header;
  const guint8 *body;
  gsize position = 0;
  guint n = 0;
  guint8 reason;

  switch (mqtt_codec_read_header (data, len, &header))
    {
    case MQTT_READ_MORE:
      return 0xff;
    case MQTT_READ_MALFORMED:
      return MQTT_MALFORMED;
    case MQTT_READ_OK:
    default:
      break;
    }
  if (header.header_len + (gsize) header.body_len != len)
    return 0xff;
  body = data + header.header_len;
  switch (header.type)
    {
    case MQTT_CONNECT:
      return mqtt_codec_read_connect (body, header.body_len, limits, &out.connect);
    case MQTT_CONNACK:
      return mqtt_codec_read_connack (version, body, header.body_len, limits, &out.connack);
    case MQTT_PUBLISH:
      return mqtt_codec_read_publish (version, header.flags, body, header.body_len, limits, &out.publish);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
      return mqtt_codec_read_ack (version, header.type, body, header.body_len, limits, &out.ack);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
      reason = mqtt_codec_read_list (version, header.type, body, header.body_len, limits, &out.list);
      while (reason == MQTT_SUCCESS && mqtt_codec_next_filter (header.type, &out.list, &position, &filter))
        n++;
      g_assert_true (reason != MQTT_SUCCESS || n == out.list.n);
      return reason;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
      return mqtt_codec_read_list (version, header.type, body, header.body_len, limits, &out.list);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
      return mqtt_codec_read_empty (body, header.body_len);
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
    default:
      return mqtt_codec_read_end (version, header.type, body, header.body_len, limits, &out.ack);
    }
}
