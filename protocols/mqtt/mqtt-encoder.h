/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

#include "mqtt-alias.h"

#include "mqtt-properties.h"

G_BEGIN_DECLS

/* Writes deliveries as PUBLISH packets. Keeps the bytes of the last message: the second subscriber of the same
 * version and QoS gets a copy of them, and a packet id is patched in. One per adapter, so one lane uses it. */
typedef struct {
  const HawserMessage *message;  /* only compared, with the sequence number: never followed */
  guint64 sequence;
  guint8 first;                  /* first byte without DUP */
  gboolean is_5;
  guint8 *data;
  gsize size;
  gsize len;                     /* 0: seen once, not yet kept */
  gsize id_at;                   /* where the packet id goes */
} MqttEncoder;

/* @max_packet: what the client accepts. */
HawserDeliverResult mqtt_encoder_write (MqttEncoder          *self,
                                        HawserConnection     *connection,
                                        gboolean              is_5,
                                        guint32               max_packet,
                                        const HawserDelivery *delivery,
                                        guint16               packet_id,
                                        gboolean              dup);
/* The same for a client of 5.0 that offered topic aliases: shorter bytes, which are its own. */
HawserDeliverResult mqtt_encoder_write_alias (HawserConnection *connection,
                                        guint32               max_packet,
                                        const HawserDelivery *delivery,
                                        guint16               packet_id,
                                        gboolean              dup,
                                        MqttAliases          *aliases);
void                mqtt_encoder_clear (MqttEncoder          *self);

G_END_DECLS
