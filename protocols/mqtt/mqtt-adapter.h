/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

#include "mqtt-codec.h"
#include "mqtt-encoder.h"

G_BEGIN_DECLS

typedef struct _MqttSessions MqttSessions;

/* The settings of one listener, as its properties say; the session reads them at CONNECT. */
typedef struct {
  guint32 versions;               /* bit per protocol level: 3, 4, 5 */
  guint receive_maximum;
  guint max_inflight;
  guint topic_alias_maximum;
  guint maximum_qos;
  gboolean retain_available;
  gint64 keep_alive_maximum_us;   /* 0: none */
  gint64 session_expiry_maximum_us;
  gint64 connect_timeout_us;
  guint64 max_packet_size;        /* 0: what max-message-size needs */
  guint max_user_properties;
  guint max_filters;
  guint max_subscriptions;
  guint max_levels;
  guint max_client_id;
  guint max_sessions;
  char *redirect;                 /* Server Reference for whoever connects; NULL: they may stay */
  gboolean redirect_for_good;
  char *response_information;     /* NULL: none is given */
  guint max_queued_messages;      /* 0: the bus's default */
  guint64 max_queued_bytes;
} MqttSettings;

#define HAWSER_TYPE_MQTT_ADAPTER (hawser_mqtt_adapter_get_type())
G_DECLARE_FINAL_TYPE (HawserMqttAdapter, hawser_mqtt_adapter, HAWSER, MQTT_ADAPTER, GObject)

struct _HawserMqttAdapter {
  GObject parent_instance;
  MqttSettings settings;

  /* from start() on */
  HawserListener *listener;       /* owns us */
  HawserBus *bus;                 /* owns the listener */
  HawserLane *lane;
  MqttSessions *sessions;         /* of the bus: shared by its MQTT listeners */
  MqttLimits limits;
  guint64 max_message;

  /* scratch of the lane */
  MqttEncoder encoder;
  HawserProperties properties;
  GByteArray *output;
  GByteArray *block;
};

G_END_DECLS
