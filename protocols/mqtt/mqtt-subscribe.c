/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SUBSCRIBE and UNSUBSCRIBE: filters into the session's receiver, one reason for each back. Context: the connection's
 * lane. */

#include "mqtt-session.h"

#include <string.h>

static guint8
reason_from_error (int error)
{
  switch (error)
    {
    case HAWSER_ERROR_INVALID:
    case HAWSER_ERROR_MALFORMED:
    case HAWSER_ERROR_NOT_FOUND:
      return MQTT_BAD_FILTER;
    case HAWSER_ERROR_NOT_AUTHORIZED:
    case HAWSER_ERROR_DISABLED:
      return MQTT_NOT_AUTHORIZED;
    case HAWSER_ERROR_TOO_LARGE:
    case HAWSER_ERROR_QUOTA:
      return MQTT_QUOTA;
    default:
      return MQTT_UNSPECIFIED;
    }
}

/* *out_detail: why not. */
static guint8
subscribe_one (MqttSession *self, const MqttFilter *filter, guint32 id, const char *since, double speed, const char **out_detail)
{
  const MqttSettings *settings = &self->adapter->settings;
  HawserSubscribeOptions options = {
    .qos = (guint8) MIN (filter->qos, settings->maximum_qos), .no_local = filter->no_local,
    .retain_as_published = filter->retain_as_published, .retain_handling = filter->retain_handling, .id = id,
    .shares_exactly_once = !mqtt_session_is_5 (self), /* [MQTT-4.8.2-5] */
    .since = since, .replay_speed = speed,
  };
  HawserReceiver *receiver;
  int error;

  if (filter->filter.len > settings->max_levels && mqtt_topic_count_levels (filter->filter.data, filter->filter.len) > settings->max_levels)
    {
      *out_detail = "the filter has more levels than are allowed here";
      return MQTT_QUOTA;
    }
  receiver = mqtt_session_need_receiver (self);
  if (hawser_receiver_get_n_filters (receiver) >= settings->max_subscriptions)
    {
      *out_detail = "the client has as many subscriptions as are allowed here";
      return MQTT_QUOTA;
    }
  error = hawser_receiver_subscribe (receiver, (const char *) filter->filter.data, filter->filter.len, &options);
  if (error == HAWSER_RESULT_OK)
    return options.qos;
  *out_detail = hawser_bus_get_last_refusal (self->sessions->bus);
  return reason_from_error (error);
}

/* User properties of SUBSCRIBE: from where on, and how fast, topics with history begin. */
static void
read_since (const MqttList *list, char **out_since, double *out_speed)
{
  MqttSlice name, value;
  gsize position = 0;

  while (mqtt_properties_next_user (&list->properties, &position, &name, &value))
    if (name.len == 5 && memcmp (name.data, "since", 5) == 0 && *out_since == NULL)
      *out_since = g_strndup ((const char *) value.data, value.len);
    else if (name.len == 5 && memcmp (name.data, "speed", 5) == 0)
      {
        g_autofree char *text = g_strndup ((const char *) value.data, value.len);
        double speed = g_ascii_strtod (text, NULL);

        *out_speed = speed >= 0.001 && speed <= 1000 ? speed : 0;
      }
}

/* @detail (nullable): why the first one was refused, for who asked for it, as far as the client's packets allow. */
static void
answer (MqttSession *self, guint16 packet_id, const GByteArray *reasons, const char *detail)
{
  GByteArray *output = self->adapter->output, *block = self->adapter->block;

  g_byte_array_set_size (block, 0);
  if (detail != NULL && mqtt_session_is_5 (self) && self->wants_problems)
    mqtt_properties_put_slice (block, MQTT_REASON_STRING, detail, strlen (detail));
  mqtt_codec_write_list_ack (output, self->version, MQTT_SUBACK, packet_id, reasons->data, reasons->len, block->len > 0 ? block : NULL);
  if (block->len > 0 && output->len > self->max_packet)
    {
      /* [MQTT-3.9.2-1] */
      g_byte_array_set_size (output, 0);
      mqtt_codec_write_list_ack (output, self->version, MQTT_SUBACK, packet_id, reasons->data, reasons->len, NULL);
    }
  mqtt_session_send_output (self);
}

void
mqtt_session_on_subscribe (MqttSession *self, const guint8 *body, gsize len)
{
  g_autoptr (GByteArray) reasons = NULL;
  g_autofree char *since = NULL, *detail = NULL;
  MqttList list;
  MqttFilter filter;
  gsize position = 0;
  double speed = 0;
  const char *why = NULL;
  guint32 id;
  guint8 reason = mqtt_codec_read_list (self->version, MQTT_SUBSCRIBE, body, len, &self->adapter->limits, &list);

  if (reason != MQTT_SUCCESS)
    {
      mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, mqtt_reason_to_string (reason));
      return;
    }
  id = mqtt_properties_get (&list.properties, MQTT_SUBSCRIPTION_ID, 0);
  read_since (&list, &since, &speed);
  reasons = g_byte_array_sized_new (list.n);
  while (mqtt_codec_next_filter (MQTT_SUBSCRIBE, &list, &position, &filter) && self->state == MQTT_STATE_OPEN)
    {
      reason = subscribe_one (self, &filter, id, since, speed, &why);
      if (G_UNLIKELY (reason >= MQTT_UNSPECIFIED) && detail == NULL)
        detail = g_strndup (why, 1024);
      if (!mqtt_session_is_5 (self) && reason >= MQTT_UNSPECIFIED)
        reason = MQTT_UNSPECIFIED; /* 3.1.1 knows no other: section 3.9.3 */
      g_byte_array_append (reasons, &reason, 1);
    }
  if (self->state != MQTT_STATE_OPEN)
    return;
  answer (self, list.packet_id, reasons, detail);
}

void
mqtt_session_on_unsubscribe (MqttSession *self, const guint8 *body, gsize len)
{
  g_autoptr (GByteArray) reasons = NULL;
  MqttList list;
  MqttFilter filter;
  gsize position = 0;
  guint8 reason = mqtt_codec_read_list (self->version, MQTT_UNSUBSCRIBE, body, len, &self->adapter->limits, &list);

  if (reason != MQTT_SUCCESS)
    {
      mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, mqtt_reason_to_string (reason));
      return;
    }
  reasons = g_byte_array_sized_new (list.n);
  while (mqtt_codec_next_filter (MQTT_UNSUBSCRIBE, &list, &position, &filter))
    {
      gboolean existed = self->receiver != NULL &&
                         hawser_receiver_unsubscribe (self->receiver, (const char *) filter.filter.data, filter.filter.len);

      reason = existed ? MQTT_SUCCESS : MQTT_NO_SUBSCRIPTION;
      g_byte_array_append (reasons, &reason, 1);
    }
  mqtt_codec_write_list_ack (self->adapter->output, self->version, MQTT_UNSUBACK, list.packet_id, reasons->data, reasons->len, NULL);
  mqtt_session_send_output (self);
}
