/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The adapter of HTTP listeners: its GObject properties are the settings of the listener's group, and each peer that the
 * listener accepts gets a session. Sessions and handlers do the rest. Context: the lane of the listener. */

#include "http-adapter.h"

#include <string.h>

#include "http-hub.h"
#include "http-idempotency.h"
#include "http-session.h"
#include "http-static.h"

#define MAX_LINE 16384             /* of a request line: a topic of any length that HTTP clients use, encoded */
#define MAX_HEAD 65536
#define MAX_HEADERS 100

enum {
  PROP_STATIC = 1,
  PROP_ADMIN,
  PROP_DASHBOARD,
  PROP_METRICS,
  PROP_CORS_ORIGINS,
  PROP_HOST_NAMES,
  PROP_WEBSOCKET_PATH,
  PROP_WEBSOCKET_SUBPROTOCOLS,
  PROP_SSE_PATH,
  PROP_HEADER_TIMEOUT,
  PROP_BODY_TIMEOUT,
  PROP_IDLE_TIMEOUT,
  PROP_STUCK_TIMEOUT,
  PROP_REPLAY_SIZE,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void protocol_init (HawserProtocolInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (HttpAdapter, http_adapter, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, protocol_init))

static void
set_list (char ***list, const GValue *value)
{
  g_strfreev (*list);
  *list = g_value_dup_boxed (value);
}

static void
set_string (char **string, const GValue *value)
{
  g_free (*string);
  *string = g_value_dup_string (value);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HttpAdapter *self = HTTP_ADAPTER (object);

  switch (id)
    {
    case PROP_STATIC: set_list (&self->static_dirs, value); break;
    case PROP_ADMIN: self->is_admin = g_value_get_boolean (value); break;
    case PROP_DASHBOARD: self->has_dashboard = g_value_get_boolean (value); break;
    case PROP_METRICS: self->has_metrics = g_value_get_boolean (value); break;
    case PROP_CORS_ORIGINS: set_list (&self->cors_origins, value); break;
    case PROP_HOST_NAMES: set_list (&self->host_names, value); break;
    case PROP_WEBSOCKET_PATH: set_string (&self->websocket_path, value); break;
    case PROP_WEBSOCKET_SUBPROTOCOLS: set_list (&self->websocket_subprotocols, value); break;
    case PROP_SSE_PATH: set_string (&self->sse_path, value); break;
    case PROP_HEADER_TIMEOUT: self->header_timeout_us = g_value_get_int64 (value); break;
    case PROP_BODY_TIMEOUT: self->body_timeout_us = g_value_get_int64 (value); break;
    case PROP_IDLE_TIMEOUT: self->idle_timeout_us = g_value_get_int64 (value); break;
    case PROP_STUCK_TIMEOUT: self->stuck_timeout_us = g_value_get_int64 (value); break;
    case PROP_REPLAY_SIZE: self->replay_size = g_value_get_uint64 (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HttpAdapter *self = HTTP_ADAPTER (object);

  switch (id)
    {
    case PROP_STATIC: g_value_set_boxed (value, self->static_dirs); break;
    case PROP_ADMIN: g_value_set_boolean (value, self->is_admin); break;
    case PROP_DASHBOARD: g_value_set_boolean (value, self->has_dashboard); break;
    case PROP_METRICS: g_value_set_boolean (value, self->has_metrics); break;
    case PROP_CORS_ORIGINS: g_value_set_boxed (value, self->cors_origins); break;
    case PROP_HOST_NAMES: g_value_set_boxed (value, self->host_names); break;
    case PROP_WEBSOCKET_PATH: g_value_set_string (value, self->websocket_path); break;
    case PROP_WEBSOCKET_SUBPROTOCOLS: g_value_set_boxed (value, self->websocket_subprotocols); break;
    case PROP_SSE_PATH: g_value_set_string (value, self->sse_path); break;
    case PROP_HEADER_TIMEOUT: g_value_set_int64 (value, self->header_timeout_us); break;
    case PROP_BODY_TIMEOUT: g_value_set_int64 (value, self->body_timeout_us); break;
    case PROP_IDLE_TIMEOUT: g_value_set_int64 (value, self->idle_timeout_us); break;
    case PROP_STUCK_TIMEOUT: g_value_set_int64 (value, self->stuck_timeout_us); break;
    case PROP_REPLAY_SIZE: g_value_set_uint64 (value, self->replay_size); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  HttpAdapter *self = HTTP_ADAPTER (object);

  g_hash_table_unref (self->hubs);
  http_keys_free (self->keys);
  g_hash_table_unref (self->failures);
  http_forget_encoded (self);
  g_string_free (self->scratch, TRUE);
  g_string_free (self->encoded, TRUE);
  g_string_free (self->frame, TRUE);
  g_string_free (self->twin_text, TRUE);
  g_strfreev (self->static_dirs);
  g_strfreev (self->cors_origins);
  g_strfreev (self->host_names);
  g_strfreev (self->websocket_subprotocols);
  g_free (self->websocket_path);
  g_free (self->sse_path);
  G_OBJECT_CLASS (http_adapter_parent_class)->finalize (object);
}

static gboolean
check_settings (HttpAdapter *self, HawserListener *listener, GError **error)
{
  g_autofree char *address = NULL;

  for (char **entry = self->static_dirs; entry != NULL && *entry != NULL; entry++)
    {
      g_autofree char *prefix = NULL;
      const char *dir;

      if (!http_static_parse (*entry, &prefix, &dir))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "static=%s: is not of the form /prefix:FOLDER", *entry);
          return FALSE;
        }
      if (!g_file_test (dir, G_FILE_TEST_IS_DIR))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "static=%s: there is no folder '%s'", *entry, dir);
          return FALSE;
        }
    }
  g_object_get (listener, "address", &address, NULL);
  if (g_str_has_prefix (address, "ws"))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address=%s: HTTP is not spoken inside a WebSocket; with tcp: it opens them itself, MQTT's under /mqtt", address);
      return FALSE;
    }
  for (char **name = self->websocket_subprotocols; name != NULL && *name != NULL; name++)
    if (!g_str_equal (*name, "cloudevents.json") && !g_str_equal (*name, "mqtt"))
      {
        g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "websocket-subprotocols: there is no '%s'; cloudevents.json and mqtt are known", *name);
        return FALSE;
      }
  if (self->is_admin && !hawser_listener_get_is_loopback (listener) && hawser_listener_allows_anonymous (listener))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "admin: the admin paths would be open to anyone who reaches this address; name identities, or listen on loopback");
      return FALSE;
    }
  return TRUE;
}

static gboolean
start (HawserProtocol *protocol, HawserListener *listener, GError **error)
{
  HttpAdapter *self = HTTP_ADAPTER (protocol);

  if (!check_settings (self, listener, error))
    return FALSE;
  self->listener = listener;
  self->bus = hawser_listener_get_bus (listener);
  self->lane = hawser_bus_get_lane (self->bus);
  self->limits = (HttpGuardLimits) { MAX_LINE, MAX_HEAD, MAX_HEADERS };
  self->max_body = hawser_listener_get_max_message_size (listener);
  self->started_wall_us = hawser_clock_get_wall_us (hawser_bus_get_clock (self->bus));
  self->epoch = g_random_int ();
  return TRUE;
}

static void
changed (HawserProtocol *protocol, HawserListener *listener)
{
  HTTP_ADAPTER (protocol)->max_body = hawser_listener_get_max_message_size (listener);
}

static void
stop (HawserProtocol *protocol, HawserListener *listener)
{
  HttpAdapter *self = HTTP_ADAPTER (protocol);
  GHashTableIter iter;
  gpointer value;

  /* hubs in use go with their last user */
  g_hash_table_iter_init (&iter, self->hubs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((HttpHub *) value)->n_users == 0)
      g_hash_table_iter_remove (&iter);
  self->n_lingering = 0;
  http_forget_encoded (self);
}

static void
accepted (HawserProtocol *protocol, HawserConnection *connection)
{
  hawser_connection_set_session (connection, &http_session_funcs, http_session_new (HTTP_ADAPTER (protocol), connection));
}

static void
protocol_init (HawserProtocolInterface *iface)
{
  iface->start = start;
  iface->stop = stop;
  iface->changed = changed;
  iface->accepted = accepted;
}

static void
free_hub (gpointer hub)
{
  http_hub_free (hub);
}

static void
http_adapter_init (HttpAdapter *self)
{
  self->scratch = g_string_sized_new (1024);
  self->encoded = g_string_new (NULL);
  self->frame = g_string_new (NULL);
  self->twin_text = g_string_new (NULL);
  self->hubs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_hub);
  self->keys = http_keys_new ();
  self->failures = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
http_adapter_class_init (HttpAdapterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;
  const gint64 second = G_USEC_PER_SEC, hour = 3600 * second;

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;

  props[PROP_STATIC] = g_param_spec_boxed ("static", NULL, "Folders of files to serve, each as /prefix:FOLDER", G_TYPE_STRV, flags);
  props[PROP_ADMIN] = g_param_spec_boolean ("admin", NULL, "Whether the admin paths, metrics, health and the dashboard are served here", FALSE, flags);
  props[PROP_DASHBOARD] = g_param_spec_boolean ("dashboard", NULL, "With admin: whether the dashboard is served", TRUE, flags);
  props[PROP_METRICS] = g_param_spec_boolean ("metrics", NULL, "With admin: whether /metrics is served", TRUE, flags);
  props[PROP_CORS_ORIGINS] = g_param_spec_boxed ("cors-origins", NULL, "Origins, such as https://flight.example.org, whose pages may use this listener; * for all", G_TYPE_STRV, flags);
  props[PROP_HOST_NAMES] = g_param_spec_boxed ("host-names", NULL, "Names, beside localhost and addresses, under which the admin paths are reached", G_TYPE_STRV, flags);
  props[PROP_WEBSOCKET_PATH] = g_param_spec_string ("websocket-path", NULL, "Another path for the WebSocket, beside /v1/ws", NULL, flags);
  props[PROP_WEBSOCKET_SUBPROTOCOLS] = g_param_spec_boxed ("websocket-subprotocols", NULL, "What is spoken over WebSockets: cloudevents.json and mqtt; both if none is named", G_TYPE_STRV, flags);
  props[PROP_SSE_PATH] = g_param_spec_string ("sse-path", NULL, "Another path for the event stream, beside /v1/events", NULL, flags);
  props[PROP_HEADER_TIMEOUT] = hawser_param_spec_duration ("header-timeout", "Time for the head of a request, from its first byte; of the first one, from the connection", second / 10, hour, 10 * second, flags);
  props[PROP_BODY_TIMEOUT] = hawser_param_spec_duration ("body-timeout", "Time for the body of a request; a second more for each 16 KiB", second / 10, hour, 30 * second, flags);
  props[PROP_IDLE_TIMEOUT] = hawser_param_spec_duration ("idle-timeout", "Time without a request after which a connection is closed", second / 10, 24 * hour, 60 * second, flags);
  props[PROP_STUCK_TIMEOUT] = hawser_param_spec_duration ("stuck-timeout", "Time without room for a byte after which an event stream or WebSocket is closed", second / 10, hour, 30 * second, flags);
  props[PROP_REPLAY_SIZE] = hawser_param_spec_size ("replay-size", "Memory for what event streams and polls may have missed, all clients together", 0, G_MAXUINT32, 32 << 20, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}
