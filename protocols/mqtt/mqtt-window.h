/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef enum {
  MQTT_SLOT_FREE,
  MQTT_SLOT_RESEND,    /* of an earlier connection: to be given again with the same packet id */
  MQTT_SLOT_PUBACK,    /* sent, QoS 1: waits for PUBACK */
  MQTT_SLOT_PUBREC,    /* sent, QoS 2: waits for PUBREC */
  MQTT_SLOT_PUBCOMP,   /* PUBREL was sent */
} MqttSlotState;

#define MQTT_OWN_RECEIVER 0   /* the session's own; others are provisioned ones, counted from 1 */
#define MQTT_NO_RECEIVER 255

typedef struct {
  guint64 position;          /* what to acknowledge to the bus; 0: nothing */
  HawserMessage *message;    /* kept only where nobody else would give it again */
  guint8 state;
  guint8 receiver;
  guint8 qos;
  guint8 retain;
} MqttSlot;

/* What was sent and not acknowledged: slots in the order of sending, found by packet id without a search. Packet ids
 * are given in sequence, so an id says how far its slot is from the oldest. */
typedef struct {
  MqttSlot *slots;           /* a power of two */
  guint32 size;
  guint32 head, tail;        /* counters: slots tail..head-1 are in use, head - tail <= size */
  guint16 tail_id;           /* packet id of the slot at tail, 1..65535 */
  guint16 limit;             /* most that may be unacknowledged */
  guint16 n_inflight;
  guint16 n_resend;
} MqttWindow;

MqttWindow *mqtt_window_new      (guint16        limit);
void        mqtt_window_free     (MqttWindow    *self);

/* Room for one more? */
static inline gboolean
mqtt_window_is_full (const MqttWindow *self)
{
  guint32 span = self->head - self->tail;

  return self->n_inflight >= self->limit || span >= 65535 || (span == self->size && self->size >= 2u * self->limit);
}

/* A slot at the end; the window is not full. The caller sets everything but the state FREE. */
MqttSlot   *mqtt_window_push     (MqttWindow    *self,
                                  guint16       *out_packet_id);
/* NULL: nothing is in flight under that id. */
MqttSlot   *mqtt_window_find     (MqttWindow    *self,
                                  guint16        packet_id);
/* The slot is done with. */
void        mqtt_window_release  (MqttWindow    *self,
                                  MqttSlot      *slot);
guint16     mqtt_window_get_id   (MqttWindow    *self,
                                  guint32        counter);
static inline MqttSlot *
mqtt_window_at (MqttWindow *self, guint32 counter)
{
  return &self->slots[counter & (self->size - 1)];
}

/* The connection ended and the session lives on: what only this connection knew goes, the rest waits. */
void        mqtt_window_suspend  (MqttWindow    *self);
/* The slot that waits for @position to be given again, or NULL; it counts as in flight from now on. */
MqttSlot   *mqtt_window_reclaim  (MqttWindow    *self,
                                  guint64        position,
                                  guint16       *out_packet_id);
/* Nothing more will be given again. */
void        mqtt_window_forget   (MqttWindow    *self);

G_END_DECLS
