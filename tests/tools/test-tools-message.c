/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pure parts of the command line: server-sent events, message forms, format strings. */

#include <string.h>

#include <hawser/hawser.h>

#include "tool-histogram.h"
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

static int
compare_values (gconstpointer a, gconstpointer b)
{
  guint64 left = *(const guint64 *) a, right = *(const guint64 *) b;

  return left < right ? -1 : left > right;
}

/* Against the sorted values themselves: never below, and at most 1/64 above. */
static void
percentiles_are_within_a_bucket (void)
{
  g_autofree ToolHistogram *histogram = g_new0 (ToolHistogram, 1);
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  static const double percents[] = { 1, 50, 90, 99, 99.9, 100 };
  guint64 last = 0;

  for (guint i = 0; i < 10000; i++)
    {
      guint64 value = (guint64) 1 << g_rand_int_range (random, 0, 34);

      value += (guint64) g_rand_double_range (random, 0, (double) value);
      tool_histogram_add (histogram, value);
      g_array_append_val (values, value);
    }
  g_array_sort (values, compare_values);
  g_assert_cmpuint (tool_histogram_percentile (histogram, 0), ==, g_array_index (values, guint64, 0));
  for (gsize i = 0; i < G_N_ELEMENTS (percents); i++)
    {
      guint64 exact = g_array_index (values, guint64, MAX ((guint) (percents[i] * 100), 1) - 1), told = tool_histogram_percentile (histogram, percents[i]);

      g_assert_cmpuint (told, >=, exact);
      g_assert_cmpuint (told, <=, exact + exact / 64 + 1);
      g_assert_cmpuint (told, >=, last);
      last = told;
    }
  g_assert_cmpuint (last, ==, histogram->max_us);
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
  g_test_add_func ("/tools/histogram/percentiles-are-within-a-bucket", percentiles_are_within_a_bucket);
  return g_test_run ();
}
