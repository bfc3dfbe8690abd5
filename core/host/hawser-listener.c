/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where peers connect: its settings, its beginning and end, what it counts. How a peer comes in is in hawser-listener-accept.c,
 * what an address means in hawser-listener-address.c, who a peer is in hawser-listener-admission.c, what a peer may change to in
 * hawser-listener-inner.c. Framing is the protocol's, bytes are the connection's, rights are the bus's. Context: the bus's. */

#include "hawser-listener.h"
#include "hawser-listener-io.h"
#include "hawser-listener-private.h"

#include <glib/gstdio.h>
#include <string.h>

#include "hawser-bus-private.h"
#include "hawser-connection-private.h"
#include "hawser-error.h"
#include "hawser-param-copy-private.h"
#include "hawser-param-spec.h"
#include "hawser-plugin-registry.h"

#define NOTIFY_US (100 * 1000)             /* properties change at most ten times a second */
#define DEFAULT_MAX_MESSAGE (256u << 20)
#define MAX_RATE 1000000000 /* ours: a second; no machine is faster */
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
  PROP_CONNECT_RATE,
  PROP_MESSAGE_RATE,
  PROP_BYTE_RATE,
  PROP_IDENTITY_CONNECT_RATE,
  PROP_IDENTITY_MESSAGE_RATE,
  PROP_IDENTITY_BYTE_RATE,
  PROP_RATE_BURST,
  PROP_RATE_PATIENCE,
  PROP_FLAPPING_COUNT,
  PROP_FLAPPING_WINDOW,
  PROP_FLAPPING_DURATION,
  PROP_N_CONNECTIONS,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserListener, hawser_listener, G_TYPE_OBJECT)

/* Connections and receivers point to it, some of which live longer than the listener. */
static const char *
take_mount_point (const char *text)
{
  return text != NULL && *text != '\0' ? g_intern_string (text) : NULL;
}

/* Who shakes hands meanwhile goes on with what held when it came. */
static void
set_origins (HawserListener *self, char **origins)
{
  HawserWebsocketSite *old = self->site;

  g_strfreev (self->origins);
  self->origins = g_strdupv (origins);
  if (old == NULL)
    return;
  self->site = hawser_websocket_site_new (old->path, old->subprotocols, (const char * const *) self->origins);
  hawser_websocket_site_unref (old);
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
    case PROP_ORIGINS: set_origins (self, g_value_get_boxed (value)); break;
    case PROP_HANDSHAKE_TIMEOUT: self->owner.handshake_timeout_us = g_value_get_int64 (value); break;
    case PROP_PROXY_PROTOCOL: self->has_proxy = g_value_get_boolean (value); break;
    case PROP_BAN_FAILURES: self->ban_failures = g_value_get_uint (value); break;
    case PROP_BAN_WINDOW: self->ban_window_us = g_value_get_int64 (value); break;
    case PROP_BAN_DURATION: self->ban_duration_us = g_value_get_int64 (value); break;
    case PROP_CONNECT_RATE: self->rates.connect = g_value_get_double (value); break;
    case PROP_MESSAGE_RATE: self->rates.message = g_value_get_double (value); break;
    case PROP_BYTE_RATE: self->rates.bytes = g_value_get_uint64 (value); break;
    case PROP_IDENTITY_CONNECT_RATE: self->rates.identity_connect = g_value_get_double (value); break;
    case PROP_IDENTITY_MESSAGE_RATE: self->rates.identity_message = g_value_get_double (value); break;
    case PROP_IDENTITY_BYTE_RATE: self->rates.identity_bytes = g_value_get_uint64 (value); break;
    case PROP_RATE_BURST: self->rates.burst_us = g_value_get_int64 (value); break;
    case PROP_RATE_PATIENCE: self->rates.patience_us = g_value_get_int64 (value); break;
    case PROP_FLAPPING_COUNT: self->flapping_count = g_value_get_uint (value); break;
    case PROP_FLAPPING_WINDOW: self->flapping_window_us = g_value_get_int64 (value); break;
    case PROP_FLAPPING_DURATION: self->flapping_duration_us = g_value_get_int64 (value); break;
    case PROP_PROXY_FROM: g_strfreev (self->proxy_from); self->proxy_from = g_value_dup_boxed (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
  if (self->is_started && id >= PROP_CONNECT_RATE && id <= PROP_RATE_PATIENCE)
    hawser_listener_renew_rates (self);
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
    case PROP_CONNECT_RATE: g_value_set_double (value, self->rates.connect); break;
    case PROP_MESSAGE_RATE: g_value_set_double (value, self->rates.message); break;
    case PROP_BYTE_RATE: g_value_set_uint64 (value, self->rates.bytes); break;
    case PROP_IDENTITY_CONNECT_RATE: g_value_set_double (value, self->rates.identity_connect); break;
    case PROP_IDENTITY_MESSAGE_RATE: g_value_set_double (value, self->rates.identity_message); break;
    case PROP_IDENTITY_BYTE_RATE: g_value_set_uint64 (value, self->rates.identity_bytes); break;
    case PROP_RATE_BURST: g_value_set_int64 (value, self->rates.burst_us); break;
    case PROP_RATE_PATIENCE: g_value_set_int64 (value, self->rates.patience_us); break;
    case PROP_FLAPPING_COUNT: g_value_set_uint (value, self->flapping_count); break;
    case PROP_FLAPPING_WINDOW: g_value_set_int64 (value, self->flapping_window_us); break;
    case PROP_FLAPPING_DURATION: g_value_set_int64 (value, self->flapping_duration_us); break;
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

/* A thousand peers at once make one notification, and one who comes and goes between two of them makes one too: not for a
 * HawserNotifier, which tells of what is different. */
void
hawser_listener_count (HawserListener *self, int difference)
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
  hawser_rates_unref (self->owner.rates);
  g_clear_pointer (&self->site, hawser_websocket_site_unref);
  g_clear_pointer (&self->inner, g_hash_table_unref);
  g_object_unref (self->bus);
  G_OBJECT_CLASS (hawser_listener_parent_class)->finalize (object);
}

static void
hawser_listener_class_init (HawserListenerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS, once = flags | G_PARAM_CONSTRUCT_ONLY, both = flags | G_PARAM_CONSTRUCT;

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
  props[PROP_CONNECT_RATE] = g_param_spec_double ("connect-rate", "Connect rate", "Connections a second that are accepted; others wait to be; 0 for any number", 0, MAX_RATE, 0, both);
  props[PROP_MESSAGE_RATE] = g_param_spec_double ("message-rate", "Message rate", "Messages a second that all peers together may publish; 0 for any number", 0, MAX_RATE, 0, both);
  props[PROP_BYTE_RATE] = hawser_param_spec_size ("byte-rate", "Bytes a second that all peers together may publish; 0 for any number", 0, MAX_RATE, 0, both);
  props[PROP_IDENTITY_CONNECT_RATE] = g_param_spec_double ("identity-connect-rate", "Connect rate of each", "Connections a second of each principal, or client id where peers prove nothing; 0 for any number",
                                                           0, MAX_RATE, 0, both);
  props[PROP_IDENTITY_MESSAGE_RATE] = g_param_spec_double ("identity-message-rate", "Message rate of each", "Messages a second that each principal, or client id, may publish; 0 for any number",
                                                           0, MAX_RATE, 0, both);
  props[PROP_IDENTITY_BYTE_RATE] = hawser_param_spec_size ("identity-byte-rate", "Bytes a second that each principal, or client id, may publish; 0 for any number", 0, MAX_RATE, 0, both);
  props[PROP_RATE_BURST] = hawser_param_spec_duration ("rate-burst", "What may come at once, as time of the rates", 1000, 3600 * (gint64) G_USEC_PER_SEC, G_USEC_PER_SEC, both);
  props[PROP_RATE_PATIENCE] = hawser_param_spec_duration ("rate-patience", "Debt up to which a publisher is held back; who owes more is refused", 0, 3600 * (gint64) G_USEC_PER_SEC,
                                                          10 * G_USEC_PER_SEC, both);
  props[PROP_FLAPPING_COUNT] = g_param_spec_uint ("flapping-count", "Flapping", "Times that a client id may connect within flapping-window before it is banned; 0 bans nobody", 0, 1000000, 0, both);
  props[PROP_FLAPPING_WINDOW] = hawser_param_spec_duration ("flapping-window", "Time within which they are counted", G_USEC_PER_SEC, 86400 * (gint64) G_USEC_PER_SEC,
                                                            60 * G_USEC_PER_SEC, both);
  props[PROP_FLAPPING_DURATION] = hawser_param_spec_duration ("flapping-duration", "Time that the client id is banned", G_USEC_PER_SEC / 10, 365 * 86400 * (gint64) G_USEC_PER_SEC,
                                                              300 * (gint64) G_USEC_PER_SEC, both);
  props[PROP_N_CONNECTIONS] = g_param_spec_uint ("n-connections", "Connections", "Peers connected now", 0, G_MAXUINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_listener_init (HawserListener *self)
{
  self->identities = g_ptr_array_new_with_free_func (g_object_unref);
  self->keys = (HawserPskKeys) { hawser_listener_find_key, self };
  hawser_listener_init_owner (self);
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

void
hawser_listener_close_connections (HawserListener *self)
{
  HawserProtocolInterface *iface = HAWSER_PROTOCOL_GET_IFACE (self->protocol);

  if (iface->stop != NULL)
    iface->stop (self->protocol, self);
  for (GList *link = self->bus->connections.head; link != NULL; link = link->next)
    if (hawser_connection_get_owner (link->data) == &self->owner)
      hawser_connection_finish (link->data, HAWSER_ERROR_CLOSED, "the server shuts down");
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

  g_return_val_if_fail (!self->is_started, FALSE);
  checked = hawser_listener_parse_address (self, error);
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
  if (self->has_proxy && !hawser_listener_read_proxies (self, error))
    return FALSE;
  hawser_listener_renew_rates (self);
  if (iface->start != NULL && !iface->start (self->protocol, self, error))
    return FALSE;
  socket = hawser_listener_bind (self, error);
  if (socket == NULL)
    {
      if (iface->stop != NULL)
        iface->stop (self->protocol, self);
      return FALSE;
    }

  hawser_listener_begin_accepting (self, socket);
  self->is_started = TRUE;
  hawser_roster_add (&self->bus->listeners, self);
  self->bus->authority.funcs.admits_author = hawser_listener_admits_author;
  self->bus->authority.authors_version++;
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
  if (!self->is_started)
    return;
  self->is_started = FALSE;
  hawser_listener_end_accepting (self);
  if (self->unix_path != NULL)
    g_unlink (self->unix_path);

  hawser_listener_stop_inner (self);
  hawser_listener_close_connections (self);
  hawser_lane_flush (hawser_bus_get_lane (self->bus));
  hawser_roster_remove (&self->bus->listeners, self);
}

static void
take_identities (HawserListener *self, GPtrArray *identities)
{
  GPtrArray *old = self->identities;

  self->identities = g_ptr_array_new_with_free_func (g_object_unref);
  self->has_keys = FALSE;
  for (guint i = 0; i < identities->len; i++)
    hawser_listener_add_identity (self, identities->pdata[i]);
  self->bus->authority.authors_version++;
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
  hawser_listener_renew_rates (self);
  if (iface->changed != NULL)
    iface->changed (self->protocol, self);
  if (self->inner == NULL)
    return;
  g_hash_table_iter_init (&iter, self->inner);
  while (g_hash_table_iter_next (&iter, NULL, &inner))
    {
      HawserListener *listener = inner;

      g_object_set (listener, "anonymous", self->anonymous, "max-message-size", self->max_message_size, "flapping-count", self->flapping_count,
                    "flapping-window", self->flapping_window_us, "flapping-duration", self->flapping_duration_us, NULL);
      hawser_listener_renew_rates (listener);
      take_identities (listener, self->identities);
      if (HAWSER_PROTOCOL_GET_IFACE (listener->protocol)->changed != NULL)
        HAWSER_PROTOCOL_GET_IFACE (listener->protocol)->changed (listener->protocol, listener);
    }
}

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
  g_autoptr (GSocketAddress) address = hawser_listener_dup_local_address (self);
  g_autofree char *text = NULL;

  if (address == NULL || !G_IS_INET_SOCKET_ADDRESS (address))
    return g_strdup (self->address);
  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));
  if (self->site != NULL)
    return g_strconcat (g_str_has_prefix (self->address, "wss:") ? "wss:" : "ws:", text, self->site->path, NULL);
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
  g_autoptr (GSocketAddress) address = hawser_listener_dup_local_address (self);

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
