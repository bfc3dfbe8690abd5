/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <hawser/hawser.h>

#include <string.h>

static HawserMessage *
build (const char *content_type, const void *payload, gsize len)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("craft/telemetry/ground");
  g_autoptr (GBytes) bytes = g_bytes_new (payload, len);
  g_autoptr (GBytes) correlation = g_bytes_new ("c-1", 3);

  hawser_message_builder_set_payload (builder, bytes);
  if (content_type != NULL)
    hawser_message_builder_set_content_type (builder, content_type);
  hawser_message_builder_set_id (builder, "id-1");
  hawser_message_builder_set_time_us (builder, G_GINT64_CONSTANT (1795230668412000));
  hawser_message_builder_add_property (builder, "source", "/test");
  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  hawser_message_builder_set_retain (builder, TRUE);
  hawser_message_builder_set_reply_to (builder, "answers/1");
  hawser_message_builder_set_correlation (builder, correlation);
  hawser_message_builder_add_property (builder, "mission", "pegasus \"1\"\né");
  hawser_message_builder_add_property (builder, "Not-A-Name", "lost");
  return hawser_message_builder_build (builder);
}

static void
test_a_message_is_a_cloud_event (void)
{
  g_autoptr (HawserMessage) message = build ("application/json", "{ \"altitude\": 25913.40 }", 24);
  g_autofree char *json = hawser_message_to_json (message);

  g_assert_cmpstr (json, ==,
                   "{\"specversion\":\"1.0\",\"id\":\"id-1\",\"source\":\"/test\",\"type\":\"craft.telemetry.ground\",\"subject\":\"craft/telemetry/ground\","
                   "\"time\":\"2026-11-21T03:11:08.412000Z\",\"correlationid\":\"c-1\",\"replyto\":\"answers/1\","
                   "\"mission\":\"pegasus \\\"1\\\"\\né\",\"hawserqos\":1,\"hawserretained\":true,"
                   "\"datacontenttype\":\"application/json\",\"data\":{\"altitude\":25913.40}}");
  g_assert_true (hawser_json_check (json, strlen (json), NULL));
}

static void
assert_property (HawserMessage *message, const char *name, const char *expected)
{
  g_autofree char *value = hawser_message_dup_property (message, name);

  g_assert_cmpstr (value, ==, expected);
}

/* payloads of every kind, and the content type they come back with */
static void
test_what_was_written_reads_back (void)
{
  static const struct {
    const char *content_type, *payload;
    gsize len;
    const char *expected_type;
  } cases[] = {
    { "application/json", "{\"a\":[1,2.50,\"x\"]}", 18, "application/json" },
    { "application/senml+json", "[]", 2, "application/senml+json" },
    { NULL, "{\"a\":1}", 7, "application/json" },
    { NULL, "21.5", 4, "application/json" },
    { NULL, "hello \"world\"\n", 14, "text/plain" },
    { "text/plain; charset=utf-8", "42", 2, "text/plain; charset=utf-8" },
    { "text/csv", "a,b\r\nå,\xe2\x80\xa8\r\n", 14, "text/csv" },
    { "application/octet-stream", "\0\1\2\xff", 4, "application/octet-stream" },
    { NULL, "\0\1\2\xff", 4, "application/octet-stream" },
    { "application/json", "{not json", 9, "application/json" },
    { "text/plain", "\xff\xfe", 2, "text/plain" },
    { "text/plain", "", 0, "text/plain" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (HawserMessage) message = build (cases[i].content_type, cases[i].payload, cases[i].len);
      g_autofree char *json = hawser_message_to_json (message);
      g_autoptr (GError) error = NULL;
      g_autoptr (HawserMessage) back = hawser_message_new_from_json (json, -1, NULL, &error);
      g_autofree char *content_type = NULL;
      g_autofree char *reply_to = NULL;
      g_autoptr (GBytes) correlation = NULL;
      gsize len;
      const guint8 *payload;

      g_assert_no_error (error);
      payload = hawser_message_get_data (back, &len);
      g_assert_cmpmem (payload, len, cases[i].payload, cases[i].len);
      content_type = hawser_message_dup_content_type (back);
      g_assert_cmpstr (content_type, ==, cases[i].expected_type);
      g_assert_cmpstr (hawser_message_get_topic (back), ==, "craft/telemetry/ground");
      reply_to = hawser_message_dup_reply_to (back);
      g_assert_cmpstr (reply_to, ==, "answers/1");
      correlation = hawser_message_dup_correlation (back);
      g_assert_cmpmem (g_bytes_get_data (correlation, NULL), g_bytes_get_size (correlation), "c-1", 3);
      g_assert_cmpint (hawser_message_get_qos (back), ==, HAWSER_QOS_AT_LEAST_ONCE);
      g_assert_true (hawser_message_get_retain (back));
      g_assert_cmpint (hawser_message_get_time_us (back), ==, G_GINT64_CONSTANT (1795230668412000));
      assert_property (back, "id", "id-1");
      assert_property (back, "source", "/test");
      assert_property (back, "type", "craft.telemetry.ground");
      assert_property (back, "mission", "pegasus \"1\"\né");
      assert_property (back, "specversion", NULL);
    }
}

#define REQUIRED "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

static void
test_the_given_topic_wins (void)
{
  g_autoptr (HawserMessage) message = hawser_message_new_from_json ("{" REQUIRED ",\"subject\":\"x\"}", -1, "a/b", NULL);

  g_assert_cmpstr (hawser_message_get_topic (message), ==, "a/b");
}

static void
test_numbers_in_data_keep_their_digits (void)
{
  static const char text[] = "{" REQUIRED ",\"subject\":\"x\",\"data\":{\"b\": 1.10, \"a\": 12345678901234567890}}";
  g_autoptr (HawserMessage) message = hawser_message_new_from_json (text, -1, NULL, NULL);
  g_autofree char *payload = hawser_message_dup_text (message);

  g_assert_cmpstr (payload, ==, "{\"b\": 1.10, \"a\": 12345678901234567890}");
}

static void
test_expiry_is_the_time_that_is_left (void)
{
  g_autofree char *at = hawser_time_format (g_get_real_time () + (gint64) 3600 * G_USEC_PER_SEC);
  g_autofree char *text = g_strdup_printf ("{" REQUIRED ",\"subject\":\"x\",\"expirytime\":\"%s\"}", at);
  g_autoptr (HawserMessage) message = hawser_message_new_from_json (text, -1, NULL, NULL);
  g_autofree char *json = hawser_message_to_json (message);
  g_autoptr (HawserMessage) back = hawser_message_new_from_json (json, -1, NULL, NULL);

  g_assert_cmpuint (hawser_message_get_expiry_s (message), <=, 3600);
  g_assert_cmpuint (hawser_message_get_expiry_s (message), >, 3000);
  g_assert_cmpuint (hawser_message_get_expiry_s (back), >, 3000);
}

static void
test_what_is_no_event_is_refused (void)
{
  static const struct {
    const char *text, *message;
  } cases[] = {
    { "[]", "CloudEvent: must be a JSON object" },
    { "{", "JSON at byte 1: member name expected" },
    { "{\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"x\"}", "CloudEvent: attribute specversion: required" },
    { "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"x\"}", "CloudEvent: attribute id: required" },
    { "{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"x\"}", "CloudEvent: specversion: must be 1.0" },
    { "{" REQUIRED "}", "CloudEvent: attribute subject: required, it is the topic" },
    { "{" REQUIRED ",\"subject\":\"\"}", "CloudEvent: attribute subject: must not be empty, it is the topic" },
    { "{" REQUIRED ",\"subject\":\"a\\u0000b\"}", "CloudEvent: attribute subject: must be a string, number or boolean of at most 65535 bytes without U+0000" },
    { "{" REQUIRED ",\"subject\":\"x\",\"subject\":\"y\"}", "CloudEvent: attribute \"subject\": given twice" },
    { "{" REQUIRED ",\"subject\":\"x\",\"Upper\":\"y\"}", "CloudEvent: attribute names are 1 to 64 lower-case letters and digits" },
    { "{" REQUIRED ",\"subject\":\"x\",\"\\u0069d2\":\"y\"}", "CloudEvent: attribute names are 1 to 64 lower-case letters and digits" },
    { "{" REQUIRED ",\"subject\":\"x\",\"ext\":{}}", "CloudEvent: attribute \"ext\": must be a string, number or boolean of at most 65535 bytes without U+0000" },
    { "{" REQUIRED ",\"subject\":\"x\",\"data\":1,\"data_base64\":\"AA==\"}", "CloudEvent: data and data_base64 exclude each other" },
    { "{" REQUIRED ",\"subject\":\"x\",\"data_base64\":\"A\"}", "CloudEvent: data_base64: must be base64" },
    { "{" REQUIRED ",\"subject\":\"x\",\"data_base64\":\"A*==\"}", "CloudEvent: data_base64: must be base64" },
    { "{" REQUIRED ",\"subject\":\"x\",\"hawserqos\":3}", "CloudEvent: attribute hawserqos: must be 0, 1 or 2" },
    { "{" REQUIRED ",\"subject\":\"x\",\"hawserretained\":1}", "CloudEvent: attribute hawserretained: must be true or false" },
    { "{" REQUIRED ",\"subject\":\"x\",\"hawserqos\":\"1.0\"}", "CloudEvent: attribute hawserqos: must be 0, 1 or 2" },
    { "{" REQUIRED ",\"subject\":\"x\",\"datacontenttype\":\"a/b\\r\\nX: 1\"}", "CloudEvent: attribute datacontenttype: must not have control characters" },
    { "{" REQUIRED ",\"subject\":\"x\",\"expirytime\":\"soon\"}", "CloudEvent: attribute expirytime: must be a time (RFC 3339)" },
    { "{" REQUIRED ",\"subject\":\"x\",\"expirytime\":\"2001-01-01T00:00:00Z\"}", "CloudEvent: attribute expirytime: is past" },
    { "{" REQUIRED ",\"subject\":\"x\",\"replyto\":\"a/#\"}", "CloudEvent: attribute replyto: must be a topic name" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (hawser_message_new_from_json (cases[i].text, -1, NULL, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_attributes_are_bounded (void)
{
  g_autoptr (GString) many = g_string_new ("{" REQUIRED ",\"subject\":\"x\"");
  g_autoptr (GString) deep = g_string_new ("{" REQUIRED ",\"subject\":\"x\",\"data\":");
  g_autofree char *name = g_strnfill (65, 'a');
  g_autofree char *long_name = g_strdup_printf ("{" REQUIRED ",\"subject\":\"x\",\"%s\":1}", name);
  g_autofree char *value = g_strnfill (65536, 'a');
  g_autofree char *long_value = g_strdup_printf ("{" REQUIRED ",\"subject\":\"%s\"}", value);

  for (guint i = 0; i < 124; i++)
    g_string_append_printf (many, ",\"x%u\":%u", i, i);
  g_string_append_c (many, '}');
  for (guint i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');
  g_assert_null (hawser_message_new_from_json (many->str, -1, NULL, NULL));
  g_assert_null (hawser_message_new_from_json (deep->str, -1, NULL, NULL));
  g_assert_null (hawser_message_new_from_json (long_name, -1, NULL, NULL));
  g_assert_null (hawser_message_new_from_json (long_value, -1, NULL, NULL));
}

static HawserMessage *
read_event (const char *text, const HawserCloudEventTerms *terms)
{
  g_autoptr (GError) error = NULL;
  HawserJsonSlice event;
  HawserMessage *message;

  g_assert_true (hawser_json_parse (text, strlen (text), &event, NULL));
  message = hawser_cloud_event_read (&event, terms, &HAWSER_CLOUD_EVENT_LIMITS, &error);
  g_assert_no_error (error);
  return message;
}

#define DELIVERY ",\"hawserqos\":\"2\",\"hawserretained\":true"

static void
test_the_event_wins_unless_the_terms_override (void)
{
  g_autoptr (HawserMessage) silent = read_event ("{" REQUIRED "}", &(HawserCloudEventTerms) { .topic = "a", .qos = 1, .expiry_s = 7 });
  g_autoptr (HawserMessage) says = read_event ("{" REQUIRED DELIVERY "}", &(HawserCloudEventTerms) { .topic = "a", .qos = 1 });
  g_autoptr (HawserMessage) overridden = read_event ("{" REQUIRED DELIVERY "}", &(HawserCloudEventTerms) { .topic = "a", .qos = 1, .overrides = TRUE });
  g_autoptr (HawserMessage) shorter = read_event ("{" REQUIRED ",\"expirytime\":\"2999-01-01T00:00:00Z\"}", &(HawserCloudEventTerms) { .topic = "a", .expiry_s = 7 });

  g_assert_cmpint (hawser_message_get_qos (silent), ==, 1);
  g_assert_cmpuint (hawser_message_get_expiry_s (silent), ==, 7);
  g_assert_cmpint (hawser_message_get_qos (says), ==, 2);
  g_assert_true (hawser_message_get_retain (says));
  g_assert_cmpint (hawser_message_get_qos (overridden), ==, 1);
  g_assert_false (hawser_message_get_retain (overridden));
  g_assert_cmpuint (hawser_message_get_expiry_s (shorter), ==, 7);
}

static void
test_a_batch_is_read_whole_or_not_at_all (void)
{
  static const struct {
    const char *text, *message; /* NULL: read */
    guint n;
  } cases[] = {
    { "[]", NULL, 0 },
    { " [ {" REQUIRED ",\"data\":1} , {" REQUIRED ",\"data\":2}\n]", NULL, 2 },
    { "[{" REQUIRED "},{}]", "event 1: CloudEvent: attribute specversion: required", 0 },
    { "[1]", "event 0: CloudEvent: must be a JSON object", 0 },
    { "{" REQUIRED "}", "CloudEvent: a batch must be a JSON array", 0 },
    { "[{" REQUIRED "},{" REQUIRED "},{" REQUIRED "}]", "CloudEvent: a batch has at most 2 events", 0 },
    { "[{" REQUIRED ",\"a\":1,\"b\":2}]", "event 0: CloudEvent: more than 5 attributes", 0 },
    { "[{" REQUIRED ",\"abcdefghijklm\":1}]", "event 0: CloudEvent: attribute names are 1 to 12 lower-case letters and digits", 0 },
    { "[{" REQUIRED ",\"a\":\"12345\"}]", "event 0: CloudEvent: attribute \"a\": must be a string, number or boolean of at most 4 bytes without U+0000", 0 },
  };
  const HawserCloudEventLimits limits = { .max_attributes = 5, .max_name = 12, .max_value = 4, .max_events = 2 };
  const HawserCloudEventTerms terms = { .topic = "a" };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) messages = NULL;
      HawserJsonSlice batch;

      g_assert_true (hawser_json_parse (cases[i].text, strlen (cases[i].text), &batch, NULL));
      messages = hawser_cloud_event_read_batch (&batch, &terms, &limits, &error);
      g_assert_cmpstr (error != NULL ? error->message : NULL, ==, cases[i].message);
      g_assert_true ((messages == NULL) == (error != NULL));
      g_assert_cmpuint (messages != NULL ? messages->len : 0, ==, cases[i].n);
    }
}

/* small ones lie in the message, large ones in a block of their own */
static void
test_payloads_of_every_size_arrive (void)
{
  static const gsize sizes[] = { 0, 1, HAWSER_LARGE_PAYLOAD - 1, HAWSER_LARGE_PAYLOAD, 1000000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *text = g_strnfill (sizes[i], 'x');
      g_autofree char *base64 = g_base64_encode ((const guchar *) text, sizes[i]);
      g_autofree char *bytes = g_strdup_printf ("{" REQUIRED ",\"data_base64\":\"%s\"}", base64);
      g_autofree char *string = g_strdup_printf ("{" REQUIRED ",\"datacontenttype\":\"text/plain\",\"data\":\"%s\"}", text);
      g_autofree char *json = g_strdup_printf ("{" REQUIRED ",\"data\":\"%s\"}", text);
      const char *events[] = { bytes, string, json };

      for (guint n = 0; n < G_N_ELEMENTS (events); n++)
        {
          g_autoptr (HawserMessage) message = read_event (events[n], &(HawserCloudEventTerms) { .topic = "a" });
          gsize len;
          const char *payload = (const char *) hawser_message_get_data (message, &len);

          g_assert_cmpmem (n == 2 ? payload + 1 : payload, n == 2 ? len - 2 : len, text, sizes[i]);
        }
    }
}

static void
test_a_delivery_may_say_retained (void)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text ("a", "b");
  g_autoptr (GString) out = g_string_new (NULL);

  hawser_cloud_event_append_as (out, message, TRUE);
  g_assert_nonnull (strstr (out->str, "\"hawserretained\":true"));
  g_string_truncate (out, 0);
  hawser_cloud_event_append (out, message);
  g_assert_nonnull (strstr (out->str, "\"hawserretained\":false"));
}

/* HTTP protocol binding 3.1.3.2; the first is its own example */
static void
test_header_values_are_percent_encoded (void)
{
  static const struct {
    const char *value, *encoded;
  } cases[] = {
    { "Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80" },
    { "a\r\nInjected: 1", "a%0D%0AInjected:%201" },
    { "100% \"quoted\"", "100%25%20%22quoted%22" },
    { "/listener/mqtt/client/ground-1", "/listener/mqtt/client/ground-1" },
    { "", "" },
  };
  static const char *const refused[] = { "%00", "%FF", "a%C0%80", "%ED%A0%80" };
  g_autofree char *quoted = hawser_cloud_event_decode ("\"a \\\"b\\\" %E2%82%AC\"");
  g_autofree char *loose = hawser_cloud_event_decode ("100%, %4 %zz");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) out = g_string_new (NULL);
      g_autofree char *back = hawser_cloud_event_decode (cases[i].encoded);

      hawser_cloud_event_encode (out, cases[i].value, strlen (cases[i].value));
      g_assert_cmpstr (out->str, ==, cases[i].encoded);
      g_assert_cmpstr (back, ==, cases[i].value);
    }
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    g_assert_null (hawser_cloud_event_decode (refused[i]));
  g_assert_cmpstr (quoted, ==, "a \"b\" €");
  g_assert_cmpstr (loose, ==, "100%, %4 %zz");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/message/json/a-message-is-a-cloud-event", test_a_message_is_a_cloud_event);
  g_test_add_func ("/message/json/what-was-written-reads-back", test_what_was_written_reads_back);
  g_test_add_func ("/message/json/the-given-topic-wins", test_the_given_topic_wins);
  g_test_add_func ("/message/json/numbers-in-data-keep-their-digits", test_numbers_in_data_keep_their_digits);
  g_test_add_func ("/message/json/expiry-is-the-time-that-is-left", test_expiry_is_the_time_that_is_left);
  g_test_add_func ("/message/json/what-is-no-event-is-refused", test_what_is_no_event_is_refused);
  g_test_add_func ("/message/json/attributes-are-bounded", test_attributes_are_bounded);
  g_test_add_func ("/message/json/the-event-wins-unless-the-terms-override", test_the_event_wins_unless_the_terms_override);
  g_test_add_func ("/message/json/a-batch-is-read-whole-or-not-at-all", test_a_batch_is_read_whole_or_not_at_all);
  g_test_add_func ("/message/json/payloads-of-every-size-arrive", test_payloads_of_every_size_arrive);
  g_test_add_func ("/message/json/a-delivery-may-say-retained", test_a_delivery_may_say_retained);
  g_test_add_func ("/message/json/header-values-are-percent-encoded", test_header_values_are_percent_encoded);
  return g_test_run ();
}
