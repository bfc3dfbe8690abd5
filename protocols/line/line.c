/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The teaching protocol: a complete adapter in one file. A peer writes lines,
 *
 *     PUB topic payload
 *     SUB filter
 *     UNSUB filter
 *
 * and reads `MSG topic payload` for each message that matches, or `ERR reason` for a line that was refused. Everything
 * else (accepting, TLS, rights, quotas, backpressure, closing) is the core's. Context: the lane of the listener. */

#include <string.h>

#include <hawser/hawser.h>

#define HAWSER_TYPE_LINE_ADAPTER (hawser_line_adapter_get_type())
G_DECLARE_FINAL_TYPE (HawserLineAdapter, hawser_line_adapter, HAWSER, LINE_ADAPTER, GObject)

struct _HawserLineAdapter {
  GObject parent_instance;
  HawserListener *listener;   /* owns us */
  guint max_line;
};

typedef struct {
  HawserLineAdapter *adapter;
  HawserConnection *connection;
  HawserReceiver *receiver;   /* from the first SUB on */
} LinePeer;

static void
say (LinePeer *peer, const char *word, const char *text)
{
  g_autofree char *line = g_strdup_printf ("%s %s\n", word, text);

  hawser_connection_write (peer->connection, line, strlen (line));
}

/* From the bus to the peer. */
static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  LinePeer *peer = data;
  const char *topic = hawser_message_get_topic (delivery->message);
  gsize len;
  const guint8 *payload = hawser_message_get_data (delivery->message, &len);

  if (hawser_connection_is_congested (peer->connection))
    return HAWSER_DELIVER_BUSY;
  if (len > 0 && memchr (payload, '\n', len) != NULL)
    return HAWSER_DELIVER_REFUSED; /* a line cannot hold a line break */
  hawser_connection_write (peer->connection, "MSG ", 4);
  hawser_connection_write (peer->connection, topic, strlen (topic));
  hawser_connection_write (peer->connection, " ", 1);
  hawser_connection_write_payload (peer->connection, delivery->message);
  hawser_connection_write (peer->connection, "\n", 1);
  return HAWSER_DELIVER_DONE;
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  LinePeer *peer = data;

  peer->receiver = NULL;
  say (peer, "ERR", hawser_error_to_nick (reason));
}

static const HawserReceiverFuncs receiver_funcs = { deliver, NULL, ended };

/* From the peer to the bus: one line, in at most three words. Returns 0 or why it is refused. */
static int
run_line (LinePeer *peer, const char *line, gsize len)
{
  static const HawserSubscribeOptions at_most_once = { .qos = 0 };
  g_autofree char *text = g_strndup (line, len);
  g_auto (GStrv) words = g_strsplit (text, " ", 3);
  guint n = g_strv_length (words);

  if (memchr (line, '\0', len) != NULL)
    return HAWSER_ERROR_MALFORMED;
  if (n >= 2 && g_str_equal (words[0], "PUB"))
    {
      HawserMessage *message = *words[1] != '\0' ? hawser_message_new_text (words[1], n == 3 ? words[2] : "") : NULL;

      return message != NULL ? hawser_connection_publish (peer->connection, message, NULL, 0) : HAWSER_ERROR_INVALID;
    }
  if (n == 2 && g_str_equal (words[0], "SUB"))
    {
      if (peer->receiver == NULL)
        {
          peer->receiver = hawser_receiver_new (hawser_connection_get_bus (peer->connection), NULL, 0, NULL);
          hawser_receiver_attach (peer->receiver, peer->connection, &receiver_funcs, peer);
        }
      return hawser_receiver_subscribe (peer->receiver, words[1], strlen (words[1]), &at_most_once);
    }
  if (n == 2 && g_str_equal (words[0], "UNSUB"))
    return peer->receiver != NULL && hawser_receiver_unsubscribe (peer->receiver, words[1], strlen (words[1])) ? 0 : HAWSER_ERROR_NOT_FOUND;
  return HAWSER_ERROR_MALFORMED;
}

static gsize
received (HawserConnection *connection, gpointer session, const guint8 *data, gsize len)
{
  LinePeer *peer = session;
  const guint8 *at = data, *end = data + len, *line_end;

  while ((line_end = memchr (at, '\n', (gsize) (end - at))) != NULL)
    {
      gsize line_len = (gsize) (line_end - at);
      int error;

      if (line_len > 0 && at[line_len - 1] == '\r')
        line_len--;
      error = line_len <= peer->adapter->max_line ? run_line (peer, (const char *) at, line_len) : HAWSER_ERROR_TOO_LARGE;
      if (error > 0)
        say (peer, "ERR", hawser_error_to_nick ((HawserError) error));
      at = line_end + 1;
    }
  if ((gsize) (end - at) > peer->adapter->max_line)
    {
      say (peer, "ERR", hawser_error_to_nick (HAWSER_ERROR_TOO_LARGE));
      hawser_connection_finish (connection, HAWSER_ERROR_TOO_LARGE, "line is longer than max-line");
    }
  return (gsize) (at - data);
}

static void
writable (HawserConnection *connection, gpointer session)
{
  LinePeer *peer = session;

  if (peer->receiver != NULL)
    hawser_receiver_resume (peer->receiver);
}

static void
closed (HawserConnection *connection, gpointer session, const GError *error)
{
  LinePeer *peer = session;

  if (peer->receiver != NULL)
    hawser_receiver_detach (peer->receiver, 0);
  g_object_unref (peer->adapter);
  g_free (peer);
}

static const HawserSessionFuncs session_funcs = { received, writable, closed };

/* The peer says nothing of who it is: the listener lets it in, or not. */
static void
on_authenticated (HawserPrincipal *principal, const GError *error, gpointer user_data)
{
  HawserConnection *connection = user_data;
  LinePeer *peer = hawser_connection_get_session (connection);

  if (peer == NULL)
    return; /* gone meanwhile */
  if (error != NULL)
    {
      say (peer, "ERR", hawser_error_to_nick (HAWSER_ERROR_NOT_AUTHORIZED));
      hawser_connection_finish (connection, HAWSER_ERROR_NOT_AUTHORIZED, error->message);
    }
  else
    hawser_connection_set_identity (connection, NULL, principal);
  hawser_connection_resume (connection);
}

static void
accepted (HawserProtocol *protocol, HawserConnection *connection)
{
  HawserLineAdapter *self = HAWSER_LINE_ADAPTER (protocol);
  LinePeer *peer = g_new0 (LinePeer, 1);

  peer->adapter = g_object_ref (self);
  peer->connection = connection;
  hawser_connection_set_session (connection, &session_funcs, peer);
  hawser_connection_pause (connection);
  hawser_listener_authenticate (self->listener, HAWSER_CREDENTIAL_NONE, NULL, NULL, on_authenticated,
                                g_object_ref (connection), g_object_unref);
}

static gboolean
start (HawserProtocol *protocol, HawserListener *listener, GError **error)
{
  HAWSER_LINE_ADAPTER (protocol)->listener = listener;
  return TRUE;
}

static void
adapter_protocol_init (HawserProtocolInterface *iface)
{
  iface->start = start;
  iface->accepted = accepted;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (HawserLineAdapter, hawser_line_adapter, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, adapter_protocol_init))

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HAWSER_LINE_ADAPTER (object)->max_line = g_value_get_uint (value);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_uint (value, HAWSER_LINE_ADAPTER (object)->max_line);
}

static void
hawser_line_adapter_class_init (HawserLineAdapterClass *klass)
{
  G_OBJECT_CLASS (klass)->set_property = set_property;
  G_OBJECT_CLASS (klass)->get_property = get_property;
  g_object_class_install_property (G_OBJECT_CLASS (klass), 1,
    g_param_spec_uint ("max-line", NULL, "Longest line, bytes without its end", 16, 60000, 8192,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS));
}

static void
hawser_line_adapter_init (HawserLineAdapter *self)
{
}

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "protocol", "line", HAWSER_TYPE_LINE_ADAPTER);
}

HAWSER_PLUGIN_DEFINE (line, "line", "0.1.0", provide)
