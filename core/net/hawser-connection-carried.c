/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection whose socket lives on another lane: what it hears from there, and the steps that take a way there and
 * back. Context: the session's lane. */

#include "hawser-connection-state-private.h"

static void
opened (gpointer data)
{
  HawserConnection *self = data;
  const char *address = hawser_carrier_get_address (self->carrier);

  if (self->state != HAWSER_CONNECTION_OPEN)
    return;
  if (address != NULL)
    hawser_connection_pass (self)->address = g_strdup (address);
  hawser_connection_end_opening (self);
  self->owner->opened (self->owner, self);
}

static void
input (gpointer data, const guint8 *bytes, gsize len)
{
  hawser_connection_take_input (data, bytes, len);
}

static void
sent (gpointer data)
{
  HawserConnection *self = data;

  if (self->was_congested || self->state == HAWSER_CONNECTION_FINISHING)
    hawser_lane_mark_dirty (self->lane, &self->dirty);
}

static void
ended (gpointer data, gssize n)
{
  hawser_connection_end_input (data, n);
}

/* All that was read before the upgrade has come. */
static void
held (gpointer data)
{
  HawserConnection *self = data;

  if (self->state == HAWSER_CONNECTION_OPEN)
    hawser_connection_apply_upgrade (self, NULL, 0);
}

static const HawserCarrierFuncs carrier_funcs = { opened, input, sent, ended, held };

void
hawser_connection_place (HawserConnection *self, HawserSideLane *side)
{
  if (self->carrier != NULL || self->state > HAWSER_CONNECTION_OPEN)
    return;
  if (self->state == HAWSER_CONNECTION_OPEN)
    hawser_socket_leave (&self->socket, self->lane);
  self->carrier = hawser_carrier_new (side, self->socket.fd, g_steal_pointer (&self->socket.transport), &carrier_funcs, self);
  self->socket.is_blocked = FALSE;
  if (self->state == HAWSER_CONNECTION_OPEN)
    hawser_carrier_start (self->carrier, NULL, FALSE);
}

void
hawser_connection_start_carried (HawserConnection *self)
{
  HawserOpening *opening = self->passing->opening;

  hawser_carrier_set_paused (self->carrier, self->n_pauses > 0);
  hawser_carrier_start (self->carrier, opening != NULL ? g_steal_pointer (&opening->proxy) : NULL, opening != NULL);
}

void
hawser_connection_hold_carried (HawserConnection *self, const guint8 *early, gsize len)
{
  GByteArray *kept = hawser_connection_pass (self)->early = g_byte_array_new ();

  if (len > 0)
    g_byte_array_append (kept, early, (guint) len);
  hawser_carrier_hold (self->carrier);
}
