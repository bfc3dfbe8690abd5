/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The adapter of MQTT listeners: its GObject properties are the settings of the listener's group, and each peer that
 * the listener accepts gets a session. Sessions do the rest. Context: the lane of the listener. */

#include "mqtt-adapter.h"

#include <string.h>

#include "mqtt-session.h"

enum {
  PROP_VERSIONS = 1,
  PROP_RECEIVE_MAXIMUM,
  PROP_MAX_INFLIGHT,
  PROP_TOPIC_ALIAS_MAXIMUM,
  PROP_MAXIMUM_QOS,
  PROP_RETAIN_AVAILABLE,
  PROP_KEEP_ALIVE_MAXIMUM,
  PROP_SESSION_EXPIRY_MAXIMUM,
  PROP_CONNECT_TIMEOUT,
  PROP_MAX_PACKET_SIZE,
  PROP_MAX_USER_PROPERTIES,
  PROP_MAX_FILTERS,
  PROP_MAX_SUBSCRIPTIONS,
  PROP_MAX_LEVELS,
  PROP_MAX_CLIENT_ID,
  PROP_MAX_SESSIONS,
  PROP_MAX_QUEUED_MESSAGES,
  PROP_MAX_QUEUED_BYTES,
  PROP_REDIRECT,
  PROP_REDIRECT_FOR_GOOD,
  PROP_RESPONSE_INFORMATION,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

/* Where the number of each property lives in the settings; the type is that of its GParamSpec. */
static const gsize offsets[N_PROPS] = {
  [PROP_RECEIVE_MAXIMUM] = G_STRUCT_OFFSET (MqttSettings, receive_maximum),
  [PROP_MAX_INFLIGHT] = G_STRUCT_OFFSET (MqttSettings, max_inflight),
  [PROP_TOPIC_ALIAS_MAXIMUM] = G_STRUCT_OFFSET (MqttSettings, topic_alias_maximum),
  [PROP_MAXIMUM_QOS] = G_STRUCT_OFFSET (MqttSettings, maximum_qos),
  [PROP_RETAIN_AVAILABLE] = G_STRUCT_OFFSET (MqttSettings, retain_available),
  [PROP_KEEP_ALIVE_MAXIMUM] = G_STRUCT_OFFSET (MqttSettings, keep_alive_maximum_us),
  [PROP_SESSION_EXPIRY_MAXIMUM] = G_STRUCT_OFFSET (MqttSettings, session_expiry_maximum_us),
  [PROP_CONNECT_TIMEOUT] = G_STRUCT_OFFSET (MqttSettings, connect_timeout_us),
  [PROP_MAX_PACKET_SIZE] = G_STRUCT_OFFSET (MqttSettings, max_packet_size),
  [PROP_MAX_USER_PROPERTIES] = G_STRUCT_OFFSET (MqttSettings, max_user_properties),
  [PROP_MAX_FILTERS] = G_STRUCT_OFFSET (MqttSettings, max_filters),
  [PROP_MAX_SUBSCRIPTIONS] = G_STRUCT_OFFSET (MqttSettings, max_subscriptions),
  [PROP_MAX_LEVELS] = G_STRUCT_OFFSET (MqttSettings, max_levels),
  [PROP_MAX_CLIENT_ID] = G_STRUCT_OFFSET (MqttSettings, max_client_id),
  [PROP_MAX_SESSIONS] = G_STRUCT_OFFSET (MqttSettings, max_sessions),
  [PROP_MAX_QUEUED_MESSAGES] = G_STRUCT_OFFSET (MqttSettings, max_queued_messages),
  [PROP_MAX_QUEUED_BYTES] = G_STRUCT_OFFSET (MqttSettings, max_queued_bytes),
  [PROP_REDIRECT] = G_STRUCT_OFFSET (MqttSettings, redirect),
  [PROP_REDIRECT_FOR_GOOD] = G_STRUCT_OFFSET (MqttSettings, redirect_for_good),
  [PROP_RESPONSE_INFORMATION] = G_STRUCT_OFFSET (MqttSettings, response_information),
};

static const struct {
  const char *name;
  MqttVersion version;
} version_names[] = {
  { "3.1", MQTT_VERSION_3_1 },
  { "3.1.1", MQTT_VERSION_3_1_1 },
  { "5.0", MQTT_VERSION_5_0 },
  { "5", MQTT_VERSION_5_0 },
};

static void adapter_protocol_init (HawserProtocolInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (HawserMqttAdapter, hawser_mqtt_adapter, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, adapter_protocol_init))

static void
set_versions (HawserMqttAdapter *self, const char * const *names)
{
  guint32 versions = 0;

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      gsize j;

      for (j = 0; j < G_N_ELEMENTS (version_names) && strcmp (version_names[j].name, names[i]) != 0; j++)
        ;
      /* an unknown one is kept for start() to refuse */
      versions |= j < G_N_ELEMENTS (version_names) ? 1u << version_names[j].version : 1u << 31;
    }
  self->settings.versions = versions;
}

static char **
dup_versions (HawserMqttAdapter *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; i < 3; i++)
    if (self->settings.versions & 1u << version_names[i].version)
      g_strv_builder_add (builder, version_names[i].name);
  return g_strv_builder_end (builder);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserMqttAdapter *self = HAWSER_MQTT_ADAPTER (object);
  guint8 *field = (guint8 *) &self->settings + (id < N_PROPS ? offsets[id] : 0);

  if (id == PROP_VERSIONS)
    set_versions (self, g_value_get_boxed (value));
  else if (id >= N_PROPS)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else if (G_VALUE_HOLDS_UINT (value))
    *(guint *) field = g_value_get_uint (value);
  else if (G_VALUE_HOLDS_BOOLEAN (value))
    *(gboolean *) field = g_value_get_boolean (value);
  else if (G_VALUE_HOLDS_STRING (value))
    {
      g_free (*(char **) field);
      *(char **) field = g_value_dup_string (value);
    }
  else if (G_VALUE_HOLDS_INT64 (value))
    *(gint64 *) field = g_value_get_int64 (value);
  else
    *(guint64 *) field = g_value_get_uint64 (value);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserMqttAdapter *self = HAWSER_MQTT_ADAPTER (object);
  const guint8 *field = (const guint8 *) &self->settings + (id < N_PROPS ? offsets[id] : 0);

  if (id == PROP_VERSIONS)
    g_value_take_boxed (value, dup_versions (self));
  else if (id >= N_PROPS)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  else if (G_VALUE_HOLDS_UINT (value))
    g_value_set_uint (value, *(const guint *) field);
  else if (G_VALUE_HOLDS_BOOLEAN (value))
    g_value_set_boolean (value, *(const gboolean *) field);
  else if (G_VALUE_HOLDS_STRING (value))
    g_value_set_string (value, *(char *const *) field);
  else if (G_VALUE_HOLDS_INT64 (value))
    g_value_set_int64 (value, *(const gint64 *) field);
  else
    g_value_set_uint64 (value, *(const guint64 *) field);
}

static void
finalize (GObject *object)
{
  HawserMqttAdapter *self = HAWSER_MQTT_ADAPTER (object);

  mqtt_encoder_clear (&self->encoder);
  g_free (self->settings.redirect);
  g_free (self->settings.response_information);
  hawser_properties_clear (&self->properties);
  g_byte_array_unref (self->output);
  g_byte_array_unref (self->block);
  G_OBJECT_CLASS (hawser_mqtt_adapter_parent_class)->finalize (object);
}

/* Room for the payload, a topic and as much again for properties. */
static guint32
packet_limit (HawserMqttAdapter *self)
{
  if (self->settings.max_packet_size != 0)
    return (guint32) MIN (self->settings.max_packet_size, MQTT_MAX_REMAINING + 5);
  return (guint32) MIN (self->max_message + 4 * 65536, MQTT_MAX_REMAINING + 5);
}

/* What sessions are measured by, from the settings of the listener and our own. */
static void
changed (HawserProtocol *protocol, HawserListener *listener)
{
  HawserMqttAdapter *self = HAWSER_MQTT_ADAPTER (protocol);

  self->max_message = hawser_listener_get_max_message_size (listener);
  self->limits.max_packet = packet_limit (self);
  self->limits.max_user_properties = self->settings.max_user_properties;
  self->limits.max_filters = self->settings.max_filters;
}

static gboolean
start (HawserProtocol *protocol, HawserListener *listener, GError **error)
{
  HawserMqttAdapter *self = HAWSER_MQTT_ADAPTER (protocol);

  if (self->settings.versions == 0 || (self->settings.versions & 1u << 31) != 0)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "versions: give one or more of 3.1, 3.1.1, 5.0");
      return FALSE;
    }
  self->listener = listener;
  self->bus = hawser_listener_get_bus (listener);
  self->lane = hawser_bus_get_lane (self->bus);
  self->sessions = mqtt_sessions_of_bus (self->bus);
  changed (protocol, listener);
  return TRUE;
}

static void
accepted (HawserProtocol *protocol, HawserConnection *connection)
{
  mqtt_session_accept (HAWSER_MQTT_ADAPTER (protocol), connection);
}

static gboolean
tell_end (HawserConnection *connection, gpointer data)
{
  MqttSession *session = hawser_listener_of_connection (connection) == data ? hawser_connection_get_session (connection) : NULL;

  if (session != NULL)
    mqtt_session_end (session, MQTT_SHUTTING_DOWN, HAWSER_ERROR_CLOSED, "the server shuts down");
  return TRUE;
}

/* The protocol has a word for it (MQTT 5.0, 4.13.2); the listener closes the connections. */
static void
stop (HawserProtocol *protocol, HawserListener *listener)
{
  hawser_bus_foreach_connection (hawser_listener_get_bus (listener), tell_end, listener);
}

static void
adapter_protocol_init (HawserProtocolInterface *iface)
{
  static const char * const names[] = { "mqtt", "mqttv3.1", NULL }; /* MQTT 5.0 section 6; 3.1 as its clients say it */

  iface->websocket_subprotocols = names;
  iface->start = start;
  iface->changed = changed;
  iface->accepted = accepted;
  iface->stop = stop;
}

static void
hawser_mqtt_adapter_class_init (HawserMqttAdapterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;
  const gint64 second = G_USEC_PER_SEC, day = 86400 * second;

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;

  props[PROP_VERSIONS] = g_param_spec_boxed ("versions", NULL, "Versions of MQTT that are spoken: 3.1, 3.1.1, 5.0; default all of them",
                                             G_TYPE_STRV, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  props[PROP_RECEIVE_MAXIMUM] = g_param_spec_uint ("receive-maximum", NULL, "Messages a client may have under way to us at QoS 1 and 2",
                                                   1, 65535, 20000, flags); /* clients that send all they hold when they reconnect hold thousands; each is 8 bytes here */
  props[PROP_MAX_INFLIGHT] = g_param_spec_uint ("max-inflight", NULL, "Messages we have under way to a client at QoS 1 and 2, if it allows as many",
                                                1, 65535, 2048, flags);
  props[PROP_TOPIC_ALIAS_MAXIMUM] = g_param_spec_uint ("topic-alias-maximum", NULL, "Topic aliases a client may use", 0, 65535, 32, flags);
  props[PROP_MAXIMUM_QOS] = g_param_spec_uint ("maximum-qos", NULL, "Highest QoS that is taken and given", 0, 2, 2, flags);
  props[PROP_RETAIN_AVAILABLE] = g_param_spec_boolean ("retain-available", NULL, "Whether clients may publish retained messages", TRUE, flags);
  props[PROP_KEEP_ALIVE_MAXIMUM] = hawser_param_spec_duration ("keep-alive-maximum", "Longest keep alive of MQTT 5.0 clients; 0s takes what the client says",
                                                               0, 65535 * second, 0, flags);
  props[PROP_SESSION_EXPIRY_MAXIMUM] = hawser_param_spec_duration ("session-expiry-maximum", "Longest time a session waits for its client",
                                                                   0, G_MAXINT64, 7 * day, flags);
  props[PROP_CONNECT_TIMEOUT] = hawser_param_spec_duration ("connect-timeout", "Time from connection to a complete CONNECT",
                                                            second / 10, 3600 * second, 10 * second, flags);
  props[PROP_MAX_PACKET_SIZE] = hawser_param_spec_size ("max-packet-size", "Largest packet read from a client; 0 is what max-message-size needs",
                                                        0, MQTT_MAX_REMAINING + 5, 0, flags);
  props[PROP_MAX_USER_PROPERTIES] = g_param_spec_uint ("max-user-properties", NULL, "User properties in a packet", 0, 100000, 256, flags);
  props[PROP_MAX_FILTERS] = g_param_spec_uint ("max-filters", NULL, "Filters in a SUBSCRIBE or UNSUBSCRIBE", 1, 1000000, 10000, flags);
  props[PROP_MAX_SUBSCRIPTIONS] = g_param_spec_uint ("max-subscriptions", NULL, "Filters of a client", 1, 100000000, 200000, flags);
  props[PROP_MAX_LEVELS] = g_param_spec_uint ("max-levels", NULL, "Levels of a topic name or filter", 1, 65536, 128, flags);
  props[PROP_MAX_CLIENT_ID] = g_param_spec_uint ("max-client-id", NULL, "Bytes of a client id", 23, 65535, 1024, flags);
  props[PROP_MAX_SESSIONS] = g_param_spec_uint ("max-sessions", NULL, "Sessions that wait for their clients; then no further one is made",
                                                0, 100000000, 100000, flags);
  props[PROP_MAX_QUEUED_MESSAGES] = g_param_spec_uint ("max-queued-messages", NULL, "Messages queued for a client; 0 is the default of the bus",
                                                       0, G_MAXUINT, 0, flags);
  props[PROP_MAX_QUEUED_BYTES] = hawser_param_spec_size ("max-queued-bytes", "Bytes queued for a client; 0 is the default of the bus",
                                                         0, G_MAXUINT64, 0, flags);
  props[PROP_REDIRECT] = g_param_spec_string ("redirect", NULL, "Another server, HOST:PORT, that MQTT 5.0 clients are sent to when they connect; older ones are refused",
                                              NULL, flags);
  props[PROP_REDIRECT_FOR_GOOD] = g_param_spec_boolean ("redirect-for-good", NULL, "Whether they shall remember that server", FALSE, flags);
  props[PROP_RESPONSE_INFORMATION] = g_param_spec_string ("response-information", NULL, "What a topic for answers begins with, for clients that ask: their id is put behind it",
                                                          NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_mqtt_adapter_init (HawserMqttAdapter *self)
{
  self->settings.versions = 1u << MQTT_VERSION_3_1 | 1u << MQTT_VERSION_3_1_1 | 1u << MQTT_VERSION_5_0;
  self->output = g_byte_array_new ();
  self->block = g_byte_array_new ();
}
