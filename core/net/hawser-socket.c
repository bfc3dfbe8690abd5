/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A descriptor in the epoll of one lane, plain or under a transport: reading, writing, handshakes, and what epoll is asked
 * for. What the bytes mean, and what becomes of an error, is its owner's: hawser-connection.c. Context: the
 * lane that it joined. */

#include "hawser-socket-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hawser-proxy-header.h"

void
hawser_socket_init (HawserSocket *self, int fd, HawserTransport *transport, void (*ready) (HawserPollable *pollable, guint32 events))
{
  self->pollable.ready = ready;
  self->transport = transport;
  self->fd = fd;
  self->wants_input = TRUE;
}

gboolean
hawser_socket_join (HawserSocket *self, HawserLane *lane)
{
  self->events = self->wants_input ? EPOLLIN : 0;
  return hawser_lane_epoll_add (lane, self->fd, self->events, &self->pollable);
}

static void
ask (HawserSocket *self, HawserLane *lane)
{
  guint8 events = (self->wants_input ? EPOLLIN : 0) | (self->is_blocked || self->transport_wants_write ? EPOLLOUT : 0);

  if (events == self->events)
    return;
  self->events = events;
  hawser_lane_epoll_modify (lane, self->fd, events, &self->pollable);
}

void
hawser_socket_leave (HawserSocket *self, HawserLane *lane)
{
  hawser_lane_epoll_remove (lane, self->fd, &self->pollable);
}

void
hawser_socket_close (HawserSocket *self)
{
  if (self->transport != NULL)
    {
      self->transport->shutdown (self->transport);
      self->transport->free (self->transport);
      self->transport = NULL;
    }
  close (self->fd);
  self->fd = -1;
}

void
hawser_socket_want_input (HawserSocket *self, HawserLane *lane, gboolean wants_input)
{
  self->wants_input = wants_input;
  ask (self, lane);
}

void
hawser_socket_unblock (HawserSocket *self, HawserLane *lane)
{
  self->is_blocked = FALSE;
  self->transport_wants_write = FALSE;
  ask (self, lane);
}

void
hawser_socket_note_empty (HawserSocket *self, HawserLane *lane)
{
  if (self->transport == NULL)
    return;
  self->transport_wants_write = self->transport->wants_write (self->transport);
  ask (self, lane);
}

/* ---- Handshakes ---- */

/* Takes exactly the header from the socket, not a byte of what follows. As handshake(). */
static int
read_proxy_header (HawserSocket *self, GByteArray **proxy, char **address)
{
  while (TRUE)
    {
      guint8 part[HAWSER_PROXY_MAX_HEADER];
      gsize kept = (*proxy)->len, len;
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
      g_byte_array_append (*proxy, part, (guint) n);
      result = hawser_proxy_header_read ((*proxy)->data, (*proxy)->len, &len, address);
      if (result == HAWSER_PROXY_MALFORMED)
        {
          errno = EPROTO;
          return -1;
        }
      n = recv (self->fd, part, (result == HAWSER_PROXY_DONE ? len : (*proxy)->len) - kept, MSG_DONTWAIT); /* what was looked at */
      if (result == HAWSER_PROXY_DONE)
        {
          g_clear_pointer (proxy, g_byte_array_unref);
          return 1;
        }
    }
}

int
hawser_socket_open (HawserSocket *self, GByteArray **proxy, char **address)
{
  int result = *proxy != NULL ? read_proxy_header (self, proxy, address) : 1;

  if (result == 1 && self->transport != NULL)
    result = self->transport->handshake (self->transport);
  if (result < 0 && errno == EAGAIN)
    errno = EPROTO;
  else if (result == 0)
    errno = EAGAIN;
  return result;
}

void
hawser_socket_upgrade (HawserSocket *self, HawserLane *lane, GByteArray *unsent, const guint8 *early, gsize len)
{
  self->transport = hawser_websocket_continue (self->transport, self->fd, unsent, early, len);
  self->transport_wants_write = TRUE;
  ask (self, lane);
}

/* ---- Bytes ---- */

gssize
hawser_socket_read (HawserSocket *self, HawserLane *lane, struct iovec *parts, int n_parts)
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
    hawser_lane_count_input (lane, (gsize) n);
  return n;
}

static gssize
write_once (HawserSocket *self, const struct iovec *parts, int n_parts)
{
  struct msghdr message = { .msg_iov = (struct iovec *) parts, .msg_iovlen = (gsize) n_parts };

  if (self->transport != NULL)
    return self->transport->write (self->transport, parts, n_parts);
  if (n_parts == 1)
    return send (self->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sendmsg (self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline gssize
write_parts (HawserSocket *self, HawserLane *lane, const struct iovec *parts, int n_parts, gsize len)
{
  gssize n;

  do
    n = write_once (self, parts, n_parts);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      if (errno != EAGAIN)
        return -1;
      n = 0;
    }
  if (self->is_blocked != ((gsize) n < len))
    {
      self->is_blocked = (gsize) n < len;
      ask (self, lane);
    }
  return n;
}

gssize
hawser_socket_write (HawserSocket *self, HawserLane *lane, const struct iovec *parts, int n_parts, gsize len)
{
  return write_parts (self, lane, parts, n_parts, len);
}

gboolean
hawser_socket_send (HawserSocket *self, HawserLane *lane, HawserOutput *output)
{
  while (output->pending > 0)
    {
      struct iovec parts[HAWSER_SOCKET_MAX_PARTS];
      gsize len;
      int n_parts = hawser_output_peek (output, parts, HAWSER_SOCKET_MAX_PARTS, &len);
      gssize n = write_parts (self, lane, parts, n_parts, len);

      if (n < 0)
        return FALSE;
      hawser_output_consume (output, lane, (gsize) n);
      if (self->is_blocked)
        return TRUE;
    }
  return TRUE;
}

void
hawser_socket_shut_down (HawserSocket *self)
{
  if (self->transport != NULL)
    self->transport->shutdown (self->transport);
  shutdown (self->fd, SHUT_WR);
}
