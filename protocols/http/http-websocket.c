/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSocket framing, server side: bytes of a client become messages, in place, under limits; the answer to anything
 * that RFC 6455 forbids is a close code. Pure: no I/O and no protocol above it, so that MQTT can ride on it as well.
 * Used by http-live.c on the lane. Source: RFC 6455. */

#include "http-websocket.h"

#include <string.h>

static WebsocketResult
fail (WebsocketEvent *event, guint code, const char *detail)
{
  event->close_code = code;
  event->detail = detail;
  return WEBSOCKET_ERROR;
}

void
websocket_reader_clear (WebsocketReader *self)
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

static WebsocketResult
take_control (WebsocketEvent *event, guint8 *data, gsize len)
{
  event->data = data;
  event->len = len;
  if (event->opcode != WEBSOCKET_CLOSE)
    return WEBSOCKET_MESSAGE;

  event->close_code = WEBSOCKET_CLOSE_NO_STATUS;
  if (len == 0)
    return WEBSOCKET_MESSAGE;
  if (len == 1)
    return fail (event, WEBSOCKET_CLOSE_PROTOCOL, "close frame of one byte");
  event->close_code = (guint) data[0] << 8 | data[1];
  if (!is_close_code (event->close_code))
    return fail (event, WEBSOCKET_CLOSE_PROTOCOL, "close code that must not be sent");
  if (!is_text (data + 2, len - 2))
    return fail (event, WEBSOCKET_CLOSE_BAD_DATA, "close reason is not UTF-8");
  return WEBSOCKET_MESSAGE;
}

static WebsocketResult
take_data (WebsocketReader *self, WebsocketEvent *event, guint8 opcode, gboolean is_last, guint8 *data, gsize len, const WebsocketLimits *limits)
{
  if (opcode != WEBSOCKET_CONTINUATION)
    self->opcode = opcode;
  if (is_last && self->message == NULL)
    {
      event->data = data;
      event->len = len;
    }
  else
    {
      if (++self->n_fragments > limits->max_fragments)
        return fail (event, WEBSOCKET_CLOSE_POLICY, "too many fragments");
      if (self->message == NULL)
        self->message = g_byte_array_new ();
      g_byte_array_append (self->message, data, (guint) len);
      if (!is_last)
        return WEBSOCKET_FRAME;
      event->data = self->message->data;
      event->len = self->message->len;
    }

  event->opcode = self->opcode;
  self->opcode = 0;
  self->n_fragments = 0;
  if (event->opcode == WEBSOCKET_TEXT && !is_text (event->data, event->len))
    return fail (event, WEBSOCKET_CLOSE_BAD_DATA, "text is not UTF-8");
  return WEBSOCKET_MESSAGE;
}

WebsocketResult
websocket_read (WebsocketReader *self, guint8 *data, gsize len, const WebsocketLimits *limits, gsize *out_used, gsize *out_needed, WebsocketEvent *out_event)
{
  guint8 opcode;
  gboolean is_last;
  gsize head = 6, kept;
  guint64 payload_len;

  *out_used = *out_needed = 0;
  memset (out_event, 0, sizeof *out_event);
  if (self->opcode == 0)
    g_clear_pointer (&self->message, g_byte_array_unref); /* of the message before */
  if (len < 2)
    return WEBSOCKET_MORE;

  opcode = data[0] & 0x0f;
  is_last = (data[0] & 0x80) != 0;
  if (data[0] & 0x70)
    return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, "reserved bit");
  if ((opcode > WEBSOCKET_BINARY && opcode < WEBSOCKET_CLOSE) || opcode > WEBSOCKET_PONG)
    return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, "unknown opcode");
  if (!(data[1] & 0x80))
    return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, "frame of a client without mask");
  payload_len = data[1] & 0x7f;
  if (opcode >= WEBSOCKET_CLOSE && (!is_last || payload_len > 125))
    return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, is_last ? "control frame above 125 bytes" : "fragmented control frame");
  if (opcode < WEBSOCKET_CLOSE && (opcode == WEBSOCKET_CONTINUATION) != (self->opcode != 0))
    return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, self->opcode != 0 ? "message inside a message" : "continuation of nothing");

  if (payload_len == 126)
    {
      head = 8;
      if (len < 4)
        return WEBSOCKET_MORE;
      payload_len = (guint64) data[2] << 8 | data[3];
      if (payload_len < 126)
        return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, "length is not in its shortest form");
    }
  else if (payload_len == 127)
    {
      head = 14;
      if (len < 10)
        return WEBSOCKET_MORE;
      payload_len = 0;
      for (int i = 2; i < 10; i++)
        payload_len = payload_len << 8 | data[i];
      if (payload_len < 65536 || payload_len >> 63)
        return fail (out_event, WEBSOCKET_CLOSE_PROTOCOL, "length is not in its shortest form");
    }

  kept = self->message != NULL ? self->message->len : 0;
  if (opcode < WEBSOCKET_CLOSE && (payload_len > limits->max_message || payload_len > limits->max_message - kept))
    return fail (out_event, WEBSOCKET_CLOSE_TOO_LARGE, "message over the limit");
  *out_needed = head + (gsize) payload_len;
  if (len < *out_needed)
    return WEBSOCKET_MORE;

  *out_used = *out_needed;
  unmask (data + head, (gsize) payload_len, data + head - 4);
  out_event->opcode = opcode;
  if (opcode >= WEBSOCKET_CLOSE)
    return take_control (out_event, data + head, (gsize) payload_len);
  return take_data (self, out_event, opcode, is_last, data + head, (gsize) payload_len, limits);
}

gsize
websocket_write_header (guint8 *out, WebsocketOpcode opcode, gsize len)
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
websocket_accept_key (const char *key)
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
