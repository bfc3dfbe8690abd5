/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One peer's byte stream: its life from the first byte to the last, and its output, which is gathered in chunks and sent once
 * at the end of the turn. An idle connection owns no buffer at all. Input is hawser-connection-input.c, the descriptor
 * hawser-socket.c. Framing is the session's, rights and topics are the bus's, accepting is the listener's. Context: the
 * lane. */

#include "hawser-connection-state-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "hawser-error.h"
#include "hawser-principal.h"

#define FINISH_US (5 * G_USEC_PER_SEC)
#define LINGER_US G_USEC_PER_SEC

G_DEFINE_FINAL_TYPE (HawserConnection, hawser_connection, G_TYPE_OBJECT)

static const HawserPassing nothing_passing;

HawserPassing *
hawser_connection_pass (HawserConnection *self)
{
  if (self->passing == &nothing_passing)
    self->passing = g_new0 (HawserPassing, 1);
  return (HawserPassing *) self->passing;
}

static void
finalize (GObject *object)
{
  HawserConnection *self = HAWSER_CONNECTION (object);

  g_clear_pointer (&self->principal, hawser_principal_unref);
  g_free (self->client_id);
  if (self->passing != &nothing_passing)
    {
      HawserPassing *passing = hawser_connection_pass (self);

      g_free (passing->address);
      g_clear_error (&passing->error);
      g_free (passing);
    }
  hawser_lane_unref (self->lane);
  G_OBJECT_CLASS (hawser_connection_parent_class)->finalize (object);
}

static void
hawser_connection_class_init (HawserConnectionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  hawser_connection_install_facts (G_OBJECT_CLASS (klass));
}

static void
hawser_connection_init (HawserConnection *self)
{
  self->socket.fd = -1;
  self->passing = &nothing_passing;
  self->link.data = self;
}

void
hawser_connection_fail (HawserConnection *self, HawserError code, const char *detail)
{
  if (self->state >= HAWSER_CONNECTION_CLOSING)
    return;
  if (self->passing->error == NULL)
    hawser_connection_pass (self)->error = g_error_new_literal (HAWSER_ERROR, code, detail);
  self->state = HAWSER_CONNECTION_CLOSING;
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

void
hawser_connection_end_opening (HawserConnection *self)
{
  HawserPassing *passing;

  if (self->passing->opening == NULL)
    return;
  passing = hawser_connection_pass (self);
  hawser_timer_disarm (&passing->opening->timer);
  g_clear_pointer (&passing->opening->proxy, g_byte_array_unref);
  g_clear_pointer (&passing->opening, g_free);
  if (memcmp (passing, &nothing_passing, sizeof *passing) == 0)
    {
      self->passing = &nothing_passing;
      g_free (passing);
    }
}

static inline gsize
get_pending (HawserConnection *self)
{
  return self->output.pending + (G_UNLIKELY (self->carrier != NULL) ? hawser_carrier_get_pending (self->carrier) : 0);
}

/* All but the address, which somebody may ask for. */
static void
end_passing (HawserConnection *self)
{
  hawser_connection_end_opening (self);
  if (self->passing->finish != NULL)
    {
      hawser_timer_disarm (&self->passing->finish->timer);
      g_clear_pointer (&hawser_connection_pass (self)->finish, g_free);
    }
  if (self->passing->early != NULL)
    g_clear_pointer (&hawser_connection_pass (self)->early, g_byte_array_unref);
}

static void
tear_down (HawserConnection *self)
{
  g_autoptr (HawserConnection) alive = g_object_ref (self);

  self->state = HAWSER_CONNECTION_CLOSED;
  if (self->carrier == NULL)
    hawser_socket_leave (&self->socket, self->lane);
  if (self->funcs != NULL && self->funcs->closed != NULL)
    self->funcs->closed (self, self->session, self->passing->error);
  self->session = NULL;
  if (self->publisher != NULL)
    self->publisher_destroy (self->publisher);
  self->publisher = NULL;

  hawser_lane_note_freed (self->lane, get_pending (self));
  if (self->carrier != NULL)
    {
      hawser_carrier_close (g_steal_pointer (&self->carrier));
      self->socket.fd = -1;
    }
  else
    hawser_socket_close (&self->socket);
  hawser_output_clear (&self->output, self->lane);
  g_clear_pointer (&self->tail, g_free);
  g_clear_pointer (&self->large, hawser_large_input_free);
  end_passing (self);
  hawser_lane_unmark_dirty (self->lane, &self->dirty);
  if (self->passing->next_owner != NULL)
    self->owner = g_steal_pointer (&hawser_connection_pass (self)->next_owner); /* it counts us already, and the one before through itself */
  if (self->owner != NULL)
    self->owner->closed (self->owner, self);
}

/* Sends until the kernel has enough. FALSE: the connection is beyond use. */
static inline gboolean
send_pending (HawserConnection *self)
{
  if (self->carrier != NULL)
    {
      hawser_carrier_write (self->carrier, &self->output);
      return TRUE;
    }
  if (!hawser_socket_send (&self->socket, self->lane, &self->output))
    {
      hawser_connection_fail (self, HAWSER_ERROR_CLOSED, g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

static void
on_finish_late (HawserTimer *timer)
{
  HawserFinish *finish = (HawserFinish *) timer;

  hawser_connection_fail (finish->connection, HAWSER_ERROR_TIMEOUT, "the peer did not take the last bytes");
}

static void
finish_output (HawserConnection *self)
{
  if (get_pending (self) > 0 || self->passing->finish->is_shut_down)
    return;
  /* a close with unread input would send a reset, and the reset would overtake our last packet */
  self->passing->finish->is_shut_down = TRUE;
  if (self->carrier != NULL)
    hawser_carrier_shut_down (self->carrier);
  else
    hawser_socket_shut_down (&self->socket);
  hawser_timer_arm (&self->passing->finish->timer, self->lane, hawser_lane_get_now_us (self->lane) + LINGER_US, on_finish_late);
}

static GByteArray *
take_unsent (HawserConnection *self)
{
  GByteArray *unsent = g_byte_array_new ();

  while (self->output.pending > 0)
    {
      struct iovec part;
      gsize part_len;

      hawser_output_peek (&self->output, &part, 1, &part_len);
      g_byte_array_append (unsent, part.iov_base, (guint) part_len);
      hawser_output_consume (&self->output, self->lane, part_len);
    }
  return unsent;
}

/* The bytes that no session has read yet, and those that the kernel has not taken, are the WebSocket's from here on. */
void
hawser_connection_apply_upgrade (HawserConnection *self, const guint8 *early, gsize len)
{
  HawserConnectionOwner *owner = self->passing->next_owner;

  if (self->carrier != NULL && self->passing->early == NULL)
    {
      hawser_connection_hold_carried (self, early, len); /* and comes back here when nothing is under way any more */
      return;
    }
  hawser_connection_pass (self)->next_owner = NULL;
  if (self->funcs->closed != NULL)
    self->funcs->closed (self, self->session, NULL);
  self->funcs = NULL;
  self->session = NULL;
  self->refuses_at_once = FALSE;
  if (self->publisher != NULL)
    g_clear_pointer (&self->publisher, self->publisher_destroy); /* it remembers what the protocol before was allowed */
  if (self->carrier != NULL)
    {
      hawser_carrier_write (self->carrier, &self->output);
      hawser_carrier_upgrade (self->carrier, g_steal_pointer (&hawser_connection_pass (self)->early));
    }
  else
    hawser_socket_upgrade (&self->socket, self->lane, take_unsent (self), early, len);
  self->owner = owner;
  owner->opened (owner, self);
}

static void
flush (HawserDirty *dirty)
{
  HawserConnection *self = (HawserConnection *) ((char *) dirty - G_STRUCT_OFFSET (HawserConnection, dirty));

  if (self->state == HAWSER_CONNECTION_CLOSING)
    {
      if (self->passing->finish != NULL && !self->socket.is_blocked)
        send_pending (self); /* the last words of a connection that was finished first: what the kernel takes at once */
      tear_down (self);
      return;
    }
  if (G_UNLIKELY (self->passing->next_owner != NULL) && self->passing->early == NULL && self->state == HAWSER_CONNECTION_OPEN && !self->is_in_received)
    hawser_connection_apply_upgrade (self, NULL, 0);
  if (self->is_held && self->n_pauses == 0 && self->state == HAWSER_CONNECTION_OPEN)
    {
      hawser_connection_give_held (self);
      if (self->state == HAWSER_CONNECTION_OPEN && self->n_pauses == 0 && hawser_socket_has_pending (&self->socket))
        hawser_connection_read (self);
    }
  if (self->carrier != NULL && hawser_carrier_has_input (self->carrier))
    hawser_carrier_give_input (self->carrier);
  if (self->state == HAWSER_CONNECTION_CLOSED || (self->socket.is_blocked && self->state == HAWSER_CONNECTION_OPEN) || !send_pending (self))
    return;
  if (self->state == HAWSER_CONNECTION_FINISHING)
    finish_output (self);
  else if (self->was_congested && get_pending (self) < self->owner->output_limit / 2)
    {
      self->was_congested = FALSE;
      if (self->funcs != NULL && self->funcs->writable != NULL)
        self->funcs->writable (self, self->session);
      if (self->owner->writable != NULL)
        self->owner->writable (self->owner, self);
    }
}

static void
on_opening_late (HawserTimer *timer)
{
  HawserOpening *opening = (HawserOpening *) timer;

  hawser_connection_fail (opening->connection, HAWSER_ERROR_TIMEOUT, "the handshake took too long");
}

/* One step of the handshake; when it was the last, the owner gives the connection its session. */
static void
open_transport (HawserConnection *self)
{
  HawserPassing *passing = hawser_connection_pass (self);

  if (hawser_socket_open (&self->socket, &passing->opening->proxy, &passing->address) != 1)
    {
      hawser_connection_end_input (self, -1);
      return;
    }
  hawser_connection_end_opening (self);
  self->owner->opened (self->owner, self);
  if (self->state == HAWSER_CONNECTION_OPEN && self->n_pauses == 0 && self->carrier == NULL)
    hawser_connection_read (self);
}

static void
ready (HawserPollable *pollable, guint32 events)
{
  HawserConnection *self = (HawserConnection *) ((char *) pollable - G_STRUCT_OFFSET (HawserConnection, socket));

  if (events & EPOLLOUT)
    {
      hawser_socket_unblock (&self->socket, self->lane);
      hawser_lane_mark_dirty (self->lane, &self->dirty);
    }
  if (self->state == HAWSER_CONNECTION_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLOUT)))
    {
      if (G_UNLIKELY (self->passing->opening != NULL))
        open_transport (self);
      else if (self->n_pauses == 0)
        hawser_connection_read (self);
      else if (events & (EPOLLHUP | EPOLLERR))
        hawser_connection_fail (self, HAWSER_ERROR_CLOSED, "the peer closed");
    }
  else if (self->state == HAWSER_CONNECTION_FINISHING && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
    hawser_connection_discard (self);
}

HawserConnection *
hawser_connection_new (HawserLane *lane, int fd, HawserTransport *transport, HawserConnectionOwner *owner, guint64 id)
{
  HawserConnection *self = g_object_new (HAWSER_TYPE_CONNECTION, NULL);

  self->lane = hawser_lane_ref (lane);
  self->owner = owner;
  self->id = id;
  self->needs_handshake = transport != NULL;
  hawser_socket_init (&self->socket, fd, transport, ready);
  self->dirty.flush = flush;
  return self;
}

void
hawser_connection_start (HawserConnection *self)
{
  g_assert (self->state == HAWSER_CONNECTION_NEW);
  self->state = HAWSER_CONNECTION_OPEN;
  if (self->needs_handshake && self->funcs == NULL && self->passing->opening == NULL)
    hawser_connection_pass (self)->opening = g_new0 (HawserOpening, 1);
  if (self->passing->opening != NULL)
    {
      HawserOpening *opening = self->passing->opening;

      opening->connection = self;
      hawser_timer_arm (&opening->timer, self->lane, hawser_lane_get_now_us (self->lane) + self->owner->handshake_timeout_us, on_opening_late);
    }
  self->socket.wants_input = self->n_pauses == 0;
  if (self->carrier != NULL)
    hawser_connection_start_carried (self);
  else if (!hawser_socket_join (&self->socket, self->lane))
    hawser_connection_fail (self, HAWSER_ERROR_QUOTA, g_strerror (errno));
}

void
hawser_connection_expect_proxy (HawserConnection *self)
{
  HawserPassing *passing = hawser_connection_pass (self);

  passing->opening = g_new0 (HawserOpening, 1);
  passing->opening->proxy = g_byte_array_new ();
}

void
hawser_connection_upgrade (HawserConnection *self, HawserConnectionOwner *owner)
{
  g_assert (self->passing->next_owner == NULL);
  hawser_connection_pass (self)->next_owner = owner;
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

void
hawser_connection_set_session (HawserConnection *self, const HawserSessionFuncs *funcs, gpointer session)
{
  self->funcs = funcs;
  self->session = session;
}

gpointer
hawser_connection_get_session (HawserConnection *self)
{
  return self->session;
}

HawserLane *
hawser_connection_get_lane (HawserConnection *self)
{
  return self->lane;
}

guint8 *
hawser_connection_reserve (HawserConnection *self, gsize len)
{
  return hawser_output_reserve (&self->output, self->lane, len);
}

void
hawser_connection_commit (HawserConnection *self, gsize len)
{
  hawser_output_commit (&self->output, len);
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

void
hawser_connection_write (HawserConnection *self, const void *data, gsize len)
{
  hawser_output_write (&self->output, self->lane, data, len);
  if (len > 0)
    hawser_lane_mark_dirty (self->lane, &self->dirty);
}

void
hawser_connection_printf (HawserConnection *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  hawser_connection_write (self, text, strlen (text));
}

void
hawser_connection_write_payload (HawserConnection *self, HawserMessage *message)
{
  hawser_output_add_payload (&self->output, self->lane, message);
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

gsize
hawser_connection_get_pending (HawserConnection *self)
{
  return get_pending (self);
}

static G_GNUC_NO_INLINE gboolean
has_too_much (HawserConnection *self)
{
  if (get_pending (self) < self->owner->output_limit)
    return FALSE;
  if (!self->socket.is_blocked && self->state == HAWSER_CONNECTION_OPEN)
    {
      send_pending (self); /* much came in one turn: the kernel may take it now */
      if (get_pending (self) < self->owner->output_limit)
        return FALSE;
    }
  self->was_congested = TRUE;
  return TRUE;
}

gboolean
hawser_connection_is_congested (HawserConnection *self)
{
  if (G_LIKELY (self->output.pending < self->owner->output_limit && self->carrier == NULL))
    return FALSE;
  return has_too_much (self);
}

static void
want_input (HawserConnection *self, gboolean wants_input)
{
  if (self->carrier != NULL)
    hawser_carrier_set_paused (self->carrier, !wants_input);
  else
    hawser_socket_want_input (&self->socket, self->lane, wants_input);
}

void
hawser_connection_pause (HawserConnection *self)
{
  if (self->n_pauses++ > 0)
    return;
  if (self->state == HAWSER_CONNECTION_OPEN)
    want_input (self, FALSE);
  if (self->session != NULL && self->funcs->paused != NULL)
    self->funcs->paused (self, self->session, TRUE);
}

void
hawser_connection_resume (HawserConnection *self)
{
  g_return_if_fail (self->n_pauses > 0);
  if (--self->n_pauses > 0)
    return;
  if (self->session != NULL && self->funcs->paused != NULL)
    self->funcs->paused (self, self->session, FALSE);
  if (self->state != HAWSER_CONNECTION_OPEN)
    return;
  want_input (self, TRUE);
  /* epoll knows nothing of what was read already, or decrypted */
  if (self->tail_len > 0 || (self->passing->opening == NULL && hawser_socket_has_pending (&self->socket)))
    {
      self->is_held = TRUE;
      hawser_lane_mark_dirty (self->lane, &self->dirty);
    }
  else if (self->carrier != NULL && hawser_carrier_has_input (self->carrier))
    hawser_lane_mark_dirty (self->lane, &self->dirty);
}

void
hawser_connection_set_refuses_at_once (HawserConnection *self, gboolean refuses_at_once)
{
  self->refuses_at_once = refuses_at_once != FALSE;
}

gboolean
hawser_connection_refuses_at_once (HawserConnection *self)
{
  return self->refuses_at_once;
}

gboolean
hawser_connection_is_paused (HawserConnection *self)
{
  return self->n_pauses > 0;
}

void
hawser_connection_finish (HawserConnection *self, HawserError reason, const char *detail)
{
  HawserPassing *passing;

  if (self->state >= HAWSER_CONNECTION_FINISHING)
    return;
  self->state = HAWSER_CONNECTION_FINISHING;
  passing = hawser_connection_pass (self);
  passing->error = g_error_new_literal (HAWSER_ERROR, reason, detail);
  passing->finish = g_new0 (HawserFinish, 1);
  passing->finish->connection = self;
  hawser_timer_arm (&passing->finish->timer, self->lane, hawser_lane_get_now_us (self->lane) + FINISH_US, on_finish_late);
  want_input (self, TRUE);
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

/**
 * hawser_connection_close:
 * @self: a connection
 * @reason: why, for the log and the session
 *
 * Closes now; what was not sent is lost. The session hears of it at the end of the turn.
 *
 * Context: the connection's lane.
 *
 * Since: 0.1
 */
void
hawser_connection_close (HawserConnection *self, HawserError reason)
{
  hawser_connection_fail (self, reason, hawser_error_to_nick (reason));
}
