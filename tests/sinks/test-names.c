/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pure parts of the sinks: names, records, addresses, requests. */

#include <hawser/hawser.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "blob-name.h"
#include "blob-records.h"
#include "webhook-guard.h"
#include "webhook-request.h"

static char *
expand (const char *template, const char *topic)
{
  BlobName name;
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, "{\"a\":{\"b\":\"x/y\"}}");
  g_autoptr (GError) error = NULL;
  char *text;

  g_assert_true (blob_name_init (&name, template, "edge-1", &error));
  g_assert_no_error (error);
  text = blob_name_expand (&name, message);
  blob_name_clear (&name);
  return text;
}

static void
test_names (void)
{
  static const struct { const char *template, *topic, *name; } table[] = {
    { "{topic}.ndjson", "craft/telemetry/ground", "craft/telemetry/ground.ndjson" },
    { "{topic}", "../../etc/passwd", "%2E./%2E./etc/passwd" },
    { "{topic}", "a//b", "a/%00/b" },
    { "{topic}", ".hidden", "%2Ehidden" },
    { "{topic}", "a b%", "a%20b%25" },
    { "{topic}-{sequence}", "{sequence}", "%7Bsequence%7D-{sequence}" },
    { "{node}/{field:/a/b}", "t", "edge-1/x%2Fy" },
    { "{field:/none}x", "t", "%00x" },
    { "../{topic}", "t", "%00/t" },
    { "a/./b", "t", "a/%00/b" },
    { "{{x}", "t", "{x}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *name = expand (table[i].template, table[i].topic);

      g_assert_cmpstr (name, ==, table[i].name);
    }
}

static void
test_injective (void)
{
  static const char letters[] = "aA./%{}~-_ 0\\:";
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; i < 20000; i++)
    {
      guint len = (guint) g_test_rand_int_range (1, i % 10 == 0 ? 400 : 8);
      g_autofree char *topic = g_malloc0 (len + 1);
      g_autofree char *name = NULL;
      g_auto (GStrv) parts = NULL;
      const char *other;

      for (guint k = 0; k < len; k++)
        topic[k] = letters[g_test_rand_int_range (0, sizeof letters - 1)];
      name = expand ("{topic}", topic);
      other = g_hash_table_lookup (seen, name);
      g_assert_true (other == NULL || g_str_equal (other, topic));
      parts = g_strsplit (name, "/", -1);
      for (guint k = 0; parts[k] != NULL; k++)
        {
          g_assert_cmpuint (strlen (parts[k]), >=, 1);
          g_assert_cmpuint (strlen (parts[k]), <=, BLOB_NAME_MAX_COMPONENT);
          g_assert_true (parts[k][0] != '.');
        }
      g_hash_table_insert (seen, g_steal_pointer (&name), g_steal_pointer (&topic));
    }
}

static HawserBatch *
make_batch (guint first, guint n)
{
  HawserBatch *batch = hawser_batch_new ();

  for (guint i = first; i < first + n; i++)
    {
      g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("in/a");
      g_autoptr (HawserMessage) message = NULL;
      g_autofree char *id = g_strdup_printf ("m%u", i);

      hawser_message_builder_set_id (builder, id);
      message = hawser_message_builder_build (builder);
      hawser_batch_add (batch, message);
    }
  return batch;
}

static void
test_records (void)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("hawser-records-XXXXXX", &path, NULL);
  g_autoptr (HawserBatch) written = make_batch (0, 1000);
  g_autoptr (HawserBatch) overlap = make_batch (900, 200);
  g_autoptr (HawserBatch) fresh = make_batch (5000, 50);
  g_autoptr (HawserBatch) whole = make_batch (0, 1000);
  BlobRecords *records = g_byte_array_new ();

  blob_records_add (records, written, 0);
  g_assert_true (blob_records_write (records, fd));
  g_byte_array_unref (records);
  records = blob_records_read (fd);
  g_assert_cmpuint (records->len, ==, BLOB_RECORDS_MAX * BLOB_RECORD_LEN);
  g_assert_cmpuint (blob_records_match (records, overlap, 200), ==, 100);
  g_assert_cmpuint (blob_records_match (records, overlap, 50), ==, 50);
  g_assert_cmpuint (blob_records_match (records, overlap, 0), ==, 0);
  g_assert_cmpuint (blob_records_match (records, fresh, 50), ==, 0);
  g_assert_cmpuint (blob_records_match (records, whole, 1000), ==, 1000);
  g_byte_array_unref (records);
  close (fd);
  g_unlink (path);
}

static void
test_addresses (void)
{
  static const char * const refused[] = {
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "100.64.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1",
    "ff02::1", "2001:db8::1", "100::1",
  };
  static const char * const allowed[] = {
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "193.0.0.1", "2606:4700::1111",
    "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused) + G_N_ELEMENTS (allowed); i++)
    {
      gboolean is_allowed = i >= G_N_ELEMENTS (refused);
      const char *text = is_allowed ? allowed[i - G_N_ELEMENTS (refused)] : refused[i];
      g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

      g_test_message ("%s", text);
      g_assert_nonnull (address);
      g_assert_true (webhook_guard_is_public (address) == is_allowed);
    }
}

/* The example of the Standard Webhooks libraries. */
static void
test_signature (void)
{
  WebhookRequest request = { .headers = g_ptr_array_new_with_free_func (g_free), .id = g_strdup ("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                             .body = g_bytes_new_static ("{\"test\": 2432232314}", 20) };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) keys = webhook_keys_parse ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &error);

  g_assert_no_error (error);
  webhook_request_sign (&request, keys, 1614265330);
  g_assert_cmpstr (g_ptr_array_index (request.headers, 4), ==, "webhook-signature");
  g_assert_cmpstr (g_ptr_array_index (request.headers, 5), ==, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  webhook_request_clear (&request);
}

static void
test_answers (void)
{
  static const struct { guint status; WebhookOutcome outcome; } table[] = {
    { 200, WEBHOOK_OUTCOME_DONE }, { 204, WEBHOOK_OUTCOME_DONE }, { 299, WEBHOOK_OUTCOME_DONE }, { 301, WEBHOOK_OUTCOME_PERMANENT },
    { 400, WEBHOOK_OUTCOME_PERMANENT }, { 401, WEBHOOK_OUTCOME_PERMANENT }, { 404, WEBHOOK_OUTCOME_PERMANENT },
    { 408, WEBHOOK_OUTCOME_TEMPORARY }, { 410, WEBHOOK_OUTCOME_GONE }, { 415, WEBHOOK_OUTCOME_PERMANENT },
    { 425, WEBHOOK_OUTCOME_TEMPORARY }, { 429, WEBHOOK_OUTCOME_TEMPORARY }, { 500, WEBHOOK_OUTCOME_TEMPORARY },
    { 503, WEBHOOK_OUTCOME_TEMPORARY }, { 599, WEBHOOK_OUTCOME_TEMPORARY },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    g_assert_cmpint (webhook_classify (table[i].status), ==, table[i].outcome);
  g_assert_cmpint (webhook_parse_retry_after ("120", 0), ==, 120 * (gint64) G_USEC_PER_SEC);
  g_assert_cmpint (webhook_parse_retry_after ("Fri, 31 Dec 1999 23:59:59 GMT", 946684799 - 60), ==, 60 * (gint64) G_USEC_PER_SEC);
  g_assert_cmpint (webhook_parse_retry_after ("Fri, 31 Dec 1999 23:59:59 GMT", 946684799 + 60), ==, 0);
  g_assert_cmpint (webhook_parse_retry_after ("-5", 0), ==, 0);
  g_assert_cmpint (webhook_parse_retry_after ("99999999999999999999", 0), ==, 0);
  g_assert_cmpint (webhook_parse_retry_after ("soon", 0), ==, 0);
  g_assert_cmpint (webhook_parse_retry_after (NULL, 0), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sink/blob/name/is-as-the-table-says", test_names);
  g_test_add_func ("/sink/blob/name/of-different-topics-differ", test_injective);
  g_test_add_func ("/sink/blob/records/recognise-what-was-written", test_records);
  g_test_add_func ("/sink/webhook/guard/tells-public-from-private", test_addresses);
  g_test_add_func ("/sink/webhook/signature/agrees-with-the-published-example", test_signature);
  g_test_add_func ("/sink/webhook/answer/means-what-the-table-says", test_answers);
  return g_test_run ();
}
