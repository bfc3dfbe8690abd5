/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a webhook sends and how it reads the answer: pure functions over a batch, no connection, no clock. Standards:
 * CloudEvents 1.0.2 with its HTTP binding, JSON format and web hook specification; Standard Webhooks 1.0.0. */

#include "webhook-request.h"

#include <string.h>

#include <libsoup/soup.h>

static const GEnumValue mode_values[] = {
  { WEBHOOK_MODE_BINARY, "WEBHOOK_MODE_BINARY", "binary" },
  { WEBHOOK_MODE_STRUCTURED, "WEBHOOK_MODE_STRUCTURED", "structured" },
  { WEBHOOK_MODE_BATCH, "WEBHOOK_MODE_BATCH", "batch" },
  { 0, NULL, NULL },
};

static const GEnumValue compression_values[] = {
  { WEBHOOK_COMPRESSION_NONE, "WEBHOOK_COMPRESSION_NONE", "none" },
  { WEBHOOK_COMPRESSION_GZIP, "WEBHOOK_COMPRESSION_GZIP", "gzip" },
  { 0, NULL, NULL },
};

GType
webhook_mode_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("WebhookMode", mode_values));
  return type;
}

GType
webhook_compression_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("WebhookCompression", compression_values));
  return type;
}

char *
webhook_header_encode (const char *value)
{
  GString *out = g_string_new (NULL);

  hawser_cloud_event_encode (out, value, strlen (value));
  return g_string_free (out, FALSE);
}

static void
add_header (WebhookRequest *self, const char *name, const char *value)
{
  g_ptr_array_add (self->headers, g_strdup (name));
  g_ptr_array_add (self->headers, webhook_header_encode (value));
}

guint
webhook_count_hops (HawserBatch *batch)
{
  guint most = 0;

  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      g_autofree char *text = hawser_message_dup_property (hawser_batch_get_message (batch, i), WEBHOOK_HOPS);
      guint64 n = 0;

      if (text != NULL && g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &n, NULL))
        most = MAX (most, (guint) n);
    }
  return most;
}

/* ---- Bodies ---- */

static void
add_attribute (const char *name, const char *value, gpointer data)
{
  g_autofree char *header = NULL;

  if (g_str_equal (name, WEBHOOK_HOPS))
    return;
  header = g_strconcat ("ce-", name, NULL);
  add_header (data, header, value);
  /* the destination's tracing reads the header of W3C Trace Context, not the event */
  if (g_str_equal (name, "traceparent") || g_str_equal (name, "tracestate"))
    add_header (data, name, value);
}

static gboolean
is_safe_content_type (const char *text)
{
  for (const char *at = text; *at != '\0'; at++)
    if (*at < ' ' || *at > '~')
      return FALSE;
  return strchr (text, '/') != NULL;
}

static char *
dup_content_type (HawserMessage *message)
{
  g_autofree char *given = hawser_message_dup_content_type (message);
  g_autoptr (GString) scratch = g_string_new (NULL);
  gsize len;
  const guint8 *payload = hawser_message_get_data (message, &len);

  if (given != NULL && is_safe_content_type (given))
    return g_steal_pointer (&given);
  if (hawser_json_compact (scratch, payload, len))
    return g_strdup ("application/json");
  return g_strdup (g_utf8_validate_len ((const char *) payload, len, NULL) ? "text/plain; charset=utf-8" : "application/octet-stream");
}

static void
build_binary (WebhookRequest *self, HawserMessage *message, const char *hops)
{
  hawser_cloud_event_foreach (message, add_attribute, self);
  add_header (self, "ce-" WEBHOOK_HOPS, hops);
  self->body = hawser_message_dup_payload (message);
  self->content_type = dup_content_type (message);
}

static void
build_json (WebhookRequest *self, WebhookMode mode, HawserBatch *batch, const char *hops)
{
  GString *json = g_string_new (mode == WEBHOOK_MODE_BATCH ? "[" : NULL);

  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      hawser_cloud_event_append_with (json, hawser_batch_get_message (batch, i), WEBHOOK_HOPS, hops);
    }
  if (mode == WEBHOOK_MODE_BATCH)
    g_string_append_c (json, ']');
  self->content_type = g_strdup (mode == WEBHOOK_MODE_BATCH ? "application/cloudevents-batch+json; charset=utf-8"
                                                            : "application/cloudevents+json; charset=utf-8");
  self->body = g_string_free_to_bytes (json);
}

static void
compress (WebhookRequest *self)
{
  g_autoptr (GConverter) gzip = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) stream = g_converter_output_stream_new (memory, gzip);
  gsize len;
  const guint8 *data = g_bytes_get_data (self->body, &len);

  if (!g_output_stream_write_all (stream, data, len, NULL, NULL, NULL) || !g_output_stream_close (stream, NULL, NULL))
    return;   /* memory does not fail; sent as it is otherwise */
  g_bytes_unref (self->body);
  self->body = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
  add_header (self, "Content-Encoding", "gzip");
}

void
webhook_request_build (WebhookRequest *self, WebhookMode mode, WebhookCompression compression, HawserBatch *batch)
{
  guint n = hawser_batch_get_size (batch);
  g_autofree char *first = hawser_message_dup_id (hawser_batch_get_message (batch, 0));
  char hops[16];

  self->headers = g_ptr_array_new_with_free_func (g_free);
  /* '.' divides what is signed, so it may not be in the id; a batch is its first message and how many follow */
  self->id = g_strdelimit (webhook_header_encode (first != NULL ? first : "0"), ".", '_');
  if (n > 1)
    {
      g_autofree char *one = self->id;

      self->id = g_strdup_printf ("%s+%u", one, n - 1);
    }
  g_snprintf (hops, sizeof hops, "%u", webhook_count_hops (batch) + 1);
  if (mode == WEBHOOK_MODE_BINARY)
    build_binary (self, hawser_batch_get_message (batch, 0), hops);
  else
    build_json (self, mode, batch, hops);
  if (compression == WEBHOOK_COMPRESSION_GZIP)
    compress (self);
}

void
webhook_request_clear (WebhookRequest *self)
{
  g_clear_pointer (&self->headers, g_ptr_array_unref);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_clear_pointer (&self->content_type, g_free);
  g_clear_pointer (&self->id, g_free);
}

/* ---- Signature (Standard Webhooks 1.0.0, "Signature scheme") ---- */

static char *
make_signature (WebhookRequest *self, GBytes *key, const char *timestamp)
{
  gsize key_len, body_len, digest_len = 32;
  const guchar *key_data = g_bytes_get_data (key, &key_len);
  const guchar *body = g_bytes_get_data (self->body, &body_len);
  g_autoptr (GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, key_data, key_len);
  guint8 digest[32];

  g_hmac_update (hmac, (const guchar *) self->id, -1);
  g_hmac_update (hmac, (const guchar *) ".", 1);
  g_hmac_update (hmac, (const guchar *) timestamp, -1);
  g_hmac_update (hmac, (const guchar *) ".", 1);
  for (gsize at = 0; at < body_len; at += MIN (body_len - at, G_MAXINT))
    g_hmac_update (hmac, body + at, (gssize) MIN (body_len - at, G_MAXINT));
  g_hmac_get_digest (hmac, digest, &digest_len);
  return g_base64_encode (digest, digest_len);
}

void
webhook_request_sign (WebhookRequest *self, GPtrArray *keys, gint64 now_s)
{
  g_autoptr (GString) signatures = g_string_new (NULL);
  char timestamp[24];

  g_snprintf (timestamp, sizeof timestamp, "%" G_GINT64_FORMAT, now_s);
  for (guint i = 0; i < keys->len; i++)
    {
      g_autofree char *signature = make_signature (self, g_ptr_array_index (keys, i), timestamp);

      g_string_append_printf (signatures, "%sv1,%s", i > 0 ? " " : "", signature);
    }
  g_ptr_array_add (self->headers, g_strdup ("webhook-id"));
  g_ptr_array_add (self->headers, g_strdup (self->id));
  g_ptr_array_add (self->headers, g_strdup ("webhook-timestamp"));
  g_ptr_array_add (self->headers, g_strdup (timestamp));
  g_ptr_array_add (self->headers, g_strdup ("webhook-signature"));
  g_ptr_array_add (self->headers, g_string_free (g_steal_pointer (&signatures), FALSE));
}

static GBytes *
parse_key (const char *word)
{
  gsize len;
  guchar *data;

  if (!g_str_has_prefix (word, "whsec_"))
    return g_bytes_new (word, strlen (word));
  data = g_base64_decode (word + 6, &len);
  return g_bytes_new_take (data, len);
}

GPtrArray *
webhook_keys_parse (const char *text, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_auto (GStrv) words = g_strsplit_set (text, " \t\r\n", -1);

  for (guint i = 0; words[i] != NULL; i++)
    {
      if (*words[i] == '\0')
        continue;
      g_ptr_array_add (keys, parse_key (words[i]));
      /* Standard Webhooks asks for 24 to 64 bytes; who has a shorter shared secret is let in from 16 on */
      if (g_bytes_get_size (g_ptr_array_index (keys, keys->len - 1)) < 16)
        {
          g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a signing key has fewer than 16 bytes");
          return NULL;
        }
    }
  if (keys->len >= 1 && keys->len <= WEBHOOK_MAX_KEYS)
    return g_steal_pointer (&keys);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%u signing keys; there must be 1 to %d", keys->len, WEBHOOK_MAX_KEYS);
  return NULL;
}

/* ---- Answers ---- */

WebhookOutcome
webhook_classify (guint status)
{
  if (status >= 200 && status < 300)
    return WEBHOOK_OUTCOME_DONE;
  if (status == SOUP_STATUS_GONE)
    return WEBHOOK_OUTCOME_GONE;
  if (status == SOUP_STATUS_REQUEST_TIMEOUT || status == 425 /* RFC 8470 */ || status == 429 /* RFC 6585 */ || status >= 500)
    return WEBHOOK_OUTCOME_TEMPORARY;
  return WEBHOOK_OUTCOME_PERMANENT;
}

gint64
webhook_parse_retry_after (const char *value, gint64 now_s)
{
  guint64 seconds;
  g_autoptr (GDateTime) date = NULL;

  if (value == NULL)
    return 0;
  if (g_ascii_string_to_unsigned (value, 10, 0, 365 * 86400, &seconds, NULL))
    return (gint64) seconds * G_USEC_PER_SEC;
  date = soup_date_time_new_from_http_string (value);
  return date != NULL ? CLAMP (g_date_time_to_unix (date) - now_s, 0, 365 * 86400) * G_USEC_PER_SEC : 0;
}
