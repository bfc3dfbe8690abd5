/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client of another MQTT broker: libmosquitto, without its threads, its socket on the lane of the bridge. Names are looked up
 * by GResolver first, so that nothing blocks; libmosquitto keeps what was sent and not acknowledged and sends it again, in
 * order, after it reconnected. It puts PUBACK and PUBCOMP into its output on its own, before we have stored the message:
 * so it is told that another thread writes, and nothing is written, and nothing more read, until that is done. Which messages,
 * their topics and when to try again is the bridge's.
 *
 * Of a QoS 2 exchange each side keeps a half, and libmosquitto keeps ours in memory alone. A half of the broker's whose other one
 * has died with us does harm: a packet id used again is a duplicate to it, which it swallows, and what it holds counts against
 * what it takes. So a client that sends at QoS 2 begins with a session that both sides know to be new (MQTT 3.1.1 section 4.1,
 * 5.0 section 3.2.2.1.1): one connection asks the broker to forget, the next one begins. Where the broker keeps messages for us,
 * or no session, that cannot be: there QoS 2 goes out as QoS 1. */

#include "bridge-mqtt-client.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "bridge-mqtt-address.h"
#include "bridge-mqtt-properties.h"
#include "bridge-mqtt-tls.h"

#define MIN_KEEP_ALIVE_US (5 * G_USEC_PER_SEC)   /* libmosquitto refuses less */
#define SESSION_PRESENT 1                        /* of CONNACK: MQTT 3.1.1 section 3.2.2.2 */
#define MAX_PACKETS 256                          /* of one turn: the other connections of the lane wait no longer */

typedef enum {
  BRIDGE_MQTT_VERSION_31,
  BRIDGE_MQTT_VERSION_311,
  BRIDGE_MQTT_VERSION_5,
} BridgeMqttVersion;

struct _BridgeMqtt {
  GObject parent_instance;

  /* Settings. */
  char **addresses;
  char *client_id, *user, *password_credential, *password_file, *ca_file, *server_name;
  char *certificate_credential, *certificate_file, *private_key_credential, *private_key_file;
  BridgeMqttVersion version;
  gboolean is_clean, verifies, takes_exactly_once, sends_exactly_once;
  gint64 keep_alive, session_expiry, connect_timeout;
  guint64 max_packet_size;

  /* While started. */
  HawserBridge *bridge;        /* not owned; NULL: stopped */
  HawserLane *lane;
  GPtrArray *parsed;           /* of BridgeMqttAddress */
  guint n_attempts;
  char *id;
  char *password, *certificate, *private_key;
  struct mosquitto *mosq;
  GHashTable *cookies;         /* packet id to cookie of the bridge */
  GCancellable *cancellable;   /* of the name that is looked up */
  HawserWatch *watch;
  guint32 events;
  int fd;
  HawserTimer timer;           /* deadline of the attempt, then keep-alive */
  gboolean is_trying;
  gboolean is_connected;
  gboolean wants_room;         /* the bridge was told that we are busy */
  gboolean is_held;            /* what came in is not stored: neither read nor write */
  gboolean is_inside;          /* of a call of libmosquitto: it must not be entered again */
  guint64 n_invalid;
  gboolean needs_new_session;  /* what goes out at QoS 2 needs the broker to have forgotten the exchanges of an earlier run */
  const BridgeMqttAddress *begun_at; /* whose broker has the other halves of mosq's exchanges; NULL: nobody's */
  gboolean is_forgetting;      /* mosq only asks the broker to forget */
  gboolean has_forgotten;      /* it did */
  gboolean was_connected;      /* mosq was, once */
};

enum {
  PROP_ADDRESS = 1,
  PROP_CLIENT_ID,
  PROP_USER,
  PROP_PASSWORD_CREDENTIAL,
  PROP_PASSWORD_FILE,
  PROP_CA_FILE,
  PROP_SERVER_NAME,
  PROP_CERTIFICATE_CREDENTIAL,
  PROP_CERTIFICATE_FILE,
  PROP_PRIVATE_KEY_CREDENTIAL,
  PROP_PRIVATE_KEY_FILE,
  PROP_PROTOCOL_VERSION,
  PROP_CLEAN_SESSION,
  PROP_EXACTLY_ONCE_IN,
  PROP_EXACTLY_ONCE_OUT,
  PROP_VERIFY,
  PROP_KEEP_ALIVE,
  PROP_SESSION_EXPIRY,
  PROP_CONNECT_TIMEOUT,
  PROP_MAX_PACKET_SIZE,
};

static void client_iface_init (HawserBridgeClientInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BridgeMqtt, bridge_mqtt, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_BRIDGE_CLIENT, client_iface_init))

static const GEnumValue version_values[] = {
  { BRIDGE_MQTT_VERSION_31, "BRIDGE_MQTT_VERSION_31", "3.1" },
  { BRIDGE_MQTT_VERSION_311, "BRIDGE_MQTT_VERSION_311", "3.1.1" },
  { BRIDGE_MQTT_VERSION_5, "BRIDGE_MQTT_VERSION_5", "5" },
  { 0, NULL, NULL },
};

static GType
version_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("BridgeMqttVersion", version_values));
  return type;
}

static void arm (BridgeMqtt *self);
static void begin (BridgeMqtt *self, gboolean forgets);
static void look_up (BridgeMqtt *self);
static void turn (BridgeMqtt *self, guint32 events);

static gint64
get_now_us (BridgeMqtt *self)
{
  return hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane));
}

static const BridgeMqttAddress *
get_address (BridgeMqtt *self)
{
  return self->parsed->pdata[self->n_attempts % self->parsed->len];
}

/* ---- The end of a connection, or of an attempt ---- */

static void
let_go (BridgeMqtt *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->watch, hawser_watch_free);
  self->fd = -1;
  hawser_timer_disarm (&self->timer);
  self->is_trying = self->is_connected = self->is_held = self->has_forgotten = FALSE;
}

static void
lose (BridgeMqtt *self, const char *reason)
{
  if (!self->is_trying && !self->is_connected)
    return;
  let_go (self);
  hawser_bridge_lost (self->bridge, reason);
}

static char *
describe (int reason, const mosquitto_property *properties)
{
  char *text = NULL;
  char *result;

  mosquitto_property_read_string (properties, MQTT_PROP_REASON_STRING, &text, FALSE);
  result = text != NULL && g_utf8_validate (text, -1, NULL) ? g_strdup_printf ("%s (%s)", mosquitto_reason_string (reason), text)
    : g_strdup (mosquitto_reason_string (reason));
  free (text);
  result[0] = g_ascii_tolower (result[0]);
  return result;
}

/* MQTT 3.1.1 section 3.2.2.3, and MQTT 5.0 section 3.2.2.2. */
static char *
describe_refusal (BridgeMqtt *self, int reason, const mosquitto_property *properties)
{
  g_autofree char *why = NULL;

  if (self->version == BRIDGE_MQTT_VERSION_5 && reason >= 0x80)
    why = describe (reason, properties);
  else
    why = g_strdup (mosquitto_connack_string (reason));
  if (self->version == BRIDGE_MQTT_VERSION_5 && (reason == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION || reason == 1))
    return g_strdup_printf ("the broker refused us: %s; set protocol-version=3.1.1", why);
  return g_strdup_printf ("the broker refused us: %s", why);
}

/* ---- Callbacks of libmosquitto: inside of its calls, on the lane ---- */

static void
be_connected (BridgeMqtt *self)
{
  self->is_trying = FALSE;
  self->is_connected = self->was_connected = TRUE;
  self->wants_room = FALSE;
  hawser_bridge_connected (self->bridge, self->version == BRIDGE_MQTT_VERSION_5);
}

/* The session that begins now is new to both sides. */
static void
on_forgotten (gpointer data)
{
  g_autoptr (BridgeMqtt) self = data;

  if (!self->has_forgotten)
    return;
  self->has_forgotten = FALSE;
  g_clear_pointer (&self->watch, hawser_watch_free);
  self->fd = -1;
  begin (self, FALSE);
  self->begun_at = get_address (self);
  look_up (self);
}

static void
on_connected (struct mosquitto *mosq, void *data, int reason, int flags, const mosquitto_property *properties)
{
  BridgeMqtt *self = data;
  g_auto (GStrv) filters = NULL;
  g_autofree guint8 *qos = NULL;
  guint8 most_qos = 0;
  guint n;

  if (reason != 0)
    {
      g_autofree char *text = describe_refusal (self, reason, properties);

      lose (self, text);
      return;
    }
  if (self->is_forgetting)
    {
      self->has_forgotten = TRUE;
      hawser_lane_post (self->lane, on_forgotten, g_object_ref (self)); /* it cannot be freed from inside */
      return;
    }
  if (self->begun_at != NULL && self->was_connected && self->version != BRIDGE_MQTT_VERSION_31 && (flags & SESSION_PRESENT) == 0)
    {
      /* a PUBREL for what it has forgotten it would answer, and the message would be gone */
      self->begun_at = NULL;
      lose (self, "the broker has forgotten our session");
      return;
    }
  filters = hawser_bridge_dup_subscriptions (self->bridge, &qos);
  n = g_strv_length (filters);
  if (n == 0)
    {
      be_connected (self);
      return;
    }
  for (guint i = 0; i < n; i++)
    most_qos = MAX (most_qos, qos[i]);
  /* libmosquitto keeps what it has answered by PUBREC in memory until PUBREL, and shows it to nobody before */
  if (!self->takes_exactly_once)
    most_qos = MIN (most_qos, 1);
  /* one packet has one QoS here; what comes in above its rule's QoS the bridge lowers */
  if (mosquitto_subscribe_multiple (mosq, NULL, (int) n, filters, most_qos, self->version == BRIDGE_MQTT_VERSION_5
                                    ? MQTT_SUB_OPT_NO_LOCAL | MQTT_SUB_OPT_RETAIN_AS_PUBLISHED | MQTT_SUB_OPT_SEND_RETAIN_NEW : 0,
                                    NULL) != MOSQ_ERR_SUCCESS)
    lose (self, "the subscriptions could not be sent");
}

static void
on_subscribed (struct mosquitto *mosq, void *data, int id, int n_granted, const int *granted, const mosquitto_property *properties)
{
  BridgeMqtt *self = data;
  g_auto (GStrv) filters = hawser_bridge_dup_subscriptions (self->bridge, NULL);

  for (int i = 0; i < n_granted && filters[i] != NULL; i++)
    if (granted[i] >= 0x80)
      {
        g_autofree char *why = describe (granted[i], properties);
        g_autofree char *text = g_strdup_printf ("subscribing to '%s' was refused: %s", filters[i], why);

        hawser_bridge_warn (self->bridge, text);
      }
  if (self->is_trying)
    be_connected (self);
}

static void
on_message (struct mosquitto *mosq, void *data, const struct mosquitto_message *packet, const mosquitto_property *properties)
{
  BridgeMqtt *self = data;
  HawserMessage *message = bridge_mqtt_properties_read (packet, properties);

  if (message != NULL)
    self->is_held |= !hawser_bridge_received (self->bridge, message);
  else if (self->n_invalid++ == 0)
    hawser_bridge_warn (self->bridge, "the broker sent a message whose topic or properties are not what MQTT allows; such messages are dropped");
}

static void
on_published (struct mosquitto *mosq, void *data, int id, int reason, const mosquitto_property *properties)
{
  BridgeMqtt *self = data;
  guint64 *cookie = g_hash_table_lookup (self->cookies, GINT_TO_POINTER (id));
  g_autofree char *refusal = NULL;
  guint64 value;

  if (cookie == NULL)
    return; /* QoS 0 */
  value = *cookie;
  g_hash_table_remove (self->cookies, GINT_TO_POINTER (id));
  if (reason >= 0x80)
    refusal = describe (reason, properties);
  hawser_bridge_sent (self->bridge, value, refusal);
}

static void
on_disconnected (struct mosquitto *mosq, void *data, int reason, const mosquitto_property *properties)
{
  BridgeMqtt *self = data;
  g_autofree char *why = reason >= 0x80 ? describe (reason, properties) : NULL;

  lose (self, why != NULL ? why : reason == MOSQ_ERR_KEEPALIVE ? "the broker did not answer within the keep-alive time"
        : reason == MOSQ_ERR_TLS ? "TLS: the handshake failed" : "the connection was lost");
}

/* ---- The socket ---- */

static void
check (BridgeMqtt *self, int result)
{
  if (result == MOSQ_ERR_SUCCESS || (result == MOSQ_ERR_ERRNO && (errno == EAGAIN || errno == EWOULDBLOCK)))
    return;
  lose (self, result == MOSQ_ERR_ERRNO && errno != 0 ? g_strerror (errno) : result == MOSQ_ERR_NO_CONN ? "the connection was lost" : mosquitto_strerror (result));
}

/* What TLS has decrypted wakes nobody. */
static gboolean
has_decrypted (BridgeMqtt *self)
{
  SSL *ssl = mosquitto_ssl_get (self->mosq);

  return ssl != NULL && SSL_pending (ssl) > 0;
}

static gboolean
has_input (BridgeMqtt *self)
{
  int n = 0;

  return has_decrypted (self) || (ioctl (self->fd, FIONREAD, &n) == 0 && n > 0);
}

/* libmosquitto counts packets by what waits for PUBREL, which is one at a time at QoS 1: then each would have a commit of its own. */
static void
read_all (BridgeMqtt *self)
{
  gboolean was_inside = self->is_inside;

  self->is_inside = TRUE;
  for (guint i = 0; i < MAX_PACKETS; i++)
    {
      check (self, mosquitto_loop_read (self->mosq, 1));
      if (self->fd < 0 || self->bridge == NULL || !has_input (self))
        break;
    }
  self->is_inside = was_inside;
}

static void
write_all (BridgeMqtt *self)
{
  if (self->is_inside || self->is_held || self->fd < 0 || !mosquitto_want_write (self->mosq))
    return;
  self->is_inside = TRUE;
  check (self, mosquitto_loop_write (self->mosq, MAX_PACKETS));
  self->is_inside = FALSE;
}

static void
on_more_to_read (gpointer data)
{
  g_autoptr (BridgeMqtt) self = data;

  if (self->is_connected && !self->is_held)
    turn (self, EPOLLIN);
}

static void
turn (BridgeMqtt *self, guint32 events)
{
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    read_all (self);
  if (self->bridge == NULL)
    return;
  write_all (self);
  arm (self);
  if (self->wants_room && self->is_connected && !mosquitto_want_write (self->mosq))
    {
      self->wants_room = FALSE;
      hawser_bridge_resume (self->bridge);
    }
  if (self->is_connected && !self->is_held && has_decrypted (self))
    hawser_lane_post (self->lane, on_more_to_read, g_object_ref (self));
}

static void
on_socket (HawserWatch *watch, guint32 events, gpointer data)
{
  g_autoptr (BridgeMqtt) self = g_object_ref (data);

  turn (self, events);
}

static void
stored (HawserBridgeClient *client, gboolean is_safe)
{
  g_autoptr (BridgeMqtt) self = g_object_ref (BRIDGE_MQTT (client));

  if (!self->is_held)
    return;
  if (is_safe)
    {
      self->is_held = FALSE;
      if (!self->is_inside) /* else the turn goes on */
        turn (self, 0);
    }
  else
    lose (self, "what came in could not be stored");
}

/* libmosquitto may have anything to write after any call: look, and change what we wait for only when that differs. */
static void
arm (BridgeMqtt *self)
{
  int fd = self->is_trying || self->is_connected ? mosquitto_socket (self->mosq) : -1;
  guint32 events = self->is_held ? 0 : EPOLLIN | (fd >= 0 && mosquitto_want_write (self->mosq) ? EPOLLOUT : 0);

  if (fd != self->fd)
    {
      g_clear_pointer (&self->watch, hawser_watch_free);
      self->fd = fd;
      if (fd >= 0)
        self->watch = hawser_lane_watch (self->lane, fd, events, on_socket, self);
    }
  else if (self->watch != NULL && events != self->events)
    hawser_watch_modify (self->watch, events);
  self->events = events;
}

static void
on_timer (HawserTimer *timer)
{
  BridgeMqtt *self = (BridgeMqtt *) ((char *) timer - G_STRUCT_OFFSET (BridgeMqtt, timer));

  if (self->is_trying)
    {
      lose (self, "the broker did not answer in time");
      return;
    }
  self->is_inside = TRUE;
  check (self, mosquitto_loop_misc (self->mosq));
  self->is_inside = FALSE;
  if (!self->is_connected)
    return;
  write_all (self);
  if (!self->is_connected)
    return;
  arm (self);
  hawser_timer_arm (&self->timer, self->lane, get_now_us (self) + self->keep_alive / 4, on_timer);
}

/* ---- Connecting ---- */

static gboolean
set_tls (BridgeMqtt *self, const BridgeMqttAddress *address, GError **error)
{
  const BridgeMqttTls settings = {
    .server_name = self->server_name != NULL ? self->server_name : address->host, .ca_file = self->ca_file,
    .certificate = self->certificate, .private_key = self->private_key, .verifies = self->verifies,
  };
  SSL_CTX *context = NULL;

  if (address->is_encrypted)
    {
      context = bridge_mqtt_tls_new_context (&settings, error);
      if (context == NULL)
        return FALSE;
    }
  mosquitto_int_option (self->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
  mosquitto_void_option (self->mosq, MOSQ_OPT_SSL_CTX, context);
  SSL_CTX_free (context); /* it has a reference of its own */
  return TRUE;
}

/* The properties of CONNECT can be given only to the call that blocks; with a port that is none it takes them and returns. */
static void
set_connect_properties (BridgeMqtt *self, const char *host)
{
  mosquitto_property *properties = NULL;
  gint64 expiry_s = self->session_expiry / G_USEC_PER_SEC;

  if (self->version != BRIDGE_MQTT_VERSION_5)
    return;
  if (!self->is_clean && !self->is_forgetting && expiry_s > 0)
    mosquitto_property_add_int32 (&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, (guint32) MIN (expiry_s, G_MAXUINT32));
  mosquitto_property_add_int32 (&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, (guint32) self->max_packet_size);
  mosquitto_connect_bind_v5 (self->mosq, host, -1, (int) (self->keep_alive / G_USEC_PER_SEC), NULL, properties);
  mosquitto_property_free_all (&properties);
}

static void
connect_to (BridgeMqtt *self, GInetAddress *number)
{
  const BridgeMqttAddress *address = get_address (self);
  g_autofree char *host = g_inet_address_to_string (number);
  g_autoptr (GError) error = NULL;
  int result;

  if (!set_tls (self, address, &error))
    {
      lose (self, error->message);
      return;
    }
  set_connect_properties (self, host);
  errno = 0;
  result = mosquitto_connect_bind_async (self->mosq, host, address->port, (int) (self->keep_alive / G_USEC_PER_SEC), NULL);
  if (result == MOSQ_ERR_SUCCESS || result == MOSQ_ERR_CONN_PENDING)
    arm (self);
  else
    check (self, result);
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (BridgeMqtt) self = data;
  g_autoptr (GError) error = NULL;
  GList *numbers = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);

  if (numbers == NULL)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        lose (self, error->message);
      return;
    }
  if (self->is_trying)
    connect_to (self, g_list_nth_data (numbers, self->n_attempts / self->parsed->len % g_list_length (numbers)));
  g_resolver_free_addresses (numbers);
}

static void
look_up (BridgeMqtt *self)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();

  g_clear_object (&self->cancellable);
  self->cancellable = g_cancellable_new ();
  g_resolver_lookup_by_name_async (resolver, get_address (self)->host, self->cancellable, on_resolved, g_object_ref (self));
}

static void
connect (HawserBridgeClient *client)
{
  BridgeMqtt *self = BRIDGE_MQTT (client);

  let_go (self);
  self->is_trying = TRUE;
  self->n_attempts++;
  if (self->needs_new_session && !self->is_forgetting && self->begun_at != get_address (self) &&
      (g_hash_table_size (self->cookies) == 0 || hawser_bridge_take_back (self->bridge)))
    begin (self, TRUE);
  hawser_timer_arm (&self->timer, self->lane, get_now_us (self) + self->connect_timeout, on_timer);
  look_up (self);
}

/* ---- Sending ---- */

/* What the broker said it cannot do is left out: a lower QoS, no retain flag. */
static int
publish (BridgeMqtt *self, const HawserMessageView *view, const mosquitto_property *properties, int *out_id, guint8 *out_qos)
{
  gboolean is_retained = view->retain;
  int result;

  *out_qos = MIN (view->qos, self->needs_new_session || self->sends_exactly_once ? 2 : 1);
  for (;;)
    {
      result = mosquitto_publish_v5 (self->mosq, out_id, view->topic, (int) view->payload_len, view->payload, *out_qos, is_retained, properties);
      if (result == MOSQ_ERR_QOS_NOT_SUPPORTED && *out_qos > 0)
        (*out_qos)--;
      else if (result == MOSQ_ERR_RETAIN_NOT_SUPPORTED && is_retained)
        is_retained = FALSE;
      else
        return result;
    }
}

static HawserBridgeSend
send_message (HawserBridgeClient *client, HawserMessage *message, guint64 cookie)
{
  BridgeMqtt *self = BRIDGE_MQTT (client);
  HawserMessageView view;
  mosquitto_property *properties = NULL;
  guint8 qos;
  int result, id = 0;

  if (!self->is_connected || mosquitto_want_write (self->mosq))
    {
      self->wants_room = TRUE;
      return HAWSER_BRIDGE_SEND_BUSY;
    }
  hawser_message_view (message, &view);
  if (view.payload_len > G_MAXINT)
    return HAWSER_BRIDGE_SEND_REFUSED;
  if (self->version == BRIDGE_MQTT_VERSION_5)
    properties = bridge_mqtt_properties_write (&view);
  result = publish (self, &view, properties, &id, &qos);
  mosquitto_property_free_all (&properties);
  switch (result)
    {
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_NOT_SUPPORTED:
      hawser_bridge_warn (self->bridge, mosquitto_strerror (result));
      return HAWSER_BRIDGE_SEND_REFUSED;
    case MOSQ_ERR_NOMEM:
      self->wants_room = TRUE;
      return HAWSER_BRIDGE_SEND_BUSY;
    default:
      break;
    }
  /* at QoS 1 and 2 it keeps it, even if the connection is lost now */
  if (qos > 0)
    g_hash_table_insert (self->cookies, GINT_TO_POINTER (id), g_memdup2 (&cookie, sizeof cookie));
  write_all (self);
  arm (self);
  return qos > 0 ? HAWSER_BRIDGE_SEND_TAKEN : HAWSER_BRIDGE_SEND_DONE;
}

/* ---- Life ---- */

static char *
read_secret (const char *what, const char *credential, const char *file, GError **error)
{
  char *text;

  if (credential == NULL && file == NULL)
    return NULL;
  text = hawser_config_read_secret (credential, file, error);
  if (text == NULL)
    g_prefix_error (error, "%s: ", what);
  return text;
}

static gboolean
read_settings (BridgeMqtt *self, GError **error)
{
  g_autoptr (GError) problem = NULL;

  self->password = read_secret ("password", self->password_credential, self->password_file, &problem);
  if (problem == NULL)
    self->certificate = read_secret ("certificate", self->certificate_credential, self->certificate_file, &problem);
  if (problem == NULL)
    self->private_key = read_secret ("private-key", self->private_key_credential, self->private_key_file, &problem);
  if (problem == NULL && (self->certificate == NULL) != (self->private_key == NULL))
    g_set_error_literal (&problem, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a certificate and a private key belong together");
  if (problem == NULL && self->password != NULL && self->user == NULL)
    g_set_error_literal (&problem, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a password needs user=");
  for (guint i = 0; problem == NULL && self->addresses != NULL && self->addresses[i] != NULL; i++)
    {
      BridgeMqttAddress *address = bridge_mqtt_address_parse (self->addresses[i], &problem);

      if (address != NULL)
        g_ptr_array_add (self->parsed, address);
    }
  if (problem == NULL && self->parsed->len == 0)
    g_set_error_literal (&problem, HAWSER_ERROR, HAWSER_ERROR_INVALID, "it has no address");
  for (guint i = 0; problem == NULL && i < self->parsed->len; i++)
    if (((BridgeMqttAddress *) self->parsed->pdata[i])->is_encrypted)
      {
        const BridgeMqttTls settings = { .server_name = ((BridgeMqttAddress *) self->parsed->pdata[i])->host, .ca_file = self->ca_file,
                                         .certificate = self->certificate, .private_key = self->private_key };

        SSL_CTX_free (bridge_mqtt_tls_new_context (&settings, &problem)); /* a bad file is found now, not at night */
      }
  if (problem == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

static void
forget_settings (BridgeMqtt *self)
{
  g_ptr_array_set_size (self->parsed, 0);
  g_clear_pointer (&self->password, g_free);
  g_clear_pointer (&self->certificate, g_free);
  g_clear_pointer (&self->private_key, g_free);
  g_clear_pointer (&self->id, g_free);
}

static void
end (BridgeMqtt *self, gboolean may_write)
{
  if (self->mosq == NULL)
    return;
  mosquitto_connect_v5_callback_set (self->mosq, NULL);
  mosquitto_subscribe_v5_callback_set (self->mosq, NULL);
  mosquitto_message_v5_callback_set (self->mosq, NULL);
  mosquitto_publish_v5_callback_set (self->mosq, NULL);
  mosquitto_disconnect_v5_callback_set (self->mosq, NULL);
  if (may_write && mosquitto_disconnect (self->mosq) == MOSQ_ERR_SUCCESS)
    mosquitto_loop_write (self->mosq, MAX_PACKETS); /* as far as the socket takes it */
  g_clear_pointer (&self->mosq, mosquitto_destroy);
  g_hash_table_remove_all (self->cookies);
}

/* A new client of libmosquitto, which knows nothing of the one before. */
static void
begin (BridgeMqtt *self, gboolean forgets)
{
  static const int versions[] = {
    [BRIDGE_MQTT_VERSION_31] = MQTT_PROTOCOL_V31, [BRIDGE_MQTT_VERSION_311] = MQTT_PROTOCOL_V311, [BRIDGE_MQTT_VERSION_5] = MQTT_PROTOCOL_V5,
  };

  end (self, self->is_forgetting);
  self->is_forgetting = forgets;
  self->was_connected = FALSE;
  self->begun_at = NULL;
  self->mosq = mosquitto_new (self->id, self->is_clean || forgets, self);
  if (self->mosq == NULL)
    g_error ("out of memory");
  mosquitto_int_option (self->mosq, MOSQ_OPT_PROTOCOL_VERSION, versions[self->version]);
  mosquitto_int_option (self->mosq, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_threaded_set (self->mosq, true); /* calls only queue what they have to say; mosquitto_loop_write() says it */
  mosquitto_int_option (self->mosq, MOSQ_OPT_RECEIVE_MAXIMUM, 65535); /* it would end connections over more than 20 at QoS 2 */
  mosquitto_max_inflight_messages_set (self->mosq, 0); /* the bridge has a window, the broker says its own */
  if (self->user != NULL)
    mosquitto_username_pw_set (self->mosq, self->user, self->password);
  mosquitto_connect_v5_callback_set (self->mosq, on_connected);
  mosquitto_subscribe_v5_callback_set (self->mosq, on_subscribed);
  mosquitto_message_v5_callback_set (self->mosq, on_message);
  mosquitto_publish_v5_callback_set (self->mosq, on_published);
  mosquitto_disconnect_v5_callback_set (self->mosq, on_disconnected);
}

static gboolean
check_settings (HawserBridgeClient *client, GError **error)
{
  BridgeMqtt *self = BRIDGE_MQTT (client);
  gboolean can_be_used = read_settings (self, error);

  forget_settings (self);
  return can_be_used;
}

/* Only where the broker keeps a session, and keeps nothing in it that is for us. */
static gboolean
can_begin_anew (BridgeMqtt *self)
{
  g_auto (GStrv) filters = hawser_bridge_dup_subscriptions (self->bridge, NULL);

  return g_strv_length (filters) == 0 && hawser_bridge_get_highest_qos_out (self->bridge) == 2 && !self->is_clean &&
    (self->version != BRIDGE_MQTT_VERSION_5 || self->session_expiry >= G_USEC_PER_SEC);
}

static gboolean
start (HawserBridgeClient *client, HawserBridge *bridge, GError **error)
{
  BridgeMqtt *self = BRIDGE_MQTT (client);

  if (!read_settings (self, error))
    {
      forget_settings (self);
      return FALSE;
    }
  self->bridge = bridge;
  self->lane = hawser_lane_ref (hawser_bus_get_lane (hawser_bridge_get_bus (bridge)));
  self->n_attempts = self->parsed->len - 1; /* connect() counts first: the first address is tried first */
  self->n_invalid = 0;
  self->id = self->client_id != NULL ? g_strdup (self->client_id)
    : g_strdup_printf ("hawser-%s-%s", g_get_host_name (), hawser_bridge_get_name (bridge));
  self->needs_new_session = can_begin_anew (self);
  self->is_forgetting = FALSE;
  begin (self, FALSE);
  return TRUE;
}

static void
stop (HawserBridgeClient *client)
{
  BridgeMqtt *self = BRIDGE_MQTT (client);
  gboolean may_write = self->is_connected && !self->is_held;

  if (self->bridge == NULL)
    return;
  let_go (self);
  self->bridge = NULL;
  end (self, may_write);
  g_clear_pointer (&self->lane, hawser_lane_unref);
  forget_settings (self);
}

static char *
dup_address (HawserBridgeClient *client)
{
  BridgeMqtt *self = BRIDGE_MQTT (client);

  return self->addresses != NULL ? g_strjoinv (";", self->addresses) : NULL;
}

static void
client_iface_init (HawserBridgeClientInterface *iface)
{
  iface->check = check_settings;
  iface->start = start;
  iface->connect = connect;
  iface->send = send_message;
  iface->stop = stop;
  iface->dup_address = dup_address;
  iface->stored = stored;
}

/* ---- Properties ---- */

static char **
find_string (BridgeMqtt *self, guint id)
{
  switch (id)
    {
    case PROP_CLIENT_ID: return &self->client_id;
    case PROP_USER: return &self->user;
    case PROP_PASSWORD_CREDENTIAL: return &self->password_credential;
    case PROP_PASSWORD_FILE: return &self->password_file;
    case PROP_CA_FILE: return &self->ca_file;
    case PROP_SERVER_NAME: return &self->server_name;
    case PROP_CERTIFICATE_CREDENTIAL: return &self->certificate_credential;
    case PROP_CERTIFICATE_FILE: return &self->certificate_file;
    case PROP_PRIVATE_KEY_CREDENTIAL: return &self->private_key_credential;
    case PROP_PRIVATE_KEY_FILE: return &self->private_key_file;
    default: return NULL;
    }
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  BridgeMqtt *self = BRIDGE_MQTT (object);
  char **place = find_string (self, id);

  if (place != NULL)
    {
      g_free (*place);
      *place = g_value_dup_string (value);
      if (*place != NULL && **place == '\0')
        g_clear_pointer (place, g_free);
      return;
    }
  switch (id)
    {
    case PROP_ADDRESS: g_strfreev (self->addresses); self->addresses = g_value_dup_boxed (value); break;
    case PROP_PROTOCOL_VERSION: self->version = g_value_get_enum (value); break;
    case PROP_CLEAN_SESSION: self->is_clean = g_value_get_boolean (value); break;
    case PROP_EXACTLY_ONCE_IN: self->takes_exactly_once = g_value_get_boolean (value); break;
    case PROP_EXACTLY_ONCE_OUT: self->sends_exactly_once = g_value_get_boolean (value); break;
    case PROP_VERIFY: self->verifies = g_value_get_boolean (value); break;
    case PROP_KEEP_ALIVE: self->keep_alive = g_value_get_int64 (value); break;
    case PROP_SESSION_EXPIRY: self->session_expiry = g_value_get_int64 (value); break;
    case PROP_CONNECT_TIMEOUT: self->connect_timeout = g_value_get_int64 (value); break;
    case PROP_MAX_PACKET_SIZE: self->max_packet_size = g_value_get_uint64 (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BridgeMqtt *self = BRIDGE_MQTT (object);
  char **place = find_string (self, id);

  if (place != NULL)
    {
      g_value_set_string (value, *place);
      return;
    }
  switch (id)
    {
    case PROP_ADDRESS: g_value_set_boxed (value, self->addresses); break;
    case PROP_PROTOCOL_VERSION: g_value_set_enum (value, self->version); break;
    case PROP_CLEAN_SESSION: g_value_set_boolean (value, self->is_clean); break;
    case PROP_EXACTLY_ONCE_IN: g_value_set_boolean (value, self->takes_exactly_once); break;
    case PROP_EXACTLY_ONCE_OUT: g_value_set_boolean (value, self->sends_exactly_once); break;
    case PROP_VERIFY: g_value_set_boolean (value, self->verifies); break;
    case PROP_KEEP_ALIVE: g_value_set_int64 (value, self->keep_alive); break;
    case PROP_SESSION_EXPIRY: g_value_set_int64 (value, self->session_expiry); break;
    case PROP_CONNECT_TIMEOUT: g_value_set_int64 (value, self->connect_timeout); break;
    case PROP_MAX_PACKET_SIZE: g_value_set_uint64 (value, self->max_packet_size); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  BridgeMqtt *self = BRIDGE_MQTT (object);

  stop (HAWSER_BRIDGE_CLIENT (self));
  for (guint id = PROP_CLIENT_ID; id <= PROP_PRIVATE_KEY_FILE; id++)
    g_free (*find_string (self, id));
  g_strfreev (self->addresses);
  g_ptr_array_unref (self->parsed);
  g_hash_table_unref (self->cookies);
  G_OBJECT_CLASS (bridge_mqtt_parent_class)->finalize (object);
}

static void
install_strings (GObjectClass *klass, GParamFlags flags)
{
  static const struct { guint id; const char *name, *blurb; } strings[] = {
    { PROP_CLIENT_ID, "client-id", "Who we are to the broker, which keeps what comes while we are away; default: hawser-HOST-NAME" },
    { PROP_USER, "user", "User name that is shown to the broker" },
    { PROP_PASSWORD_CREDENTIAL, "password-credential", "Name of the credential with the password" },
    { PROP_PASSWORD_FILE, "password-file", "File with the password" },
    { PROP_CA_FILE, "ca-file", "File with the certificates (PEM) that are trusted in place of the system's" },
    { PROP_SERVER_NAME, "server-name", "Name that the broker's certificate must have; default: the host of the address" },
    { PROP_CERTIFICATE_CREDENTIAL, "certificate-credential", "Name of the credential with our certificate (PEM)" },
    { PROP_CERTIFICATE_FILE, "certificate-file", "File with our certificate (PEM), which proves who we are" },
    { PROP_PRIVATE_KEY_CREDENTIAL, "private-key-credential", "Name of the credential with its private key (PEM)" },
    { PROP_PRIVATE_KEY_FILE, "private-key-file", "File with its private key (PEM)" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (strings); i++)
    g_object_class_install_property (klass, strings[i].id, g_param_spec_string (strings[i].name, NULL, strings[i].blurb, NULL, flags));
}

static void
bridge_mqtt_class_init (BridgeMqttClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const gint64 second_us = G_USEC_PER_SEC, day_us = 86400 * second_us;

  mosquitto_lib_init ();
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_strings (object_class, flags);
  g_object_class_install_property (object_class, PROP_ADDRESS,
    g_param_spec_boxed ("address", NULL, "Where the broker is: mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; several are tried in turn", G_TYPE_STRV, flags));
  g_object_class_install_property (object_class, PROP_PROTOCOL_VERSION,
    g_param_spec_enum ("protocol-version", NULL, "MQTT that is spoken; properties pass at 5 only", version_get_type (), BRIDGE_MQTT_VERSION_5, flags));
  g_object_class_install_property (object_class, PROP_CLEAN_SESSION,
    g_param_spec_boolean ("clean-session", NULL, "Whether the broker forgets what came while we were away", FALSE, flags));
  g_object_class_install_property (object_class, PROP_EXACTLY_ONCE_IN,
    g_param_spec_boolean ("exactly-once-in", NULL, "Whether QoS 2 is asked for where a rule in allows it: nothing comes twice when the link is cut, but what "
                          "was on its way when the daemon is killed may be lost; false asks for QoS 1: nothing is lost, some may come twice", FALSE, flags));
  g_object_class_install_property (object_class, PROP_EXACTLY_ONCE_OUT,
    g_param_spec_boolean ("exactly-once-out", NULL, "Whether QoS 2 is sent although the broker keeps messages for us as well, or no session: nothing comes "
                          "twice when the link is cut, but what was on its way when the daemon is killed may be lost; false sends QoS 1 there. A bridge "
                          "without rules in needs it not", FALSE, flags));
  g_object_class_install_property (object_class, PROP_VERIFY,
    g_param_spec_boolean ("verify", NULL, "Whether the broker's certificate is checked; false trusts whoever answers", TRUE, flags));
  g_object_class_install_property (object_class, PROP_KEEP_ALIVE,
    hawser_param_spec_duration ("keep-alive", "Silence after which the broker is asked whether it is there", MIN_KEEP_ALIVE_US, 65535 * second_us,
                                60 * second_us, flags));
  g_object_class_install_property (object_class, PROP_SESSION_EXPIRY,
    hawser_param_spec_duration ("session-expiry", "How long the broker keeps what comes while we are away (MQTT 5)", 0, G_MAXUINT32 * second_us,
                                7 * day_us, flags));
  g_object_class_install_property (object_class, PROP_CONNECT_TIMEOUT,
    hawser_param_spec_duration ("connect-timeout", "Longest that one attempt to connect takes", 100000, 3600 * second_us, 10 * second_us, flags));
  g_object_class_install_property (object_class, PROP_MAX_PACKET_SIZE,
    hawser_param_spec_size ("max-packet-size", "Largest packet that the broker may send (MQTT 5)", 64, 268435460, 268435460, flags));
}

static void
bridge_mqtt_init (BridgeMqtt *self)
{
  self->fd = -1;
  self->parsed = g_ptr_array_new_with_free_func ((GDestroyNotify) bridge_mqtt_address_free);
  self->cookies = g_hash_table_new_full (NULL, NULL, NULL, g_free);
}
