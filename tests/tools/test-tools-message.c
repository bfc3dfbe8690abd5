/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pure parts of the command line: server-sent events, message forms, format strings. */

#include <string.h>

#include <hawser/hawser.h>

#include "tool-message.h"
#include "tool-sse.h"

static void
collect (const char *event,
         const char *id,
         const char *data,
         gsize       len,
         gpointer    user_data)
{
  g_string_append_printf (user_data, "[%s|%s|%.*s]", event != NULL ? event : "", id != NULL ? id : "", (int) len, data);
}

static const struct {
  const char *name;
  const char *bytes;
  const char *expected;
} streams[] = {
  { "one-event", "data: a\n\n", "[||a]" },
  { "no-blank-after-colon", "data:a\n\n", "[||a]" },
  { "lines-join-with-a-newline", "data: a\ndata: b\n\n", "[||a\nb]" },
  { "a-comment-is-nothing", ": hello\n\ndata: a\n\n", "[||a]" },
  { "id-and-event", "id: 7\nevent: gap\ndata: 3\n\n", "[gap|7|3]" },
  { "id-stays-event-does-not", "id: 7\nevent: gap\ndata: 3\n\ndata: x\n\n", "[gap|7|3][|7|x]" },
  { "carriage-returns", "data: a\r\rdata: b\r\n\r\n", "[||a][||b]" },
  { "no-data-no-event", "event: x\n\n", "" },
  { "an-unfinished-event-is-not-told", "data: a\n", "" },
  { "empty-data-is-an-event", "data\n\n", "[||]" },
};

/* Any split of the bytes gives the same events. */
static void
test_stream (gconstpointer data)
{
  gsize row = GPOINTER_TO_SIZE (data), len = strlen (streams[row].bytes);

  for (gsize split = 0; split <= len; split++)
    {
      g_autoptr (GString) got = g_string_new (NULL);
      ToolSse sse;

      tool_sse_init (&sse, collect, got);
      g_assert_true (tool_sse_push (&sse, streams[row].bytes, split));
      g_assert_true (tool_sse_push (&sse, streams[row].bytes + split, len - split));
      g_assert_cmpstr (got->str, ==, streams[row].expected);
      tool_sse_clear (&sse);
    }
}

static ToolMessage *
make_message (const char *payload,
              gsize       len)
{
  ToolMessage *message = tool_message_new ();

  message->topic = g_strdup ("a/b");
  message->payload = g_bytes_new (payload, len);
  return message;
}

static void
test_terminal_gets_no_control_characters (void)
{
  g_autoptr (ToolMessage) message = make_message ("a\033[2J\xff\xc3\xa9\n", 9);
  g_autoptr (GString) out = g_string_new (NULL);

  tool_message_append_payload (message, TOOL_PAYLOAD_AUTO, TRUE, out);
  g_assert_cmpstr (out->str, ==, "a\\x1b[2J\\xff\xc3\xa9\n");
}

static void
test_binary_is_base64_in_json (void)
{
  g_autoptr (ToolMessage) message = make_message ("\0\1\377", 3);
  g_autofree char *json = tool_message_to_json (message, FALSE);

  g_assert_nonnull (strstr (json, "\"data_base64\":\"AAH/\""));
}

static void
test_json_survives_the_way_there_and_back (void)
{
  const char *event = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"a/b\","
                      "\"data_base64\":\"AAH/\",\"hawserqos\":1,\"hawserretained\":true,\"kind\":\"k\"}";
  g_autoptr (GError) error = NULL;
  g_autoptr (ToolMessage) message = tool_message_from_json (event, -1, &error);
  g_autofree char *json = NULL;
  gsize len = 0;

  g_assert_no_error (error);
  g_assert_cmpstr (message->topic, ==, "a/b");
  g_assert_cmpmem (g_bytes_get_data (message->payload, &len), 3, "\0\1\377", 3);
  g_assert_cmpuint (message->qos, ==, 1);
  g_assert_true (message->is_retained);
  json = tool_message_to_json (message, FALSE);
  g_assert_cmpstr (json, ==, event);
}

static void
test_what_is_no_event_is_refused (void)
{
  static const char * const texts[] = { "", "[]", "1", "{", "null" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (tool_message_from_json (texts[i], -1, &error));
      g_assert_nonnull (error);
    }
}

static void
test_an_unknown_token_is_refused (void)
{
  static const char * const formats[] = { "%", "%k", "%{open", "%5", "%99999t", "\\q" };

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (tool_format_check (formats[i], &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      g_autofree char *path = g_strdup_printf ("/tools/sse/%s", streams[i].name);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_stream);
    }
  g_test_add_func ("/tools/message/terminal-gets-no-control-characters", test_terminal_gets_no_control_characters);
  g_test_add_func ("/tools/message/binary-is-base64-in-json", test_binary_is_base64_in_json);
  g_test_add_func ("/tools/message/json-survives-the-way-there-and-back", test_json_survives_the_way_there_and_back);
  g_test_add_func ("/tools/message/what-is-no-event-is-refused", test_what_is_no_event_is_refused);
  g_test_add_func ("/tools/format/an-unknown-token-is-refused", test_an_unknown_token_is_refused);
  return g_test_run ();
}
