/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>
#include <mosquitto.h>

G_BEGIN_DECLS

/* Of PUBLISH; the caller frees it by mosquitto_property_free_all(). NULL when there are none. */
mosquitto_property *bridge_mqtt_properties_write (const HawserMessageView        *message);
/* NULL: the topic or a property is not what the standard allows. */
HawserMessage      *bridge_mqtt_properties_read  (const struct mosquitto_message *packet,
                                                  const mosquitto_property       *properties);

G_END_DECLS
