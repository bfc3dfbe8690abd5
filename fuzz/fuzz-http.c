/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as what an HTTP peer sends: as requests, whole and cut in two at every place the first byte names, with the
 * same outcome; as a structured event, a path, a header value and gzip; as the path, time, tags and fields of a twin;
 * as the cursor of a stream. */

#include <string.h>

#include "http-cloud-event.h"
#include "http-cursor.h"
#include "http-fields.h"
#include "http-guard.h"
#include "http-request.h"
#include "http-twins.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static const HttpGuardLimits limits = { 256, 4096, 20 };

static void
read_chunked (const guint8 *data, gsize size, gsize step)
{
  HttpChunked chunked = { 0 };
  HttpRefusal refusal;
  gsize used = 0;

  while (used < size)
    {
      const guint8 *piece;
      gsize n, len;
      HttpGuardResult result = http_guard_chunked (&chunked, data + used, MIN (step, size - used), &n, &piece, &len, &refusal);

      g_assert_true (n > 0 && n <= size - used);
      if (result == HTTP_GUARD_DATA)
        g_assert_true (len > 0 && piece >= data + used && piece + len <= data + size);
      if (result == HTTP_GUARD_DONE || result == HTTP_GUARD_REFUSED)
        return;
      used += n;
    }
}

static void
read_request (const guint8 *data, gsize size, gsize cut)
{
  HttpRefusal refusal = { 0 }, cut_refusal = { 0 };
  HttpHead head = { 0 }, cut_head = { 0 };
  gsize scanned = 0, cut_scanned = 0;
  HttpGuardResult whole = http_guard_head (data, size, &limits, &scanned, &head, &refusal);
  HttpGuardResult part = http_guard_head (data, cut, &limits, &cut_scanned, &cut_head, &cut_refusal);
  HttpRequest *request;

  if (part == HTTP_GUARD_MORE)
    part = http_guard_head (data, size, &limits, &cut_scanned, &cut_head, &cut_refusal);
  if (part == HTTP_GUARD_DONE)
    g_assert_true (whole == HTTP_GUARD_DONE && head.len == cut_head.len);
  else
    g_assert_true ((whole == HTTP_GUARD_MORE) == (part == HTTP_GUARD_MORE));
  if (whole != HTTP_GUARD_DONE)
    return;

  g_assert_true (head.len <= size && head.n_headers <= limits.max_headers);
  request = http_request_new (data, &head, &refusal);
  if (request != NULL)
    {
      HawserCloudEventTerms terms = { .topic = "a", .qos = 1 };
      const char *detail;
      HawserMessage *message = http_message_from_request (request, &terms, NULL, NULL, &detail);

      g_assert_true ((message == NULL) == (detail != NULL));
      if (message != NULL)
        {
          g_autoptr (GString) out = g_string_new (NULL);

          http_append_ce_headers (out, message);
          for (gsize i = 0; i < out->len; i++)
            g_assert_true ((out->str[i] >= 0x20 && out->str[i] < 0x7f) || out->str[i] == '\r' || out->str[i] == '\n');
          hawser_message_unref (message);
        }
    }
  http_request_free (request);
  if (head.is_chunked)
    read_chunked (data + head.len, size - head.len, cut + 1);
}

static void
read_json (const guint8 *data, gsize size)
{
  const HawserCloudEventTerms terms = { .qos = 1, .overrides = size % 2 == 0, .expiry_s = (guint32) (size % 3) };
  g_autoptr (GPtrArray) messages = NULL;
  g_autoptr (GError) error = NULL;
  HawserJsonSlice body;

  if (!hawser_json_parse ((const char *) data, size, &body, NULL))
    return;
  messages = hawser_cloud_event_read_batch (&body, &terms, &HAWSER_CLOUD_EVENT_LIMITS, &error);
  g_assert_true ((messages == NULL) == (error != NULL));
  g_clear_error (&error);
  {
    g_autoptr (HawserMessage) message = hawser_cloud_event_read (&body, &terms, &HAWSER_CLOUD_EVENT_LIMITS, &error);

    g_assert_true ((message == NULL) == (error != NULL));
  }
}

static void
read_twin (const char *text, const guint8 *data, gsize size)
{
  g_auto (HttpTwinPath) path = { 0 };
  g_autoptr (HttpFields) fields = NULL;
  g_autoptr (GString) out = g_string_new (NULL);
  const char *detail;
  gint64 us;
  HttpCursor cursor = { 0 };

  if (http_cursor_parse (text, &cursor))
    g_assert_true (cursor.n_queues <= HTTP_MAX_OWNED);
  if (http_twin_path_read (text, &path))
    g_assert_true (*path.id != '\0' && g_utf8_validate (path.id, -1, NULL) && (path.part == HTTP_TWIN_INBOX) == (path.subject != NULL));
  http_twin_read_time (text, 0, &us);
  http_twin_tags_have (text, 1);
  fields = http_fields_new (text, &detail);
  if (fields == NULL)
    fields = http_fields_new ("a,b/c,d/e/f", &detail);
  http_fields_project (fields, (const char *) data, size, out);
  g_assert_true (hawser_json_check (out->str, out->len, NULL));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *path = http_decode_path ((const char *) data, size);
  g_autofree char *value = http_decode_value (text);
  GByteArray *unzipped;
  guint status;

  if (size > 0)
    read_request (data, size, data[0] % size);
  read_chunked (data, size, 1 + size / 3);
  read_json (data, size);
  read_twin (text, data, size);
  unzipped = http_gunzip (data, size, 65536, &status);
  if (unzipped != NULL)
    {
      g_assert_true (unzipped->len <= 65536);
      g_byte_array_unref (unzipped);
    }
  if (path != NULL)
    g_assert_true (g_utf8_validate (path, -1, NULL));
  if (value != NULL)
    g_assert_true (strpbrk (value, "\r\n") == NULL);
  return 0;
}
