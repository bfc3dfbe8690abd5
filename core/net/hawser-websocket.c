/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSocket framing, server side: bytes of a client become messages or a stream, in place, under limits; the answer to
 * anything that RFC 6455 forbids is a close code. Pure: no I/O and no protocol above it. The handshake is
 * hawser-websocket-handshake.c, bytes on a descriptor are hawser-websocket-transport.c. Any thread. Source: RFC 6455. */

#include "hawser-websocket.h"

#include <string.h>

static HawserWebsocketResult
fail (HawserWebsocketEvent *event, guint code, const char *detail)
{
  event->close_code = code;
  event->detail = detail;
  return HAWSER_WEBSOCKET_ERROR;
}

void
hawser_websocket_reader_clear (HawserWebsocketReader *self)
{
  g_clear_pointer (&self->message, g_byte_array_unref);
  self->n_fragments = 0;
  self->opcode = 0;
}

static void
unmask (guint8 *data, gsize len, const guint8 *mask)
{
  guint64 wide;
  gsize i = 0;
  guint8 twice[8];

  memcpy (twice, mask, 4);
  memcpy (twice + 4, mask, 4);
  memcpy (&wide, twice, 8);
  for (; i + 8 <= len; i += 8)
    {
      guint64 word;

      memcpy (&word, data + i, 8);
      word ^= wide;
      memcpy (data + i, &word, 8);
    }
  for (; i < len; i++)
    data[i] ^= mask[i & 3];
}

/* RFC 6455 section 7.4: what a peer may send as a reason. */
static gboolean
is_close_code (guint code)
{
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static gboolean
is_text (const guint8 *data, gsize len)
{
  return len == 0 || g_utf8_validate_len ((const char *) data, len, NULL);
}

static HawserWebsocketResult
take_control (HawserWebsocketEvent *event, const guint8 *data, gsize len)
{
  event->data = data;
  event->len = len;
  if (event->opcode != HAWSER_WEBSOCKET_CLOSE)
    return HAWSER_WEBSOCKET_MESSAGE;

  event->close_code = HAWSER_WEBSOCKET_CLOSE_NO_STATUS;
  if (len == 0)
    return HAWSER_WEBSOCKET_MESSAGE;
  if (len == 1)
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "close frame of one byte");
  event->close_code = (guint) data[0] << 8 | data[1];
  if (!is_close_code (event->close_code))
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "close code that must not be sent");
  if (!is_text (data + 2, len - 2))
    return fail (event, HAWSER_WEBSOCKET_CLOSE_BAD_DATA, "close reason is not UTF-8");
  return HAWSER_WEBSOCKET_MESSAGE;
}

static HawserWebsocketResult
take_data (HawserWebsocketReader *self, HawserWebsocketEvent *event, guint8 opcode, gboolean is_last, guint8 *data, gsize len, const HawserWebsocketLimits *limits)
{
  if (opcode != HAWSER_WEBSOCKET_CONTINUATION)
    self->opcode = opcode;
  if (is_last && self->message == NULL)
    {
      event->data = data;
      event->len = len;
    }
  else
    {
      if (++self->n_fragments > limits->max_fragments)
        return fail (event, HAWSER_WEBSOCKET_CLOSE_POLICY, "too many fragments");
      if (self->message == NULL)
        self->message = g_byte_array_new ();
      g_byte_array_append (self->message, data, (guint) len);
      if (!is_last)
        return HAWSER_WEBSOCKET_FRAME;
      event->data = self->message->data;
      event->len = self->message->len;
    }

  event->opcode = self->opcode;
  self->opcode = 0;
  self->n_fragments = 0;
  if (event->opcode == HAWSER_WEBSOCKET_TEXT && !is_text (event->data, event->len))
    return fail (event, HAWSER_WEBSOCKET_CLOSE_BAD_DATA, "text is not UTF-8");
  return HAWSER_WEBSOCKET_MESSAGE;
}

typedef struct {
  guint8 opcode;
  gboolean is_last;
  gsize len;                     /* of the head, mask included */
  guint64 payload_len;
} FrameHead;

/* The rules of section 5.2 that need only the head. MORE: it is not whole; MESSAGE: @out_head is set. */
static HawserWebsocketResult
read_head (const guint8 *data, gsize len, gboolean is_in_message, FrameHead *out_head, HawserWebsocketEvent *event)
{
  FrameHead head = { 0 };

  if (len < 2)
    return HAWSER_WEBSOCKET_MORE;
  head.opcode = data[0] & 0x0f;
  head.is_last = (data[0] & 0x80) != 0;
  head.len = 6;
  if (data[0] & 0x70)
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "reserved bit");
  if ((head.opcode > HAWSER_WEBSOCKET_BINARY && head.opcode < HAWSER_WEBSOCKET_CLOSE) || head.opcode > HAWSER_WEBSOCKET_PONG)
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "unknown opcode");
  if (!(data[1] & 0x80))
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "frame of a client without mask");
  head.payload_len = data[1] & 0x7f;
  if (head.opcode >= HAWSER_WEBSOCKET_CLOSE && (!head.is_last || head.payload_len > HAWSER_WEBSOCKET_MAX_CONTROL))
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, head.is_last ? "control frame above 125 bytes" : "fragmented control frame");
  if (head.opcode < HAWSER_WEBSOCKET_CLOSE && (head.opcode == HAWSER_WEBSOCKET_CONTINUATION) != is_in_message)
    return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, is_in_message ? "message inside a message" : "continuation of nothing");

  if (head.payload_len == 126)
    {
      head.len = 8;
      if (len < 4)
        return HAWSER_WEBSOCKET_MORE;
      head.payload_len = (guint64) data[2] << 8 | data[3];
      if (head.payload_len < 126)
        return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "length is not in its shortest form");
    }
  else if (head.payload_len == 127)
    {
      head.len = 14;
      if (len < 10)
        return HAWSER_WEBSOCKET_MORE;
      head.payload_len = 0;
      for (int i = 2; i < 10; i++)
        head.payload_len = head.payload_len << 8 | data[i];
      if (head.payload_len < 65536 || head.payload_len >> 63)
        return fail (event, HAWSER_WEBSOCKET_CLOSE_PROTOCOL, "length is not in its shortest form");
    }
  *out_head = head;
  return HAWSER_WEBSOCKET_MESSAGE;
}

HawserWebsocketResult
hawser_websocket_read (HawserWebsocketReader *self, guint8 *data, gsize len, const HawserWebsocketLimits *limits, gsize *out_used, gsize *out_needed, HawserWebsocketEvent *out_event)
{
  HawserWebsocketResult result;
  FrameHead head;
  gsize kept;

  *out_used = *out_needed = 0;
  memset (out_event, 0, sizeof *out_event);
  if (self->opcode == 0)
    g_clear_pointer (&self->message, g_byte_array_unref); /* of the message before */
  result = read_head (data, len, self->opcode != 0, &head, out_event);
  if (result != HAWSER_WEBSOCKET_MESSAGE)
    return result;

  kept = self->message != NULL ? self->message->len : 0;
  if (head.opcode < HAWSER_WEBSOCKET_CLOSE && (head.payload_len > limits->max_message || head.payload_len > limits->max_message - kept))
    return fail (out_event, HAWSER_WEBSOCKET_CLOSE_TOO_LARGE, "message over the limit");
  *out_needed = head.len + (gsize) head.payload_len;
  if (len < *out_needed)
    return HAWSER_WEBSOCKET_MORE;

  *out_used = *out_needed;
  unmask (data + head.len, (gsize) head.payload_len, data + head.len - 4);
  out_event->opcode = head.opcode;
  if (head.opcode >= HAWSER_WEBSOCKET_CLOSE)
    return take_control (out_event, data + head.len, (gsize) head.payload_len);
  return take_data (self, out_event, head.opcode, head.is_last, data + head.len, (gsize) head.payload_len, limits);
}

/* ---- As a stream ---- */

/* Collects the head of the next frame. MESSAGE: it is whole and the frame has begun. */
static HawserWebsocketResult
begin_frame (HawserWebsocketStream *self, const guint8 *data, gsize len, guint64 max_frame, gsize *out_used, HawserWebsocketEvent *event)
{
  HawserWebsocketResult result;
  FrameHead head;

  *out_used = 0;
  while (TRUE)
    {
      result = read_head (self->head, self->head_len, self->is_in_message, &head, event);
      if (result == HAWSER_WEBSOCKET_ERROR)
        return result;
      if (result == HAWSER_WEBSOCKET_MESSAGE && self->head_len == head.len)
        break;
      if (*out_used == len)
        return HAWSER_WEBSOCKET_MORE;
      self->head[self->head_len++] = data[(*out_used)++];
    }
  if (head.opcode == HAWSER_WEBSOCKET_TEXT)
    return fail (event, HAWSER_WEBSOCKET_CLOSE_UNSUPPORTED, "only binary frames are spoken here");
  if (head.payload_len > max_frame)
    return fail (event, HAWSER_WEBSOCKET_CLOSE_TOO_LARGE, "frame over the limit");
  if (head.opcode < HAWSER_WEBSOCKET_CLOSE)
    self->is_in_message = !head.is_last;
  memcpy (self->mask, self->head + head.len - 4, 4);
  self->mask_at = 0;
  self->left = head.payload_len;
  self->opcode = head.opcode;
  self->control_len = 0;
  self->head_len = 0;
  self->is_in_frame = TRUE;
  return HAWSER_WEBSOCKET_MESSAGE;
}

static void
unmask_part (HawserWebsocketStream *self, guint8 *data, gsize len)
{
  guint8 mask[4];

  for (int i = 0; i < 4; i++)
    mask[i] = self->mask[(self->mask_at + i) & 3];
  unmask (data, len, mask);
  self->mask_at = (guint8) ((self->mask_at + len) & 3);
}

HawserWebsocketResult
hawser_websocket_read_stream (HawserWebsocketStream *self, guint8 *data, gsize len, guint64 max_frame, gsize *out_used, gsize *out_len, HawserWebsocketEvent *out_event)
{
  gsize used = 0, filled = 0;
  HawserWebsocketResult result = HAWSER_WEBSOCKET_MORE;

  memset (out_event, 0, sizeof *out_event);
  while (used < len || (self->is_in_frame && self->left == 0))
    {
      gsize n;

      if (!self->is_in_frame)
        {
          result = begin_frame (self, data + used, len - used, max_frame, &n, out_event);
          used += n;
          if (result != HAWSER_WEBSOCKET_MESSAGE)
            break;
          result = HAWSER_WEBSOCKET_MORE;
          continue;
        }
      n = (gsize) MIN (self->left, len - used);
      unmask_part (self, data + used, n);
      self->left -= n;
      if (self->opcode >= HAWSER_WEBSOCKET_CLOSE)
        {
          memcpy (self->control + self->control_len, data + used, n);
          self->control_len += (guint8) n;
        }
      else
        {
          if (filled != used)
            memmove (data + filled, data + used, n);
          filled += n;
        }
      used += n;
      if (self->left > 0)
        break;
      self->is_in_frame = FALSE;
      if (self->opcode >= HAWSER_WEBSOCKET_CLOSE)
        {
          out_event->opcode = self->opcode;
          result = take_control (out_event, self->control, self->control_len);
          break;
        }
    }
  *out_used = used;
  *out_len = filled;
  return result;
}

gsize
hawser_websocket_write_header (guint8 *out, HawserWebsocketOpcode opcode, gsize len)
{
  out[0] = (guint8) (0x80 | opcode);
  if (len < 126)
    {
      out[1] = (guint8) len;
      return 2;
    }
  if (len < 65536)
    {
      out[1] = 126;
      out[2] = (guint8) (len >> 8);
      out[3] = (guint8) len;
      return 4;
    }
  out[1] = 127;
  for (int i = 0; i < 8; i++)
    out[2 + i] = (guint8) ((guint64) len >> (56 - 8 * i));
  return 10;
}

char *
hawser_websocket_accept_key (const char *key)
{
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
  g_autoptr (GChecksum) checksum = NULL;
  g_autofree guchar *decoded = NULL;
  guint8 digest[20];
  gsize len = 0, digest_len = sizeof digest;

  if (key == NULL || strlen (key) != 24)
    return NULL;
  decoded = g_base64_decode (key, &len);
  if (len != 16)
    return NULL;
  checksum = g_checksum_new (G_CHECKSUM_SHA1);
  g_checksum_update (checksum, (const guchar *) key, 24);
  g_checksum_update (checksum, (const guchar *) guid, sizeof guid - 1);
  g_checksum_get_digest (checksum, digest, &digest_len);
  return g_base64_encode (digest, digest_len);
}
