/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who the peer of a connection is, what is proved of it, and what is listed of it. Context: the lane. */

#include "hawser-connection-state-private.h"

#include <gio/gio.h>
#include <sys/socket.h>

#include "hawser-principal.h"

enum {
  PROP_CLIENT_ID = 1,
  PROP_PRINCIPAL_NAME,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserConnection *self = HAWSER_CONNECTION (object);

  switch (id)
    {
    case PROP_CLIENT_ID: g_value_set_string (value, hawser_connection_get_client_id (self)); break;
    case PROP_PRINCIPAL_NAME: g_value_set_string (value, hawser_connection_get_principal_name (self)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

void
hawser_connection_install_facts (GObjectClass *klass)
{
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  klass->get_property = get_property;
  props[PROP_CLIENT_ID] = g_param_spec_string ("client-id", "Client id", "What the peer calls itself", NULL, read);
  props[PROP_PRINCIPAL_NAME] = g_param_spec_string ("principal-name", "Principal", "Who the peer proved to be", NULL, read);
  g_object_class_install_properties (klass, N_PROPS, props);
}

void
hawser_connection_set_identity (HawserConnection *self, const char *client_id, HawserPrincipal *principal)
{
  HawserPrincipal *old = self->principal;

  if (client_id != self->client_id)
    {
      g_free (self->client_id);
      self->client_id = g_strdup (client_id);
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CLIENT_ID]);
    }
  self->principal = principal != NULL ? hawser_principal_ref (principal) : NULL;
  if (self->publisher != NULL && old != principal)
    g_clear_pointer (&self->publisher, self->publisher_destroy); /* it remembers what the one before was allowed */
  if (old != self->principal)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PRINCIPAL_NAME]);
  if (old != self->principal && self->owner->identified != NULL)
    self->owner->identified (self->owner, self);
  g_clear_pointer (&old, hawser_principal_unref);
}

HawserPrincipal *
hawser_connection_get_principal (HawserConnection *self)
{
  return self->principal;
}

HawserConnectionOwner *
hawser_connection_get_owner (HawserConnection *self)
{
  return self->owner;
}

GList *
hawser_connection_get_link (HawserConnection *self)
{
  return &self->link;
}

void
hawser_connection_set_publisher (HawserConnection *self, gpointer publisher, GDestroyNotify destroy)
{
  self->publisher = publisher;
  self->publisher_destroy = destroy;
}

gpointer
hawser_connection_get_publisher (HawserConnection *self)
{
  return self->publisher;
}

void
hawser_connection_count_received (HawserConnection *self)
{
  self->n_received++;
}

void
hawser_connection_count_delivered (HawserConnection *self)
{
  self->n_delivered++;
}

GBytes *
hawser_connection_dup_certificate (HawserConnection *self)
{
  if (self->carrier != NULL)
    {
      GBytes *certificate = hawser_carrier_get_certificate (self->carrier);

      return certificate != NULL ? g_bytes_ref (certificate) : NULL;
    }
  return self->socket.transport != NULL && self->socket.transport->dup_certificate != NULL ? self->socket.transport->dup_certificate (self->socket.transport) : NULL;
}

const char *
hawser_connection_get_psk_identity (HawserConnection *self)
{
  if (self->carrier != NULL)
    return hawser_carrier_get_psk_identity (self->carrier);
  return self->socket.transport != NULL && self->socket.transport->get_psk_identity != NULL ? self->socket.transport->get_psk_identity (self->socket.transport) : NULL;
}

gboolean
hawser_connection_get_peer_user (HawserConnection *self, guint *out_uid, guint *out_gid, guint *out_pid)
{
  struct ucred user;
  int domain = 0;
  socklen_t len = sizeof domain;

  if (self->socket.fd < 0 || getsockopt (self->socket.fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX)
    return FALSE;
  len = sizeof user;
  if (getsockopt (self->socket.fd, SOL_SOCKET, SO_PEERCRED, &user, &len) != 0 || user.uid == (uid_t) -1)
    return FALSE;
  *out_uid = user.uid;
  *out_gid = user.gid;
  *out_pid = (guint) user.pid;
  return TRUE;
}

int
hawser_connection_get_fd (HawserConnection *self)
{
  return self->socket.fd;
}

/**
 * hawser_connection_get_id:
 * @self: a connection
 *
 * Returns: its number, unique in this process, from 1
 * Since: 0.1
 */
guint64
hawser_connection_get_id (HawserConnection *self)
{
  return self->id;
}

/**
 * hawser_connection_get_protocol:
 * @self: a connection
 *
 * Returns: name of the protocol, such as `mqtt`
 * Since: 0.1
 */
const char *
hawser_connection_get_protocol (HawserConnection *self)
{
  return self->owner->protocol;
}

/**
 * hawser_connection_get_listener_name:
 * @self: a connection
 *
 * Returns: name of the listener that accepted it
 * Since: 0.1
 */
const char *
hawser_connection_get_listener_name (HawserConnection *self)
{
  return self->owner->listener_name;
}

/**
 * hawser_connection_get_client_id: (get-property client-id)
 * @self: a connection
 *
 * Returns: (nullable): what the peer calls itself
 * Since: 0.1
 */
const char *
hawser_connection_get_client_id (HawserConnection *self)
{
  return self->client_id;
}

/**
 * hawser_connection_get_principal_name: (get-property principal-name)
 * @self: a connection
 *
 * Returns: (nullable): who the peer proved to be; %NULL while it has not
 * Since: 0.1
 */
const char *
hawser_connection_get_principal_name (HawserConnection *self)
{
  return self->principal != NULL ? hawser_principal_get_name (self->principal) : NULL;
}

/**
 * hawser_connection_dup_address:
 * @self: a connection
 *
 * Returns: (transfer full): the peer's address as `tcp:127.0.0.1:40112` or `unix:`, what a proxy says of it where one is
 *   trusted; empty when it is gone
 * Since: 0.1
 */
char *
hawser_connection_dup_address (HawserConnection *self)
{
  union {
    struct sockaddr any;
    struct sockaddr_storage storage;
  } address;
  socklen_t len = sizeof address;
  g_autoptr (GSocketAddress) parsed = NULL;

  if (self->passing->address != NULL)
    return g_strdup (self->passing->address);
  if (self->socket.fd < 0 || getpeername (self->socket.fd, &address.any, &len) != 0)
    return g_strdup ("");
  if (address.any.sa_family == AF_UNIX)
    return g_strdup ("unix:");
  parsed = g_socket_address_new_from_native (&address, len);
  if (parsed == NULL)
    return g_strdup ("");
  {
    g_autofree char *text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (parsed));

    return g_strconcat ("tcp:", text, NULL);
  }
}

/**
 * hawser_connection_get_is_encrypted:
 * @self: a connection
 *
 * Returns: whether the bytes cross the network under TLS
 * Since: 0.1
 */
gboolean
hawser_connection_get_is_encrypted (HawserConnection *self)
{
  if (self->carrier != NULL)
    return hawser_carrier_get_is_encrypted (self->carrier);
  return self->socket.transport != NULL && self->socket.transport->is_encrypted;
}

/**
 * hawser_connection_get_n_received:
 * @self: a connection
 *
 * Returns: messages that the peer published
 * Since: 0.1
 */
guint64
hawser_connection_get_n_received (HawserConnection *self)
{
  return self->n_received;
}

/**
 * hawser_connection_get_n_delivered:
 * @self: a connection
 *
 * Returns: messages that were sent to the peer
 * Since: 0.1
 */
guint64
hawser_connection_get_n_delivered (HawserConnection *self)
{
  return self->n_delivered;
}
