/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One MQTT 5 connection of one actor: libmosquitto on the GLib main loop, its socket behind one GSource and no thread.
 * Telemetry is worth nothing when it is late, so what cannot be sent now is dropped and counted; the connection comes back
 * with full-jitter backoff. Used by the simulators of the
 * examples; knows nothing of what they say. */

#include "mqtt-link.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <string.h>
#include <sys/socket.h>

#include <gio/gio.h>
#include <glib-unix.h>

#define KEEP_ALIVE_S 30
#define RETRY_FIRST_MS 250
#define RETRY_LAST_MS 8000
#define MAX_UNACKNOWLEDGED 512    /* ours: seconds of flight; a broker that lags more than this hears the present, not the past */
#define MAX_ID 64

typedef struct {
  GSource source;
  MqttLink *link;
  gpointer fd_tag;
  GIOCondition condition;
} SocketSource;

struct _MqttLink {
  struct mosquitto *mosquitto;
  char *host;
  guint port;
  char **filters;
  MqttLinkReceived received;
  gpointer user_data;

  gboolean is_cut;
  GSource *socket;
  GSource *retry;
  GSource *housekeeping;
  GCancellable *cancellable;
  guint retry_ms;
  guint n_unacknowledged;
  gboolean is_up;
  MqttLinkCounts counts;
};

static void connect_now (MqttLink *self);

/* ---- Connection ----------------------------------------------------- */

static gboolean
on_retry (gpointer user_data)
{
  MqttLink *self = user_data;

  g_clear_pointer (&self->retry, g_source_unref);
  connect_now (self);
  return G_SOURCE_REMOVE;
}

static void
drop_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
lose (MqttLink *self, const char *why)
{
  drop_source (&self->socket);
  if (self->is_up)
    g_debug ("connection to %s:%u lost: %s", self->host, self->port, why);
  self->is_up = FALSE;
  if (self->retry != NULL || self->is_cut)
    return;

  self->retry = g_timeout_source_new ((guint) g_random_int_range ((gint32) self->retry_ms / 2, (gint32) self->retry_ms + 1));
  self->retry_ms = MIN (self->retry_ms * 2, RETRY_LAST_MS);
  g_source_set_callback (self->retry, on_retry, self, NULL);
  g_source_attach (self->retry, g_main_context_get_thread_default ());
}

static gboolean
prepare (GSource *source, int *timeout)
{
  SocketSource *self = (SocketSource *) source;
  GIOCondition wanted = G_IO_IN | (mosquitto_want_write (self->link->mosquitto) ? G_IO_OUT : 0);

  *timeout = -1;
  if (wanted != self->condition)
    g_source_modify_unix_fd (source, self->fd_tag, self->condition = wanted);
  return FALSE;
}

static gboolean
check (GSource *source)
{
  return g_source_query_unix_fd (source, ((SocketSource *) source)->fd_tag) != 0;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  SocketSource *self = (SocketSource *) source;
  MqttLink *link = self->link;
  GIOCondition ready = g_source_query_unix_fd (source, self->fd_tag);
  int rc = MOSQ_ERR_SUCCESS;

  if (ready & G_IO_OUT)
    rc = mosquitto_loop_write (link->mosquitto, 1);
  if (rc == MOSQ_ERR_SUCCESS && (ready & ~G_IO_OUT) != 0)
    rc = mosquitto_loop_read (link->mosquitto, 1);
  if (rc != MOSQ_ERR_SUCCESS)
    lose (link, mosquitto_strerror (rc));
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs socket_funcs = { prepare, check, dispatch, NULL, NULL, NULL };

static void
watch_socket (MqttLink *self)
{
  SocketSource *source = (SocketSource *) g_source_new (&socket_funcs, sizeof *source);

  source->link = self;
  source->condition = G_IO_IN;
  source->fd_tag = g_source_add_unix_fd (&source->source, mosquitto_socket (self->mosquitto), source->condition);
  g_source_set_static_name (&source->source, "mqtt-link");
  g_source_attach (&source->source, g_main_context_get_thread_default ());
  self->socket = &source->source;
}

static void
connect_to (MqttLink *self, const char *address)
{
  int rc = mosquitto_connect_async (self->mosquitto, address, (int) self->port, KEEP_ALIVE_S);

  if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket (self->mosquitto) >= 0)
    watch_socket (self);
  else
    lose (self, mosquitto_strerror (rc));
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);
  g_autofree char *address = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;   /* the link is gone */
  if (addresses == NULL)
    {
      lose (user_data, error->message);
      return;
    }
  address = g_inet_address_to_string (addresses->data);
  g_resolver_free_addresses (addresses);
  connect_to (user_data, address);
}

static void
connect_now (MqttLink *self)
{
  g_autoptr (GResolver) resolver = NULL;

  /* libmosquitto would look the name up itself and block the loop meanwhile */
  if (g_hostname_is_ip_address (self->host))
    {
      connect_to (self, self->host);
      return;
    }
  resolver = g_resolver_get_default ();
  g_resolver_lookup_by_name_async (resolver, self->host, self->cancellable, on_resolved, self);
}

static gboolean
on_housekeeping (gpointer user_data)
{
  MqttLink *self = user_data;

  /* sends pings; ends a connection that stopped answering them */
  if (self->socket != NULL && mosquitto_loop_misc (self->mosquitto) != MOSQ_ERR_SUCCESS)
    lose (self, "no answer");
  return G_SOURCE_CONTINUE;
}

/* ---- What libmosquitto tells ---------------------------------------- */

static void
on_connect (struct mosquitto *mosquitto, void *user_data, int reason, int flags, const mosquitto_property *properties)
{
  MqttLink *self = user_data;

  if (reason != 0)
    {
      g_warning ("%s:%u refused the connection: %s", self->host, self->port, mosquitto_reason_string (reason));
      return;   /* the server closes, and the socket source sees it */
    }
  self->is_up = TRUE;
  self->counts.n_connects++;
  self->retry_ms = RETRY_FIRST_MS;
  if (self->filters != NULL)
    mosquitto_subscribe_multiple (mosquitto, NULL, (int) g_strv_length (self->filters), self->filters, 1, 0, NULL);
}

static void
on_publish (struct mosquitto *mosquitto, void *user_data, int mid, int reason, const mosquitto_property *properties)
{
  MqttLink *self = user_data;

  self->n_unacknowledged -= MIN (self->n_unacknowledged, 1);
  self->counts.n_acknowledged++;
  if (reason >= 0x80)
    g_debug ("publish refused: %s", mosquitto_reason_string (reason));
}

/* An id goes back out in telemetry, so it is short and of harmless characters or it is none. */
static gboolean
is_id (const char *text)
{
  gsize len = strlen (text);

  return len > 0 && len <= MAX_ID
         && strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == len;
}

/* User property "id" if it is one to repeat: @id is filled, or empty. */
static void
read_id (const mosquitto_property *property, char id[MAX_ID + 1])
{
  gboolean skip_first = FALSE;

  id[0] = '\0';
  for (;;)
    {
      char *name = NULL, *value = NULL;

      property = mosquitto_property_read_string_pair (property, MQTT_PROP_USER_PROPERTY, &name, &value, skip_first);
      if (property == NULL)
        return;
      skip_first = TRUE;
      if (g_strcmp0 (name, "id") == 0 && is_id (value))
        g_strlcpy (id, value, MAX_ID + 1);
      free (name);
      free (value);
    }
}

static void
on_message (struct mosquitto *mosquitto, void *user_data, const struct mosquitto_message *message, const mosquitto_property *properties)
{
  MqttLink *self = user_data;
  g_autofree char *payload = g_strndup (message->payload != NULL ? message->payload : "", (gsize) message->payloadlen);
  MqttLinkMessage received = { .topic = message->topic, .payload = payload, .payload_len = (gsize) message->payloadlen };
  char id[MAX_ID + 1];
  char *response_topic = NULL;
  void *correlation = NULL;

  read_id (properties, id);
  mosquitto_property_read_string (properties, MQTT_PROP_RESPONSE_TOPIC, &response_topic, FALSE);
  mosquitto_property_read_binary (properties, MQTT_PROP_CORRELATION_DATA, &correlation, &received.correlation_len, FALSE);
  received.id = id[0] != '\0' ? id : NULL;
  received.response_topic = response_topic;
  received.correlation = correlation;
  self->received (&received, self->user_data);
  free (response_topic);
  free (correlation);
}

/* ---- Interface ------------------------------------------------------ */

/* Sends now or not at all; @properties is taken. */
static gboolean
publish (MqttLink *self, const char *topic, GString *payload, mosquitto_property *properties)
{
  int rc = MOSQ_ERR_NO_CONN;

  if (self->is_up && self->n_unacknowledged < MAX_UNACKNOWLEDGED)
    rc = mosquitto_publish_v5 (self->mosquitto, NULL, topic, (int) payload->len, payload->str, 1, FALSE, properties);
  mosquitto_property_free_all (&properties);
  if (rc != MOSQ_ERR_SUCCESS)
    {
      self->counts.n_dropped++;
      return FALSE;
    }
  self->n_unacknowledged++;
  self->counts.n_published++;
  return TRUE;
}

/* @time is the time of measurement, RFC 3339. Returns: %FALSE if it was dropped */
gboolean
mqtt_link_publish (MqttLink *self, const char *topic, const char *content_type, const char *time, GString *payload)
{
  mosquitto_property *properties = NULL;

  mosquitto_property_add_string (&properties, MQTT_PROP_CONTENT_TYPE, content_type);
  mosquitto_property_add_string_pair (&properties, MQTT_PROP_USER_PROPERTY, "time", time);
  return publish (self, topic, payload, properties);
}

/* Answers whoever asked by @message; who does not say where to is not answered. */
gboolean
mqtt_link_reply (MqttLink *self, const MqttLinkMessage *message, const char *content_type, GString *payload)
{
  mosquitto_property *properties = NULL;

  if (message->response_topic == NULL)
    return FALSE;
  mosquitto_property_add_string (&properties, MQTT_PROP_CONTENT_TYPE, content_type);
  if (message->correlation != NULL)
    mosquitto_property_add_binary (&properties, MQTT_PROP_CORRELATION_DATA, message->correlation, message->correlation_len);
  return publish (self, message->response_topic, payload, properties);
}

/* As a cable that is pulled: no good-bye, so the broker says the will. Stays so until mqtt_link_restore(). */
void
mqtt_link_cut (MqttLink *self)
{
  self->is_cut = TRUE;
  drop_source (&self->retry);
  if (self->socket != NULL)
    shutdown (mosquitto_socket (self->mosquitto), SHUT_RDWR);   /* the socket source sees it */
}

void
mqtt_link_restore (MqttLink *self)
{
  if (!self->is_cut)
    return;
  self->is_cut = FALSE;
  self->retry_ms = RETRY_FIRST_MS;
  if (self->socket == NULL && self->retry == NULL)
    connect_now (self);
}

/* Returns: %TRUE while the other side still has to acknowledge something */
gboolean
mqtt_link_is_waiting (MqttLink *self)
{
  return self->is_up && self->n_unacknowledged > 0;
}

MqttLinkCounts
mqtt_link_get_counts (MqttLink *self)
{
  return self->counts;
}

MqttLink *
mqtt_link_new (const MqttLinkOptions *options)
{
  MqttLink *self = g_new0 (MqttLink, 1);

  self->host = g_strdup (options->host);
  self->port = options->port;
  self->filters = g_strdupv ((char **) options->filters);
  self->received = options->received;
  self->user_data = options->user_data;
  self->retry_ms = RETRY_FIRST_MS;
  self->cancellable = g_cancellable_new ();

  self->mosquitto = mosquitto_new (options->client_id, TRUE, self);
  g_assert (self->mosquitto != NULL);
  mosquitto_int_option (self->mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option (self->mosquitto, MOSQ_OPT_TCP_NODELAY, 1);
  if (options->will_topic != NULL)
    mosquitto_will_set_v5 (self->mosquitto, options->will_topic, (int) strlen (options->will_payload), options->will_payload, 1, FALSE, NULL);
  mosquitto_connect_v5_callback_set (self->mosquitto, on_connect);
  mosquitto_publish_v5_callback_set (self->mosquitto, on_publish);
  mosquitto_message_v5_callback_set (self->mosquitto, on_message);

  self->housekeeping = g_timeout_source_new_seconds (KEEP_ALIVE_S / 6);
  g_source_set_callback (self->housekeeping, on_housekeeping, self, NULL);
  g_source_attach (self->housekeeping, g_main_context_get_thread_default ());
  connect_now (self);
  return self;
}

void
mqtt_link_free (MqttLink *self)
{
  if (self == NULL)
    return;
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  drop_source (&self->socket);
  drop_source (&self->retry);
  drop_source (&self->housekeeping);
  mosquitto_disconnect (self->mosquitto);
  mosquitto_destroy (self->mosquitto);
  g_strfreev (self->filters);
  g_free (self->host);
  g_free (self);
}
