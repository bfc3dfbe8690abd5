/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages from and to HTTP: CloudEvents 1.0 binary mode (headers); the JSON of structured mode is the core's. What is a
 * message's own (id, time, content type, correlation, reply-to) goes there, every other attribute is a user property.
 * Pure functions. Source: CloudEvents 1.0.2, HTTP protocol binding 3.1. */

#include "http-cloud-event.h"

#include <string.h>

#define FORM_TYPE "application/x-www-form-urlencoded" /* what curl -d says of anything: as good as nothing */

/* Said by the bus, not by the publisher. */
static gboolean
is_ours (const char *name)
{
  return g_str_equal (name, "specversion") || g_str_equal (name, "subject") || g_str_equal (name, "hawserseq") || g_str_equal (name, "hawserqos") ||
         g_str_equal (name, "hawserretained");
}

static gboolean
add_attribute (HawserProperties *properties, const char *name, const char *value, const char **out_detail)
{
  gsize len = strlen (value), name_len = strlen (name);

  if (len > HAWSER_CLOUD_EVENT_LIMITS.max_value || name_len > HAWSER_CLOUD_EVENT_LIMITS.max_name || name_len == 0)
    {
      *out_detail = "an attribute is too long";
      return FALSE;
    }
  if (g_str_equal (name, "correlationid"))
    hawser_properties_add (properties, HAWSER_PROPERTY_CORRELATION, NULL, 0, value, len);
  else if (g_str_equal (name, "replyto"))
    {
      if (len == 0 || strpbrk (value, "+#") != NULL)
        {
          *out_detail = "replyto is not a topic name";
          return FALSE;
        }
      hawser_properties_add (properties, HAWSER_PROPERTY_REPLY_TO, NULL, 0, value, len);
    }
  else if (g_str_equal (name, "datacontenttype"))
    hawser_properties_add (properties, HAWSER_PROPERTY_CONTENT_TYPE, NULL, 0, value, len);
  else
    hawser_properties_add (properties, HAWSER_PROPERTY_USER, name, name_len, value, len);
  return TRUE;
}

static HawserMessage *
build (HawserProperties *properties, const HawserCloudEventTerms *terms, const guint8 *payload, gsize len, HawserBlock *block, const char **out_detail)
{
  HawserMessageInit init = {
    .topic = terms->topic, .topic_len = strlen (terms->topic), .properties = properties->data, .properties_len = properties->len,
    .payload = payload, .payload_len = len, .expiry_s = terms->expiry_s, .qos = (guint8) terms->qos, .retain = terms->retain,
  };

  if (init.topic_len == 0 || init.topic_len > HAWSER_TOPIC_MAX_LEN)
    {
      *out_detail = "the topic must have 1 to 65535 bytes";
      return NULL;
    }
  if (block != NULL && len >= HAWSER_LARGE_PAYLOAD)
    init.block = block;
  else if (len >= HAWSER_LARGE_PAYLOAD)
    {
      HawserMessage *message;

      init.block = hawser_block_new (len);
      init.payload = memcpy (hawser_block_get_data (init.block, NULL), payload, len);
      message = hawser_message_new_raw (&init);
      hawser_block_unref (init.block);
      return message;
    }
  return hawser_message_new_raw (&init);
}

/* W3C Trace Context, section 3.2: version, trace, parent, flags. What is malformed is no context at all. */
static gboolean
is_traceparent (const char *text)
{
  static const guint8 hyphens[] = { 2, 35, 52 };
  gsize len = strlen (text);

  if (len < 55 || (len > 55 && (text[55] != '-' || g_str_has_prefix (text, "00"))) || g_str_has_prefix (text, "ff"))
    return FALSE;
  for (gsize i = 0; i < 55; i++)
    if ((i == hyphens[0] || i == hyphens[1] || i == hyphens[2]) ? text[i] != '-' : !g_ascii_isdigit (text[i]) && (text[i] < 'a' || text[i] > 'f'))
      return FALSE;
  return strncmp (text + 3, "00000000000000000000000000000000", 32) != 0 && strncmp (text + 36, "0000000000000000", 16) != 0;
}

/* The caller's trace goes on in the message, as the distributed tracing extension of CloudEvents. */
static void
add_trace (HawserProperties *properties, HttpRequest *request, const char **out_detail)
{
  const char *parent = http_request_get_header (request, "traceparent"), *state = http_request_get_header (request, "tracestate");

  if (parent == NULL || !is_traceparent (parent))
    return;
  add_attribute (properties, "traceparent", parent, out_detail);
  if (*out_detail == NULL && state != NULL && strlen (state) <= 512 && g_utf8_validate (state, -1, NULL))
    add_attribute (properties, "tracestate", state, out_detail);
}

/* What the bus reads from the message itself, said in the query. */
static const struct {
  const char *query;
  const char *attribute;
} wishes[] = {
  { "deliver-at", "deliverat" }, { "deliver-after", "deliverafter" }, { "delay", "deliverafter" }, { "requested", "requested" }, { "timeout", "timeout" },
};

HawserMessage *
http_message_from_request (HttpRequest *request, const HawserCloudEventTerms *terms, const char *reply_to, GBytes *correlation, const char **out_detail)
{
  const char *content_type = http_request_get_header (request, "Content-Type");
  const char *key = http_request_get_header (request, "Idempotency-Key");
  HawserProperties properties = { 0 };
  HawserMessage *message = NULL;
  SoupMessageHeadersIter iter;
  const char *name, *value;
  guint n = 0;
  gboolean has_id = FALSE, has_trace = FALSE;

  *out_detail = NULL;
  soup_message_headers_iter_init (&iter, request->headers);
  while (*out_detail == NULL && soup_message_headers_iter_next (&iter, &name, &value))
    {
      g_autofree char *attribute = NULL;
      g_autofree char *decoded = NULL;

      if (g_ascii_strncasecmp (name, "ce-", 3) != 0)
        continue;
      attribute = g_ascii_strdown (name + 3, -1);
      if (is_ours (attribute) || g_str_equal (attribute, "datacontenttype") || (reply_to != NULL && (g_str_equal (attribute, "replyto") || g_str_equal (attribute, "correlationid"))))
        continue;
      decoded = http_decode_value (value);
      if (decoded == NULL)
        *out_detail = "a ce- header is not UTF-8 or has a control character";
      else if (++n > HAWSER_CLOUD_EVENT_LIMITS.max_attributes)
        *out_detail = "there are too many ce- headers";
      else
        add_attribute (&properties, attribute, decoded, out_detail);
      has_id |= g_str_equal (attribute, "id");
      has_trace |= g_str_equal (attribute, "traceparent");
    }
  if (*out_detail == NULL && !has_trace)
    add_trace (&properties, request, out_detail);

  if (content_type != NULL && g_ascii_strncasecmp (content_type, FORM_TYPE, strlen (FORM_TYPE)) == 0)
    content_type = NULL;
  if (*out_detail == NULL && content_type != NULL)
    {
      if (!g_utf8_validate (content_type, -1, NULL))
        *out_detail = "Content-Type is not UTF-8";
      else
        add_attribute (&properties, "datacontenttype", content_type, out_detail);
    }
  if (*out_detail == NULL && key != NULL && !has_id)
    {
      gsize len = strlen (key);
      gboolean is_quoted = len >= 2 && key[0] == '"' && key[len - 1] == '"'; /* draft-ietf-httpapi-idempotency-key-header: a structured string */
      g_autofree char *id = is_quoted ? g_strndup (key + 1, len - 2) : g_strdup (key);

      if (!g_utf8_validate (id, -1, NULL))
        *out_detail = "Idempotency-Key is not UTF-8";
      else
        add_attribute (&properties, "id", id, out_detail);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (wishes) && *out_detail == NULL; i++)
    if ((value = http_request_get_query (request, wishes[i].query)) != NULL)
      add_attribute (&properties, wishes[i].attribute, value, out_detail);
  if (reply_to != NULL)
    {
      gsize len;
      gconstpointer data = g_bytes_get_data (correlation, &len);

      hawser_properties_add (&properties, HAWSER_PROPERTY_REPLY_TO, NULL, 0, reply_to, strlen (reply_to));
      hawser_properties_add (&properties, HAWSER_PROPERTY_CORRELATION, NULL, 0, data, len);
    }
  if (*out_detail == NULL)
    message = build (&properties, terms, request->body, request->body_len, request->block, out_detail);
  hawser_properties_clear (&properties);
  return message;
}

static void
append_header (const char *name, const char *value, gpointer data)
{
  GString *out = data;

  g_string_append (out, "ce-");
  g_string_append (out, name);
  g_string_append (out, ": ");
  hawser_cloud_event_encode (out, value, strlen (value));
  g_string_append (out, "\r\n");
}

/* User properties whose names are no CloudEvents names but can stand in a header. */
static void
append_other (GString *out, const HawserProperty *property)
{
  gboolean is_event_name = TRUE;

  for (gsize i = 0; i < property->name_len; i++)
    {
      char c = property->name[i];

      if (!g_ascii_isalnum (c) && (c == '\0' || strchr ("!#$%&'*+-.^_`|~", c) == NULL))
        return;
      is_event_name &= g_ascii_islower (c) || g_ascii_isdigit (c);
    }
  if (is_event_name)
    return;
  g_string_append (out, "ce-");
  g_string_append_len (out, property->name, (gssize) property->name_len);
  g_string_append (out, ": ");
  hawser_cloud_event_encode (out, (const char *) property->value, property->value_len);
  g_string_append (out, "\r\n");
}

void
http_append_ce_headers (GString *out, HawserMessage *message)
{
  HawserMessageView view;
  HawserProperty property;
  gsize position = 0;

  hawser_cloud_event_foreach (message, append_header, out);
  hawser_message_view (message, &view);
  while (hawser_properties_next (view.properties, view.properties_len, &position, &property))
    if (property.kind == HAWSER_PROPERTY_USER && property.name_len > 0)
      append_other (out, &property);
}
