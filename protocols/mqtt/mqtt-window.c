/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The window of messages under way to one client: a ring by packet id that grows with use. Pure book-keeping; sending
 * and acknowledging are the session's. */

#include "mqtt-window.h"

#define FIRST_SIZE 8

MqttWindow *
mqtt_window_new (guint16 limit)
{
  MqttWindow *self = g_new0 (MqttWindow, 1);

  self->limit = limit;
  self->size = FIRST_SIZE;
  self->slots = g_new0 (MqttSlot, self->size);
  self->tail_id = 1;
  return self;
}

void
mqtt_window_free (MqttWindow *self)
{
  if (self == NULL)
    return;
  for (guint32 i = self->tail; i != self->head; i++)
    hawser_message_unref (mqtt_window_at (self, i)->message);
  g_free (self->slots);
  g_free (self);
}

static void
grow (MqttWindow *self)
{
  guint32 size = self->size * 2;
  MqttSlot *slots = g_new0 (MqttSlot, size);

  for (guint32 i = self->tail; i != self->head; i++)
    slots[i & (size - 1)] = *mqtt_window_at (self, i);
  g_free (self->slots);
  self->slots = slots;
  self->size = size;
}

guint16
mqtt_window_get_id (MqttWindow *self, guint32 counter)
{
  return (guint16) ((self->tail_id - 1u + (counter - self->tail)) % 65535u + 1u);
}

MqttSlot *
mqtt_window_push (MqttWindow *self, guint16 *out_packet_id)
{
  MqttSlot *slot;

  if (self->head - self->tail == self->size)
    grow (self);
  *out_packet_id = mqtt_window_get_id (self, self->head);
  slot = mqtt_window_at (self, self->head++);
  self->n_inflight++;
  return slot;
}

MqttSlot *
mqtt_window_find (MqttWindow *self, guint16 packet_id)
{
  guint32 offset;

  if (packet_id == 0)
    return NULL;
  offset = packet_id >= self->tail_id ? (guint32) (packet_id - self->tail_id) : 65535u - self->tail_id + packet_id;
  if (offset >= self->head - self->tail)
    return NULL;
  return mqtt_window_at (self, self->tail + offset);
}

static void
advance (MqttWindow *self)
{
  while (self->tail != self->head && mqtt_window_at (self, self->tail)->state == MQTT_SLOT_FREE)
    {
      self->tail++;
      self->tail_id = self->tail_id == 65535 ? 1 : self->tail_id + 1;
    }
}

void
mqtt_window_release (MqttWindow *self, MqttSlot *slot)
{
  if (slot->state == MQTT_SLOT_RESEND)
    self->n_resend--;
  else if (slot->state != MQTT_SLOT_FREE)
    self->n_inflight--;
  if (slot->message != NULL)
    g_clear_pointer (&slot->message, hawser_message_unref);
  slot->position = 0;
  slot->state = MQTT_SLOT_FREE;
  advance (self);
}

void
mqtt_window_suspend (MqttWindow *self)
{
  for (guint32 i = self->tail; i != self->head; i++)
    {
      MqttSlot *slot = mqtt_window_at (self, i);

      if (slot->state == MQTT_SLOT_FREE || slot->state == MQTT_SLOT_PUBCOMP || slot->state == MQTT_SLOT_RESEND)
        continue;
      if (slot->receiver != MQTT_OWN_RECEIVER || (slot->position & HAWSER_POSITION_SHARED && slot->state == MQTT_SLOT_PUBACK))
        {
          /* the bus gives it again, and not to this session: the receiver belongs to the identity, or the group to others */
          mqtt_window_release (self, slot);
          continue;
        }
      slot->state = MQTT_SLOT_RESEND;
      self->n_inflight--;
      self->n_resend++;
    }
}

MqttSlot *
mqtt_window_reclaim (MqttWindow *self, guint64 position, guint16 *out_packet_id)
{
  for (guint32 i = self->tail; self->n_resend > 0 && position != 0 && i != self->head; i++)
    {
      MqttSlot *slot = mqtt_window_at (self, i);

      if (slot->state != MQTT_SLOT_RESEND || slot->position != position)
        continue;
      self->n_resend--;
      self->n_inflight++;
      *out_packet_id = mqtt_window_get_id (self, i);
      return slot;
    }
  return NULL;
}

void
mqtt_window_forget (MqttWindow *self)
{
  for (guint32 i = self->tail; self->n_resend > 0 && i != self->head; i++)
    if (mqtt_window_at (self, i)->state == MQTT_SLOT_RESEND)
      mqtt_window_release (self, mqtt_window_at (self, i));
}
