/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QoS 2 over restarts of the daemon, both ways: what must be on the disk before the next packet of an exchange may leave.
 * To the client: PUBREL leaves when the spool knows that the message is the client's and which packet id it holds. From
 * the client: PUBREC leaves with the message's commit, which holds the packet id too; PUBCOMP when the id is free again.
 * Only for sessions that the spool has. Context: the connection's lane. */

#include "mqtt-session.h"

#define KEY_IN (1u << 16)   /* packet ids of the client: received and not released */
#define KEY_OUT (2u << 16)  /* packet ids of ours: PUBREC came, PUBCOMP did not */

gboolean
mqtt_session_is_recorded (MqttSession *self)
{
  return self->receiver != NULL && self->expiry_s > 0 && hawser_receiver_is_recorded (self->receiver);
}

MqttExact *
mqtt_session_get_exact (MqttSession *self)
{
  return self->more != NULL ? self->more->exact : NULL;
}

static MqttExact *
need_exact (MqttSession *self)
{
  MqttMore *more = mqtt_session_need_more (self);

  if (more->exact == NULL)
    more->exact = mqtt_exact_new ();
  return more->exact;
}

/* ---- To the client ---- */

gboolean
mqtt_session_owns_exactly (MqttSession *self, const HawserDelivery *delivery)
{
  MqttExact *exact = mqtt_session_get_exact (self);
  MqttExactSlot *slot;

  if (delivery->position == 0 || delivery->position & HAWSER_POSITION_SHARED)
    return FALSE;
  if (delivery->qos == 2)
    return mqtt_session_is_recorded (self);
  /* at a lower QoS than it was sent with before: the exchange goes on as it began */
  slot = exact != NULL ? mqtt_exact_find (exact, mqtt_exact_make_id (delivery->position)) : NULL;
  return slot != NULL && slot->state == MQTT_EXACT_RESEND && slot->position == delivery->position;
}

HawserDeliverResult
mqtt_session_deliver_exactly (MqttSession *self, guint8 receiver, const HawserDelivery *delivery)
{
  MqttExact *exact = need_exact (self);
  guint16 packet_id = mqtt_exact_make_id (delivery->position);
  MqttExactSlot *slot = mqtt_exact_find (exact, packet_id);
  MqttSlot *other = self->window != NULL ? mqtt_window_find (self->window, packet_id) : NULL;
  HawserDelivery again = *delivery;
  HawserDeliverResult result;

  if (slot != NULL && slot->state == MQTT_EXACT_RESEND)
    {
      again.is_redelivered |= slot->position == delivery->position && slot->receiver == receiver;
      mqtt_exact_remove (exact, slot);
      slot = NULL;
    }
  if (slot != NULL || (other != NULL && other->state != MQTT_SLOT_FREE) || mqtt_session_is_full (self))
    {
      self->is_busy = TRUE; /* the packet id is in use, or too many are: until an acknowledgement comes */
      return HAWSER_DELIVER_BUSY;
    }
  again.qos = 2;
  result = mqtt_session_write (self, &again, packet_id, again.is_redelivered);
  if (result == HAWSER_DELIVER_DONE)
    {
      slot = mqtt_exact_add (exact, packet_id, MQTT_EXACT_PUBREC);
      slot->position = delivery->position;
      slot->receiver = receiver;
    }
  return result;
}

static void
release (MqttSession *self, MqttExact *exact, MqttExactSlot *slot)
{
  mqtt_exact_move (exact, slot, MQTT_EXACT_PUBCOMP);
  mqtt_session_send_ack (self, MQTT_PUBREL, slot->packet_id, MQTT_SUCCESS, NULL);
}

static void
on_pubrec (MqttSession *self, MqttExact *exact, MqttExactSlot *slot, const MqttAck *ack)
{
  HawserReceiver *receiver = mqtt_session_receiver_at (self, slot->receiver);
  int result = HAWSER_RESULT_OK;

  if (ack->reason >= MQTT_UNSPECIFIED)
    {
      if (receiver != NULL)
        hawser_receiver_ack (receiver, slot->position);
      mqtt_exact_remove (exact, slot);
      return;
    }
  mqtt_exact_move (exact, slot, MQTT_EXACT_RELEASING);
  hawser_bus_hold (self->sessions->bus);
  if (self->receiver != NULL)
    result = hawser_receiver_keep (self->receiver, KEY_OUT | slot->packet_id);
  if (receiver != NULL)
    hawser_receiver_ack (receiver, slot->position);
  hawser_bus_release (self->sessions->bus);
  if (result == HAWSER_RESULT_OK)
    release (self, exact, slot);
}

static void
on_pubcomp (MqttSession *self, MqttExact *exact, MqttExactSlot *slot)
{
  if (self->receiver != NULL && hawser_receiver_unkeep (self->receiver, KEY_OUT | slot->packet_id) == HAWSER_RESULT_PENDING)
    mqtt_exact_move (exact, slot, MQTT_EXACT_ENDING);
  else
    mqtt_exact_remove (exact, slot);
}

gboolean
mqtt_session_on_exact (MqttSession *self, MqttPacketType type, const MqttAck *ack)
{
  MqttExact *exact = mqtt_session_get_exact (self);
  MqttExactSlot *slot = exact != NULL ? mqtt_exact_find (exact, ack->packet_id) : NULL;

  if (slot == NULL || slot->state == MQTT_EXACT_RESEND || slot->state == MQTT_EXACT_ENDING)
    return FALSE;
  if (type == MQTT_PUBREC && slot->state == MQTT_EXACT_PUBREC)
    on_pubrec (self, exact, slot, ack);
  else if (type == MQTT_PUBREC && slot->state == MQTT_EXACT_PUBCOMP)
    mqtt_session_send_ack (self, MQTT_PUBREL, ack->packet_id, MQTT_SUCCESS, NULL); /* it did not see ours */
  else if (type == MQTT_PUBCOMP && slot->state == MQTT_EXACT_PUBCOMP)
    on_pubcomp (self, exact, slot);
  else if (type != MQTT_PUBREC)
    mqtt_session_end (self, MQTT_PROTOCOL_ERROR, HAWSER_ERROR_MALFORMED, "acknowledgement does not fit the message");
  return TRUE;
}

void
mqtt_session_resend_releases (MqttSession *self)
{
  MqttExact *exact = mqtt_session_get_exact (self);
  g_autoptr (GPtrArray) list = exact != NULL ? mqtt_exact_list (exact) : NULL;

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      MqttExactSlot *slot = g_ptr_array_index (list, i);

      /* nobody was there to hear that the spool knew: ask again */
      if (slot->state == MQTT_EXACT_PUBCOMP || self->receiver == NULL ||
          hawser_receiver_keep (self->receiver, KEY_OUT | slot->packet_id) == HAWSER_RESULT_OK)
        release (self, exact, slot);
    }
}

/* ---- From the client ---- */

int
mqtt_session_keep_received (MqttSession *self, guint16 packet_id)
{
  return hawser_receiver_keep (self->receiver, KEY_IN | packet_id);
}

gboolean
mqtt_session_free_received (MqttSession *self, guint16 packet_id)
{
  return self->receiver == NULL || hawser_receiver_unkeep (self->receiver, KEY_IN | packet_id) == HAWSER_RESULT_OK;
}

/* ---- The spool answers ---- */

void
mqtt_session_on_kept (HawserReceiver *receiver, gpointer data, guint32 key, gboolean is_kept, int result)
{
  MqttSession *self = data;
  guint16 packet_id = (guint16) key;
  MqttExact *exact = mqtt_session_get_exact (self);
  MqttExactSlot *slot = key & KEY_OUT && exact != NULL ? mqtt_exact_find (exact, packet_id) : NULL;

  if (self->state != MQTT_STATE_OPEN)
    return;
  if (result != HAWSER_RESULT_OK)
    {
      if (!(key & KEY_IN && is_kept)) /* of that the publish itself hears */
        mqtt_session_end (self, MQTT_IMPLEMENTATION, HAWSER_ERROR_UNAVAILABLE, "the spool failed");
      return;
    }
  if (key & KEY_IN && is_kept)
    mqtt_session_answer_kept (self, packet_id);
  else if (key & KEY_IN)
    mqtt_session_send_ack (self, MQTT_PUBCOMP, packet_id, MQTT_SUCCESS, NULL);
  else if (slot != NULL && is_kept && slot->state == MQTT_EXACT_RELEASING)
    release (self, exact, slot);
  else if (slot != NULL && !is_kept && slot->state == MQTT_EXACT_ENDING)
    mqtt_exact_remove (exact, slot);
}

/* ---- After a restart ---- */

static void
recover_key (guint32 key, gpointer data)
{
  MqttSession *self = data;

  if (key & KEY_IN)
    mqtt_inflow_add (self->inflow, (guint16) key);
  else
    mqtt_exact_add (need_exact (self), (guint16) key, MQTT_EXACT_PUBCOMP);
}

void
mqtt_session_recover (MqttSession *self)
{
  if (self->inflow == NULL)
    self->inflow = mqtt_inflow_new ();
  hawser_receiver_foreach_kept (self->receiver, recover_key, self);
}
