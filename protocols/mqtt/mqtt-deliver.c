/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the bus delivers to a client: PUBLISH out, acknowledgements back, and what is given again after a lost
 * connection. Bytes are the encoder's, the window is mqtt-window.c. Context: the connection's lane. */

#include "mqtt-session.h"

#include <string.h>

static guint8
receiver_index (MqttSession *self, HawserReceiver *receiver)
{
  if (G_LIKELY (receiver == self->receiver))
    return MQTT_OWN_RECEIVER;
  for (guint i = 0; self->more != NULL && i < self->more->n_provisioned; i++)
    if (self->more->provisioned[i] == receiver)
      return (guint8) (i + 1);
  return MQTT_NO_RECEIVER;
}

HawserReceiver *
mqtt_session_receiver_at (MqttSession *self, guint8 index)
{
  if (index == MQTT_OWN_RECEIVER)
    return self->receiver;
  return self->more != NULL && index <= self->more->n_provisioned ? self->more->provisioned[index - 1] : NULL;
}

static MqttWindow *
need_window (MqttSession *self)
{
  if (self->window == NULL)
    self->window = mqtt_window_new ((guint16) MIN (self->receive_maximum, self->adapter->settings.max_inflight));
  return self->window;
}

HawserDeliverResult
mqtt_session_write (MqttSession *self, const HawserDelivery *delivery, guint16 packet_id, gboolean dup)
{
  if (G_UNLIKELY (self->more != NULL && self->more->aliases_out != NULL))
    return mqtt_encoder_write_alias (self->connection, self->max_packet, delivery, packet_id, dup, self->more->aliases_out);
  return mqtt_encoder_write (&self->adapter->encoder, self->connection, mqtt_session_is_5 (self), self->max_packet, delivery, packet_id, dup);
}

gboolean
mqtt_session_is_full (MqttSession *self)
{
  MqttExact *exact = mqtt_session_get_exact (self);

  if (self->window == NULL)
    return FALSE;
  return mqtt_window_is_full (self->window) || (exact != NULL && exact->n_inflight + self->window->n_inflight >= self->window->limit);
}

/* The next packet id in sequence that no exchange over restarts has. */
static MqttSlot *
push_slot (MqttSession *self, guint16 *out_packet_id)
{
  MqttExact *exact = mqtt_session_get_exact (self);
  MqttSlot *slot;

  while (slot = mqtt_window_push (self->window, out_packet_id), G_UNLIKELY (exact != NULL && mqtt_exact_find (exact, *out_packet_id) != NULL))
    {
      slot->state = MQTT_SLOT_PUBACK; /* as if it had been used */
      slot->message = NULL;
      mqtt_window_release (self->window, slot);
    }
  return slot;
}

static HawserDeliverResult
deliver_acknowledged (MqttSession *self, HawserReceiver *receiver, const HawserDelivery *delivery)
{
  MqttWindow *window = need_window (self);
  MqttSlot *slot = NULL;
  HawserDelivery again;
  guint16 packet_id;
  HawserDeliverResult result;

  if (G_UNLIKELY (delivery->position != 0) && mqtt_session_owns_exactly (self, delivery))
    return mqtt_session_deliver_exactly (self, receiver_index (self, receiver), delivery);
  if (G_UNLIKELY (mqtt_session_is_full (self)))
    {
      self->is_busy = TRUE;
      return HAWSER_DELIVER_BUSY;
    }
  if (G_UNLIKELY (window->n_resend > 0 && receiver == self->receiver))
    {
      if (delivery->is_redelivered)
        slot = mqtt_window_reclaim (window, delivery->position, &packet_id);
      else
        mqtt_window_forget (window); /* new ones come after all that is given again */
      if (slot != NULL)
        {
          again = *delivery; /* under the QoS it had: the exchange goes on where it was */
          again.qos = slot->qos;
          delivery = &again;
        }
    }
  if (G_LIKELY (slot == NULL))
    {
      slot = push_slot (self, &packet_id);
      slot->message = NULL;
      slot->position = delivery->position;
      slot->receiver = receiver_index (self, receiver);
      slot->qos = delivery->qos;
      slot->retain = delivery->retain;
    }
  slot->state = delivery->qos == 1 ? MQTT_SLOT_PUBACK : MQTT_SLOT_PUBREC;

  result = mqtt_session_write (self, delivery, packet_id, delivery->is_redelivered);
  if (G_UNLIKELY (result != HAWSER_DELIVER_DONE))
    {
      slot->position = 0;
      mqtt_window_release (window, slot);
    }
  else if (G_UNLIKELY ((delivery->position == 0 || (delivery->position & HAWSER_POSITION_SHARED && delivery->qos == 2)) && self->expiry_s > 0) &&
           slot->message == NULL)
    slot->message = hawser_message_ref (delivery->message); /* nobody else would give it again */
  return result;
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  MqttSession *self = data;
  HawserDeliverResult result;

  if (G_UNLIKELY (self->state != MQTT_STATE_OPEN || hawser_connection_is_congested (self->connection)))
    {
      self->is_busy = TRUE;
      return HAWSER_DELIVER_BUSY;
    }
  if (delivery->qos > 0)
    return deliver_acknowledged (self, receiver, delivery);
  result = mqtt_session_write (self, delivery, 0, FALSE);
  if (G_UNLIKELY (delivery->position != 0 && result == HAWSER_DELIVER_DONE))
    hawser_receiver_ack (receiver, delivery->position);
  return result;
}

/* The bus ended a receiver: its right is gone, or somebody else is attached to it now. */
static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  MqttSession *self = data;
  guint8 index = receiver_index (self, receiver), code = MQTT_ADMINISTRATIVE;

  if (index == MQTT_NO_RECEIVER)
    return;
  for (guint32 i = 0; self->window != NULL && i < self->window->head - self->window->tail; i++)
    {
      MqttSlot *slot = mqtt_window_at (self->window, self->window->tail + i);

      if (slot->receiver == index)
        {
          slot->receiver = MQTT_NO_RECEIVER;
          slot->position = 0;
        }
    }
  if (index != MQTT_OWN_RECEIVER)
    {
      self->more->provisioned[index - 1] = NULL;
      return;
    }
  self->receiver = NULL;
  if (reason == HAWSER_ERROR_NOT_AUTHORIZED)
    code = MQTT_NOT_AUTHORIZED;
  else if (reason == HAWSER_ERROR_CLOSED)
    code = MQTT_SHUTTING_DOWN;
  else if (reason == HAWSER_ERROR_EXISTS)
    code = MQTT_TAKEN_OVER;
  mqtt_session_end (self, code, reason, "the subscription was ended");
}

/* A server cannot unsubscribe a client; what it can do is say good-bye, and why. Not where a right was revoked: the client would
 * come again at once, and its other subscriptions are as good as before. */
static void
filter_ended (HawserReceiver *receiver, gpointer data, const char *filter, HawserError reason)
{
  g_autofree char *text = NULL;

  if (reason == HAWSER_ERROR_NOT_AUTHORIZED)
    return;
  text = g_strdup_printf ("the subscription '%.200s' has lasted as long as its topic allows", filter);

  mqtt_session_end (data, MQTT_ADMINISTRATIVE, reason, text);
}

const HawserReceiverFuncs mqtt_receiver_funcs = { deliver, NULL, ended, mqtt_session_on_kept, filter_ended };

static void
finish_slot (MqttSession *self, MqttSlot *slot)
{
  HawserReceiver *receiver = slot->position != 0 ? mqtt_session_receiver_at (self, slot->receiver) : NULL;
  guint64 position = slot->position;

  mqtt_window_release (self->window, slot);
  if (receiver != NULL)
    hawser_receiver_ack (receiver, position);
}

/* The client owns the message from PUBREC on: it is not given again, only PUBREL is. */
static void
on_pubrec (MqttSession *self, MqttSlot *slot, const MqttAck *ack)
{
  HawserReceiver *receiver;

  if (ack->reason >= MQTT_UNSPECIFIED)
    {
      finish_slot (self, slot);
      return;
    }
  receiver = slot->position != 0 ? mqtt_session_receiver_at (self, slot->receiver) : NULL;
  slot->state = MQTT_SLOT_PUBCOMP;
  g_clear_pointer (&slot->message, hawser_message_unref);
  if (receiver != NULL)
    hawser_receiver_ack (receiver, slot->position);
  slot->position = 0;
  mqtt_session_send_ack (self, MQTT_PUBREL, ack->packet_id, MQTT_SUCCESS, NULL);
}

void
mqtt_session_on_puback (MqttSession *self, MqttPacketType type, const MqttAck *ack)
{
  MqttSlot *slot = self->window != NULL ? mqtt_window_find (self->window, ack->packet_id) : NULL;

  if (mqtt_session_on_exact (self, type, ack))
    return;
  if (slot != NULL && (slot->state == MQTT_SLOT_FREE || slot->state == MQTT_SLOT_RESEND))
    slot = NULL;
  if (slot == NULL)
    {
      /* of a session that we have forgotten; PUBREC alone waits for an answer */
      if (type == MQTT_PUBREC && ack->reason < MQTT_UNSPECIFIED)
        mqtt_session_send_ack (self, MQTT_PUBREL, ack->packet_id, MQTT_ID_NOT_FOUND, NULL);
      return;
    }
  if (type == MQTT_PUBACK && slot->state == MQTT_SLOT_PUBACK)
    finish_slot (self, slot);
  else if (type == MQTT_PUBREC && slot->state == MQTT_SLOT_PUBREC)
    on_pubrec (self, slot, ack);
  else if (type == MQTT_PUBREC && slot->state == MQTT_SLOT_PUBCOMP)
    mqtt_session_send_ack (self, MQTT_PUBREL, ack->packet_id, MQTT_SUCCESS, NULL); /* it did not see ours */
  else if (type == MQTT_PUBCOMP && slot->state == MQTT_SLOT_PUBCOMP)
    finish_slot (self, slot);
  else
    mqtt_session_end (self, MQTT_PROTOCOL_ERROR, HAWSER_ERROR_MALFORMED, "acknowledgement does not fit the message");
}

void
mqtt_session_wake (MqttSession *self)
{
  if (mqtt_session_is_full (self) || hawser_connection_is_congested (self->connection))
    return;
  self->is_busy = FALSE;
  if (self->receiver != NULL)
    hawser_receiver_resume (self->receiver);
  for (guint i = 0; self->more != NULL && i < self->more->n_provisioned; i++)
    if (self->more->provisioned[i] != NULL)
      hawser_receiver_resume (self->more->provisioned[i]);
}

/* [MQTT-4.4.0-1]: what the last connection left unanswered, under its packet ids and in its order. Messages that the
 * bus holds come from there; PUBREL, and messages that only we hold, from here. */
void
mqtt_session_resend (MqttSession *self)
{
  MqttWindow *window = self->window;

  mqtt_session_resend_releases (self);
  for (guint32 i = window != NULL ? window->tail : 0; window != NULL && i != window->head; i++)
    {
      MqttSlot *slot = mqtt_window_at (window, i);
      HawserDelivery delivery = { .message = slot->message, .qos = slot->qos, .retain = slot->retain };

      if (slot->state == MQTT_SLOT_PUBCOMP)
        mqtt_session_send_ack (self, MQTT_PUBREL, mqtt_window_get_id (window, i), MQTT_SUCCESS, NULL);
      if (slot->state != MQTT_SLOT_RESEND || slot->message == NULL)
        continue;
      delivery.now_us = self->since_us;
      slot->state = slot->qos == 1 ? MQTT_SLOT_PUBACK : MQTT_SLOT_PUBREC;
      window->n_resend--;
      window->n_inflight++;
      if (mqtt_encoder_write (&self->adapter->encoder, self->connection, mqtt_session_is_5 (self), self->max_packet, &delivery,
                              mqtt_window_get_id (window, i), TRUE) != HAWSER_DELIVER_DONE)
        mqtt_window_release (window, slot);
    }
}

/* Whose durable queues these are: the principal's; a client id's only where nobody could prove more. NULL: nobody's. */
static const char *
owner_name (MqttSession *self)
{
  const char *principal = hawser_connection_get_principal_name (self->connection);

  if (principal != NULL && *principal != '\0')
    return principal;
  if (hawser_listener_get_proves_identity (hawser_listener_of_connection (self->connection)))
    return NULL;
  return hawser_connection_get_client_id (self->connection);
}

static void
attach (MqttSession *self, HawserReceiver *receiver)
{
  self->receiver = receiver;
  hawser_receiver_attach (receiver, self->connection, &mqtt_receiver_funcs, self);
}

void
mqtt_session_find_receiver (MqttSession *self)
{
  g_autofree char *id = mqtt_receiver_id_new (self->identity);
  HawserReceiver *receiver = hawser_bus_find_receiver (self->sessions->bus, id);

  if (receiver != NULL)
    attach (self, receiver);
}

HawserReceiver *
mqtt_session_need_receiver (MqttSession *self)
{
  const MqttSettings *settings = &self->adapter->settings;
  HawserQueueLimits limits = { .max_messages = settings->max_queued_messages, .max_bytes = settings->max_queued_bytes };
  const HawserQueueLimits *wanted = limits.max_messages != 0 || limits.max_bytes != 0 ? &limits : NULL;
  g_autofree char *id = NULL;

  if (self->receiver != NULL)
    return self->receiver;
  if (self->expiry_s == 0)
    attach (self, hawser_receiver_new (self->sessions->bus, NULL, 0, wanted));
  else
    {
      id = mqtt_receiver_id_new (self->identity);
      attach (self, hawser_receiver_new (self->sessions->bus, id, HAWSER_RECEIVER_DURABLE, wanted));
      hawser_receiver_set_identity (self->receiver, owner_name (self));
    }
  return self->receiver;
}

void
mqtt_session_attach_provisioned (MqttSession *self)
{
  const char *owner = owner_name (self);
  g_autoptr (GPtrArray) receivers = owner != NULL ? hawser_bus_list_provisioned (self->sessions->bus, owner) : NULL;
  MqttMore *more;

  if (receivers == NULL || receivers->len == 0)
    return;
  more = mqtt_session_need_more (self);
  more->n_provisioned = MIN (receivers->len, MQTT_NO_RECEIVER - 1);
  more->provisioned = g_new0 (HawserReceiver *, more->n_provisioned);
  for (guint i = 0; i < more->n_provisioned; i++)
    {
      more->provisioned[i] = receivers->pdata[i];
      hawser_receiver_attach (more->provisioned[i], self->connection, &mqtt_receiver_funcs, self);
    }
}

void
mqtt_session_let_go (MqttSession *self, guint32 expiry_s)
{
  HawserReceiver *receiver = g_steal_pointer (&self->receiver);

  for (guint i = 0; self->more != NULL && i < self->more->n_provisioned; i++)
    {
      HawserReceiver *provisioned = g_steal_pointer (&self->more->provisioned[i]);

      if (provisioned != NULL)
        hawser_receiver_detach (provisioned, G_MAXUINT32);
    }
  if (receiver != NULL)
    hawser_receiver_detach (receiver, expiry_s);
}
