/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define BRIDGE_TYPE_MQTT (bridge_mqtt_get_type ())
G_DECLARE_FINAL_TYPE (BridgeMqtt, bridge_mqtt, BRIDGE, MQTT, GObject)

G_END_DECLS
