/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A byte stream inside binary frames of a WebSocket, on a descriptor or on TLS: what a protocol adapter sees is the same as
 * on a plain socket. Nothing is kept of what is read: payload is unmasked where it was read to. Output is framed as it is
 * sent, a frame for what one turn gathered, by reference. Of pings, the last is answered; nothing queues up.
 * Context: the connection's lane. Source: RFC 6455. */

#include "hawser-connection-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "hawser-websocket.h"
#include "hawser-websocket-handshake.h"

#define MAX_FRAME ((guint64) 1 << 30)  /* ours: no memory is behind it, so only what no client has a use for is refused */
#define MAX_READS 16                   /* of control frames alone, before others have their turn */
#define MAX_IOV 65
#define TLS_RECORD 16384               /* RFC 8446 section 5.1 */

typedef struct {
  HawserTransport parent;
  HawserTransport *lower;              /* NULL: the descriptor is plain */
  HawserWebsocketSite *site;           /* until the handshake is over */
  GByteArray *early;                   /* during the handshake: the request so far; then bytes that came with it; else NULL */
  GByteArray *raw;                     /* to be sent before any frame, else NULL */
  HawserWebsocketStream stream;
  int fd;
  guint8 head[HAWSER_WEBSOCKET_MAX_HEADER];
  guint8 head_at, head_len;            /* of the frame being sent */
  gsize frame_left;                    /* payload of it that is still to come */
  guint8 control[2 + HAWSER_WEBSOCKET_MAX_CONTROL];
  guint8 control_at, control_len;      /* a control frame being sent */
  guint8 pong[HAWSER_WEBSOCKET_MAX_CONTROL];
  guint8 pong_len;
  gboolean has_pong;
  guint close_code;                    /* what to close with, 0: nothing was wrong */
  gboolean is_lower_open;
  gboolean is_over;                    /* a close frame was sent or is not to be sent: what comes is discarded */
} WebsocketTransport;

/* ---- Sending ---- */

static gssize
write_below (WebsocketTransport *self, const struct iovec *iov, int n_iov)
{
  struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = (gsize) n_iov };
  gssize n;

  if (self->lower != NULL)
    return self->lower->write (self->lower, iov, n_iov);
  do
    n = sendmsg (self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n;
}

static gssize
write_bytes_below (WebsocketTransport *self, const guint8 *data, gsize len)
{
  const struct iovec iov = { (gpointer) data, len };

  return write_below (self, &iov, 1);
}

static void
set_control (WebsocketTransport *self, HawserWebsocketOpcode opcode, const guint8 *payload, gsize len)
{
  self->control_at = 0;
  self->control_len = (guint8) (hawser_websocket_write_header (self->control, opcode, len) + len);
  if (len > 0)
    memcpy (self->control + 2, payload, len);
}

/* What must go before the next data frame. FALSE: not all went, with errno; a data frame under way goes first. */
static gboolean
flush_control (WebsocketTransport *self)
{
  while (self->raw != NULL)
    {
      gssize n = write_bytes_below (self, self->raw->data, self->raw->len);

      if (n < 0)
        return FALSE;
      g_byte_array_remove_range (self->raw, 0, (guint) n);
      if (self->raw->len == 0)
        g_clear_pointer (&self->raw, g_byte_array_unref);
    }
  if (self->frame_left > 0)
    return TRUE;
  while (self->control_at < self->control_len || self->has_pong)
    {
      gssize n;

      if (self->control_at == self->control_len)
        {
          set_control (self, HAWSER_WEBSOCKET_PONG, self->pong, self->pong_len);
          self->has_pong = FALSE;
        }
      n = write_bytes_below (self, self->control + self->control_at, self->control_len - self->control_at);
      if (n < 0)
        return FALSE;
      self->control_at += (guint8) n;
    }
  return TRUE;
}

/* Head and payload as one TLS record: a record of two bytes would cost more than the copy. */
static gssize
write_record (WebsocketTransport *self, const struct iovec *iov, int n_iov)
{
  guint8 record[TLS_RECORD];
  gsize len = 0;

  for (int i = 0; i < n_iov && len < sizeof record; i++)
    {
      gsize part = MIN (iov[i].iov_len, sizeof record - len);

      memcpy (record + len, iov[i].iov_base, part);
      len += part;
    }
  return write_bytes_below (self, record, len);
}

/* What is left of the head, then the payload from @skip on, within the frame. */
static int
gather (WebsocketTransport *self, struct iovec *out, const struct iovec *iov, int n_iov, gsize skip)
{
  gsize left = self->frame_left;
  int n = 0;

  if (self->head_at < self->head_len)
    out[n++] = (struct iovec) { self->head + self->head_at, (gsize) (self->head_len - self->head_at) };
  for (int i = 0; i < n_iov && left > 0 && n < MAX_IOV; i++)
    {
      gsize part = MIN (iov[i].iov_len - MIN (skip, iov[i].iov_len), left);

      if (part > 0)
        out[n++] = (struct iovec) { (guint8 *) iov[i].iov_base + skip, part };
      skip -= MIN (skip, iov[i].iov_len);
      left -= part;
    }
  return n;
}

static gssize
ws_write (HawserTransport *transport, const struct iovec *iov, int n_iov)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;
  gsize total = 0, written = 0;

  for (int i = 0; i < n_iov; i++)
    total += iov[i].iov_len;
  if (self->is_over)
    return (gssize) total;
  while (written < total)
    {
      struct iovec parts[MAX_IOV];
      gsize head;
      gssize n;
      int n_parts;

      if (self->frame_left == 0)
        {
          if (!flush_control (self))
            break;
          self->frame_left = total - written;
          self->head_at = 0;
          self->head_len = (guint8) hawser_websocket_write_header (self->head, HAWSER_WEBSOCKET_BINARY, self->frame_left);
        }
      n_parts = gather (self, parts, iov, n_iov, written);
      n = self->lower != NULL ? write_record (self, parts, n_parts) : write_below (self, parts, n_parts);
      if (n < 0)
        break;
      head = MIN ((gsize) n, (gsize) (self->head_len - self->head_at));
      self->head_at += (guint8) head;
      self->frame_left -= (gsize) n - head;
      written += (gsize) n - head;
    }
  return written > 0 ? (gssize) written : -1;
}

/* ---- Receiving ---- */

static gssize
read_below (WebsocketTransport *self, guint8 *data, gsize len)
{
  gssize n;

  if (self->early != NULL)
    {
      n = (gssize) MIN (len, self->early->len);
      memcpy (data, self->early->data, (gsize) n);
      g_byte_array_remove_range (self->early, 0, (guint) n);
      if (self->early->len == 0)
        g_clear_pointer (&self->early, g_byte_array_unref);
      return n;
    }
  if (self->lower != NULL)
    return self->lower->read (self->lower, data, len);
  do
    n = recv (self->fd, data, len, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n;
}

/* Everything up to the end of @data or of the stream. Returns the bytes of payload, at the front of @data. */
static gsize
take_frames (WebsocketTransport *self, guint8 *data, gsize len, gboolean *out_has_ended)
{
  gsize at = 0, filled = 0;

  *out_has_ended = FALSE;
  while (at < len && !*out_has_ended)
    {
      HawserWebsocketEvent event;
      gsize used, n;
      HawserWebsocketResult result = hawser_websocket_read_stream (&self->stream, data + at, len - at, MAX_FRAME, &used, &n, &event);

      if (n > 0 && filled != at)
        memmove (data + filled, data + at, n);
      filled += n;
      at += used;
      if (result == HAWSER_WEBSOCKET_ERROR)
        {
          self->close_code = event.close_code;
          self->parent.has_last_words = TRUE;
          *out_has_ended = TRUE;
        }
      else if (result == HAWSER_WEBSOCKET_MESSAGE && event.opcode == HAWSER_WEBSOCKET_CLOSE)
        {
          self->close_code = event.close_code;
          *out_has_ended = TRUE;
        }
      else if (result == HAWSER_WEBSOCKET_MESSAGE && event.opcode == HAWSER_WEBSOCKET_PING)
        {
          memcpy (self->pong, event.data, event.len);
          self->pong_len = (guint8) event.len;
          self->has_pong = TRUE;
        }
    }
  return filled;
}

static gssize
ws_read (HawserTransport *transport, guint8 *data, gsize len)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;

  if (self->is_over)
    return read_below (self, data, len);
  for (int reads = 0; reads < MAX_READS || self->parent.has_pending (&self->parent); reads++)
    {
      gboolean has_ended;
      gssize n;

      if (self->close_code != 0)
        {
          errno = EPROTO;
          return self->parent.has_last_words ? -1 : 0;
        }
      n = read_below (self, data, len);
      if (n <= 0)
        {
          int reason = errno;

          if (n < 0 && reason == EAGAIN && !flush_control (self) && errno != EAGAIN)
            return -1;
          errno = reason;
          return n;
        }
      n = (gssize) take_frames (self, data, (gsize) n, &has_ended);
      if (n > 0)
        return n; /* an end is told by the next call */
    }
  errno = EAGAIN;
  return -1;
}

static GBytes *
dup_certificate (HawserTransport *transport)
{
  HawserTransport *lower = ((WebsocketTransport *) transport)->lower;

  return lower != NULL && lower->dup_certificate != NULL ? lower->dup_certificate (lower) : NULL;
}

static const char *
get_psk_identity (HawserTransport *transport)
{
  HawserTransport *lower = ((WebsocketTransport *) transport)->lower;

  return lower != NULL && lower->get_psk_identity != NULL ? lower->get_psk_identity (lower) : NULL;
}

static gboolean
has_pending (HawserTransport *transport)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;

  return self->early != NULL || self->close_code != 0 || (self->lower != NULL && self->lower->has_pending (self->lower));
}

static gboolean
wants_write (HawserTransport *transport)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;

  return self->raw != NULL || self->has_pong || self->control_at < self->control_len ||
         (self->lower != NULL && self->lower->wants_write (self->lower));
}

/* ---- Beginning and end ---- */

static int
shake_hands (WebsocketTransport *self)
{
  while (TRUE)
    {
      guint8 part[2048];
      GString *answer;
      gsize used;
      gssize n = self->lower != NULL ? self->lower->read (self->lower, part, sizeof part) : recv (self->fd, part, sizeof part, MSG_DONTWAIT);
      HawserWebsocketHandshake result;

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return errno == EAGAIN ? 0 : -1;
      if (n == 0)
        {
          errno = ECONNRESET;
          return -1;
        }
      if (self->early == NULL)
        self->early = g_byte_array_new ();
      g_byte_array_append (self->early, part, (guint) n);
      answer = g_string_new (NULL);
      result = hawser_websocket_handshake_read (self->early->data, self->early->len, self->site, &used, answer);
      if (result == HAWSER_WEBSOCKET_HANDSHAKE_MORE)
        {
          g_string_free (answer, TRUE);
          continue;
        }
      g_clear_pointer (&self->site, hawser_websocket_site_unref);
      self->raw = g_byte_array_new ();
      g_byte_array_append (self->raw, (const guint8 *) answer->str, (guint) answer->len);
      g_string_free (answer, TRUE);
      if (used == self->early->len)
        g_clear_pointer (&self->early, g_byte_array_unref);
      else
        g_byte_array_remove_range (self->early, 0, (guint) used);
      if (!flush_control (self) && errno != EAGAIN)
        return -1;
      if (result == HAWSER_WEBSOCKET_HANDSHAKE_ACCEPTED)
        return 1;
      self->parent.has_last_words = TRUE;
      self->is_over = TRUE;
      errno = EPROTO;
      return -1;
    }
}

static int
handshake (HawserTransport *transport)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;

  if (self->lower != NULL && !self->is_lower_open)
    {
      int result = self->lower->handshake (self->lower);

      if (result != 1)
        return result;
      self->is_lower_open = TRUE;
    }
  return self->site == NULL ? 1 : shake_hands (self);
}

static void
ws_shutdown (HawserTransport *transport)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;
  guint code = self->close_code != 0 ? self->close_code : HAWSER_WEBSOCKET_CLOSE_NORMAL;
  const guint8 payload[2] = { (guint8) (code >> 8), (guint8) code };

  if (!self->is_over && self->site == NULL && self->frame_left == 0 && flush_control (self))
    {
      set_control (self, HAWSER_WEBSOCKET_CLOSE, payload, code == HAWSER_WEBSOCKET_CLOSE_NO_STATUS ? 0 : 2);
      flush_control (self);
    }
  else if (self->raw != NULL)
    flush_control (self);
  self->is_over = TRUE;
  if (self->lower != NULL)
    self->lower->shutdown (self->lower);
}

static void
ws_free (HawserTransport *transport)
{
  WebsocketTransport *self = (WebsocketTransport *) transport;

  g_clear_pointer (&self->early, g_byte_array_unref);
  g_clear_pointer (&self->raw, g_byte_array_unref);
  hawser_websocket_site_unref (self->site);
  if (self->lower != NULL)
    self->lower->free (self->lower);
  g_free (self);
}

static WebsocketTransport *
transport_new (HawserTransport *lower, int fd)
{
  WebsocketTransport *self = g_new0 (WebsocketTransport, 1);

  self->parent = (HawserTransport) { .read = ws_read, .write = ws_write, .has_pending = has_pending, .wants_write = wants_write,
                                     .handshake = handshake, .shutdown = ws_shutdown, .free = ws_free,
                                     .dup_certificate = dup_certificate, .get_psk_identity = get_psk_identity };
  self->parent.is_encrypted = lower != NULL && lower->is_encrypted;
  self->lower = lower;
  self->fd = fd;
  return self;
}

HawserTransport *
hawser_websocket_accept (HawserTransport *lower, int fd, HawserWebsocketSite *site)
{
  WebsocketTransport *self = transport_new (lower, fd);

  self->site = hawser_websocket_site_ref (site);
  return &self->parent;
}

HawserTransport *
hawser_websocket_continue (HawserTransport *lower, int fd, GByteArray *unsent, const guint8 *early, gsize len)
{
  WebsocketTransport *self = transport_new (lower, fd);

  self->is_lower_open = TRUE;
  if (unsent->len > 0)
    self->raw = unsent;
  else
    g_byte_array_unref (unsent);
  if (len > 0)
    {
      self->early = g_byte_array_new ();
      g_byte_array_append (self->early, early, (guint) len);
    }
  return &self->parent;
}
