/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What strangers send as JSON, paths, header values and gzip: taken or refused, in linear time. */

#include <string.h>
#include <time.h>
#include <zlib.h>

#include "http-cloud-event.h"
#include "http-request.h"

#define DIGITS "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999990000000000"
#define EVENT "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

static HawserMessage *
read_event (const char *text, gsize len, GError **error)
{
  const HawserCloudEventTerms terms = { .qos = 1 };
  HawserJsonSlice event;

  if (!hawser_json_parse (text, len, &event, error))
    return NULL;
  return hawser_cloud_event_read (&event, &terms, &HAWSER_CLOUD_EVENT_LIMITS, error);
}

static const struct {
  const char *name, *json, *payload; /* payload NULL: refused */
} events[] = {
  { "object-data", "{" EVENT ",\"subject\":\"a/b\",\"data\":{\"x\": 1}}", "{\"x\": 1}" },
  { "string-data-of-json", "{" EVENT ",\"subject\":\"a\",\"data\":\"x\"}", "\"x\"" },
  { "text-data", "{" EVENT ",\"subject\":\"a\",\"datacontenttype\":\"text/plain\",\"data\":\"x\\u00e9\\n\"}", "x\xc3\xa9\n" },
  { "surrogate-pair", "{" EVENT ",\"subject\":\"a\",\"datacontenttype\":\"text/plain\",\"data\":\"\\ud83d\\ude00\"}", "\xf0\x9f\x98\x80" },
  { "base64-data", "{" EVENT ",\"subject\":\"a\",\"data_base64\":\"aGk=\"}", "hi" },
  { "null-data", "{" EVENT ",\"subject\":\"a\",\"data\":null}", "null" },
  { "no-data", "{" EVENT ",\"subject\":\"a\"}", "" },
  { "number-extension", "{" EVENT ",\"subject\":\"a\",\"n\":5,\"data\":1}", "1" },
  { "no-subject", "{" EVENT ",\"data\":1}", NULL },
  { "empty-subject", "{" EVENT ",\"subject\":\"\",\"data\":1}", NULL },
  { "no-id", "{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"a\"}", NULL },
  { "other-version", "{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"a\"}", NULL },
  { "both-datas", "{" EVENT ",\"subject\":\"a\",\"data\":1,\"data_base64\":\"aGk=\"}", NULL },
  { "object-attribute", "{" EVENT ",\"subject\":\"a\",\"x\":{}}", NULL },
  { "bad-attribute-name", "{" EVENT ",\"subject\":\"a\",\"X-y\":\"1\"}", NULL },
  { "lone-surrogate", "{" EVENT ",\"subject\":\"a\",\"x\":\"\\ud800\"}", NULL },
  { "lone-surrogate-in-data", "{" EVENT ",\"subject\":\"a\",\"data\":{\"x\":\"\\udc00\"}}", NULL },
  { "high-surrogates-twice", "{" EVENT ",\"subject\":\"a\",\"data\":\"\\ud800\\ud800\"}", NULL },
  { "number-of-400-digits", "{" EVENT ",\"subject\":\"a\",\"data\":" DIGITS DIGITS DIGITS DIGITS "}", NULL },
  { "digits-in-a-string", "{" EVENT ",\"subject\":\"a\",\"data\":\"" DIGITS DIGITS "\"}", "\"" DIGITS DIGITS "\"" },
  { "nul-in-attribute", "{" EVENT ",\"subject\":\"a\",\"x\":\"\\u0000\"}", NULL },
  { "reply-to-with-wildcard", "{" EVENT ",\"subject\":\"a\",\"replyto\":\"a/#\"}", NULL },
  { "qos-9", "{" EVENT ",\"subject\":\"a\",\"hawserqos\":9}", NULL },
  { "qos-as-a-string", "{" EVENT ",\"subject\":\"a\",\"hawserqos\":\"2\",\"hawserretained\":\"true\",\"data\":1}", "1" },
  { "attribute-twice", "{" EVENT ",\"subject\":\"a\",\"x\":\"1\",\"x\":\"2\"}", NULL },
  { "bad-base64", "{" EVENT ",\"subject\":\"a\",\"data_base64\":\"aG*=\"}", NULL },
  { "expiry-in-the-past", "{" EVENT ",\"subject\":\"a\",\"expirytime\":\"2001-01-01T00:00:00Z\"}", NULL },
  { "line-end-in-content-type", "{" EVENT ",\"subject\":\"a\",\"datacontenttype\":\"text/plain\\r\\nX: 1\",\"data\":\"x\"}", NULL },
  { "array", "[]", NULL },
  { "nan", "{" EVENT ",\"subject\":\"a\",\"data\":NaN}", NULL },
  { "trailing", "{" EVENT ",\"subject\":\"a\"} x", NULL },
  { "cut", "{" EVENT ",\"subject\":\"a", NULL },
};

static void
test_event (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;
  HawserMessage *message = read_event (events[i].json, strlen (events[i].json), &error);

  if (events[i].payload == NULL)
    {
      g_assert_null (message);
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED);
      return;
    }
  g_assert_nonnull (message);
  {
    gsize len;
    const guint8 *payload = hawser_message_get_data (message, &len);

    g_assert_cmpmem (payload, len, events[i].payload, strlen (events[i].payload));
  }
  hawser_message_unref (message);
}

static void
test_attributes_become_properties (void)
{
  const char *text = "{" EVENT ",\"subject\":\"a/b\",\"correlationid\":\"c1\",\"replyto\":\"r\",\"site\":\"x\",\"hawserqos\":2,\"hawserretained\":true,\"time\":\"2026-11-21T03:11:08Z\",\"data\":1}";
  g_autoptr (HawserMessage) message = read_event (text, strlen (text), NULL);
  g_autofree char *id = hawser_message_dup_id (message);
  g_autofree char *site = hawser_message_dup_property (message, "site");
  g_autofree char *reply_to = hawser_message_dup_reply_to (message);
  g_autofree char *content_type = hawser_message_dup_content_type (message);
  g_autoptr (GBytes) correlation = hawser_message_dup_correlation (message);

  g_assert_cmpstr (hawser_message_get_topic (message), ==, "a/b");
  g_assert_cmpstr (id, ==, "1");
  g_assert_cmpstr (site, ==, "x");
  g_assert_cmpstr (reply_to, ==, "r");
  g_assert_cmpstr (content_type, ==, "application/json");
  g_assert_cmpmem (g_bytes_get_data (correlation, NULL), g_bytes_get_size (correlation), "c1", 2);
  g_assert_cmpint (hawser_message_get_qos (message), ==, 2);
  g_assert_true (hawser_message_get_retain (message));
}

static void
test_deep_json_is_refused (void)
{
  g_autoptr (GString) text = g_string_new ("{" EVENT ",\"subject\":\"a\",\"data\":");

  for (int i = 0; i < 100000; i++)
    g_string_append_c (text, '[');
  for (int i = 0; i < 100000; i++)
    g_string_append_c (text, ']');
  g_string_append_c (text, '}');
  g_assert_null (read_event (text->str, text->len, NULL));
}

static void
test_a_million_members_are_linear (void)
{
  g_autoptr (GString) text = g_string_new ("{" EVENT ",\"subject\":\"a\",\"data\":{");
  clock_t began = clock ();   /* of this process: what else the machine does is not its cost */
  HawserMessage *message;

  for (int i = 0; i < 1000000; i++)
    g_string_append (text, i == 0 ? "\"k\":1" : ",\"k\":1");
  g_string_append (text, "}}");
  message = read_event (text->str, text->len, NULL);
  g_assert_nonnull (message);
  hawser_message_unref (message);
  g_assert_cmpint (clock () - began, <, 5 * CLOCKS_PER_SEC);
}

static void
test_too_many_attributes_are_refused (void)
{
  g_autoptr (GString) text = g_string_new ("{" EVENT ",\"subject\":\"a\"");

  for (int i = 0; i < 1000; i++)
    g_string_append_printf (text, ",\"k%d\":1", i);
  g_string_append_c (text, '}');
  g_assert_null (read_event (text->str, text->len, NULL));
}

static const struct {
  const char *text, *decoded; /* NULL: refused */
} paths[] = {
  { "a/b", "a/b" },
  { "a%2Fb", "a/b" },
  { "K%C3%B6ln", "K\xc3\xb6ln" },
  { "a+b", "a+b" },
  { "a/", "a/" },
  { "a..b/...", "a..b/..." },
  { "%00", NULL },
  { "a%0ab", NULL },
  { "a%7f", NULL },
  { "%", NULL },
  { "%4", NULL },
  { "%zz", NULL },
  { "%ff", NULL },
  { "%ed%a0%80", NULL },
  { "..", NULL },
  { "../a", NULL },
  { "a/%2e%2e/b", NULL },
  { "a/./b", NULL },
  { "%252e%252e/a", NULL },
  { "a%2541", NULL },
  { "a%5cb", NULL },
};

static void
test_paths (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *decoded = http_decode_path (paths[i].text, strlen (paths[i].text));

      g_assert_cmpstr (decoded, ==, paths[i].decoded);
    }
}

static GByteArray *
gzip (const guint8 *data, gsize len)
{
  GByteArray *out = g_byte_array_new ();
  z_stream stream = { .next_in = (Bytef *) data, .avail_in = (uInt) len };

  g_assert_cmpint (deflateInit2 (&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), ==, Z_OK);
  g_byte_array_set_size (out, (guint) deflateBound (&stream, len));
  stream.next_out = out->data;
  stream.avail_out = out->len;
  g_assert_cmpint (deflate (&stream, Z_FINISH), ==, Z_STREAM_END);
  g_byte_array_set_size (out, (guint) stream.total_out);
  deflateEnd (&stream);
  return out;
}

static void
test_gzip_is_bounded (void)
{
  g_autofree guint8 *zeros = g_malloc0 (4 << 20);
  g_autoptr (GByteArray) bomb = gzip (zeros, 4 << 20);
  g_autoptr (GByteArray) small = gzip ((const guint8 *) "hello", 5);
  g_autoptr (GByteArray) decoded = NULL;
  guint status;

  g_assert_cmpuint (bomb->len, <, 8192);
  g_assert_null (http_gunzip (bomb->data, bomb->len, 1 << 20, &status));
  g_assert_cmpuint (status, ==, 413);
  g_assert_null (http_gunzip (small->data, small->len - 4, 1000, &status));
  g_assert_cmpuint (status, ==, 400);
  g_assert_null (http_gunzip ((const guint8 *) "hello", 5, 1000, &status));
  g_assert_cmpuint (status, ==, 400);
  decoded = http_gunzip (small->data, small->len, 5, &status);
  g_assert_nonnull (decoded);
  g_assert_cmpmem (decoded->data, decoded->len, "hello", 5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http/cloud-event/%s/%s", events[i].payload != NULL ? "reads" : "refuses", events[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_event);
    }
  g_test_add_func ("/http/cloud-event/attributes-become-properties", test_attributes_become_properties);
  g_test_add_func ("/http/cloud-event/deep-json-is-refused", test_deep_json_is_refused);
  g_test_add_func ("/http/cloud-event/a-million-members-are-linear", test_a_million_members_are_linear);
  g_test_add_func ("/http/cloud-event/too-many-attributes-are-refused", test_too_many_attributes_are_refused);
  g_test_add_func ("/http/request/paths-are-decoded-once", test_paths);
  g_test_add_func ("/http/request/gzip-is-bounded", test_gzip_is_bounded);
  return g_test_run ();
}
