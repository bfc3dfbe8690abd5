/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a peer comes in: accepted on the lane, believed or not about its proxy, refused when there are too many or it is banned,
 * and given to the protocol once bytes may cross; and what is kept in step when it leaves. Made for hawser-listener.c, which
 * says when this begins and ends. Context: the bus's. */

#include "hawser-listener-io.h"
#include "hawser-listener-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hawser-ban-list-private.h"
#include "hawser-bus-private.h"
#include "hawser-connection-private.h"
#include "hawser-error.h"
#include "hawser-meter.h"

#define MAX_ACCEPTS 64                     /* a turn: connected peers wait at most this long */
#define RETRY_ACCEPT_US (G_USEC_PER_SEC / 2) /* after EMFILE: descriptors come back when peers leave */

struct _HawserAccepting {
  HawserLane *lane;
  HawserWatch *watch;
  HawserTimer timer;
  GSocket *socket;
  HawserListener *listener;
};

static HawserConnection *
open_connection (HawserListener *self, int fd, HawserTransport *transport)
{
  HawserConnection *connection = hawser_connection_new (hawser_bus_get_lane (self->bus), fd, transport, &self->owner, hawser_bus_take_id (self->bus));

  g_object_ref (self); /* until on_connection_closed() */
  hawser_listener_count (self, 1);
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

static void
on_connection_closed (HawserConnectionOwner *owner, HawserConnection *connection)
{
  HawserListener *self = (HawserListener *) ((char *) owner - G_STRUCT_OFFSET (HawserListener, owner));

  hawser_bus_remove_connection (self->bus, connection);
  g_object_unref (connection);
  if (self->outer != NULL)
    {
      hawser_listener_count (self->outer, -1);
      g_object_unref (self->outer);
    }
  hawser_listener_count (self, -1);
  g_object_unref (self);
}

static void
on_connection_identified (HawserConnectionOwner *owner, HawserConnection *connection)
{
  HawserListener *self = (HawserListener *) ((char *) owner - G_STRUCT_OFFSET (HawserListener, owner));

  hawser_bus_note_identity (self->bus, connection);
}

static void
on_connection_writable (HawserConnectionOwner *owner, HawserConnection *connection)
{
  hawser_connection_resume_receiver (connection);
}

/* Where its socket lives; its session stays on the bus's lane. */
static void
place (HawserListener *self, HawserConnection *connection)
{
  HawserSideLane *side = hawser_bus_choose_side_lane (self->bus);

  if (side != NULL)
    hawser_connection_place (connection, side);
}

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
    {
      if (self->has_keys && self->outer == NULL)
        place (self, connection);
      let_in (self, connection);
    }
}

static gboolean
on_connection_starved (HawserConnectionOwner *owner, HawserConnection *connection)
{
  return hawser_meter_hold_large (hawser_publisher_need_meter (hawser_publisher_of (connection)));
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

gboolean
hawser_listener_read_proxies (HawserListener *self, GError **error)
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
  if (self->site != NULL)
    transport = hawser_websocket_accept (transport, fd, self->site);
  connection = open_connection (self, fd, transport);
  if (!self->has_keys) /* asking for a key is asking the identities, which live here: such a peer moves when it is open */
    place (self, connection);
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

static void
on_retry_accept (HawserTimer *timer)
{
  HawserAccepting *accepting = (HawserAccepting *) ((char *) timer - G_STRUCT_OFFSET (HawserAccepting, timer));

  hawser_watch_modify (accepting->watch, EPOLLIN);
}

/* Still acceptable, so level triggering would spin: looks again later; those inside are served meanwhile. */
static void
accept_later (HawserAccepting *accepting, gint64 us)
{
  hawser_watch_modify (accepting->watch, 0);
  hawser_timer_arm (&accepting->timer, accepting->lane, hawser_lane_get_now_us (accepting->lane) + us, on_retry_accept);
}

/* More than the rate allows waits in the backlog, where it costs us nothing. */
static gboolean
is_too_fast (HawserListener *self, HawserAccepting *accepting)
{
  gint64 debt_us = self->owner.rates != NULL ? hawser_rates_get_debt_us (self->owner.rates, NULL, HAWSER_RATE_CONNECT, hawser_lane_get_now_us (accepting->lane)) : 0;

  if (debt_us == 0)
    return FALSE;
  self->bus->statistics.connects_held++;
  accept_later (accepting, debt_us);
  return TRUE;
}

static void
on_acceptable (HawserWatch *watch, guint32 events, gpointer data)
{
  HawserAccepting *accepting = data;
  g_autoptr (HawserListener) self = g_object_ref (accepting->listener);
  int listening = g_socket_get_fd (accepting->socket);

  for (int i = 0; i < MAX_ACCEPTS && self->accepting == accepting; i++)
    {
      int fd;

      if (is_too_fast (self, accepting))
        return;
      fd = accept4 (listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0)
        {
          self->is_out_of_descriptors = FALSE;
          if (self->owner.rates != NULL)
            hawser_rates_take (self->owner.rates, NULL, HAWSER_RATE_CONNECT, 1, hawser_lane_get_now_us (accepting->lane));
          take_in (self, fd);
          continue;
        }
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        {
          if (!self->is_out_of_descriptors)
            g_warning ("listener '%s': cannot accept: %s", self->name, g_strerror (errno));
          self->is_out_of_descriptors = TRUE;
          accept_later (accepting, RETRY_ACCEPT_US);
        }
      return;
    }
}

void
hawser_listener_renew_rates (HawserListener *self)
{
  HawserRates *old = self->owner.rates;

  if (self->outer != NULL)
    {
      /* an address has one set of buckets, whichever protocol is spoken behind it */
      self->owner.rates = self->outer->owner.rates != NULL ? hawser_rates_ref (self->outer->owner.rates) : NULL;
    }
  else if (hawser_rates_are (old, &self->rates))
    return;
  else
    self->owner.rates = hawser_rates_new (&self->rates);
  hawser_rates_unref (old);
  for (GList *link = self->bus->connections.head; link != NULL; link = link->next)
    if (hawser_connection_get_owner (link->data) == &self->owner && hawser_connection_get_publisher (link->data) != NULL)
      hawser_publisher_renew_rates (hawser_connection_get_publisher (link->data));
}

void
hawser_listener_init_owner (HawserListener *self)
{
  self->owner.writable = on_connection_writable;
  self->owner.closed = on_connection_closed;
  self->owner.identified = on_connection_identified;
  self->owner.opened = on_connection_opened;
  self->owner.starved = on_connection_starved;
}

void
hawser_listener_begin_accepting (HawserListener *self, GSocket *socket)
{
  HawserAccepting *accepting = g_new0 (HawserAccepting, 1);

  accepting->lane = hawser_lane_ref (hawser_bus_get_lane (self->bus));
  accepting->socket = g_object_ref (socket);
  accepting->listener = self;
  accepting->watch = hawser_lane_watch (accepting->lane, g_socket_get_fd (accepting->socket), EPOLLIN, on_acceptable, accepting);
  self->accepting = accepting;
}

void
hawser_listener_end_accepting (HawserListener *self)
{
  HawserAccepting *accepting = g_steal_pointer (&self->accepting);

  hawser_timer_disarm (&accepting->timer);
  hawser_watch_free (accepting->watch);
  g_socket_close (accepting->socket, NULL);
  g_object_unref (accepting->socket);
  hawser_lane_unref (accepting->lane);
  g_free (accepting);
}

GSocketAddress *
hawser_listener_dup_local_address (HawserListener *self)
{
  return self->accepting != NULL ? g_socket_get_local_address (self->accepting->socket, NULL) : NULL;
}
