/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One peer's byte stream on one lane. Input is read into the lane's buffer and given to the session, which consumes
 * whole packets; only the tail of a split packet is kept here, and a large packet is read straight into its own block.
 * Output is gathered in chunks and sent once at the end of the turn. An idle connection owns no buffer at all. Framing
 * is the session's, rights and topics are the bus's, accepting is the listener's. Context: the lane. */

#include "hawser-connection.h"
#include "hawser-connection-private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hawser-error.h"
#include "hawser-large-input-private.h"
#include "hawser-message-private.h"
#include "hawser-output-private.h"
#include "hawser-principal.h"
#include "hawser-proxy-header.h"

#define MAX_IOV 64
#define MAX_READS 4             /* reads of one connection a turn: others wait at most 1 MiB of it */
#define MAX_TAIL (64 * 1024)    /* of a packet whose session did not say how long it is */
#define VERY_LARGE (48 * 1024)  /* packets that are worth a read of their own */
#define READ_AHEAD 4096         /* behind such a packet: the front of the next one, so that its rest goes to its own memory */
#define FINISH_US (5 * G_USEC_PER_SEC)
#define LINGER_US G_USEC_PER_SEC

/* While the last bytes are sent. */
typedef struct {
  HawserTimer timer;
  HawserConnection *connection;
  gboolean is_shut_down;
} Finish;

/* While the transport shakes hands: nobody has heard of the peer yet. */
typedef struct {
  HawserTimer timer;
  HawserConnection *connection;
  GByteArray *proxy;          /* of its header, so far; NULL: none is to come any more */
} Opening;

enum {
  STATE_NEW,
  STATE_OPEN,
  STATE_FINISHING,   /* no more input for the session */
  STATE_CLOSING,     /* closed() is due at the end of the turn */
  STATE_CLOSED,
};

struct _HawserConnection {
  GObject parent_instance;
  HawserPollable pollable;
  HawserDirty dirty;
  HawserLane *lane;
  HawserConnectionOwner *owner;
  HawserTransport *transport;
  const HawserSessionFuncs *funcs;
  gpointer session;

  HawserBlock *block;            /* during received() of a large packet */
  HawserLargeInput *large;
  guint8 *tail;
  HawserOutput output;

  HawserPrincipal *principal;
  char *client_id;
  gpointer publisher;
  GDestroyNotify publisher_destroy;

  GError *error;
  Finish *finish;
  Opening *opening;
  char *address;                 /* as a proxy says, else NULL */
  HawserConnectionOwner *next_owner; /* an upgrade is due */
  GList link;
  guint64 id;
  guint64 n_received, n_delivered;
  int fd;
  guint32 tail_len;
  guint32 expected;              /* length of the packet under way, 0: unknown */
  guint16 n_pauses;
  guint8 state;
  guint8 is_blocked : 1;         /* the kernel took less than was offered: waiting for EPOLLOUT */
  guint8 was_congested : 1;
  guint8 transport_wants_write : 1;
  guint8 is_in_received : 1;
  guint8 is_held : 1;            /* the tail holds packets that a pause kept from the session */
};

G_DEFINE_FINAL_TYPE (HawserConnection, hawser_connection, G_TYPE_OBJECT)

static void
finalize (GObject *object)
{
  HawserConnection *self = HAWSER_CONNECTION (object);

  g_clear_pointer (&self->principal, hawser_principal_unref);
  g_free (self->client_id);
  g_free (self->address);
  g_clear_error (&self->error);
  hawser_lane_unref (self->lane);
  G_OBJECT_CLASS (hawser_connection_parent_class)->finalize (object);
}

static void
hawser_connection_class_init (HawserConnectionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_connection_init (HawserConnection *self)
{
  self->fd = -1;
  self->link.data = self;
}

static void
update_epoll (HawserConnection *self)
{
  guint32 events = 0;

  if (self->n_pauses == 0 || self->state == STATE_FINISHING)
    events |= EPOLLIN;
  if (self->is_blocked || self->transport_wants_write)
    events |= EPOLLOUT;
  hawser_lane_epoll_modify (self->lane, self->fd, events, &self->pollable);
}

static void
fail (HawserConnection *self, HawserError code, const char *detail)
{
  if (self->state >= STATE_CLOSING)
    return;
  if (self->error == NULL)
    self->error = g_error_new_literal (HAWSER_ERROR, code, detail);
  self->state = STATE_CLOSING;
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

static void
end_opening (HawserConnection *self)
{
  if (self->opening == NULL)
    return;
  hawser_timer_disarm (&self->opening->timer);
  g_clear_pointer (&self->opening->proxy, g_byte_array_unref);
  g_clear_pointer (&self->opening, g_free);
}

static void
tear_down (HawserConnection *self)
{
  g_autoptr (HawserConnection) alive = g_object_ref (self);

  self->state = STATE_CLOSED;
  hawser_lane_epoll_remove (self->lane, self->fd, &self->pollable);
  if (self->funcs != NULL && self->funcs->closed != NULL)
    self->funcs->closed (self, self->session, self->error);
  self->session = NULL;
  if (self->publisher != NULL)
    self->publisher_destroy (self->publisher);
  self->publisher = NULL;

  if (self->transport != NULL)
    {
      self->transport->shutdown (self->transport);
      self->transport->free (self->transport);
      self->transport = NULL;
    }
  close (self->fd);
  self->fd = -1;
  hawser_lane_note_freed (self->lane, self->output.pending);
  hawser_output_clear (&self->output, self->lane);
  g_clear_pointer (&self->tail, g_free);
  g_clear_pointer (&self->large, hawser_large_input_free);
  if (self->finish != NULL)
    hawser_timer_disarm (&self->finish->timer);
  g_clear_pointer (&self->finish, g_free);
  end_opening (self);
  hawser_lane_unmark_dirty (self->lane, &self->dirty);
  if (self->owner != NULL)
    self->owner->closed (self->owner, self);
}

static gssize
write_out (HawserConnection *self, const struct iovec *iov, int n_iov)
{
  struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = (gsize) n_iov };

  if (self->transport != NULL)
    return self->transport->write (self->transport, iov, n_iov);
  if (n_iov == 1)
    return send (self->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sendmsg (self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends until the kernel has enough. FALSE: the connection is beyond use. */
static gboolean
send_pending (HawserConnection *self)
{
  while (self->output.pending > 0)
    {
      struct iovec iov[MAX_IOV];
      gsize offered;
      int n_iov = hawser_output_peek (&self->output, iov, MAX_IOV, &offered);
      gssize n;

      do
        n = write_out (self, iov, n_iov);
      while (n < 0 && errno == EINTR);

      if (n < 0 && errno != EAGAIN)
        {
          fail (self, HAWSER_ERROR_CLOSED, g_strerror (errno));
          return FALSE;
        }
      if (n > 0)
        hawser_output_consume (&self->output, self->lane, (gsize) n);
      if (n < (gssize) offered)
        {
          if (!self->is_blocked)
            {
              self->is_blocked = TRUE;
              update_epoll (self);
            }
          return TRUE;
        }
    }
  if (self->is_blocked)
    {
      self->is_blocked = FALSE;
      update_epoll (self);
    }
  return TRUE;
}

static void
on_finish_late (HawserTimer *timer)
{
  Finish *finish = (Finish *) timer;

  fail (finish->connection, HAWSER_ERROR_TIMEOUT, "the peer did not take the last bytes");
}

static void
finish_output (HawserConnection *self)
{
  if (self->output.pending > 0 || self->finish->is_shut_down)
    return;
  /* a close with unread input would send a reset, and the reset would overtake our last packet */
  self->finish->is_shut_down = TRUE;
  if (self->transport != NULL)
    self->transport->shutdown (self->transport);
  shutdown (self->fd, SHUT_WR);
  hawser_timer_arm (&self->finish->timer, self->lane, hawser_lane_get_now_us (self->lane) + LINGER_US, on_finish_late);
}

static gssize
read_in (HawserConnection *self, struct iovec *parts, int n_parts)
{
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = (gsize) n_parts };
  gssize n;

  do
    if (self->transport != NULL)
      n = self->transport->read (self->transport, parts[0].iov_base, parts[0].iov_len);
    else if (n_parts == 1)
      n = recv (self->fd, parts[0].iov_base, parts[0].iov_len, MSG_DONTWAIT);
    else
      n = recvmsg (self->fd, &message, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    hawser_lane_count_input (self->lane, (gsize) n);
  return n;
}

static void
keep_tail (HawserConnection *self, const guint8 *data, gsize len)
{
  g_clear_pointer (&self->tail, g_free);
  self->tail_len = 0;
  if (len == 0)
    return;

  if (self->expected >= HAWSER_LARGE_PAYLOAD && self->expected > len)
    {
      self->large = hawser_large_input_new (self->expected, data, len);
      if (self->large == NULL)
        fail (self, HAWSER_ERROR_QUOTA, "no memory for the packet");
      hawser_lane_note_blocks (self->lane);
      return;
    }
  if (len > MAX_TAIL && self->n_pauses == 0)
    {
      fail (self, HAWSER_ERROR_TOO_LARGE, "packet is too long");
      return;
    }
  self->tail = g_memdup2 (data, len);
  self->tail_len = (guint32) len;
}

/* The bytes that no session has read yet, and those that the kernel has not taken, are the WebSocket's from here on. */
static void
apply_upgrade (HawserConnection *self, const guint8 *early, gsize len)
{
  HawserConnectionOwner *owner = g_steal_pointer (&self->next_owner);
  GByteArray *unsent = g_byte_array_new ();

  while (self->output.pending > 0)
    {
      struct iovec part;
      gsize part_len;

      hawser_output_peek (&self->output, &part, 1, &part_len);
      g_byte_array_append (unsent, part.iov_base, (guint) part_len);
      hawser_output_consume (&self->output, self->lane, part_len);
    }
  if (self->funcs->closed != NULL)
    self->funcs->closed (self, self->session, NULL);
  self->funcs = NULL;
  self->session = NULL;
  if (self->publisher != NULL)
    g_clear_pointer (&self->publisher, self->publisher_destroy); /* it remembers what the protocol before was allowed */
  self->transport = hawser_websocket_continue (self->transport, self->fd, unsent, early, len);
  self->owner = owner;
  self->transport_wants_write = TRUE;
  update_epoll (self);
  owner->opened (owner, self);
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
  if (G_UNLIKELY (self->next_owner != NULL))
    {
      if (self->state == STATE_OPEN)
        apply_upgrade (self, data + used, len - used);
      return len;
    }
  return used;
}

/* What a pause left unread by the session, once the pause is over. */
static void
give_held (HawserConnection *self)
{
  g_autofree guint8 *data = g_steal_pointer (&self->tail);
  gsize len = self->tail_len, used;

  self->is_held = FALSE;
  self->tail_len = 0;
  used = give (self, data, len);
  if (self->state == STATE_OPEN)
    keep_tail (self, data + used, len - used);
}

static void
flush (HawserDirty *dirty)
{
  HawserConnection *self = (HawserConnection *) ((char *) dirty - G_STRUCT_OFFSET (HawserConnection, dirty));

  if (self->state == STATE_CLOSING)
    {
      if (self->finish != NULL && !self->is_blocked)
        send_pending (self); /* the last words of a connection that was finished first: what the kernel takes at once */
      tear_down (self);
      return;
    }
  if (G_UNLIKELY (self->next_owner != NULL) && self->state == STATE_OPEN && !self->is_in_received)
    apply_upgrade (self, NULL, 0);
  if (self->is_held && self->n_pauses == 0 && self->state == STATE_OPEN)
    give_held (self);
  if (self->state == STATE_CLOSED || (self->is_blocked && self->state == STATE_OPEN) || !send_pending (self))
    return;
  if (self->state == STATE_FINISHING)
    finish_output (self);
  else if (self->was_congested && self->output.pending < self->owner->output_limit / 2)
    {
      self->was_congested = FALSE;
      if (self->funcs != NULL && self->funcs->writable != NULL)
        self->funcs->writable (self, self->session);
      if (self->owner->writable != NULL)
        self->owner->writable (self->owner, self);
    }
}

static void
on_end_of_input (HawserConnection *self, gssize n)
{
  if (n == 0)
    fail (self, HAWSER_ERROR_CLOSED, "the peer closed");
  else if (errno != EAGAIN && self->transport != NULL && self->transport->has_last_words)
    hawser_connection_finish (self, HAWSER_ERROR_MALFORMED, "the peer broke the rules of WebSocket");
  else if (errno != EAGAIN)
    fail (self, HAWSER_ERROR_CLOSED, g_strerror (errno));
  else if (self->transport != NULL && self->transport->wants_write (self->transport) != self->transport_wants_write)
    {
      self->transport_wants_write = !self->transport_wants_write;
      update_epoll (self);
    }
}

/* Gives the session what is at the front of the lane's buffer, and keeps what it leaves. FALSE: enough of this peer. */
static gboolean
give_input (HawserConnection *self, const guint8 *input, gsize len)
{
  gsize used = give (self, input, len);

  if (self->state != STATE_OPEN)
    return FALSE;
  g_assert (used <= len);
  if (used < len || self->tail_len > 0)
    keep_tail (self, input + used, len - used);
  return TRUE;
}

/* One read of a large packet into its own memory, and of what follows it into the lane's buffer. */
static gboolean
read_large (HawserConnection *self, guint8 *input)
{
  HawserLargeInput *large = self->large;
  struct iovec parts[2] = { 0 };
  gsize ahead = large->total >= VERY_LARGE ? READ_AHEAD : HAWSER_LANE_INPUT_SIZE, taken;
  gssize n;

  parts[0].iov_base = hawser_large_input_room (large, &parts[0].iov_len);
  parts[1].iov_base = input;
  if (large->len + parts[0].iov_len == large->total && self->transport == NULL)
    parts[1].iov_len = ahead;
  if (parts[0].iov_base == NULL)
    {
      fail (self, HAWSER_ERROR_QUOTA, "no memory for the packet");
      return FALSE;
    }
  n = read_in (self, parts, parts[1].iov_len > 0 ? 2 : 1);
  if (n <= 0)
    {
      on_end_of_input (self, n);
      return FALSE;
    }
  taken = MIN ((gsize) n, parts[0].iov_len);
  large->len += taken;
  self->block = hawser_large_input_take (large);
  if (self->block != NULL)
    {
      gsize total;
      const guint8 *data = hawser_block_get_data (self->block, &total);

      g_clear_pointer (&self->large, hawser_large_input_free);
      give (self, data, total);
      g_clear_pointer (&self->block, hawser_block_unref);
      if (self->state != STATE_OPEN)
        return FALSE;
      if (self->transport != NULL && (gsize) n > taken)
        {
          fail (self, HAWSER_ERROR_MALFORMED, "more than the large request that asked for an upgrade");
          return FALSE;
        }
      self->expected = 0;
      if (self->n_pauses > 0)
        keep_tail (self, input, (gsize) n - taken);
      else if ((gsize) n > taken && !give_input (self, input, (gsize) n - taken))
        return FALSE;
    }
  return (gsize) n == parts[0].iov_len + parts[1].iov_len || self->transport != NULL;
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
  n = read_in (self, &part, 1);
  if (n <= 0)
    {
      on_end_of_input (self, n);
      return FALSE;
    }
  if (!give_input (self, input, kept + (gsize) n))
    return FALSE;
  return (gsize) n == part.iov_len || self->transport != NULL;
}

static void
on_readable (HawserConnection *self)
{
  guint8 *input = hawser_lane_get_input (self->lane);

  /* until a read was short: then the socket is empty, and another would only say so */
  for (int reads = 0; reads < MAX_READS || (self->transport != NULL && self->transport->has_pending (self->transport)); reads++)
    if (self->state != STATE_OPEN || self->n_pauses > 0 || !(self->large != NULL ? read_large (self, input) : read_some (self, input)))
      return;
}

static void
on_opening_late (HawserTimer *timer)
{
  Opening *opening = (Opening *) timer;

  fail (opening->connection, HAWSER_ERROR_TIMEOUT, "the handshake took too long");
}

/* Takes exactly the header from the socket, not a byte of what follows. As handshake(). */
static int
read_proxy_header (HawserConnection *self)
{
  GByteArray *header = self->opening->proxy;

  while (TRUE)
    {
      guint8 part[HAWSER_PROXY_MAX_HEADER];
      gsize kept = header->len, len;
      gssize n = recv (self->fd, part, sizeof part - kept, MSG_PEEK | MSG_DONTWAIT);
      HawserProxyResult result;

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        {
          if (n == 0)
            errno = ECONNRESET;
          return n < 0 && errno == EAGAIN ? 0 : -1;
        }
      g_byte_array_append (header, part, (guint) n);
      result = hawser_proxy_header_read (header->data, header->len, &len, &self->address);
      if (result == HAWSER_PROXY_MALFORMED)
        {
          errno = EPROTO;
          return -1;
        }
      n = recv (self->fd, part, (result == HAWSER_PROXY_DONE ? len : header->len) - kept, MSG_DONTWAIT); /* what was looked at */
      if (result == HAWSER_PROXY_DONE)
        {
          g_clear_pointer (&self->opening->proxy, g_byte_array_unref);
          return 1;
        }
    }
}

/* One step of the handshake; when it was the last, the owner gives the connection its session. */
static void
open_transport (HawserConnection *self)
{
  int result = self->opening->proxy != NULL ? read_proxy_header (self) : 1;

  if (result == 1 && self->transport != NULL)
    result = self->transport->handshake (self->transport);
  if (result != 1)
    {
      if (result < 0 && errno == EAGAIN)
        errno = EPROTO;
      else if (result == 0)
        errno = EAGAIN;
      on_end_of_input (self, -1);
      return;
    }
  end_opening (self);
  self->owner->opened (self->owner, self);
  if (self->state == STATE_OPEN && self->n_pauses == 0)
    on_readable (self);
}

static void
discard_input (HawserConnection *self)
{
  struct iovec part = { hawser_lane_get_input (self->lane), HAWSER_LANE_INPUT_SIZE };
  gssize n = read_in (self, &part, 1);

  if (n == 0 || (n < 0 && errno != EAGAIN))
    fail (self, HAWSER_ERROR_CLOSED, "the peer closed");
}

static void
ready (HawserPollable *pollable, guint32 events)
{
  HawserConnection *self = (HawserConnection *) ((char *) pollable - G_STRUCT_OFFSET (HawserConnection, pollable));

  if (events & EPOLLOUT)
    {
      self->is_blocked = FALSE;
      self->transport_wants_write = FALSE;
      update_epoll (self);
      hawser_lane_mark_dirty (self->lane, &self->dirty);
    }
  if (self->state == STATE_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLOUT)))
    {
      if (G_UNLIKELY (self->opening != NULL))
        open_transport (self);
      else if (self->n_pauses == 0)
        on_readable (self);
      else if (events & (EPOLLHUP | EPOLLERR))
        fail (self, HAWSER_ERROR_CLOSED, "the peer closed");
    }
  else if (self->state == STATE_FINISHING && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
    discard_input (self);
}

HawserConnection *
hawser_connection_new (HawserLane *lane, int fd, HawserTransport *transport, HawserConnectionOwner *owner, guint64 id)
{
  HawserConnection *self = g_object_new (HAWSER_TYPE_CONNECTION, NULL);

  self->lane = hawser_lane_ref (lane);
  self->fd = fd;
  self->transport = transport;
  self->owner = owner;
  self->id = id;
  self->pollable.ready = ready;
  self->dirty.flush = flush;
  return self;
}

void
hawser_connection_start (HawserConnection *self)
{
  g_assert (self->state == STATE_NEW);
  self->state = STATE_OPEN;
  if (self->transport != NULL && self->funcs == NULL && self->opening == NULL)
    self->opening = g_new0 (Opening, 1);
  if (self->opening != NULL)
    {
      self->opening->connection = self;
      hawser_timer_arm (&self->opening->timer, self->lane, hawser_lane_get_now_us (self->lane) + self->owner->handshake_timeout_us, on_opening_late);
    }
  if (!hawser_lane_epoll_add (self->lane, self->fd, EPOLLIN, &self->pollable))
    fail (self, HAWSER_ERROR_QUOTA, g_strerror (errno));
}

void
hawser_connection_expect_proxy (HawserConnection *self)
{
  self->opening = g_new0 (Opening, 1);
  self->opening->proxy = g_byte_array_new ();
}

void
hawser_connection_upgrade (HawserConnection *self, HawserConnectionOwner *owner)
{
  g_assert (self->next_owner == NULL);
  self->next_owner = owner;
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

void
hawser_connection_set_identity (HawserConnection *self, const char *client_id, HawserPrincipal *principal)
{
  HawserPrincipal *old = self->principal;

  if (client_id != self->client_id)
    {
      g_free (self->client_id);
      self->client_id = g_strdup (client_id);
    }
  self->principal = principal != NULL ? hawser_principal_ref (principal) : NULL;
  if (self->publisher != NULL && old != principal)
    g_clear_pointer (&self->publisher, self->publisher_destroy); /* it remembers what the one before was allowed */
  g_clear_pointer (&old, hawser_principal_unref);
}

HawserPrincipal *
hawser_connection_get_principal (HawserConnection *self)
{
  return self->principal;
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
  return self->output.pending;
}

gboolean
hawser_connection_is_congested (HawserConnection *self)
{
  if (G_LIKELY (self->output.pending < self->owner->output_limit))
    return FALSE;
  if (!self->is_blocked && self->state == STATE_OPEN)
    {
      send_pending (self); /* much came in one turn: the kernel may take it now */
      if (self->output.pending < self->owner->output_limit)
        return FALSE;
    }
  self->was_congested = TRUE;
  return TRUE;
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

void
hawser_connection_pause (HawserConnection *self)
{
  if (self->n_pauses++ == 0 && self->state == STATE_OPEN)
    update_epoll (self);
}

void
hawser_connection_resume (HawserConnection *self)
{
  g_return_if_fail (self->n_pauses > 0);
  if (--self->n_pauses > 0 || self->state != STATE_OPEN)
    return;
  update_epoll (self);
  if (self->tail_len > 0)
    {
      self->is_held = TRUE;
      hawser_lane_mark_dirty (self->lane, &self->dirty);
    }
}

gboolean
hawser_connection_is_paused (HawserConnection *self)
{
  return self->n_pauses > 0;
}

void
hawser_connection_finish (HawserConnection *self, HawserError reason, const char *detail)
{
  if (self->state >= STATE_FINISHING)
    return;
  self->state = STATE_FINISHING;
  self->error = g_error_new_literal (HAWSER_ERROR, reason, detail);
  self->finish = g_new0 (Finish, 1);
  self->finish->connection = self;
  hawser_timer_arm (&self->finish->timer, self->lane, hawser_lane_get_now_us (self->lane) + FINISH_US, on_finish_late);
  update_epoll (self);
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
  fail (self, reason, hawser_error_to_nick (reason));
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

HawserTransport *
hawser_connection_get_transport (HawserConnection *self)
{
  return self->transport;
}

GBytes *
hawser_connection_dup_certificate (HawserConnection *self)
{
  return self->transport != NULL && self->transport->dup_certificate != NULL ? self->transport->dup_certificate (self->transport) : NULL;
}

const char *
hawser_connection_get_psk_identity (HawserConnection *self)
{
  return self->transport != NULL && self->transport->get_psk_identity != NULL ? self->transport->get_psk_identity (self->transport) : NULL;
}

gboolean
hawser_connection_get_peer_user (HawserConnection *self, guint *out_uid, guint *out_gid, guint *out_pid)
{
  struct ucred user;
  int domain = 0;
  socklen_t len = sizeof domain;

  if (self->fd < 0 || getsockopt (self->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX)
    return FALSE;
  len = sizeof user;
  if (getsockopt (self->fd, SOL_SOCKET, SO_PEERCRED, &user, &len) != 0 || user.uid == (uid_t) -1)
    return FALSE;
  *out_uid = user.uid;
  *out_gid = user.gid;
  *out_pid = (guint) user.pid;
  return TRUE;
}

int
hawser_connection_get_fd (HawserConnection *self)
{
  return self->fd;
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
 * hawser_connection_get_client_id:
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
 * hawser_connection_get_principal_name:
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

  if (self->address != NULL)
    return g_strdup (self->address);
  if (self->fd < 0 || getpeername (self->fd, &address.any, &len) != 0)
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
  return self->transport != NULL && self->transport->is_encrypted;
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
