/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an address of a listener means, and the socket that listens there. Called by hawser-listener.c when it starts; blocks for
 * system calls only. */

#include "hawser-listener-io.h"
#include "hawser-listener-private.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>

#include "hawser-error.h"
#include "hawser-inherited-socket.h"

/* `ws:` and `wss:` without a path: that of the protocol's best name, as every client of it expects. */
static gboolean
set_site (HawserListener *self, const char *path, gboolean is_secure, GError **error)
{
  g_autofree char *default_path = NULL;

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
  default_path = g_strconcat ("/", hawser_listener_get_subprotocols (self)[0], NULL);
  self->site = hawser_websocket_site_new (path != NULL ? path : default_path, hawser_listener_get_subprotocols (self), (const char * const *) self->origins);
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

GSocketAddress *
hawser_listener_parse_address (HawserListener *self, GError **error)
{
  gboolean is_secure = g_str_has_prefix (self->address, "wss:"), is_websocket = is_secure || g_str_has_prefix (self->address, "ws:");
  const char *address = self->address, *path = is_websocket ? strchr (address, '/') : NULL, *start = strchr (address, ':'), *colon;
  g_autofree char *place = NULL, *host = NULL;
  guint64 port;

  g_clear_pointer (&self->site, hawser_websocket_site_unref);

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

GSocket *
hawser_listener_bind (HawserListener *self, GError **error)
{
  g_autoptr (GSocketAddress) address = hawser_listener_parse_address (self, error);
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
