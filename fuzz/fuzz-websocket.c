/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as frames of a client: whole messages, and as a stream, whole and cut in pieces, with the same payload and the
 * same end; and as the request that opens a WebSocket. */

#include <string.h>

#include "hawser-websocket.h"
#include "hawser-websocket-handshake.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
read_messages (const guint8 *data, gsize size)
{
  static const HawserWebsocketLimits few = { 4096, 8 };
  g_autofree guint8 *copy = g_memdup2 (data, size);
  HawserWebsocketReader reader = { 0 };
  gsize at = 0;

  while (at < size)
    {
      HawserWebsocketEvent event;
      gsize used, needed;
      HawserWebsocketResult result = hawser_websocket_read (&reader, copy + at, size - at, &few, &used, &needed, &event);

      if (result == HAWSER_WEBSOCKET_MORE || result == HAWSER_WEBSOCKET_ERROR)
        break;
      g_assert_true (used > 0 && used <= size - at);
      if (result == HAWSER_WEBSOCKET_MESSAGE && event.opcode == HAWSER_WEBSOCKET_TEXT)
        g_assert_true (event.len == 0 || g_utf8_validate_len ((const char *) event.data, event.len, NULL));
      at += used;
    }
  hawser_websocket_reader_clear (&reader);
}

/* What came of the stream: payload, control frames, and the code of the end. */
static GByteArray *
read_stream (const guint8 *data, gsize size, gsize step, guint *out_code)
{
  g_autofree guint8 *copy = g_memdup2 (data, size);
  HawserWebsocketStream stream = { 0 };
  GByteArray *out = g_byte_array_new ();
  gsize at = 0;

  *out_code = 0;
  while (at < size)
    {
      gsize piece = MIN (step, size - at), begin = at;

      while (at < begin + piece)
        {
          HawserWebsocketEvent event;
          gsize used, len;
          HawserWebsocketResult result = hawser_websocket_read_stream (&stream, copy + at, begin + piece - at, 4096, &used, &len, &event);

          g_assert_true (len <= used && used <= begin + piece - at);
          g_assert_true (result != HAWSER_WEBSOCKET_MORE || used == begin + piece - at);
          g_byte_array_append (out, copy + at, (guint) len);
          at += used;
          if (result == HAWSER_WEBSOCKET_MESSAGE)
            {
              g_assert_true (event.opcode >= HAWSER_WEBSOCKET_CLOSE && event.len <= HAWSER_WEBSOCKET_MAX_CONTROL);
              if (event.opcode == HAWSER_WEBSOCKET_CLOSE)
                return *out_code = event.close_code, out;
            }
          if (result == HAWSER_WEBSOCKET_ERROR)
            return *out_code = event.close_code, out;
        }
    }
  return out;
}

static void
read_handshake (const guint8 *data, gsize size)
{
  static const char * const subprotocols[] = { "mqtt", "mqttv3.1", NULL };
  static const char * const origins[] = { "https://a.example", NULL };
  const HawserWebsocketSite site = { "/mqtt", subprotocols, origins };
  g_autoptr (GString) whole = g_string_new (NULL), cut = g_string_new (NULL);
  gsize used = 0, cut_used = 0, len = 0, step = 1 + (size > 0 ? data[size - 1] % 61 : 0);
  HawserWebsocketHandshake result = hawser_websocket_handshake_read (data, size, &site, &used, whole), cut_result = HAWSER_WEBSOCKET_HANDSHAKE_MORE;

  while (cut_result == HAWSER_WEBSOCKET_HANDSHAKE_MORE && len < size)
    {
      len = MIN (len + step, size);
      cut_result = hawser_websocket_handshake_read (data, len, &site, &cut_used, cut);
    }
  g_assert_true (result == HAWSER_WEBSOCKET_HANDSHAKE_MORE ? whole->len == 0 : g_str_has_prefix (whole->str, "HTTP/1.1 "));
  g_assert_true (used <= size);
  if (cut_result == HAWSER_WEBSOCKET_HANDSHAKE_ACCEPTED)
    g_assert_true (result == HAWSER_WEBSOCKET_HANDSHAKE_ACCEPTED && used == cut_used && g_string_equal (whole, cut));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  guint code, cut_code;
  g_autoptr (GByteArray) whole = read_stream (data, size, MAX (size, 1), &code);
  g_autoptr (GByteArray) cut = read_stream (data, size, 1 + (size > 0 ? data[0] % 7 : 0), &cut_code);

  g_assert_true (code == cut_code && whole->len == cut->len && (whole->len == 0 || memcmp (whole->data, cut->data, whole->len) == 0));
  read_messages (data, size);
  read_handshake (data, size);
  return 0;
}
