/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client publishes: PUBLISH to a message of the bus, and the answer when the bus has kept its promise, in the
 * order of the PUBLISH packets. Context: the connection's lane. */

#include "mqtt-session.h"

#include <string.h>

#define MAX_OWED 20000      /* answers that wait for the store; then nothing more is read, whatever the client's version */

static MqttInflow *
need_inflow (MqttSession *self)
{
  if (self->inflow == NULL)
    self->inflow = mqtt_inflow_new ();
  return self->inflow;
}

/* 3.1.1 has no negative answer [MQTT-3.3.5-2]: what will never be allowed is acknowledged and dropped, what another
 * attempt may achieve ends the connection, so that the client keeps it. */
static gboolean
is_for_good (int result)
{
  return result == HAWSER_ERROR_NOT_AUTHORIZED || result == HAWSER_ERROR_DISABLED || result == HAWSER_ERROR_NOT_FOUND ||
         result == HAWSER_ERROR_INVALID || result == HAWSER_ERROR_TOO_LARGE;
}

static void
answer (MqttSession *self, guint16 packet_id, guint8 qos, int result, const char *detail)
{
  MqttPacketType type = qos == 1 ? MQTT_PUBACK : MQTT_PUBREC;

  if (G_UNLIKELY (result != HAWSER_RESULT_OK))
    {
      if (!mqtt_session_is_5 (self) && !is_for_good (result))
        {
          mqtt_session_end (self, MQTT_SUCCESS, HAWSER_ERROR_UNAVAILABLE, "message could not be taken");
          return;
        }
      if (qos == 2 && mqtt_session_is_5 (self))
        mqtt_inflow_remove (need_inflow (self), packet_id); /* a PUBREC of 0x80 or more ends the exchange: 4.3.3 */
    }
  mqtt_session_send_ack (self, type, packet_id, mqtt_reason_from_error (result), detail);
}

static void
answer_owed (MqttSession *self, const char *detail)
{
  MqttOwed owed;

  while (self->state == MQTT_STATE_OPEN && mqtt_inflow_pop (self->inflow, &owed))
    answer (self, owed.packet_id, owed.qos, owed.result, owed.result != HAWSER_RESULT_OK ? detail : NULL);
  if (self->is_paused && self->state == MQTT_STATE_OPEN && self->inflow->n_owed < MAX_OWED / 2)
    {
      self->is_paused = FALSE;
      hawser_connection_resume (self->connection);
    }
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  MqttSession *self = hawser_connection_get_session (data);

  if (self == NULL || self->state != MQTT_STATE_OPEN)
    return;
  mqtt_inflow_resolve (self->inflow, cookie, result);
  answer_owed (self, result != HAWSER_RESULT_OK ? hawser_bus_get_last_refusal (hawser_connection_get_bus (data)) : NULL);
}

void
mqtt_session_answer_kept (MqttSession *self, guint16 packet_id)
{
  if (self->inflow == NULL)
    return;
  mqtt_inflow_resolve_kept (self->inflow, packet_id);
  answer_owed (self, NULL);
}

static void
owe (MqttSession *self, guint16 packet_id, guint8 qos, int result)
{
  MqttInflow *inflow = need_inflow (self);

  mqtt_inflow_owe (inflow, packet_id, qos, result != HAWSER_RESULT_PENDING, result);
  if (inflow->n_owed >= MAX_OWED && !self->is_paused)
    {
      self->is_paused = TRUE;
      hawser_connection_pause (self->connection);
    }
}

static int
give_to_bus (MqttSession *self, const MqttPublish *publish, gboolean has_properties)
{
  HawserMessageInit init = {
    .topic = (const char *) publish->topic.data, .topic_len = publish->topic.len,
    .payload = publish->payload.data, .payload_len = publish->payload.len,
    .qos = publish->qos, .retain = publish->retain,
  };
  guint64 cookie;

  if (has_properties)
    {
      HawserProperties *properties = &self->adapter->properties;

      mqtt_properties_to_message (&publish->properties, properties, &init.expiry_s);
      init.properties = properties->data;
      init.properties_len = properties->len;
    }
  if (publish->payload.len >= HAWSER_LARGE_PAYLOAD)
    init.block = hawser_connection_get_block (self->connection);
  if (publish->qos == 0)
    return hawser_connection_publish (self->connection, hawser_message_new_raw (&init), NULL, 0);
  cookie = self->inflow != NULL ? mqtt_inflow_next_cookie (self->inflow) : 1;
  return hawser_connection_publish (self->connection, hawser_message_new_raw (&init), on_published, cookie);
}

/* Section 3.3.2.3.4. */
static guint8
resolve_alias (MqttSession *self, MqttPublish *publish)
{
  guint alias = publish->properties.value[MQTT_ALIAS].number;
  MqttMore *more = mqtt_session_need_more (self);

  if (alias > self->adapter->settings.topic_alias_maximum)
    return MQTT_BAD_ALIAS;
  if (publish->topic.len == 0)
    {
      const char *topic = alias <= more->n_aliases ? more->aliases[alias - 1] : NULL;

      if (topic == NULL)
        return MQTT_PROTOCOL_ERROR;
      publish->topic = (MqttSlice) { (const guint8 *) topic, strlen (topic) };
      return MQTT_SUCCESS;
    }
  if (alias > more->n_aliases)
    {
      more->aliases = g_renew (char *, more->aliases, alias);
      memset (more->aliases + more->n_aliases, 0, (alias - more->n_aliases) * sizeof *more->aliases);
      more->n_aliases = alias;
    }
  g_free (more->aliases[alias - 1]);
  more->aliases[alias - 1] = g_strndup ((const char *) publish->topic.data, publish->topic.len);
  return MQTT_SUCCESS;
}

static guint8
check_publish (MqttSession *self, MqttPublish *publish)
{
  const HawserMqttAdapter *adapter = self->adapter;
  const MqttSettings *settings = &adapter->settings;

  if (G_UNLIKELY (publish->properties.present != 0))
    {
      if (mqtt_properties_has (&publish->properties, MQTT_SUBSCRIPTION_ID))
        return MQTT_PROTOCOL_ERROR; /* [MQTT-3.3.4-6] */
      if (!mqtt_response_topic_is_valid (&publish->properties))
        return MQTT_PROTOCOL_ERROR; /* [MQTT-3.3.2-14] */
      if (mqtt_properties_has (&publish->properties, MQTT_ALIAS))
        {
          guint8 reason = resolve_alias (self, publish);

          if (reason != MQTT_SUCCESS)
            return reason;
        }
    }
  if (G_UNLIKELY (publish->qos > settings->maximum_qos))
    return MQTT_NO_QOS;
  if (G_UNLIKELY (publish->retain && !settings->retain_available))
    return MQTT_NO_RETAIN;
  if (G_UNLIKELY (publish->payload.len > adapter->max_message))
    return MQTT_TOO_LARGE;
  if (G_UNLIKELY (publish->topic.len > settings->max_levels &&
                  mqtt_topic_count_levels (publish->topic.data, publish->topic.len) > settings->max_levels))
    return MQTT_BAD_TOPIC;
  return MQTT_SUCCESS;
}

static gboolean
is_over_receive_maximum (MqttSession *self)
{
  return self->inflow != NULL && mqtt_session_is_5 (self) &&
         self->inflow->n_ids + self->inflow->n_owed_1 >= self->adapter->settings.receive_maximum;
}

/* The message and its packet id in one transaction: after a crash both are there, or neither. */
static int
publish_recorded (MqttSession *self, const MqttPublish *publish, gboolean has_properties)
{
  int result, kept = HAWSER_RESULT_OK;

  hawser_bus_hold (self->sessions->bus);
  result = give_to_bus (self, publish, has_properties);
  if (result <= HAWSER_RESULT_OK && self->state == MQTT_STATE_OPEN)
    kept = mqtt_session_keep_received (self, publish->packet_id);
  hawser_bus_release (self->sessions->bus);
  return result == HAWSER_RESULT_OK ? kept : result;
}

static void
publish_acknowledged (MqttSession *self, const MqttPublish *publish, gboolean has_properties)
{
  int result;

  if (publish->qos == 2)
    {
      MqttInflow *inflow = need_inflow (self);

      if (mqtt_inflow_has (inflow, publish->packet_id))
        {
          /* seen before, and not published again [MQTT-4.3.3-10]; one PUBREC comes when the bus is done */
          if (!mqtt_inflow_is_owed (inflow, publish->packet_id))
            mqtt_session_send_ack (self, MQTT_PUBREC, publish->packet_id, MQTT_SUCCESS, NULL);
          return;
        }
    }
  if (G_UNLIKELY (is_over_receive_maximum (self)))
    {
      mqtt_session_end (self, MQTT_RECEIVE_EXCEEDED, HAWSER_ERROR_MALFORMED, "more unacknowledged messages than the receive maximum");
      return;
    }
  if (publish->qos == 2)
    mqtt_inflow_add (self->inflow, publish->packet_id);
  if (G_UNLIKELY (publish->qos == 2 && mqtt_session_is_recorded (self)))
    result = publish_recorded (self, publish, has_properties);
  else
    result = give_to_bus (self, publish, has_properties);
  if (self->state != MQTT_STATE_OPEN)
    return;
  if (G_UNLIKELY (result == HAWSER_RESULT_PENDING || (self->inflow != NULL && self->inflow->n_owed > 0)))
    owe (self, publish->packet_id, publish->qos, result);
  else
    answer (self, publish->packet_id, publish->qos, result,
            result != HAWSER_RESULT_OK ? hawser_bus_get_last_refusal (self->sessions->bus) : NULL);
}

void
mqtt_session_on_publish (MqttSession *self, guint8 flags, const guint8 *body, gsize len)
{
  MqttPublish publish;
  guint8 reason = mqtt_codec_read_publish (self->version, flags, body, len, &self->adapter->limits, &publish);

  if (G_LIKELY (reason == MQTT_SUCCESS))
    reason = check_publish (self, &publish);
  if (G_UNLIKELY (reason != MQTT_SUCCESS))
    {
      mqtt_session_end (self, reason, HAWSER_ERROR_MALFORMED, mqtt_reason_to_string (reason));
      return;
    }
  if (publish.qos == 0)
    {
      int result = give_to_bus (self, &publish, publish.properties.present != 0); /* a refusal has no answer; the bus counts it */

      if (G_UNLIKELY (result == HAWSER_ERROR_QUOTA) && hawser_bus_get_retry_after_us (self->sessions->bus) > 0)
        mqtt_session_end (self, MQTT_RATE, HAWSER_ERROR_QUOTA, hawser_bus_get_last_refusal (self->sessions->bus));
    }
  else
    publish_acknowledged (self, &publish, publish.properties.present != 0);
}

void
mqtt_session_on_pubrel (MqttSession *self, const MqttAck *ack)
{
  gboolean is_known = self->inflow != NULL && mqtt_inflow_remove (self->inflow, ack->packet_id);

  if (is_known && !mqtt_session_free_received (self, ack->packet_id))
    return;
  mqtt_session_send_ack (self, MQTT_PUBCOMP, ack->packet_id, is_known ? MQTT_SUCCESS : MQTT_ID_NOT_FOUND, NULL);
}
