/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Book-keeping of what a client publishes at QoS 1 and 2: which QoS 2 ids were seen, and in which order answers are
 * owed [MQTT-4.6.0-2]. Made on first need; no I/O. */

#include "mqtt-inflow.h"

#include <string.h>

#define FEW 64              /* a search among these is cheaper than the 8 KiB of a bit map */
#define BITMAP_WORDS 1024

MqttInflow *
mqtt_inflow_new (void)
{
  MqttInflow *self = g_new0 (MqttInflow, 1);

  self->first_cookie = 1;
  return self;
}

void
mqtt_inflow_free (MqttInflow *self)
{
  if (self == NULL)
    return;
  g_free (self->ids);
  g_free (self->bits);
  g_free (self->owed);
  g_free (self);
}

gboolean
mqtt_inflow_has (MqttInflow *self, guint16 packet_id)
{
  if (self->bits != NULL)
    return (self->bits[packet_id / 64] >> (packet_id % 64)) & 1;
  for (guint i = 0; i < self->n_ids; i++)
    if (self->ids[i] == packet_id)
      return TRUE;
  return FALSE;
}

static void
switch_to_bits (MqttInflow *self)
{
  self->bits = g_new0 (guint64, BITMAP_WORDS);
  for (guint i = 0; i < self->n_ids; i++)
    self->bits[self->ids[i] / 64] |= G_GUINT64_CONSTANT (1) << (self->ids[i] % 64);
  g_clear_pointer (&self->ids, g_free);
  self->ids_size = 0;
}

void
mqtt_inflow_add (MqttInflow *self, guint16 packet_id)
{
  if (self->bits == NULL && self->n_ids == FEW)
    switch_to_bits (self);
  if (self->bits != NULL)
    self->bits[packet_id / 64] |= G_GUINT64_CONSTANT (1) << (packet_id % 64);
  else
    {
      if (self->n_ids == self->ids_size)
        {
          self->ids_size = MAX (4, self->ids_size * 2);
          self->ids = g_renew (guint16, self->ids, self->ids_size);
        }
      self->ids[self->n_ids] = packet_id;
    }
  self->n_ids++;
}

gboolean
mqtt_inflow_remove (MqttInflow *self, guint16 packet_id)
{
  if (self->bits != NULL)
    {
      guint64 bit = G_GUINT64_CONSTANT (1) << (packet_id % 64);

      if ((self->bits[packet_id / 64] & bit) == 0)
        return FALSE;
      self->bits[packet_id / 64] &= ~bit;
      if (--self->n_ids == 0)
        g_clear_pointer (&self->bits, g_free);
      return TRUE;
    }
  for (guint i = 0; i < self->n_ids; i++)
    if (self->ids[i] == packet_id)
      {
        self->n_ids--;
        memmove (self->ids + i, self->ids + i + 1, (self->n_ids - i) * sizeof *self->ids);
        return TRUE;
      }
  return FALSE;
}

guint64
mqtt_inflow_next_cookie (MqttInflow *self)
{
  return self->first_cookie + self->n_owed;
}

void
mqtt_inflow_owe (MqttInflow *self, guint16 packet_id, guint8 qos, gboolean is_known, int result)
{
  if (self->n_owed == self->owed_size)
    {
      guint size = MAX (8, self->owed_size * 2);
      MqttOwed *owed = g_new (MqttOwed, size);

      for (guint i = 0; i < self->n_owed; i++)
        owed[i] = self->owed[(self->owed_start + i) & (self->owed_size - 1)];
      g_free (self->owed);
      self->owed = owed;
      self->owed_size = size;
      self->owed_start = 0;
    }
  self->owed[(self->owed_start + self->n_owed++) & (self->owed_size - 1)] = (MqttOwed) { packet_id, qos, is_known, result };
  self->n_owed_1 += qos == 1;
}

void
mqtt_inflow_resolve (MqttInflow *self, guint64 cookie, int result)
{
  MqttOwed *owed;

  if (cookie < self->first_cookie || cookie - self->first_cookie >= self->n_owed)
    return; /* of an earlier connection */
  owed = &self->owed[(self->owed_start + (guint) (cookie - self->first_cookie)) & (self->owed_size - 1)];
  owed->is_known = TRUE;
  owed->result = result;
}

void
mqtt_inflow_resolve_kept (MqttInflow *self, guint16 packet_id)
{
  for (guint i = 0; i < self->n_owed; i++)
    {
      MqttOwed *owed = &self->owed[(self->owed_start + i) & (self->owed_size - 1)];

      if (owed->packet_id != packet_id || owed->qos != 2 || owed->is_known)
        continue;
      owed->is_known = TRUE;
      owed->result = 0;
      return;
    }
}

gboolean
mqtt_inflow_is_owed (MqttInflow *self, guint16 packet_id)
{
  for (guint i = 0; i < self->n_owed; i++)
    if (self->owed[(self->owed_start + i) & (self->owed_size - 1)].packet_id == packet_id)
      return TRUE;
  return FALSE;
}

gboolean
mqtt_inflow_pop (MqttInflow *self, MqttOwed *out_owed)
{
  if (self->n_owed == 0 || !self->owed[self->owed_start].is_known)
    return FALSE;
  *out_owed = self->owed[self->owed_start];
  self->owed_start = (self->owed_start + 1) & (self->owed_size - 1);
  self->n_owed--;
  self->n_owed_1 -= out_owed->qos == 1;
  self->first_cookie++;
  return TRUE;
}

void
mqtt_inflow_suspend (MqttInflow *self)
{
  self->first_cookie += self->n_owed;
  self->n_owed = self->n_owed_1 = 0;
  self->owed_start = 0;
}
