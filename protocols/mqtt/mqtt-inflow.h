/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An acknowledgement that waits for the bus, or for one before it. */
typedef struct {
  guint16 packet_id;
  guint8 qos;
  gboolean is_known;
  int result;
} MqttOwed;

/* What a client sent at QoS 1 and 2 and was not yet told the end of. */
typedef struct {
  /* QoS 2 packet ids between PUBLISH and PUBREL: an array while few, a bit each when many */
  guint16 *ids;
  guint64 *bits;
  guint n_ids, ids_size;

  /* acknowledgements in the order of the PUBLISH packets */
  MqttOwed *owed;
  guint owed_start, n_owed, owed_size;
  guint n_owed_1;            /* those of QoS 1 */
  guint64 first_cookie;      /* of owed[owed_start] */
} MqttInflow;

MqttInflow *mqtt_inflow_new       (void);
void        mqtt_inflow_free      (MqttInflow *self);

gboolean    mqtt_inflow_has       (MqttInflow *self,
                                   guint16     packet_id);
void        mqtt_inflow_add       (MqttInflow *self,
                                   guint16     packet_id);
gboolean    mqtt_inflow_remove    (MqttInflow *self,
                                   guint16     packet_id);

/* The cookie that the next mqtt_inflow_owe() will have. */
guint64     mqtt_inflow_next_cookie (MqttInflow *self);
void        mqtt_inflow_owe       (MqttInflow *self,
                                   guint16     packet_id,
                                   guint8      qos,
                                   gboolean    is_known,
                                   int         result);
void        mqtt_inflow_resolve   (MqttInflow *self,
                                   guint64     cookie,
                                   int         result);
/* The packet id of a QoS 2 message is safe, and nothing else is waited for. */
void        mqtt_inflow_resolve_kept (MqttInflow *self,
                                      guint16     packet_id);
gboolean    mqtt_inflow_is_owed   (MqttInflow *self,
                                   guint16     packet_id);
/* The oldest, when its result is known. */
gboolean    mqtt_inflow_pop       (MqttInflow *self,
                                   MqttOwed   *out_owed);
/* The connection ended: nothing is owed any more; QoS 2 ids stay. */
void        mqtt_inflow_suspend   (MqttInflow *self);

G_END_DECLS
