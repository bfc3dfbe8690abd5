/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSocket framing, server side: frames as hexadecimal text, the events they make or the code they are closed with. */

#include <string.h>

#include "http-websocket.h"

static const WebsocketLimits limits = { 1000, 4 };

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
      WebsocketReader reader = { 0 };
      WebsocketResult result = WEBSOCKET_MORE;
      WebsocketEvent event = { 0 };
      gsize at = 0, end = byte_by_byte ? 1 : bytes->len;

      while (result != WEBSOCKET_ERROR && at < bytes->len)
        {
          gsize used, needed;
          g_autofree guint8 *copy = g_memdup2 (bytes->data + at, end - at);

          result = websocket_read (&reader, copy, end - at, &limits, &used, &needed, &event);
          at += used;
          if (result == WEBSOCKET_MESSAGE && at == bytes->len && cases[i].text != NULL)
            g_assert_cmpmem (event.data, event.len, cases[i].text, strlen (cases[i].text));
          if (result == WEBSOCKET_MORE)
            {
              g_assert_cmpuint (end, <, bytes->len);
              end++;
            }
          else if (byte_by_byte && end < bytes->len && end == at)
            end++;
        }
      if (cases[i].close_code != 0)
        {
          g_assert_cmpint (result, ==, WEBSOCKET_ERROR);
          g_assert_cmpuint (event.close_code, ==, cases[i].close_code);
          g_assert_nonnull (event.detail);
        }
      else
        g_assert_cmpint (result, ==, WEBSOCKET_MESSAGE);
      websocket_reader_clear (&reader);
    }
}

static void
test_close_carries_its_code (void)
{
  g_autoptr (GByteArray) bytes = from_hex ("88 84 " M " 03e8 6f6b");
  WebsocketReader reader = { 0 };
  WebsocketEvent event;
  gsize used, needed;

  g_assert_cmpint (websocket_read (&reader, bytes->data, bytes->len, &limits, &used, &needed, &event), ==, WEBSOCKET_MESSAGE);
  g_assert_cmpint (event.opcode, ==, WEBSOCKET_CLOSE);
  g_assert_cmpuint (event.close_code, ==, 1000);
}

static void
test_fragments_together_are_limited (void)
{
  g_autoptr (GByteArray) bytes = from_hex ("01 fe 0258 " M);
  WebsocketReader reader = { 0 };
  WebsocketEvent event;
  gsize used, needed;

  g_byte_array_set_size (bytes, 8 + 600);
  memset (bytes->data + 8, 'a', 600);
  g_assert_cmpint (websocket_read (&reader, bytes->data, bytes->len, &limits, &used, &needed, &event), ==, WEBSOCKET_FRAME);
  bytes->data[0] = 0x80;
  memset (bytes->data + 4, 0, 4);
  g_assert_cmpint (websocket_read (&reader, bytes->data, bytes->len, &limits, &used, &needed, &event), ==, WEBSOCKET_ERROR);
  g_assert_cmpuint (event.close_code, ==, 1009);
  websocket_reader_clear (&reader);
}

static void
test_header_has_the_shortest_length (void)
{
  guint8 head[WEBSOCKET_MAX_HEADER];

  g_assert_cmpuint (websocket_write_header (head, WEBSOCKET_TEXT, 125), ==, 2);
  g_assert_cmpuint (head[1], ==, 125);
  g_assert_cmpuint (websocket_write_header (head, WEBSOCKET_TEXT, 126), ==, 4);
  g_assert_cmpuint (head[2] << 8 | head[3], ==, 126);
  g_assert_cmpuint (websocket_write_header (head, WEBSOCKET_BINARY, 65536), ==, 10);
  g_assert_cmpuint (head[0], ==, 0x82);
  g_assert_cmpuint (head[7], ==, 1);
}

static void
test_accept_key (void)
{
  g_autofree char *accept = websocket_accept_key ("dGhlIHNhbXBsZSBub25jZQ=="); /* RFC 6455 section 1.3 */

  g_assert_cmpstr (accept, ==, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  g_assert_null (websocket_accept_key (NULL));
  g_assert_null (websocket_accept_key ("dGhl"));
  g_assert_null (websocket_accept_key ("!!!!!!!!!!!!!!!!!!!!!!!!"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http/websocket/%s/%s", cases[i].close_code != 0 ? "refuses" : "reads", cases[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
    }
  g_test_add_func ("/http/websocket/close-carries-its-code", test_close_carries_its_code);
  g_test_add_func ("/http/websocket/fragments-together-are-limited", test_fragments_together_are_limited);
  g_test_add_func ("/http/websocket/header-has-the-shortest-length", test_header_has_the_shortest_length);
  g_test_add_func ("/http/websocket/accept-key", test_accept_key);
  return g_test_run ();
}
