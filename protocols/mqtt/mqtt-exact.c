/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The book of QoS 2 messages from the spool that are under way to one client. Pure book-keeping; sending, and telling the
 * spool, are mqtt-release.c. */

#include "mqtt-exact.h"

#include "mqtt-window.h"

MqttExact *
mqtt_exact_new (void)
{
  MqttExact *self = g_new0 (MqttExact, 1);

  self->slots = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  return self;
}

void
mqtt_exact_free (MqttExact *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->slots);
  g_free (self);
}

guint16
mqtt_exact_make_id (guint64 position)
{
  return (guint16) (1 + position % 65535);
}

static gboolean
counts (MqttExactState state)
{
  return state == MQTT_EXACT_PUBREC || state == MQTT_EXACT_RELEASING || state == MQTT_EXACT_PUBCOMP;
}

MqttExactSlot *
mqtt_exact_find (MqttExact *self, guint16 packet_id)
{
  return g_hash_table_lookup (self->slots, GUINT_TO_POINTER (packet_id));
}

MqttExactSlot *
mqtt_exact_add (MqttExact *self, guint16 packet_id, MqttExactState state)
{
  MqttExactSlot *slot = g_new0 (MqttExactSlot, 1);

  slot->packet_id = packet_id;
  slot->state = state;
  slot->order = ++self->last_order;
  self->n_inflight += counts (state);
  g_hash_table_insert (self->slots, GUINT_TO_POINTER (packet_id), slot);
  return slot;
}

void
mqtt_exact_remove (MqttExact *self, MqttExactSlot *slot)
{
  self->n_inflight -= counts (slot->state);
  g_hash_table_remove (self->slots, GUINT_TO_POINTER (slot->packet_id));
}

void
mqtt_exact_move (MqttExact *self, MqttExactSlot *slot, MqttExactState state)
{
  self->n_inflight -= counts (slot->state);
  self->n_inflight += counts (state);
  slot->state = state;
  if (state == MQTT_EXACT_RELEASING)
    slot->order = ++self->last_order;
}

void
mqtt_exact_suspend (MqttExact *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->slots);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      MqttExactSlot *slot = value;

      if (slot->state == MQTT_EXACT_PUBREC)
        mqtt_exact_move (self, slot, MQTT_EXACT_RESEND);
      if (slot->state == MQTT_EXACT_ENDING)
        g_hash_table_iter_remove (&iter);
    }
}

static int
compare_order (gconstpointer a, gconstpointer b)
{
  guint64 left = (*(MqttExactSlot *const *) a)->order, right = (*(MqttExactSlot *const *) b)->order;

  return (left > right) - (left < right);
}

GPtrArray *
mqtt_exact_list (MqttExact *self)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer slot;

  g_hash_table_iter_init (&iter, self->slots);
  while (g_hash_table_iter_next (&iter, NULL, &slot))
    if (((MqttExactSlot *) slot)->state == MQTT_EXACT_PUBCOMP || ((MqttExactSlot *) slot)->state == MQTT_EXACT_RELEASING)
      g_ptr_array_add (list, slot);
  g_ptr_array_sort (list, compare_order);
  return list;
}
