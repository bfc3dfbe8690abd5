/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mqtt-adapter.h"

G_BEGIN_DECLS

typedef struct _MqttSession MqttSession;

/* Sessions of one bus by identity, connected and waiting ones. */
struct _MqttSessions {
  GHashTable *table;         /* of MqttSession, which is its own key */
  HawserBus *bus;            /* owns this */
  HawserLane *lane;
  guint n_waiting;           /* without a connection */
  gboolean is_closing;
};

/* The one of @bus, made on first need. */
MqttSessions *mqtt_sessions_of_bus (HawserBus    *bus);
MqttSession  *mqtt_sessions_find   (MqttSessions *self,
                                    const char   *identity);
void          mqtt_sessions_add    (MqttSessions *self,
                                    MqttSession  *session);
void          mqtt_sessions_remove (MqttSessions *self,
                                    MqttSession  *session);

/* Who owns what a client leaves behind: two principals never share a session. Source: MQTT 5.0 section 5.4.2. */
char         *mqtt_identity_new    (const char   *principal,
                                    const char   *client_id);
/* The id of the durable receiver of a session: no name that a configuration or another protocol gives to one. */
char         *mqtt_receiver_id_new (const char   *identity);

G_END_DECLS
