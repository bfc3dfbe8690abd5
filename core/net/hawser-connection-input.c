/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From bytes to packets: input is read into the lane's buffer and given to the session, which consumes whole packets; only
 * the tail of a split packet is kept, and a large packet is read straight into its own block. Context: the lane. */

#include "hawser-connection-state-private.h"

#include <errno.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-message-private.h"

#define MAX_READS 4             /* reads of one connection a turn: others wait at most 1 MiB of it */
#define MAX_TAIL (64 * 1024)    /* of a packet whose session did not say how long it is */
#define VERY_LARGE (48 * 1024)  /* packets that are worth a read of their own */
#define READ_AHEAD 4096         /* behind such a packet: the front of the next one, so that its rest goes to its own memory */

static void
keep_tail (HawserConnection *self, const guint8 *data, gsize len)
{
  g_clear_pointer (&self->tail, g_free);
  self->tail_len = 0;
  if (len == 0)
    return;

  if (self->expected >= HAWSER_LARGE_PAYLOAD && self->expected > len)
    {
      self->large = hawser_large_input_new (self->expected, data, len, hawser_lane_is_tight (self->lane));
      if (self->large == NULL)
        hawser_connection_fail (self, HAWSER_ERROR_QUOTA, "no memory for the packet");
      hawser_lane_note_blocks (self->lane);
      return;
    }
  if (len > MAX_TAIL && self->n_pauses == 0)
    {
      hawser_connection_fail (self, HAWSER_ERROR_TOO_LARGE, "packet is too long");
      return;
    }
  self->tail = g_memdup2 (data, len);
  self->tail_len = (guint32) len;
}

static gsize
give (HawserConnection *self, const guint8 *data, gsize len)
{
  gsize used;

  self->expected = 0;
  self->is_in_received = TRUE;
  used = self->funcs->received (self, self->session, data, len);
  if (self->owner != NULL)
    hawser_lane_note_call (self->lane, "protocol", self->owner->protocol, self->owner->listener_name);
  self->is_in_received = FALSE;
  if (G_UNLIKELY (self->passing->next_owner != NULL))
    {
      if (self->state == HAWSER_CONNECTION_OPEN)
        hawser_connection_apply_upgrade (self, data + used, len - used);
      return len;
    }
  return used;
}

/* What a pause left unread by the session, once the pause is over. */
void
hawser_connection_give_held (HawserConnection *self)
{
  g_autofree guint8 *data = g_steal_pointer (&self->tail);
  gsize len = self->tail_len, used;

  self->is_held = FALSE;
  self->tail_len = 0;
  if (len == 0)
    return;
  used = give (self, data, len);
  if (self->state == HAWSER_CONNECTION_OPEN)
    keep_tail (self, data + used, len - used);
}

static gboolean
has_last_words (HawserConnection *self)
{
  if (self->carrier != NULL)
    return hawser_carrier_has_last_words (self->carrier);
  return self->socket.transport != NULL && self->socket.transport->has_last_words;
}

void
hawser_connection_end_input (HawserConnection *self, gssize n)
{
  if (n == 0)
    hawser_connection_fail (self, HAWSER_ERROR_CLOSED, "the peer closed");
  else if (errno != EAGAIN && has_last_words (self))
    hawser_connection_finish (self, HAWSER_ERROR_MALFORMED, "the peer broke the rules of WebSocket");
  else if (errno != EAGAIN)
    hawser_connection_fail (self, HAWSER_ERROR_CLOSED, g_strerror (errno));
  else
    hawser_socket_note_empty (&self->socket, self->lane);
}

/* Gives the session what is at the front of the lane's buffer, and keeps what it leaves. FALSE: enough of this peer. */
static gboolean
give_input (HawserConnection *self, const guint8 *input, gsize len)
{
  gsize used = give (self, input, len);

  if (self->state != HAWSER_CONNECTION_OPEN)
    return FALSE;
  g_assert (used <= len);
  if (used < len || self->tail_len > 0)
    keep_tail (self, input + used, len - used);
  return TRUE;
}

static void
give_large (HawserConnection *self, HawserBlock *block)
{
  gsize len;
  const guint8 *data = hawser_block_get_data (block, &len);

  g_clear_pointer (&self->large, hawser_large_input_free);
  self->block = block;
  give (self, data, len);
  g_clear_pointer (&self->block, hawser_block_unref);
}

/* One read of a large packet into its own memory, and of what follows it into the lane's buffer. */
static gboolean
read_large (HawserConnection *self, guint8 *input)
{
  HawserLargeInput *large = self->large;
  struct iovec parts[2] = { 0 };
  HawserBlock *block;
  gsize ahead = large->total >= VERY_LARGE ? READ_AHEAD : HAWSER_LANE_INPUT_SIZE, taken;
  gssize n;

  parts[0].iov_base = hawser_large_input_room (large, &parts[0].iov_len);
  parts[1].iov_base = input;
  if (large->len + parts[0].iov_len == large->total && self->socket.transport == NULL)
    parts[1].iov_len = ahead;
  if (parts[0].iov_base == NULL)
    {
      hawser_connection_fail (self, HAWSER_ERROR_QUOTA, "no memory for the packet");
      return FALSE;
    }
  n = hawser_socket_read (&self->socket, self->lane, parts, parts[1].iov_len > 0 ? 2 : 1);
  if (n <= 0)
    {
      hawser_connection_end_input (self, n);
      return FALSE;
    }
  taken = MIN ((gsize) n, parts[0].iov_len);
  large->len += taken;
  block = hawser_large_input_take (large);
  if (block != NULL)
    {
      give_large (self, block);
      if (self->state != HAWSER_CONNECTION_OPEN)
        return FALSE;
      if (self->socket.transport != NULL && (gsize) n > taken)
        {
          hawser_connection_fail (self, HAWSER_ERROR_MALFORMED, "more than the large request that asked for an upgrade");
          return FALSE;
        }
      self->expected = 0;
      if (self->n_pauses > 0)
        keep_tail (self, input, (gsize) n - taken);
      else if ((gsize) n > taken && !give_input (self, input, (gsize) n - taken))
        return FALSE;
    }
  return (gsize) n == parts[0].iov_len + parts[1].iov_len || self->socket.transport != NULL;
}

/* One read into the lane's buffer, behind what was kept of the packet under way. */
static gboolean
read_some (HawserConnection *self, guint8 *input)
{
  gsize kept = self->tail_len;
  struct iovec part = { input + kept, HAWSER_LANE_INPUT_SIZE - kept };
  gssize n;

  if (kept > 0)
    memcpy (input, self->tail, kept);
  n = hawser_socket_read (&self->socket, self->lane, &part, 1);
  if (n <= 0)
    {
      hawser_connection_end_input (self, n);
      return FALSE;
    }
  if (!give_input (self, input, kept + (gsize) n))
    return FALSE;
  return (gsize) n == part.iov_len || (self->socket.transport != NULL && !self->socket.transport->is_drained);
}

/* There is no memory for the large packet under way: its owner pauses the connection, or has waited enough. */
static gboolean
is_starved (HawserConnection *self)
{
  if (self->large == NULL || !hawser_lane_is_tight (self->lane) || self->owner->starved == NULL)
    return FALSE;
  if (!self->owner->starved (self->owner, self))
    hawser_connection_fail (self, HAWSER_ERROR_QUOTA, "no memory for the packet");
  return TRUE;
}

/* The front of @data fills what is missing of a large packet. Returns how much of it was taken. */
static gsize
fill_large (HawserConnection *self, const guint8 *data, gsize len)
{
  HawserLargeInput *large = self->large;
  HawserBlock *block;
  gsize room;
  guint8 *place = hawser_large_input_room (large, &room);

  if (place == NULL)
    {
      hawser_connection_fail (self, HAWSER_ERROR_QUOTA, "no memory for the packet");
      return len;
    }
  room = MIN (room, len);
  memcpy (place, data, room);
  large->len += room;
  block = hawser_large_input_take (large);
  if (block != NULL)
    {
      give_large (self, block);
      self->expected = 0;
    }
  return room;
}

void
hawser_connection_take_input (HawserConnection *self, const guint8 *data, gsize len)
{
  hawser_lane_count_input (self->lane, len);
  is_starved (self); /* what was read on the other lane is taken still: that is bounded, and nothing comes behind it */
  while (len > 0 && self->state == HAWSER_CONNECTION_OPEN)
    {
      guint8 *input;
      gsize part;

      if (self->passing->early != NULL)
        {
          g_byte_array_append (self->passing->early, data, (guint) len);
          return;
        }
      if (self->n_pauses > 0 && self->large == NULL)
        {
          keep_tail (self, data, len); /* behind a large packet whose session paused: nothing else is kept */
          return;
        }
      if (self->large != NULL)
        part = fill_large (self, data, len);
      else if (self->tail_len == 0)
        {
          give_input (self, data, len);
          return;
        }
      else
        {
          input = hawser_lane_get_input (self->lane);
          part = MIN (len, HAWSER_LANE_INPUT_SIZE - self->tail_len);
          memcpy (input, self->tail, self->tail_len);
          memcpy (input + self->tail_len, data, part);
          give_input (self, input, self->tail_len + part);
        }
      data += part;
      len -= part;
    }
}

void
hawser_connection_read (HawserConnection *self)
{
  guint8 *input = hawser_lane_get_input (self->lane);

  if (G_UNLIKELY (is_starved (self)))
    return;
  /* until a read was short: then the socket is empty, and another would only say so */
  for (int reads = 0; reads < MAX_READS || hawser_socket_has_pending (&self->socket); reads++)
    if (self->state != HAWSER_CONNECTION_OPEN || self->n_pauses > 0 || !(self->large != NULL ? read_large (self, input) : read_some (self, input)))
      return;
}

void
hawser_connection_discard (HawserConnection *self)
{
  struct iovec part = { hawser_lane_get_input (self->lane), HAWSER_LANE_INPUT_SIZE };
  gssize n = hawser_socket_read (&self->socket, self->lane, &part, 1);

  if (n == 0 || (n < 0 && errno != EAGAIN))
    hawser_connection_fail (self, HAWSER_ERROR_CLOSED, "the peer closed");
}

void
hawser_connection_expect (HawserConnection *self, gsize total)
{
  self->expected = (guint32) MIN (total, G_MAXUINT32);
}

HawserBlock *
hawser_connection_get_block (HawserConnection *self)
{
  return self->block;
}
