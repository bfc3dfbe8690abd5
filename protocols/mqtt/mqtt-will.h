/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

#include "mqtt-codec.h"

G_BEGIN_DECLS

/* The last words of a client, and in whose name they are said. */
typedef struct {
  HawserMessage *message;
  guint32 delay_s;
  HawserPrincipal *principal;
  char *client_id, *listener, *address;
  gboolean is_encrypted;
  const char *mount_point;       /* interned; NULL: none */
} MqttWill;

/* @connect has a will; @context is who sends it. */
MqttWill *mqtt_will_new  (const MqttConnect         *connect,
                          const HawserPolicyContext *context,
                          HawserProperties          *scratch);
/* Publishes it, with the rights that its client has now. (transfer full) */
void      mqtt_will_fire (MqttWill                  *self,
                          HawserBus                 *bus);
/* The same when its delay or @longest_us is over, unless mqtt_will_end_promise() comes first. (transfer full) */
void      mqtt_will_promise (MqttWill               *self,
                          HawserBus                 *bus,
                          const char                *identity,
                          gint64                     longest_us);
/* The client is back: with its session (not @is_kept), or without it, and then the will is published now. */
void      mqtt_will_end_promise (HawserBus          *bus,
                          const char                *identity,
                          gboolean                   is_kept);
void      mqtt_will_free (MqttWill                  *self);

/* What MQTT says about a message, in the form of the bus; MQTT_WILL and MQTT_PUBLISH properties alike. */
void      mqtt_properties_to_message (const MqttProperties *properties,
                                      HawserProperties     *out_block,
                                      guint32              *out_expiry_s);

G_END_DECLS
