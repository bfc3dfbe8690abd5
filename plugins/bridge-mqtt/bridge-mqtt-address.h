/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef struct {
  char *host;          /* name or number, an IPv6 number without brackets */
  guint16 port;
  gboolean is_encrypted;
} BridgeMqttAddress;

BridgeMqttAddress *bridge_mqtt_address_parse (const char         *text,
                                              GError            **error);
void               bridge_mqtt_address_free  (BridgeMqttAddress  *self);

G_END_DECLS
