/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registers the MQTT adapter under the role "protocol". */

#include "mqtt-adapter.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "protocol", "mqtt", HAWSER_TYPE_MQTT_ADAPTER);
}

HAWSER_PLUGIN_DEFINE (mqtt, "mqtt", "0.1.0", provide)
