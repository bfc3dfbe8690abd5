/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The topic aliases that we give one client: a topic that comes a second time gets one. A topic has one place, by its hash;
 * another one that comes to be known there takes the alias over. Dies with the connection [MQTT-3.3.2-7]. */
typedef struct _MqttAliases MqttAliases;

/* @maximum: that the client allows, at least 1. */
MqttAliases *mqtt_aliases_new    (guint         maximum);
void         mqtt_aliases_free   (MqttAliases  *self);
/* The alias to send with this topic, 0 for none. *out_is_known: the client knows it, the topic may be left out. */
guint16      mqtt_aliases_choose (MqttAliases  *self,
                                  const char   *topic,
                                  gsize         len,
                                  gboolean     *out_is_known);
/* The packet with the topic and its alias was sent. */
void         mqtt_aliases_note   (MqttAliases  *self,
                                  guint16       alias,
                                  const char   *topic,
                                  gsize         len);

G_END_DECLS
