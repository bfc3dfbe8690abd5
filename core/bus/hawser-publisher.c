/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hawser-publisher.h: how a publisher comes and goes, and who a peer is for a policy. What it publishes goes through
 * hawser-router.c. */

#include "hawser-publisher.h"

#include <string.h>

#include "hawser-bus-private.h"

HawserPublisher *
hawser_publisher_new (HawserBus *bus, HawserConnection *connection, const char *source)
{
  HawserPublisher *self = g_new0 (HawserPublisher, 1);

  self->bus = bus;
  self->connection = connection;
  self->origin = hawser_origin_new (connection != NULL ? hawser_connection_get_id (connection) : 0, bus->uid, source);
  return self;
}

void
hawser_publisher_free (HawserPublisher *self)
{
  if (self == NULL)
    return;
  hawser_pending_forget_all (&self->pending);
  hawser_meter_free (self->meter);
  hawser_origin_unref (self->origin);
  g_free (self->address);
  g_free (self);
}

static void
free_of_connection (gpointer data)
{
  HawserPublisher *self = data;
  HawserReceiver *receiver = g_steal_pointer (&self->receiver);

  if (receiver != NULL)
    hawser_receiver_detach (receiver, 0);
  hawser_publisher_free (self);
}

HawserPublisher *
hawser_publisher_of (HawserConnection *connection)
{
  HawserPublisher *self = hawser_connection_get_publisher (connection);

  if (G_UNLIKELY (self == NULL))
    {
      const char *client_id = hawser_connection_get_client_id (connection);
      g_autofree char *number = client_id == NULL ? g_strdup_printf ("%" G_GUINT64_FORMAT, hawser_connection_get_id (connection)) : NULL;
      g_autofree char *escaped = g_uri_escape_string (client_id != NULL ? client_id : number, NULL, FALSE);
      g_autofree char *source = g_strconcat ("/listener/", hawser_connection_get_listener_name (connection),
                                             client_id != NULL ? "/client/" : "/connection/", escaped, NULL);

      self = hawser_publisher_new (hawser_connection_get_bus (connection), connection, source);
      hawser_connection_set_publisher (connection, self, free_of_connection);
      hawser_publisher_renew_rates (self);
    }
  return self;
}

/* ---- What holds it back ---- */

void
hawser_publisher_renew_rates (HawserPublisher *self)
{
  HawserRates *rates = hawser_connection_get_owner (self->connection)->rates;

  g_clear_pointer (&self->meter, hawser_meter_free);
  if (rates != NULL)
    self->meter = hawser_meter_new (&self->bus->metering, self->connection, rates);
}

HawserMeter *
hawser_publisher_need_meter (HawserPublisher *self)
{
  if (self->meter == NULL)
    self->meter = hawser_meter_new (&self->bus->metering, self->connection, NULL);
  return self->meter;
}

/* ---- Its one receiver ---- */

HawserReceiver *
hawser_connection_open_receiver (HawserConnection *self, const HawserReceiverFuncs *funcs)
{
  HawserPublisher *publisher = hawser_publisher_of (self);

  if (publisher->receiver == NULL)
    {
      publisher->receiver = hawser_receiver_new (hawser_connection_get_bus (self), NULL, 0, NULL);
      hawser_receiver_attach (publisher->receiver, self, funcs, self);
    }
  return publisher->receiver;
}

void
hawser_connection_resume_receiver (HawserConnection *connection)
{
  HawserPublisher *publisher = hawser_connection_get_publisher (connection);

  if (publisher != NULL && publisher->receiver != NULL)
    hawser_receiver_resume (publisher->receiver);
}

/* ---- Who it is ---- */

HawserBus *
hawser_connection_get_bus (HawserConnection *self)
{
  return hawser_connection_get_owner (self)->bus;
}

char *
hawser_connection_dup_policy_address (HawserConnection *connection)
{
  g_autofree char *full = hawser_connection_dup_address (connection);
  char *start = g_str_has_prefix (full, "tcp:") ? full + 4 : full, *colon = strrchr (start, ':');

  if (g_str_has_prefix (full, "unix:"))
    start = full + 5;
  else if (colon != NULL)
    *colon = '\0';
  if (*start == '[')
    start[strlen (start) - 1] = '\0', start++;
  return g_strdup (start);
}

const char *
hawser_publisher_get_address (HawserPublisher *self)
{
  if (self->address == NULL)
    self->address = hawser_connection_dup_policy_address (self->connection);
  return self->address;
}

void
hawser_connection_fill_context (HawserConnection *self, HawserPolicyContext *out_context)
{
  HawserBus *bus = hawser_connection_get_bus (self);

  *out_context = (HawserPolicyContext) {
    .principal = hawser_connection_get_principal (self), .client_id = hawser_connection_get_client_id (self),
    .listener = hawser_connection_get_listener_name (self), .protocol = hawser_connection_get_protocol (self),
    .is_encrypted = hawser_connection_get_is_encrypted (self), .address = bus->authority.asks_address ? hawser_publisher_get_address (hawser_publisher_of (self)) : NULL,
    .mount_point = hawser_connection_get_owner (self)->mount_point,
  };
}
