/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registration of the MQTT bridge client. */

#include "bridge-mqtt-client.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "bridge", "mqtt", BRIDGE_TYPE_MQTT);
}

HAWSER_PLUGIN_DEFINE (bridge_mqtt, "bridge-mqtt", HAWSER_VERSION_S, provide)
