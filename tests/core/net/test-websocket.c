/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSocket framing, server side: frames as hexadecimal text, the events they make or the code they are closed with. */

#include <string.h>

#include "hawser-websocket.h"

static const HawserWebsocketLimits limits = { 1000, 4 };

static GByteArray *
from_hex (const char *hex)
{
  GByteArray *bytes = g_byte_array_new ();

  for (; *hex != '\0'; hex++)
    if (*hex != ' ')
      {
        guint8 byte = (guint8) (g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));

        g_byte_array_append (bytes, &byte, 1);
        hex++;
      }
  return bytes;
}

/* The mask is zero, so payloads are readable. */
#define M "00000000"

static const struct {
  const char *name, *frames, *source;
  guint close_code;            /* 0: passes and gives @text as the last event */
  const char *text;
} cases[] = {
  { "text", "81 85 " M " 68656c6c6f", "5.6", 0, "hello" },
  { "masked-text", "81 85 37fa213d 7f9f4d5158", "5.7", 0, "Hello" },
  { "binary", "82 81 " M " ff", "5.6", 0, "\xff" },
  { "empty-text", "81 80 " M, "5.6", 0, "" },
  { "two-fragments", "01 82 " M " 6865 80 83 " M " 6c6c6f", "5.4", 0, "hello" },
  { "ping-between-fragments", "01 82 " M " 6865 89 80 " M " 80 83 " M " 6c6c6f", "5.4", 0, "hello" },
  { "ping", "89 82 " M " 6869", "5.5.2", 0, "hi" },
  { "fragment-splits-a-character", "01 81 " M " c3 80 81 " M " a9", "5.6", 0, "\xc3\xa9" },
  { "unmasked", "81 05 68656c6c6f", "5.1", 1002, NULL },
  { "reserved-bit-1", "c1 80 " M, "5.2", 1002, NULL },
  { "reserved-bit-3", "91 80 " M, "5.2", 1002, NULL },
  { "opcode-3", "83 80 " M, "5.2", 1002, NULL },
  { "opcode-b", "8b 80 " M, "5.2", 1002, NULL },
  { "fragmented-ping", "09 80 " M, "5.5", 1002, NULL },
  { "long-ping", "89 fe 007e " M, "5.5", 1002, NULL },
  { "continuation-of-nothing", "80 80 " M, "5.4", 1002, NULL },
  { "message-inside-a-message", "01 80 " M " 81 80 " M, "5.4", 1002, NULL },
  { "length-not-shortest-16", "81 fe 0005 " M, "5.2", 1002, NULL },
  { "length-not-shortest-64", "81 ff 0000000000000005 " M, "5.2", 1002, NULL },
  { "length-two-to-63", "81 ff 8000000000000000 " M, "5.2", 1002, NULL },
  { "length-over-limit", "81 fe 03e9 " M, "7.4.1", 1009, NULL },
  { "huge-length", "82 ff 7fffffffffffffff " M, "7.4.1", 1009, NULL },
  { "bad-utf-8", "81 81 " M " ff", "8.1", 1007, NULL },
  { "surrogate", "81 83 " M " eda080", "8.1", 1007, NULL },
  { "cut-character", "81 81 " M " c3", "8.1", 1007, NULL },
  { "too-many-fragments", "01 80 " M " 00 80 " M " 00 80 " M " 00 80 " M " 00 80 " M, "ours", 1008, NULL },
  { "close-of-one-byte", "88 81 " M " 03", "5.5.1", 1002, NULL },
  { "close-1005", "88 82 " M " 03ed", "7.4.1", 1002, NULL },
  { "close-1006", "88 82 " M " 03ee", "7.4.1", 1002, NULL },
  { "close-999", "88 82 " M " 03e7", "7.4.2", 1002, NULL },
  { "close-5000", "88 82 " M " 1388", "7.4.2", 1002, NULL },
  { "close-with-bad-reason", "88 83 " M " 03e8ff", "5.5.1", 1007, NULL },
};

static void
test_case (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);

  for (int byte_by_byte = 0; byte_by_byte < 2; byte_by_byte++)
    {
      g_autoptr (GByteArray) bytes = from_hex (cases[i].frames);
      HawserWebsocketReader reader = { 0 };
      HawserWebsocketResult result = HAWSER_WEBSOCKET_MORE;
      HawserWebsocketEvent event = { 0 };
      gsize at = 0, end = byte_by_byte ? 1 : bytes->len;

      while (result != HAWSER_WEBSOCKET_ERROR && at < bytes->len)
        {
          gsize used, needed;
          g_autofree guint8 *copy = g_memdup2 (bytes->data + at, end - at);

          result = hawser_websocket_read (&reader, copy, end - at, &limits, &used, &needed, &event);
          at += used;
          if (result == HAWSER_WEBSOCKET_MESSAGE && at == bytes->len && cases[i].text != NULL)
            g_assert_cmpmem (event.data, event.len, cases[i].text, strlen (cases[i].text));
          if (result == HAWSER_WEBSOCKET_MORE)
            {
              g_assert_cmpuint (end, <, bytes->len);
              end++;
            }
          else if (byte_by_byte && end < bytes->len && end == at)
            end++;
        }
      if (cases[i].close_code != 0)
        {
          g_assert_cmpint (result, ==, HAWSER_WEBSOCKET_ERROR);
          g_assert_cmpuint (event.close_code, ==, cases[i].close_code);
          g_assert_nonnull (event.detail);
        }
      else
        g_assert_cmpint (result, ==, HAWSER_WEBSOCKET_MESSAGE);
      hawser_websocket_reader_clear (&reader);
    }
}

static void
test_close_carries_its_code (void)
{
  g_autoptr (GByteArray) bytes = from_hex ("88 84 " M " 03e8 6f6b");
  HawserWebsocketReader reader = { 0 };
  HawserWebsocketEvent event;
  gsize used, needed;

  g_assert_cmpint (hawser_websocket_read (&reader, bytes->data, bytes->len, &limits, &used, &needed, &event), ==, HAWSER_WEBSOCKET_MESSAGE);
  g_assert_cmpint (event.opcode, ==, HAWSER_WEBSOCKET_CLOSE);
  g_assert_cmpuint (event.close_code, ==, 1000);
}

static void
test_fragments_together_are_limited (void)
{
  g_autoptr (GByteArray) bytes = from_hex ("01 fe 0258 " M);
  HawserWebsocketReader reader = { 0 };
  HawserWebsocketEvent event;
  gsize used, needed;

  g_byte_array_set_size (bytes, 8 + 600);
  memset (bytes->data + 8, 'a', 600);
  g_assert_cmpint (hawser_websocket_read (&reader, bytes->data, bytes->len, &limits, &used, &needed, &event), ==, HAWSER_WEBSOCKET_FRAME);
  bytes->data[0] = 0x80;
  memset (bytes->data + 4, 0, 4);
  g_assert_cmpint (hawser_websocket_read (&reader, bytes->data, bytes->len, &limits, &used, &needed, &event), ==, HAWSER_WEBSOCKET_ERROR);
  g_assert_cmpuint (event.close_code, ==, 1009);
  hawser_websocket_reader_clear (&reader);
}

/* The bytes of @hex as a stream, @step at a time: the payload as text, then `pN` for a ping of N bytes. */
static char *
stream_to_text (const char *hex, gsize step, guint *out_code)
{
  g_autoptr (GByteArray) bytes = from_hex (hex);
  HawserWebsocketStream stream = { 0 };
  GString *text = g_string_new (NULL);
  gsize at = 0, end = 0;

  *out_code = 0;
  while (at < bytes->len && *out_code == 0)
    {
      HawserWebsocketEvent event;
      HawserWebsocketResult result;
      gsize used, len;

      end = MIN (bytes->len, at == end ? end + step : end);
      result = hawser_websocket_read_stream (&stream, bytes->data + at, end - at, 1000, &used, &len, &event);
      g_string_append_len (text, (const char *) bytes->data + at, (gssize) len);
      at += used;
      if (result == HAWSER_WEBSOCKET_ERROR || (result == HAWSER_WEBSOCKET_MESSAGE && event.opcode == HAWSER_WEBSOCKET_CLOSE))
        *out_code = event.close_code;
      else if (result == HAWSER_WEBSOCKET_MESSAGE)
        g_string_append_printf (text, "(p%u)", (guint) event.len);
    }
  return g_string_free (text, FALSE);
}

static const struct {
  const char *name, *frames, *text;
  guint code;
} streams[] = {
  { "frames-are-joined", "82 82 " M " 6865 82 83 " M " 6c6c6f", "hello", 0 },
  { "fragments-are-joined", "02 82 " M " 6865 00 80 " M " 80 83 " M " 6c6c6f", "hello", 0 },
  { "masks-differ", "82 83 37fa213d 7f9f4d 82 82 00010203 6c6e", "Hello", 0 },
  { "a-ping-between-fragments", "02 82 " M " 6865 89 82 " M " 6161 80 83 " M " 6c6c6f", "he(p2)llo", 0 },
  { "what-follows-a-close-is-not-read", "82 81 " M " 61 88 82 " M " 03e8 82 81 " M " 62", "a", 1000 },
  { "text-is-unsupported", "82 81 " M " 61 81 81 " M " 62", "a", 1003 },
  { "too-long", "82 ff 0000000000010000 " M, "", 1009 },
  { "payload-before-an-error-is-given", "82 81 " M " 61 82 01", "a", 1002 },
};

static void
test_stream (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);

  for (gsize step = 1; step < 64; step += step < 8 ? 1 : 55)
    {
      guint code;
      g_autofree char *text = stream_to_text (streams[i].frames, step, &code);

      g_assert_cmpstr (text, ==, streams[i].text);
      g_assert_cmpuint (code, ==, streams[i].code);
    }
}

static void
test_header_has_the_shortest_length (void)
{
  guint8 head[HAWSER_WEBSOCKET_MAX_HEADER];

  g_assert_cmpuint (hawser_websocket_write_header (head, HAWSER_WEBSOCKET_TEXT, 125), ==, 2);
  g_assert_cmpuint (head[1], ==, 125);
  g_assert_cmpuint (hawser_websocket_write_header (head, HAWSER_WEBSOCKET_TEXT, 126), ==, 4);
  g_assert_cmpuint (head[2] << 8 | head[3], ==, 126);
  g_assert_cmpuint (hawser_websocket_write_header (head, HAWSER_WEBSOCKET_BINARY, 65536), ==, 10);
  g_assert_cmpuint (head[0], ==, 0x82);
  g_assert_cmpuint (head[7], ==, 1);
}

static void
test_accept_key (void)
{
  g_autofree char *accept = hawser_websocket_accept_key ("dGhlIHNhbXBsZSBub25jZQ=="); /* RFC 6455 section 1.3 */

  g_assert_cmpstr (accept, ==, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  g_assert_null (hawser_websocket_accept_key (NULL));
  g_assert_null (hawser_websocket_accept_key ("dGhl"));
  g_assert_null (hawser_websocket_accept_key ("!!!!!!!!!!!!!!!!!!!!!!!!"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/websocket/%s/%s", cases[i].close_code != 0 ? "refuses" : "reads", cases[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
    }
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      g_autofree char *path = g_strdup_printf ("/websocket/stream/%s", streams[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_stream);
    }
  g_test_add_func ("/websocket/close-carries-its-code", test_close_carries_its_code);
  g_test_add_func ("/websocket/fragments-together-are-limited", test_fragments_together_are_limited);
  g_test_add_func ("/websocket/header-has-the-shortest-length", test_header_has_the_shortest_length);
  g_test_add_func ("/websocket/accept-key", test_accept_key);
  return g_test_run ();
}
