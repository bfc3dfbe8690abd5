/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _MqttLink MqttLink;

/* Valid during the call; what a message does not have is %NULL. */
typedef struct {
  const char *topic;
  const char *id;             /* user property "id", %NULL too if it is not worth repeating */
  const char *payload;        /* ends with a NUL that is not counted */
  gsize payload_len;
  const char *response_topic;
  const void *correlation;
  guint16 correlation_len;
} MqttLinkMessage;

typedef void (*MqttLinkReceived) (const MqttLinkMessage *message,
                                  gpointer               user_data);

typedef struct {
  const char *host;           /* name or address */
  guint port;
  const char *client_id;
  const char *const *filters; /* what to subscribe to on each connect, or %NULL */
  const char *will_topic;     /* where the broker says @will_payload when the connection is lost, or %NULL */
  const char *will_payload;
  MqttLinkReceived received;
  gpointer user_data;
} MqttLinkOptions;

typedef struct {
  guint64 n_published;    /* handed to the socket or its queue */
  guint64 n_acknowledged;
  guint64 n_dropped;      /* no connection, or too many without acknowledgement */
  guint64 n_connects;
} MqttLinkCounts;

MqttLink      *mqtt_link_new        (const MqttLinkOptions *options);
void           mqtt_link_free       (MqttLink              *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MqttLink, mqtt_link_free)

gboolean       mqtt_link_publish    (MqttLink              *self,
                                     const char            *topic,
                                     const char            *content_type,
                                     const char            *time,
                                     GString               *payload);
gboolean       mqtt_link_reply      (MqttLink              *self,
                                     const MqttLinkMessage *message,
                                     const char            *content_type,
                                     GString               *payload);
void           mqtt_link_cut        (MqttLink              *self);
void           mqtt_link_restore    (MqttLink              *self);
gboolean       mqtt_link_is_waiting (MqttLink              *self);
MqttLinkCounts mqtt_link_get_counts (MqttLink              *self);

G_END_DECLS
