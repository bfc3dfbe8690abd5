/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef enum {
  MQTT_EXACT_RESEND,     /* of an earlier connection: the bus gives it again */
  MQTT_EXACT_PUBREC,     /* sent: waits for PUBREC */
  MQTT_EXACT_RELEASING,  /* PUBREC came: the spool is told that the message is the client's */
  MQTT_EXACT_PUBCOMP,    /* PUBREL was sent */
  MQTT_EXACT_ENDING,     /* PUBCOMP came: the spool is told that the packet id is free */
} MqttExactState;

typedef struct {
  guint64 position;      /* of the message in the spool; 0: it was the client's before the daemon began */
  guint64 order;         /* of sending, then of PUBREC [MQTT-4.6.0-4] */
  guint16 packet_id;
  guint8 state;
  guint8 receiver;       /* as in MqttSlot */
} MqttExactSlot;

/* QoS 2 exchanges that outlive the daemon. A message has one packet id for all time, made of its position in the spool: so
 * nothing needs to be on the disk before it is sent, and it comes again under the same id. */
typedef struct {
  GHashTable *slots;     /* packet id -> MqttExactSlot */
  guint64 last_order;
  guint n_inflight;      /* that count against the client's receive maximum */
} MqttExact;

MqttExact     *mqtt_exact_new     (void);
void           mqtt_exact_free    (MqttExact      *self);
guint16        mqtt_exact_make_id (guint64         position);
MqttExactSlot *mqtt_exact_find    (MqttExact      *self,
                                   guint16         packet_id);
MqttExactSlot *mqtt_exact_add     (MqttExact      *self,
                                   guint16         packet_id,
                                   MqttExactState  state);
void           mqtt_exact_remove  (MqttExact      *self,
                                   MqttExactSlot  *slot);
void           mqtt_exact_move    (MqttExact      *self,
                                   MqttExactSlot  *slot,
                                   MqttExactState  state);
/* The connection ended and the session lives on. */
void           mqtt_exact_suspend (MqttExact      *self);
/* (transfer container): slots that wait for PUBCOMP or are being released, in the order of their PUBRECs. */
GPtrArray     *mqtt_exact_list    (MqttExact      *self);

G_END_DECLS
