/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where peers connect: binds, accepts on the bus's lane, counts, authenticates, and gives each peer to the protocol.
 * Framing is the protocol's, bytes are the connection's, rights are the bus's. Context: the bus's. */

#include "hawser-listener.h"
#include "hawser-listener-io.h"
#include "hawser-listener-private.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hawser-ban-list-private.h"
#include "hawser-bus-private.h"
#include "hawser-connection-private.h"
#include "hawser-error.h"
#include "hawser-inherited-socket.h"
#include "hawser-param-copy-private.h"
#include "hawser-param-spec.h"
#include "hawser-plugin-registry.h"

#define MAX_ACCEPTS 64                     /* a turn: connected peers wait at most this long */
#define RETRY_ACCEPT_US (G_USEC_PER_SEC / 2) /* after EMFILE: descriptors come back when peers leave */
#define NOTIFY_US (100 * 1000)             /* properties change at most ten times a second */
#define DEFAULT_MAX_MESSAGE (256u << 20)
#define DEFAULT_OUTPUT_LIMIT (128 * 1024)

enum {
  PROP_NAME = 1,
  PROP_TYPE,
  PROP_ADDRESS,
  PROP_ANONYMOUS,
  PROP_MAX_CONNECTIONS,
  PROP_BACKLOG,
  PROP_MAX_MESSAGE_SIZE,
  PROP_OUTPUT_LIMIT,
  PROP_MOUNT_POINT,
  PROP_ORIGINS,
  PROP_HANDSHAKE_TIMEOUT,
  PROP_PROXY_PROTOCOL,
  PROP_PROXY_FROM,
  PROP_BAN_FAILURES,
  PROP_BAN_WINDOW,
  PROP_BAN_DURATION,
  PROP_N_CONNECTIONS,
  N_PROPS,
};

typedef struct {
  HawserLane *lane;
  HawserWatch *watch;
  HawserTimer timer;
  GSocket *socket;
  HawserListener *listener;
} Accepting;

struct _HawserListener {
  GObject parent_instance;
  HawserConnectionOwner owner;
  HawserBus *bus;
  HawserProtocol *protocol;
  HawserTls *tls;
  GPtrArray *identities;
  HawserPskKeys keys;          /* of the identities */
  char *name;
  char *type;
  char *address;
  char *anonymous;
  char *unix_path;
  GSocket *inherited;          /* of `fd:`, between finding it and the start */
  char **origins;
  char **proxy_from;
  GPtrArray *proxies;          /* of GInetAddressMask, made at the start */
  HawserWebsocketSite site;    /* path NULL: no WebSocket */
  char *site_path;
  const char *names[2];        /* of the protocol, when it says none for WebSockets */
  GHashTable *inner;           /* type -> HawserListener; NULL: none was asked for */
  HawserListener *outer;       /* of an inner one: it outlives our connections */
  guint max_connections;
  guint backlog;
  guint64 max_message_size;
  guint n_connections;
  HawserTimer notify_timer;
  guint64 n_opened, n_refused;
  Accepting *accepting;
  gboolean has_keys;
  gboolean has_proxy;
  guint ban_failures;
  gint64 ban_window_us, ban_duration_us;
  gboolean is_loopback;
  gboolean is_started;
  gboolean is_out_of_descriptors;
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserListener, hawser_listener, G_TYPE_OBJECT)

/* Connections and receivers point to it, some of which live longer than the listener. */
static const char *
take_mount_point (const char *text)
{
  return text != NULL && *text != '\0' ? g_intern_string (text) : NULL;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserListener *self = HAWSER_LISTENER (object);

  switch (id)
    {
    case PROP_NAME: self->name = g_value_dup_string (value); break;
    case PROP_TYPE: self->type = g_value_dup_string (value); break;
    case PROP_ADDRESS: g_free (self->address); self->address = g_value_dup_string (value); break;
    case PROP_ANONYMOUS: g_free (self->anonymous); self->anonymous = g_value_dup_string (value); break;
    case PROP_MAX_CONNECTIONS: self->max_connections = g_value_get_uint (value); break;
    case PROP_BACKLOG: self->backlog = g_value_get_uint (value); break;
    case PROP_MAX_MESSAGE_SIZE: self->max_message_size = g_value_get_uint64 (value); break;
    case PROP_OUTPUT_LIMIT: self->owner.output_limit = g_value_get_uint64 (value); break;
    case PROP_MOUNT_POINT:
      if (!self->is_started) /* under peers that are connected it would be two */
        self->owner.mount_point = take_mount_point (g_value_get_string (value));
      break;
    case PROP_ORIGINS: g_strfreev (self->origins); self->origins = g_value_dup_boxed (value); self->site.origins = (const char * const *) self->origins; break;
    case PROP_HANDSHAKE_TIMEOUT: self->owner.handshake_timeout_us = g_value_get_int64 (value); break;
    case PROP_PROXY_PROTOCOL: self->has_proxy = g_value_get_boolean (value); break;
    case PROP_BAN_FAILURES: self->ban_failures = g_value_get_uint (value); break;
    case PROP_BAN_WINDOW: self->ban_window_us = g_value_get_int64 (value); break;
    case PROP_BAN_DURATION: self->ban_duration_us = g_value_get_int64 (value); break;
    case PROP_PROXY_FROM: g_strfreev (self->proxy_from); self->proxy_from = g_value_dup_boxed (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserListener *self = HAWSER_LISTENER (object);

  switch (id)
    {
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_TYPE: g_value_set_string (value, self->type); break;
    case PROP_ADDRESS: g_value_set_string (value, self->address); break;
    case PROP_ANONYMOUS: g_value_set_string (value, self->anonymous); break;
    case PROP_MAX_CONNECTIONS: g_value_set_uint (value, self->max_connections); break;
    case PROP_BACKLOG: g_value_set_uint (value, self->backlog); break;
    case PROP_MAX_MESSAGE_SIZE: g_value_set_uint64 (value, self->max_message_size); break;
    case PROP_OUTPUT_LIMIT: g_value_set_uint64 (value, self->owner.output_limit); break;
    case PROP_MOUNT_POINT: g_value_set_string (value, self->owner.mount_point); break;
    case PROP_ORIGINS: g_value_set_boxed (value, self->origins); break;
    case PROP_HANDSHAKE_TIMEOUT: g_value_set_int64 (value, self->owner.handshake_timeout_us); break;
    case PROP_PROXY_PROTOCOL: g_value_set_boolean (value, self->has_proxy); break;
    case PROP_BAN_FAILURES: g_value_set_uint (value, self->ban_failures); break;
    case PROP_BAN_WINDOW: g_value_set_int64 (value, self->ban_window_us); break;
    case PROP_BAN_DURATION: g_value_set_int64 (value, self->ban_duration_us); break;
    case PROP_PROXY_FROM: g_value_set_boxed (value, self->proxy_from); break;
    case PROP_N_CONNECTIONS: g_value_set_uint (value, self->n_connections); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
on_notify_due (HawserTimer *timer)
{
  HawserListener *self = (HawserListener *) ((char *) timer - G_STRUCT_OFFSET (HawserListener, notify_timer));

  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_N_CONNECTIONS]);
}

/* Ten times a second is enough for whoever looks; a thousand peers at once make one notification. */
static void
count_connection (HawserListener *self, int difference)
{
  HawserLane *lane = hawser_bus_get_lane (self->bus);

  self->n_connections += difference;
  if (!hawser_timer_is_armed (&self->notify_timer))
    hawser_timer_arm (&self->notify_timer, lane, hawser_lane_get_now_us (lane) + NOTIFY_US, on_notify_due);
}

static void
dispose (GObject *object)
{
  hawser_timer_disarm (&HAWSER_LISTENER (object)->notify_timer);
  hawser_listener_stop (HAWSER_LISTENER (object));
  G_OBJECT_CLASS (hawser_listener_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserListener *self = HAWSER_LISTENER (object);

  g_clear_object (&self->protocol);
  g_clear_object (&self->tls);
  g_ptr_array_unref (self->identities);
  g_free (self->name);
  g_free (self->type);
  g_free (self->address);
  g_free (self->anonymous);
  g_free (self->unix_path);
  g_clear_object (&self->inherited);
  g_strfreev (self->origins);
  g_strfreev (self->proxy_from);
  g_clear_pointer (&self->proxies, g_ptr_array_unref);
  g_free (self->site_path);
  g_clear_pointer (&self->inner, g_hash_table_unref);
  g_object_unref (self->bus);
  G_OBJECT_CLASS (hawser_listener_parent_class)->finalize (object);
}

static void
hawser_listener_class_init (HawserListenerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS, once = flags | G_PARAM_CONSTRUCT_ONLY;

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->dispose = dispose;
  object_class->finalize = finalize;

  props[PROP_NAME] = g_param_spec_string ("name", "Name", "Name of the listener", "", once);
  props[PROP_TYPE] = g_param_spec_string ("type", "Type", "Protocol that peers speak", "", once);
  props[PROP_ADDRESS] = g_param_spec_string ("address", "Address", "Where to listen: tcp:HOST:PORT, tcp:[IPV6]:PORT, unix:PATH, fd:NAME, or ws:HOST:PORT/PATH and wss:HOST:PORT/PATH "
                                             "for WebSockets; port 0 takes a free one",
                                             "tcp:127.0.0.1:0", flags | G_PARAM_CONSTRUCT);
  props[PROP_ANONYMOUS] = g_param_spec_string ("anonymous", "Anonymous", "allow: peers that prove nothing are let in; no: they are refused", "no",
                                               flags | G_PARAM_CONSTRUCT);
  props[PROP_MAX_CONNECTIONS] = g_param_spec_uint ("max-connections", "Most connections", "Peers at once; further ones are closed at once", 1, G_MAXUINT,
                                                   1000000, flags | G_PARAM_CONSTRUCT);
  props[PROP_BACKLOG] = g_param_spec_uint ("backlog", "Backlog", "Peers that may wait to be accepted", 1, 65535, 4096, flags | G_PARAM_CONSTRUCT);
  props[PROP_MAX_MESSAGE_SIZE] = hawser_param_spec_size ("max-message-size", "Longest payload of a message", 1, G_MAXUINT32 - 65536,
                                                         DEFAULT_MAX_MESSAGE, flags | G_PARAM_CONSTRUCT);
  props[PROP_MOUNT_POINT] = g_param_spec_string ("mount-point", "Mount point", "What is put before every topic of its peers, such as tenantA/; they do not see it",
                                                 NULL, flags | G_PARAM_CONSTRUCT);
  props[PROP_OUTPUT_LIMIT] = hawser_param_spec_size ("output-limit", "What may wait to be sent to one peer before messages are queued",
                                                     4096, G_MAXUINT32, DEFAULT_OUTPUT_LIMIT, flags | G_PARAM_CONSTRUCT);
  props[PROP_ORIGINS] = g_param_spec_boxed ("origins", "Origins", "Origins, such as https://flight.example.org, whose pages may connect to a ws: or wss: address; * for all",
                                            G_TYPE_STRV, flags);
  props[PROP_HANDSHAKE_TIMEOUT] = hawser_param_spec_duration ("handshake-timeout", "Time for the handshake of TLS and WebSocket", G_USEC_PER_SEC / 10, 3600 * (gint64) G_USEC_PER_SEC,
                                                              10 * G_USEC_PER_SEC, flags | G_PARAM_CONSTRUCT);
  props[PROP_PROXY_PROTOCOL] = g_param_spec_boolean ("proxy-protocol", "PROXY protocol", "Whether each connection begins with a header of the PROXY protocol, version 1 or 2",
                                                     FALSE, flags);
  props[PROP_PROXY_FROM] = g_param_spec_boxed ("proxy-from", "Proxies", "Addresses and networks, such as 10.0.0.0/8, whose header is believed; others are closed. Default: this machine",
                                               G_TYPE_STRV, flags);
  props[PROP_BAN_FAILURES] = g_param_spec_uint ("ban-failures", "Failures", "Log-ins that fail before the address is banned from all listeners; 0 bans nobody", 0, 1000000, 10,
                                                flags | G_PARAM_CONSTRUCT);
  props[PROP_BAN_WINDOW] = hawser_param_spec_duration ("ban-window", "Time within which they must fail", G_USEC_PER_SEC, 86400 * (gint64) G_USEC_PER_SEC,
                                                       60 * G_USEC_PER_SEC, flags | G_PARAM_CONSTRUCT);
  props[PROP_BAN_DURATION] = hawser_param_spec_duration ("ban-duration", "Time that an address is banned", G_USEC_PER_SEC / 10, 365 * 86400 * (gint64) G_USEC_PER_SEC,
                                                         600 * (gint64) G_USEC_PER_SEC, flags | G_PARAM_CONSTRUCT);
  props[PROP_N_CONNECTIONS] = g_param_spec_uint ("n-connections", "Connections", "Peers connected now", 0, G_MAXUINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
on_connection_closed (HawserConnectionOwner *owner, HawserConnection *connection)
{
  HawserListener *self = (HawserListener *) ((char *) owner - G_STRUCT_OFFSET (HawserListener, owner));

  hawser_bus_remove_connection (self->bus, connection);
  g_object_unref (connection);
  if (self->outer != NULL)
    {
      count_connection (self->outer, -1);
      g_object_unref (self->outer);
    }
  count_connection (self, -1);
  g_object_unref (self);
}

static void
on_connection_writable (HawserConnectionOwner *owner, HawserConnection *connection)
{
  hawser_connection_resume_receiver (connection);
}

static void let_in (HawserListener *self, HawserConnection *connection);

static void
on_connection_opened (HawserConnectionOwner *owner, HawserConnection *connection)
{
  HawserListener *self = (HawserListener *) ((char *) owner - G_STRUCT_OFFSET (HawserListener, owner));

  if (hawser_ban_list_refuses (self->bus, connection))
    {
      self->n_refused++;
      hawser_connection_close (connection, HAWSER_ERROR_NOT_AUTHORIZED);
    }
  else
    let_in (self, connection);
}

static GBytes *
find_key (gpointer data, const char *identity)
{
  HawserListener *self = data;
  GBytes *key = NULL;

  for (guint i = 0; key == NULL && i < self->identities->len; i++)
    key = hawser_identity_find_key (self->identities->pdata[i], identity);
  return key;
}

static void
hawser_listener_init (HawserListener *self)
{
  self->owner.writable = on_connection_writable;
  self->identities = g_ptr_array_new_with_free_func (g_object_unref);
  self->keys = (HawserPskKeys) { find_key, self };
  self->owner.closed = on_connection_closed;
  self->owner.opened = on_connection_opened;
}

/**
 * hawser_listener_new_for_protocol:
 * @bus: the bus that peers will use
 * @name: a name for listings and policies
 * @protocol: what peers speak; its properties are set by the caller
 * @address: `tcp:HOST:PORT`, `tcp:[IPV6]:PORT`, `unix:PATH`, or `ws:HOST:PORT/PATH`
 *
 * Context: the bus's.
 *
 * Returns: (transfer full): a listener that is not started
 * Since: 0.1
 */
HawserListener *
hawser_listener_new_for_protocol (HawserBus *bus, const char *name, HawserProtocol *protocol, const char *address)
{
  /* a protocol of a plugin is called what `type=` calls it: policies and listings say `mqtt`, not the name of a class */
  const char *type = g_type_get_qdata (G_OBJECT_TYPE (protocol), g_quark_from_static_string ("hawser-type-name"));
  HawserListener *self = g_object_new (HAWSER_TYPE_LISTENER, "name", name, "type", type != NULL ? type : G_OBJECT_TYPE_NAME (protocol), "address", address, NULL);

  self->bus = g_object_ref (bus);
  self->protocol = g_object_ref (protocol);
  self->owner.bus = bus;
  self->owner.listener_name = self->name;
  self->owner.protocol = self->type;
  return self;
}

/**
 * hawser_listener_new:
 * @bus: the bus that peers will use
 * @name: a name for listings and policies
 * @type: what peers speak, such as `mqtt` or `http`: the `type=` name of a protocol plugin
 * @address: `tcp:HOST:PORT`, `tcp:[IPV6]:PORT`, `unix:PATH`, or `ws:HOST:PORT/PATH`
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND, %HAWSER_ERROR_UNAVAILABLE (the plugin).
 * Context: the bus's.
 *
 * Returns: (transfer full) (nullable): a listener that is not started
 * Since: 0.1
 */
HawserListener *
hawser_listener_new (HawserBus *bus, const char *name, const char *type, const char *address, GError **error)
{
  GType gtype = hawser_plugin_registry_get_gtype (hawser_plugin_registry_get_default (), "protocol", type, error);
  g_autoptr (GObject) protocol = NULL;
  HawserListener *self;

  if (gtype == G_TYPE_INVALID)
    return NULL;
  protocol = g_object_new (gtype, NULL);
  self = hawser_listener_new_for_protocol (bus, name, HAWSER_PROTOCOL (protocol), address);
  g_free (self->type);
  self->type = g_strdup (type);
  self->owner.protocol = self->type;
  return self;
}

/* ---- Accepting ---- */

static HawserConnection *
open_connection (HawserListener *self, int fd, HawserTransport *transport)
{
  HawserConnection *connection = hawser_connection_new (hawser_bus_get_lane (self->bus), fd, transport, &self->owner, hawser_bus_take_id (self->bus));

  g_object_ref (self); /* until on_connection_closed() */
  count_connection (self, 1);
  self->n_opened++;
  hawser_bus_add_connection (self->bus, connection);
  return connection;
}

static void
on_admission (HawserPrincipal *principal, const GError *error, gpointer data)
{
  HawserConnection *connection = data;
  HawserProtocol *protocol = hawser_listener_of_connection (connection)->protocol;
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (protocol);

  if (hawser_connection_get_fd (connection) < 0)
    return; /* gone meanwhile */
  if (error == NULL)
    {
      hawser_connection_set_identity (connection, NULL, principal);
      iface->admitted (protocol, connection);
    }
  else
    {
      if (iface->refused != NULL)
        iface->refused (protocol, connection, error);
      hawser_connection_finish (connection, HAWSER_ERROR_NOT_AUTHORIZED, error->message);
    }
  hawser_connection_resume (connection);
}

/* Bytes may cross: the protocol hears of the peer. */
static void
let_in (HawserListener *self, HawserConnection *connection)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);

  if (iface->admitted == NULL)
    {
      iface->accepted (self->protocol, connection);
      return;
    }
  hawser_connection_pause (connection);
  hawser_listener_authenticate_peer (connection, HAWSER_CREDENTIAL_NONE, NULL, NULL, on_admission, g_object_ref (connection), g_object_unref);
}

/* A header says who somebody is: only a proxy of ours may. */
static gboolean
is_proxy (HawserListener *self, int fd)
{
  union {
    struct sockaddr any;
    struct sockaddr_storage storage;
  } peer;
  socklen_t len = sizeof peer;
  g_autoptr (GSocketAddress) address = NULL;
  GInetAddress *inet;

  if (getpeername (fd, &peer.any, &len) != 0)
    return FALSE;
  if (peer.any.sa_family == AF_UNIX)
    return TRUE; /* who may open the path is decided by its mode */
  address = g_socket_address_new_from_native (&peer, len);
  if (address == NULL || !G_IS_INET_SOCKET_ADDRESS (address))
    return FALSE;
  inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
  for (guint i = 0; i < self->proxies->len; i++)
    if (g_inet_address_mask_matches (self->proxies->pdata[i], inet))
      return TRUE;
  return FALSE;
}

static gboolean
read_proxies (HawserListener *self, GError **error)
{
  static const char * const loopback[] = { "127.0.0.0/8", "::1/128", NULL };
  const char * const *texts = self->proxy_from != NULL && self->proxy_from[0] != NULL ? (const char * const *) self->proxy_from : loopback;

  g_clear_pointer (&self->proxies, g_ptr_array_unref);
  self->proxies = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; texts[i] != NULL; i++)
    {
      GInetAddressMask *mask = g_inet_address_mask_new_from_string (texts[i], NULL);

      if (mask == NULL)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "listener '%s': proxy-from: '%s' is not an address or network", self->name, texts[i]);
          return FALSE;
        }
      g_ptr_array_add (self->proxies, mask);
    }
  return TRUE;
}

static void
take_in (HawserListener *self, int fd)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);
  HawserTransport *transport;
  HawserConnection *connection;
  gboolean is_banned;

  if (self->n_connections >= self->max_connections || (self->bus->max_connections > 0 && self->bus->connections.length >= self->bus->max_connections) ||
      (self->has_proxy && !is_proxy (self, fd)))
    {
      self->n_refused++;
      close (fd);
      return;
    }
  if (iface->accept_fd != NULL)
    {
      if (!iface->accept_fd (self->protocol, self, fd))
        close (fd);
      return;
    }
  transport = self->tls != NULL ? hawser_tls_accept (self->tls, fd, self->has_keys ? &self->keys : NULL) : NULL;
  if (self->site.path != NULL)
    transport = hawser_websocket_accept (transport, fd, &self->site);
  connection = open_connection (self, fd, transport);
  is_banned = !self->has_proxy && hawser_ban_list_refuses (self->bus, connection);
  if (self->has_proxy)
    hawser_connection_expect_proxy (connection);
  else if (transport == NULL && !is_banned)
    let_in (self, connection);
  hawser_connection_start (connection);
  if (is_banned)
    {
      self->n_refused++;
      hawser_connection_close (connection, HAWSER_ERROR_NOT_AUTHORIZED);
    }
}

HawserConnection *
hawser_listener_adopt_fd (HawserListener *self, int fd, const HawserSessionFuncs *funcs, gpointer session)
{
  HawserConnection *connection = open_connection (self, fd, NULL);

  hawser_connection_set_session (connection, funcs, session);
  hawser_connection_start (connection);
  return connection;
}

HawserListener *
hawser_listener_of_connection (HawserConnection *connection)
{
  HawserConnectionOwner *owner = hawser_connection_get_owner (connection);

  return (HawserListener *) ((char *) owner - G_STRUCT_OFFSET (HawserListener, owner));
}

static void on_acceptable (HawserWatch *watch, guint32 events, gpointer data);

static void
on_retry_accept (HawserTimer *timer)
{
  Accepting *accepting = (Accepting *) ((char *) timer - G_STRUCT_OFFSET (Accepting, timer));

  hawser_watch_modify (accepting->watch, EPOLLIN);
}

static void
on_acceptable (HawserWatch *watch, guint32 events, gpointer data)
{
  Accepting *accepting = data;
  g_autoptr (HawserListener) self = g_object_ref (accepting->listener);
  int listening = g_socket_get_fd (accepting->socket);

  for (int i = 0; i < MAX_ACCEPTS && self->accepting == accepting; i++)
    {
      int fd = accept4 (listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

      if (fd >= 0)
        {
          self->is_out_of_descriptors = FALSE;
          take_in (self, fd);
          continue;
        }
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        {
          /* still acceptable, so level triggering would spin: look again later; those inside are served meanwhile */
          if (!self->is_out_of_descriptors)
            g_warning ("listener '%s': cannot accept: %s", self->name, g_strerror (errno));
          self->is_out_of_descriptors = TRUE;
          hawser_watch_modify (watch, 0);
          hawser_timer_arm (&accepting->timer, accepting->lane, hawser_lane_get_now_us (accepting->lane) + RETRY_ACCEPT_US, on_retry_accept);
        }
      return;
    }
}

/* ---- Other protocols on the same address ---- */

static gboolean
start_inner (HawserListener *self, HawserListener *inner, GError **error)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (inner->protocol);

  if (iface->accepted == NULL && iface->admitted == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "%s does not run inside a WebSocket", inner->type);
      return FALSE;
    }
  g_object_set (inner, "ban-failures", self->ban_failures, "ban-window", self->ban_window_us, "ban-duration", self->ban_duration_us,
                "anonymous", self->anonymous, "max-message-size", self->max_message_size, "output-limit", (guint64) self->owner.output_limit, NULL);
  inner->outer = self;
  inner->is_loopback = self->is_loopback;
  g_set_object (&inner->tls, self->tls);
  for (guint i = 0; i < self->identities->len; i++)
    hawser_listener_add_identity (inner, self->identities->pdata[i]);
  return iface->start == NULL || iface->start (inner->protocol, inner, error);
}

HawserListener *
hawser_listener_get_inner (HawserListener *self, const char *type, GError **error)
{
  g_autoptr (HawserListener) inner = self->inner != NULL ? g_hash_table_lookup (self->inner, type) : NULL;

  if (inner != NULL)
    return g_steal_pointer (&inner);
  inner = hawser_listener_new (self->bus, self->name, type, self->address, error);
  if (inner != NULL)
    inner->owner.mount_point = self->owner.mount_point;
  if (inner == NULL || !start_inner (self, inner, error))
    return NULL;
  if (self->inner == NULL)
    self->inner = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  g_hash_table_insert (self->inner, inner->type, inner);
  return g_steal_pointer (&inner);
}

const char * const *
hawser_listener_get_subprotocols (HawserListener *self)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);

  self->names[0] = self->type;
  return iface->websocket_subprotocols != NULL ? iface->websocket_subprotocols : self->names;
}

void
hawser_listener_upgrade (HawserListener *inner, HawserConnection *connection)
{
  g_assert (inner->outer != NULL && hawser_listener_of_connection (connection) == inner->outer);
  g_object_ref (inner); /* with the reference to the outer one, until on_connection_closed() */
  count_connection (inner, 1);
  hawser_connection_upgrade (connection, &inner->owner);
}

static void
close_connections (HawserListener *self)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);

  if (iface->stop != NULL)
    iface->stop (self->protocol, self);
  for (GList *link = self->bus->connections.head; link != NULL; link = link->next)
    if (hawser_connection_get_owner (link->data) == &self->owner)
      hawser_connection_finish (link->data, HAWSER_ERROR_CLOSED, "the server shuts down");
}

static void
take_identities (HawserListener *self, GPtrArray *identities)
{
  GPtrArray *old = self->identities;

  self->identities = g_ptr_array_new_with_free_func (g_object_unref);
  self->has_keys = FALSE;
  for (guint i = 0; i < identities->len; i++)
    hawser_listener_add_identity (self, identities->pdata[i]);
  g_ptr_array_unref (old);
}

void
hawser_listener_take_settings (HawserListener *self, HawserListener *from)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);
  GHashTableIter iter;
  gpointer inner;

  hawser_param_copy (G_OBJECT (from), G_OBJECT (self), "address");
  if (G_OBJECT_TYPE (from->protocol) == G_OBJECT_TYPE (self->protocol))
    hawser_param_copy (G_OBJECT (from->protocol), G_OBJECT (self->protocol), NULL);
  take_identities (self, from->identities);
  if (iface->changed != NULL)
    iface->changed (self->protocol, self);
  if (self->inner == NULL)
    return;
  g_hash_table_iter_init (&iter, self->inner);
  while (g_hash_table_iter_next (&iter, NULL, &inner))
    {
      HawserListener *listener = inner;

      g_object_set (listener, "anonymous", self->anonymous, "max-message-size", self->max_message_size, NULL);
      take_identities (listener, self->identities);
      if (HAWSER_PROTOCOL_GET_IFACE (listener->protocol)->changed != NULL)
        HAWSER_PROTOCOL_GET_IFACE (listener->protocol)->changed (listener->protocol, listener);
    }
}

static void
stop_inner (HawserListener *self)
{
  g_autoptr (GHashTable) inner = g_steal_pointer (&self->inner);
  GHashTableIter iter;
  gpointer listener;

  if (inner == NULL)
    return;
  g_hash_table_iter_init (&iter, inner);
  while (g_hash_table_iter_next (&iter, NULL, &listener))
    close_connections (listener);
}

/* ---- Addresses ---- */

/* `ws:` and `wss:` without a path: that of the protocol's best name, as every client of it expects. */
static gboolean
set_site (HawserListener *self, const char *path, gboolean is_secure, GError **error)
{
  if (is_secure && self->tls == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "listener '%s': %s: needs certificates, name them by tls=", self->name, self->address);
      return FALSE;
    }
  if (HAWSER_PROTOCOL_GET_IFACE (self->protocol)->accepted == NULL && HAWSER_PROTOCOL_GET_IFACE (self->protocol)->admitted == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "listener '%s': %s: %s does not run inside a WebSocket", self->name, self->address, self->type);
      return FALSE;
    }
  g_free (self->site_path);
  self->site_path = path != NULL ? g_strdup (path) : g_strconcat ("/", hawser_listener_get_subprotocols (self)[0], NULL);
  self->site = (HawserWebsocketSite) { self->site_path, hawser_listener_get_subprotocols (self), (const char * const *) self->origins };
  return TRUE;
}

/* The socket is there already; its address says who can reach it. */
static GSocketAddress *
take_inherited (HawserListener *self, GError **error)
{
  GSocketAddress *address;

  g_clear_object (&self->inherited);
  self->inherited = hawser_inherited_socket_new (self->address + 3, error);
  address = self->inherited != NULL ? g_socket_get_local_address (self->inherited, error) : NULL;
  if (address != NULL)
    self->is_loopback = !G_IS_INET_SOCKET_ADDRESS (address) ||
                        g_inet_address_get_is_loopback (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
  return address;
}

static GSocketAddress *
parse_address (HawserListener *self, GError **error)
{
  gboolean is_secure = g_str_has_prefix (self->address, "wss:"), is_websocket = is_secure || g_str_has_prefix (self->address, "ws:");
  const char *address = self->address, *path = is_websocket ? strchr (address, '/') : NULL, *start = strchr (address, ':'), *colon;
  g_autofree char *place = NULL, *host = NULL;
  guint64 port;

  self->site.path = NULL;

  if (g_str_has_prefix (address, "fd:"))
    return take_inherited (self, error);
  if (g_str_has_prefix (address, "unix:"))
    {
      g_free (self->unix_path);
      self->unix_path = g_strdup (address + 5);
      self->is_loopback = TRUE;
      if (*self->unix_path == '\0' || strlen (self->unix_path) > 100)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address '%s': must name a path of at most 100 bytes", address);
          return NULL;
        }
      return g_unix_socket_address_new (self->unix_path);
    }
  if (is_websocket && !set_site (self, path, is_secure, error))
    return NULL;
  if (is_websocket || g_str_has_prefix (address, "tcp:"))
    place = path != NULL ? g_strndup (start + 1, (gsize) (path - start - 1)) : g_strdup (start + 1);
  colon = place != NULL ? strrchr (place, ':') : NULL;
  if (colon == NULL || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address '%s': must be tcp:HOST:PORT, ws:HOST:PORT/PATH, wss:HOST:PORT/PATH or unix:PATH", address);
      return NULL;
    }
  host = g_strndup (place, (gsize) (colon - place));
  if (*host == '[' && host[strlen (host) - 1] == ']')
    {
      memmove (host, host + 1, strlen (host));
      host[strlen (host) - 1] = '\0';
    }
  if (g_str_equal (host, "localhost"))
    {
      g_free (host);
      host = g_strdup ("127.0.0.1");
    }
  {
    g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (*host == '\0' || g_str_equal (host, "*") ? "::" : host);

    if (inet == NULL)
      {
        g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "address '%s': '%s' is not an IP address", address, host);
        return NULL;
      }
    self->is_loopback = g_inet_address_get_is_loopback (inet);
    return g_inet_socket_address_new (inet, (guint16) port);
  }
}

/* A socket file is left behind by a process that died; one that still answers is somebody's. */
static gboolean
clear_unix_path (HawserListener *self, GSocketAddress *address, GError **error)
{
  g_autoptr (GSocket) probe = NULL;
  struct stat info;

  if (self->unix_path == NULL || stat (self->unix_path, &info) != 0 || !S_ISSOCK (info.st_mode))
    return TRUE;
  probe = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (probe == NULL)
    return FALSE;
  if (g_socket_connect (probe, address, NULL, NULL))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "listener '%s': %s: address already in use", self->name, self->address);
      return FALSE;
    }
  g_unlink (self->unix_path);
  return TRUE;
}

static GSocket *
bind_socket (HawserListener *self, GError **error)
{
  g_autoptr (GSocketAddress) address = parse_address (self, error);
  g_autoptr (GSocket) socket = NULL;

  if (address != NULL && g_str_has_prefix (self->address, "fd:"))
    {
      if (G_IS_INET_SOCKET_ADDRESS (address))
        g_socket_set_option (self->inherited, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
      return g_steal_pointer (&self->inherited);
    }
  if (address == NULL || !clear_unix_path (self, address, error))
    return NULL;
  socket = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (socket == NULL)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  g_socket_set_listen_backlog (socket, (int) self->backlog);
  if (!g_socket_bind (socket, address, TRUE, error) || !g_socket_listen (socket, error))
    {
      g_prefix_error (error, "listener '%s': %s: ", self->name, self->address);
      return NULL;
    }
  if (self->unix_path != NULL)
    g_chmod (self->unix_path, 0660);
  else
    g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL); /* accepted sockets inherit it: one call less each */
  return g_steal_pointer (&socket);
}

/**
 * hawser_listener_start:
 * @self: a listener that is not started
 * @error: return location
 *
 * Binds and accepts. A listener that can be reached from outside needs an identity provider or `anonymous=allow`.
 *
 * Errors: %HAWSER_ERROR_INVALID (address, anonymity), #GIOErrorEnum of the system (address in use, no right).
 * Context: the bus's.
 *
 * Returns: %TRUE if peers can connect
 * Since: 0.1
 */
gboolean
hawser_listener_start (HawserListener *self, GError **error)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);
  g_autoptr (GSocketAddress) checked = NULL;
  g_autoptr (GSocket) socket = NULL;
  Accepting *accepting;

  g_return_val_if_fail (!self->is_started, FALSE);
  checked = parse_address (self, error);
  if (checked == NULL)
    return FALSE;
  if (self->owner.mount_point != NULL && (*self->owner.mount_point == '$' || strpbrk (self->owner.mount_point, "+#") != NULL))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "listener '%s': mount point '%s': begins with no $ and has no + and #", self->name, self->owner.mount_point);
      return FALSE;
    }
  if (!self->is_loopback && self->identities->len == 0 && g_strcmp0 (self->anonymous, "allow") != 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                   "listener '%s': is reachable from outside and lets anyone in; name identities or set anonymous to allow", self->name);
      return FALSE;
    }
  if (self->has_proxy && !read_proxies (self, error))
    return FALSE;
  if (iface->start != NULL && !iface->start (self->protocol, self, error))
    return FALSE;
  socket = bind_socket (self, error);
  if (socket == NULL)
    {
      if (iface->stop != NULL)
        iface->stop (self->protocol, self);
      return FALSE;
    }

  accepting = g_new0 (Accepting, 1);
  accepting->lane = hawser_lane_ref (hawser_bus_get_lane (self->bus));
  accepting->socket = g_steal_pointer (&socket);
  accepting->listener = self;
  accepting->watch = hawser_lane_watch (accepting->lane, g_socket_get_fd (accepting->socket), EPOLLIN, on_acceptable, accepting);
  self->accepting = accepting;
  self->is_started = TRUE;
  hawser_bus_add_listener (self->bus, self);
  return TRUE;
}

/**
 * hawser_listener_stop:
 * @self: a listener
 *
 * Accepts nobody any more and closes the peers that it accepted. The adapter may tell them why; what is pending is sent as
 * far as their sockets take it at once.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_listener_stop (HawserListener *self)
{
  Accepting *accepting = g_steal_pointer (&self->accepting);

  if (!self->is_started)
    return;
  self->is_started = FALSE;
  hawser_timer_disarm (&accepting->timer);
  hawser_watch_free (accepting->watch);
  g_socket_close (accepting->socket, NULL);
  g_object_unref (accepting->socket);
  hawser_lane_unref (accepting->lane);
  g_free (accepting);
  if (self->unix_path != NULL)
    g_unlink (self->unix_path);

  stop_inner (self);
  close_connections (self);
  hawser_lane_flush (hawser_bus_get_lane (self->bus));
  hawser_bus_remove_listener (self->bus, self);
}

/* ---- Who may come in ---- */

/**
 * hawser_listener_allows_anonymous:
 * @self: a listener
 *
 * Returns: whether peers that prove nothing are let in
 * Since: 0.1
 */
gboolean
hawser_listener_allows_anonymous (HawserListener *self)
{
  return g_strcmp0 (self->anonymous, "allow") == 0 || (self->bus->is_open && self->is_loopback && self->identities->len == 0);
}

/**
 * hawser_listener_get_proves_identity:
 * @self: a listener
 *
 * Returns: whether some provider there can prove who a peer is; then a mere client id is nobody's identity
 * Since: 0.1
 */
gboolean
hawser_listener_get_proves_identity (HawserListener *self)
{
  return self->identities->len > 0;
}

/**
 * hawser_listener_has_verifiers:
 * @self: a listener
 *
 * Returns: whether some provider there has users for SCRAM
 * Since: 0.1
 */
gboolean
hawser_listener_has_verifiers (HawserListener *self)
{
  for (guint i = 0; i < self->identities->len; i++)
    if (hawser_identity_has_verifiers (g_ptr_array_index (self->identities, i)))
      return TRUE;
  return FALSE;
}

/**
 * hawser_listener_find_verifier:
 * @self: a listener
 * @name: what the peer calls itself, UTF-8
 * @out_principal: (out) (transfer full) (nullable): who that is, once it has proved it
 *
 * Asks the identity providers of this listener in turn.
 *
 * Returns: (transfer full) (nullable): what SCRAM-SHA-256 needs of that user
 * Since: 0.1
 */
char *
hawser_listener_find_verifier (HawserListener *self, const char *name, HawserPrincipal **out_principal)
{
  char *verifier = NULL;

  *out_principal = NULL;
  for (guint i = 0; i < self->identities->len && verifier == NULL; i++)
    verifier = hawser_identity_find_verifier (g_ptr_array_index (self->identities, i), name, out_principal);
  return verifier;
}

typedef struct {
  HawserListener *listener;
  HawserConnection *connection;   /* nullable: whose failure it is */
  HawserCredentialKind kind;
  char *name;
  GBytes *secret;
  guint next;              /* identity provider to ask */
  HawserAuthenticated done;
  gpointer user_data;
  GDestroyNotify destroy;
} Authentication;

static void ask_next (Authentication *self);

static void
end_authentication (Authentication *self, HawserPrincipal *principal, const GError *error)
{
  HawserListener *listener = self->listener;

  if (self->connection != NULL && self->kind != HAWSER_CREDENTIAL_NONE && g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED))
    hawser_ban_list_note_failure (listener->bus, self->connection, listener->ban_failures, listener->ban_window_us, listener->ban_duration_us);
  g_clear_object (&self->connection);
  self->done (principal, error, self->user_data);
  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_object_unref (self->listener);
  g_free (self->name);
  g_clear_pointer (&self->secret, g_bytes_unref);
  g_free (self);
}

static void
on_answer (GObject *identity, GAsyncResult *result, gpointer data)
{
  Authentication *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPrincipal) principal = hawser_identity_authenticate_finish (HAWSER_IDENTITY (identity), result, &error);

  if (principal != NULL)
    end_authentication (self, principal, NULL);
  else if (self->next < self->listener->identities->len)
    ask_next (self);
  else
    end_authentication (self, NULL, error);
}

static void
ask_next (Authentication *self)
{
  g_autoptr (GError) error = NULL;

  while (self->next < self->listener->identities->len)
    {
      HawserIdentity *identity = g_ptr_array_index (self->listener->identities, self->next++);

      if (hawser_identity_understands (identity, self->kind))
        {
          hawser_identity_authenticate_async (identity, self->kind, self->name, self->secret, NULL, on_answer, self);
          return;
        }
    }
  error = g_error_new (HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "listener '%s': nobody there judges such credentials", self->listener->name);
  end_authentication (self, NULL, error);
}

static void
begin_authentication (HawserListener *self, HawserConnection *connection, HawserCredentialKind kind, const char *name, GBytes *secret, HawserAuthenticated done,
                      gpointer user_data, GDestroyNotify destroy)
{
  Authentication *authentication = g_new0 (Authentication, 1);

  authentication->listener = g_object_ref (self);
  authentication->connection = connection != NULL ? g_object_ref (connection) : NULL;
  authentication->kind = kind;
  authentication->name = g_strdup (name);
  authentication->secret = secret != NULL ? g_bytes_ref (secret) : NULL;
  authentication->done = done;
  authentication->user_data = user_data;
  authentication->destroy = destroy;

  if ((kind == HAWSER_CREDENTIAL_NONE || self->identities->len == 0) && hawser_listener_allows_anonymous (self))
    end_authentication (authentication, NULL, NULL);
  else
    ask_next (authentication);
}

/**
 * hawser_listener_authenticate:
 * @self: a listener
 * @kind: what the peer shows
 * @name: (nullable): user name
 * @secret: (nullable): password, token or certificate
 * @done: (scope notified) (closure user_data) (destroy destroy): called once: with a principal; with neither principal
 *   nor error for a peer that is let in anonymously; or with an error
 * @user_data: data for @done
 * @destroy: (nullable): called with @user_data after @done
 *
 * Asks the identity providers of this listener in turn. @done may run before this call returns.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_listener_authenticate (HawserListener *self, HawserCredentialKind kind, const char *name, GBytes *secret, HawserAuthenticated done,
                              gpointer user_data, GDestroyNotify destroy)
{
  begin_authentication (self, NULL, kind, name, secret, done, user_data, destroy);
}

static gboolean
has_judge (HawserListener *self, HawserCredentialKind kind)
{
  for (guint i = 0; i < self->identities->len; i++)
    if (hawser_identity_understands (self->identities->pdata[i], kind))
      return TRUE;
  return FALSE;
}

/* The first proof that the way of the peer gives and that somebody judges; FALSE: there is none. */
static gboolean
find_proof (HawserListener *self, HawserConnection *connection, HawserCredentialKind *out_kind, char **out_name, GBytes **out_secret)
{
  guint uid, gid, pid;

  if (has_judge (self, HAWSER_CREDENTIAL_CERTIFICATE) && (*out_secret = hawser_connection_dup_certificate (connection)) != NULL)
    {
      *out_kind = HAWSER_CREDENTIAL_CERTIFICATE;
      return TRUE;
    }
  if (has_judge (self, HAWSER_CREDENTIAL_PSK) && hawser_connection_get_psk_identity (connection) != NULL)
    {
      *out_kind = HAWSER_CREDENTIAL_PSK;
      *out_name = g_strdup (hawser_connection_get_psk_identity (connection));
      return TRUE;
    }
  if (has_judge (self, HAWSER_CREDENTIAL_USER) && hawser_connection_get_peer_user (connection, &uid, &gid, &pid))
    {
      *out_kind = HAWSER_CREDENTIAL_USER;
      *out_name = g_strdup_printf ("%u:%u:%u", uid, gid, pid);
      return TRUE;
    }
  return FALSE;
}

gboolean
hawser_listener_knows_peer (HawserConnection *connection)
{
  g_autofree char *name = NULL;
  g_autoptr (GBytes) secret = NULL;
  HawserCredentialKind kind;

  return find_proof (hawser_listener_of_connection (connection), connection, &kind, &name, &secret);
}

void
hawser_listener_authenticate_peer (HawserConnection *connection, HawserCredentialKind kind, const char *name, GBytes *secret,
                                   HawserAuthenticated done, gpointer user_data, GDestroyNotify destroy)
{
  HawserListener *self = hawser_listener_of_connection (connection);
  g_autofree char *proved_name = NULL;
  g_autoptr (GBytes) proof = NULL;

  if (self->identities->len > 0 && (kind == HAWSER_CREDENTIAL_NONE || !has_judge (self, kind)) && find_proof (self, connection, &kind, &proved_name, &proof))
    {
      name = proved_name;
      secret = proof;
    }
  begin_authentication (self, connection, kind, name, secret, done, user_data, destroy);
}

/* ---- Settings and facts ---- */

/**
 * hawser_listener_add_identity:
 * @self: a listener
 * @identity: a provider to ask, after those added before
 *
 * Since: 0.1
 */
void
hawser_listener_add_identity (HawserListener *self, HawserIdentity *identity)
{
  g_ptr_array_add (self->identities, g_object_ref (identity));
  self->has_keys = self->has_keys || HAWSER_IDENTITY_GET_IFACE (identity)->find_key != NULL;
}

/**
 * hawser_listener_set_tls:
 * @self: a listener that is not started
 * @tls: (nullable): certificate and settings; %NULL for none
 *
 * Since: 0.1
 */
void
hawser_listener_set_tls (HawserListener *self, HawserTls *tls)
{
  g_set_object (&self->tls, tls);
}

/**
 * hawser_listener_get_tls:
 * @self: a listener
 *
 * Returns: (transfer none) (nullable): its TLS settings
 * Since: 0.1
 */
HawserTls *
hawser_listener_get_tls (HawserListener *self)
{
  return self->tls;
}

/**
 * hawser_listener_get_bus:
 * @self: a listener
 *
 * Returns: (transfer none): the bus of its peers
 * Since: 0.1
 */
HawserBus *
hawser_listener_get_bus (HawserListener *self)
{
  return self->bus;
}

/**
 * hawser_listener_get_name:
 * @self: a listener
 *
 * Returns: its name
 * Since: 0.1
 */
const char *
hawser_listener_get_name (HawserListener *self)
{
  return self->name;
}

/**
 * hawser_listener_get_protocol_name:
 * @self: a listener
 *
 * Returns: what peers speak, such as `mqtt`
 * Since: 0.1
 */
const char *
hawser_listener_get_protocol_name (HawserListener *self)
{
  return self->type;
}

/**
 * hawser_listener_get_protocol:
 * @self: a listener
 *
 * Returns: (transfer none): its protocol, whose properties are the settings of the type
 * Since: 0.1
 */
HawserProtocol *
hawser_listener_get_protocol (HawserListener *self)
{
  return self->protocol;
}

/**
 * hawser_listener_dup_bound_address:
 * @self: a listener
 *
 * Returns: (transfer full): where it listens in fact, with the port that was taken
 * Since: 0.1
 */
char *
hawser_listener_dup_bound_address (HawserListener *self)
{
  g_autoptr (GSocketAddress) address = self->accepting != NULL ? g_socket_get_local_address (self->accepting->socket, NULL) : NULL;
  g_autofree char *text = NULL;

  if (address == NULL || !G_IS_INET_SOCKET_ADDRESS (address))
    return g_strdup (self->address);
  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));
  if (self->site.path != NULL)
    return g_strconcat (g_str_has_prefix (self->address, "wss:") ? "wss:" : "ws:", text, self->site.path, NULL);
  return g_strconcat ("tcp:", text, NULL);
}

/**
 * hawser_listener_get_port:
 * @self: a listener
 *
 * Returns: the TCP port it listens on; 0 for none
 * Since: 0.1
 */
guint
hawser_listener_get_port (HawserListener *self)
{
  g_autoptr (GSocketAddress) address = self->accepting != NULL ? g_socket_get_local_address (self->accepting->socket, NULL) : NULL;

  return address != NULL && G_IS_INET_SOCKET_ADDRESS (address) ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)) : 0;
}

/**
 * hawser_listener_get_is_loopback:
 * @self: a listener
 *
 * Returns: whether only this machine can reach it; known once it was started
 * Since: 0.1
 */
gboolean
hawser_listener_get_is_loopback (HawserListener *self)
{
  return self->is_loopback;
}

/**
 * hawser_listener_get_n_connections:
 * @self: a listener
 *
 * Returns: peers connected now
 * Since: 0.1
 */
guint
hawser_listener_get_n_connections (HawserListener *self)
{
  return self->n_connections;
}

/**
 * hawser_listener_get_n_opened:
 * @self: a listener
 *
 * Returns: peers accepted since it was made
 * Since: 0.1
 */
guint64
hawser_listener_get_n_opened (HawserListener *self)
{
  return self->n_opened;
}

/**
 * hawser_listener_get_mount_point:
 * @self: a listener
 *
 * Returns: (nullable): what is put before every topic of its peers
 * Since: 0.1
 */
const char *
hawser_listener_get_mount_point (HawserListener *self)
{
  return self->owner.mount_point;
}

/**
 * hawser_listener_get_max_message_size:
 * @self: a listener
 *
 * Returns: longest payload that a peer may publish, bytes
 * Since: 0.1
 */
gsize
hawser_listener_get_max_message_size (HawserListener *self)
{
  return self->max_message_size;
}
