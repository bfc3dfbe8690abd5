/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other protocols on the address of a listener: what a peer changes to over a WebSocket is a listener of the same name, rights
 * and limits that nobody connects to directly. Made for adapters that open WebSockets. Context: the bus's. */

#include "hawser-listener-io.h"
#include "hawser-listener-private.h"

#include "hawser-bus-private.h"
#include "hawser-connection-private.h"
#include "hawser-error.h"

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
                "flapping-count", self->flapping_count, "flapping-window", self->flapping_window_us, "flapping-duration", self->flapping_duration_us,
                "anonymous", self->anonymous, "max-message-size", self->max_message_size, "output-limit", (guint64) self->owner.output_limit, NULL);
  inner->outer = self;
  inner->is_loopback = self->is_loopback;
  hawser_listener_renew_rates (inner);
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
  hawser_listener_count (inner, 1);
  hawser_connection_upgrade (connection, &inner->owner);
}

void
hawser_listener_stop_inner (HawserListener *self)
{
  g_autoptr (GHashTable) inner = g_steal_pointer (&self->inner);
  GHashTableIter iter;
  gpointer listener;

  if (inner == NULL)
    return;
  g_hash_table_iter_init (&iter, inner);
  while (g_hash_table_iter_next (&iter, NULL, &listener))
    hawser_listener_close_connections (listener);
}
