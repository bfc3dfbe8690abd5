/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A CloudEvent in the JSON format, read into a message: the only place that knows what an event from outside may say. How
 * one is written is hawser-cloud-event.c's part, headers and properties of other bindings are their adapters'.
 * The text is walked in place: what is in `data` keeps its bytes, digits and order of members included.
 * Pure functions, any thread. Source: CloudEvents 1.0.2, section 3 and JSON format 2 and 3. */

#include "hawser-cloud-event-reader.h"

#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-error.h"
#include "hawser-message-raw.h"

/* The attributes that are more than a user property; the first four are required. */
typedef enum {
  ATTRIBUTE_SPECVERSION,
  ATTRIBUTE_ID,
  ATTRIBUTE_SOURCE,
  ATTRIBUTE_TYPE,
  ATTRIBUTE_SUBJECT,
  ATTRIBUTE_CONTENT_TYPE,
  ATTRIBUTE_DATA,
  ATTRIBUTE_DATA_BASE64,
  ATTRIBUTE_REPLY_TO,
  ATTRIBUTE_CORRELATION,
  ATTRIBUTE_EXPIRY,
  ATTRIBUTE_QOS,
  ATTRIBUTE_RETAINED,
  ATTRIBUTE_SEQUENCE,
  N_ATTRIBUTES,
} Attribute;

static const char *const attribute_names[N_ATTRIBUTES] = {
  "specversion", "id", "source", "type", "subject", "datacontenttype", "data", "data_base64", "replyto", "correlationid",
  "expirytime", "hawserqos", "hawserretained", "hawserseq",
};

typedef struct {
  const HawserCloudEventTerms *terms;
  const HawserCloudEventLimits *limits;
  HawserJsonSlice attributes[N_ATTRIBUTES]; /* text NULL: absent */
  HawserJsonSlice *names;                   /* all, to find doubles */
  guint n_names;
  HawserProperties properties;
  HawserMessageInit init;
} Event;

/* The text of an attribute, in the event itself unless it has escapes. */
typedef struct {
  const char *text; /* not terminated; NULL: absent */
  gsize len;
  char *owned;
} Text;

static void
clear_text (Text *self)
{
  g_free (self->owned);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Text, clear_text)

G_GNUC_PRINTF (2, 3) static gboolean
fail (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED, "CloudEvent: %s", text);
  return FALSE;
}

static gboolean
is_name (const HawserJsonSlice *key, gsize max_len)
{
  if (key->len < 3 || key->len > max_len + 2)
    return FALSE;
  for (gsize i = 1; i < key->len - 1; i++)
    if (!g_ascii_islower (key->text[i]) && !g_ascii_isdigit (key->text[i]))
      return FALSE;
  return TRUE;
}

/* Strings, and the integers and booleans that the JSON format writes bare. */
static gboolean
read_text (const Event *event, const HawserJsonSlice *name, const HawserJsonSlice *value, Text *out, GError **error)
{
  gboolean is_string = value->type == HAWSER_JSON_STRING;

  if (is_string && memchr (value->text, '\\', value->len) != NULL)
    {
      out->text = out->owned = hawser_json_slice_dup_string (value);
      out->len = out->text != NULL ? strlen (out->text) : 0;
    }
  else if (is_string)
    *out = (Text) { value->text + 1, value->len - 2, NULL };
  else if (value->type == HAWSER_JSON_NUMBER || value->type == HAWSER_JSON_BOOLEAN)
    *out = (Text) { value->text, value->len, NULL };
  if (out->text == NULL || out->len > event->limits->max_value)
    return fail (error, "attribute %.*s: must be a string, number or boolean of at most %" G_GSIZE_FORMAT " bytes without U+0000", (int) name->len,
                 name->text, event->limits->max_value);
  return TRUE;
}

static gboolean
take_member (Event *event, const HawserJsonSlice *key, const HawserJsonSlice *value, GError **error)
{
  gsize max_name = event->limits->max_name;
  g_auto (Text) text = { 0 };

  if (event->n_names == MIN (event->limits->max_attributes, HAWSER_CLOUD_EVENT_MAX_ATTRIBUTES))
    return fail (error, "more than %u attributes", event->n_names);
  for (guint i = 0; i < event->n_names; i++)
    if (event->names[i].len == key->len && memcmp (event->names[i].text, key->text, key->len) == 0)
      return fail (error, "attribute %.*s: given twice", (int) MIN (key->len, max_name + 2), key->text);
  event->names[event->n_names++] = *key;

  for (guint i = 0; i < N_ATTRIBUTES; i++)
    if (key->len == strlen (attribute_names[i]) + 2 && memcmp (key->text + 1, attribute_names[i], key->len - 2) == 0)
      {
        if (value->type != HAWSER_JSON_NULL || i == ATTRIBUTE_DATA)
          event->attributes[i] = *value;
        return TRUE;
      }
  if (!is_name (key, max_name))
    return fail (error, "attribute names are 1 to %" G_GSIZE_FORMAT " lower-case letters and digits", max_name);
  if (value->type == HAWSER_JSON_NULL)
    return TRUE; /* the same as absent */

  if (!read_text (event, key, value, &text, error))
    return FALSE;
  hawser_properties_add (&event->properties, HAWSER_PROPERTY_USER, key->text + 1, key->len - 2, text.text, text.len);
  return TRUE;
}

/* TRUE with *out as it was if absent */
static gboolean
read_known (const Event *event, Attribute attribute, Text *out, GError **error)
{
  HawserJsonSlice name = { HAWSER_JSON_STRING, attribute_names[attribute], strlen (attribute_names[attribute]) };

  return event->attributes[attribute].text == NULL || read_text (event, &name, &event->attributes[attribute], out, error);
}

static gboolean
text_is (const Text *text, const char *word)
{
  return text->len == strlen (word) && memcmp (text->text, word, text->len) == 0;
}

static gboolean
take_required (Event *event, GError **error)
{
  for (Attribute i = ATTRIBUTE_SPECVERSION; i <= ATTRIBUTE_TYPE; i++)
    {
      g_auto (Text) text = { 0 };

      if (!read_known (event, i, &text, error))
        return FALSE;
      if (text.len == 0)
        return fail (error, "attribute %s: required", attribute_names[i]);
      if (i != ATTRIBUTE_SPECVERSION)
        hawser_properties_add (&event->properties, HAWSER_PROPERTY_USER, attribute_names[i], strlen (attribute_names[i]), text.text, text.len);
      else if (!text_is (&text, "1.0"))
        return fail (error, "specversion: must be 1.0");
    }
  return TRUE;
}

static gboolean
take_topic (Event *event, Text *subject, GError **error)
{
  const char *topic = event->terms->topic;

  if (topic != NULL)
    *subject = (Text) { topic, strlen (topic), NULL };
  else if (event->attributes[ATTRIBUTE_SUBJECT].text == NULL)
    return fail (error, "attribute subject: required, it is the topic");
  else if (!read_known (event, ATTRIBUTE_SUBJECT, subject, error))
    return FALSE;
  if (subject->len == 0)
    return fail (error, "attribute subject: must not be empty, it is the topic");
  if (subject->len > G_MAXUINT16)
    return fail (error, "the topic has more than %d bytes", G_MAXUINT16);
  event->init.topic = subject->text;
  event->init.topic_len = subject->len;
  return TRUE;
}

static gboolean
take_answer (Event *event, GError **error)
{
  g_auto (Text) reply_to = { 0 };
  g_auto (Text) correlation = { 0 };

  if (!read_known (event, ATTRIBUTE_REPLY_TO, &reply_to, error) || !read_known (event, ATTRIBUTE_CORRELATION, &correlation, error))
    return FALSE;
  if (reply_to.text != NULL && (reply_to.len == 0 || memchr (reply_to.text, '+', reply_to.len) != NULL || memchr (reply_to.text, '#', reply_to.len) != NULL))
    return fail (error, "attribute replyto: must be a topic name");
  if (reply_to.text != NULL)
    hawser_properties_add (&event->properties, HAWSER_PROPERTY_REPLY_TO, NULL, 0, reply_to.text, reply_to.len);
  if (correlation.text != NULL)
    hawser_properties_add (&event->properties, HAWSER_PROPERTY_CORRELATION, NULL, 0, correlation.text, correlation.len);
  return TRUE;
}

/* CloudEvents extension expirytime: of two ends of life the earlier counts. */
static gboolean
take_expiry (Event *event, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GDateTime) time = NULL;
  gint64 left_us;
  guint32 left_s;

  if (event->attributes[ATTRIBUTE_EXPIRY].text == NULL)
    return TRUE;
  text = hawser_json_slice_dup_string (&event->attributes[ATTRIBUTE_EXPIRY]);
  time = text != NULL ? g_date_time_new_from_iso8601 (text, NULL) : NULL;
  if (time == NULL)
    return fail (error, "attribute expirytime: must be a time (RFC 3339)");
  left_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) - g_get_real_time ();
  if (left_us <= 0)
    return fail (error, "attribute expirytime: is past");
  left_s = (guint32) MIN ((left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, G_MAXUINT32);
  event->init.expiry_s = event->init.expiry_s != 0 ? MIN (event->init.expiry_s, left_s) : left_s;
  return TRUE;
}

/* hawserqos and hawserretained also as strings: what came through headers is one (CloudEvents 1.0.2, 3.1.1 type system). */
static gboolean
take_delivery (Event *event, GError **error)
{
  const HawserJsonSlice *qos = &event->attributes[ATTRIBUTE_QOS], *retained = &event->attributes[ATTRIBUTE_RETAINED];
  g_auto (Text) qos_text = { 0 };
  g_auto (Text) retained_text = { 0 };

  if (qos->text != NULL
      && (!read_known (event, ATTRIBUTE_QOS, &qos_text, NULL) || qos_text.len != 1 || *qos_text.text < '0' || *qos_text.text > '2'))
    return fail (error, "attribute hawserqos: must be 0, 1 or 2");
  if (retained->text != NULL
      && (!read_known (event, ATTRIBUTE_RETAINED, &retained_text, NULL) || (!text_is (&retained_text, "true") && !text_is (&retained_text, "false"))))
    return fail (error, "attribute hawserretained: must be true or false");

  event->init.qos = (guint8) event->terms->qos;
  event->init.retain = event->terms->retain;
  event->init.expiry_s = event->terms->expiry_s;
  if (!event->terms->overrides && qos->text != NULL)
    event->init.qos = (guint8) (*qos_text.text - '0');
  if (!event->terms->overrides && retained->text != NULL)
    event->init.retain = *retained_text.text == 't';
  return take_expiry (event, error);
}

/* RFC 4648 section 4, strictly: g_base64_decode() skips what it does not know. */
static guchar *
decode_base64 (const HawserJsonSlice *value, gsize *out_len)
{
  g_autofree char *text = hawser_json_slice_dup_string (value);
  gsize len = text != NULL ? strlen (text) : 1, n_pads = 0;

  if (len % 4 != 0)
    return NULL;
  while (n_pads < 2 && len > n_pads && text[len - 1 - n_pads] == '=')
    n_pads++;
  for (gsize i = 0; i < len - n_pads; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return NULL;
  return g_base64_decode (text, out_len);
}

/* It becomes a Content-Type header as it stands: nothing that could end one. */
static gboolean
take_content_type (Event *event, Text *content_type, GError **error)
{
  if (!read_known (event, ATTRIBUTE_CONTENT_TYPE, content_type, error))
    return FALSE;
  for (gsize i = 0; i < content_type->len; i++)
    if (((guint8) content_type->text[i] < 0x20 && content_type->text[i] != '\t') || content_type->text[i] == 0x7f)
      return fail (error, "attribute datacontenttype: must not have control characters");
  if (content_type->text == NULL && event->attributes[ATTRIBUTE_DATA].text != NULL)
    *content_type = (Text) { "application/json", strlen ("application/json"), NULL }; /* JSON format 3.1 */
  if (content_type->text != NULL)
    hawser_properties_add (&event->properties, HAWSER_PROPERTY_CONTENT_TYPE, NULL, 0, content_type->text, content_type->len);
  return TRUE;
}

/* *out_owned is what the payload lies in, if not in the event. */
static gboolean
take_payload (Event *event, guchar **out_owned, GError **error)
{
  const HawserJsonSlice *data = &event->attributes[ATTRIBUTE_DATA], *base64 = &event->attributes[ATTRIBUTE_DATA_BASE64];
  g_auto (Text) content_type = { 0 };

  if (data->text != NULL && base64->text != NULL)
    return fail (error, "data and data_base64 exclude each other");
  if (!take_content_type (event, &content_type, error))
    return FALSE;

  if (base64->text != NULL)
    {
      event->init.payload = *out_owned = decode_base64 (base64, &event->init.payload_len);
      if (*out_owned == NULL)
        return fail (error, "data_base64: must be base64");
    }
  else if (data->text != NULL)
    {
      event->init.payload = (const guint8 *) data->text;
      event->init.payload_len = data->len;
      if (data->type == HAWSER_JSON_STRING)
        {
          g_autofree char *type = g_strndup (content_type.text, content_type.len);

          if (hawser_content_type_is_json (type))
            return TRUE;
          event->init.payload = *out_owned = (guchar *) hawser_json_slice_dup_string (data);
          if (*out_owned == NULL)
            return fail (error, "data: must not contain U+0000");
          event->init.payload_len = strlen ((const char *) *out_owned);
        }
    }
  return TRUE;
}

static HawserMessage *
build (Event *event, guchar **owned)
{
  HawserMessageInit *init = &event->init;
  HawserMessage *message;

  init->properties = event->properties.data;
  init->properties_len = event->properties.len;
  if (init->payload_len < HAWSER_LARGE_PAYLOAD)
    return hawser_message_new_raw (init);

  if (*owned != NULL)
    {
      g_autoptr (GBytes) bytes = g_bytes_new_take (g_steal_pointer (owned), init->payload_len);

      init->block = hawser_block_new_for_bytes (bytes);
    }
  else
    {
      init->block = hawser_block_new (init->payload_len);
      init->payload = memcpy (hawser_block_get_data (init->block, NULL), init->payload, init->payload_len);
    }
  message = hawser_message_new_raw (init);
  hawser_block_unref (init->block);
  return message;
}

HawserMessage *
hawser_cloud_event_read (const HawserJsonSlice *self, const HawserCloudEventTerms *terms, const HawserCloudEventLimits *limits, GError **error)
{
  HawserJsonSlice names[HAWSER_CLOUD_EVENT_MAX_ATTRIBUTES];
  Event event = { .terms = terms, .limits = limits, .names = names };
  HawserJsonSlice key, value;
  HawserMessage *message = NULL;
  HawserJsonIter iter;
  g_autofree guchar *owned = NULL;
  g_auto (Text) topic = { 0 };
  gboolean valid = TRUE;

  if (self->type != HAWSER_JSON_OBJECT)
    {
      fail (error, "must be a JSON object");
      return NULL;
    }
  hawser_json_iter_init (&iter, self);
  while (valid && hawser_json_iter_next (&iter, &key, &value))
    valid = take_member (&event, &key, &value, error);
  if (valid && take_required (&event, error) && take_topic (&event, &topic, error) && take_answer (&event, error)
      && take_delivery (&event, error) && take_payload (&event, &owned, error))
    message = build (&event, &owned);
  hawser_properties_clear (&event.properties);
  return message;
}

GPtrArray *
hawser_cloud_event_read_batch (const HawserJsonSlice *batch, const HawserCloudEventTerms *terms, const HawserCloudEventLimits *limits, GError **error)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_message_unref);
  HawserJsonSlice event;
  HawserJsonIter iter;

  if (batch->type != HAWSER_JSON_ARRAY)
    {
      fail (error, "a batch must be a JSON array");
      return NULL;
    }
  hawser_json_iter_init (&iter, batch);
  while (hawser_json_iter_next (&iter, NULL, &event))
    {
      HawserMessage *message;

      if (messages->len == limits->max_events)
        {
          fail (error, "a batch has at most %u events", limits->max_events);
          return NULL;
        }
      message = hawser_cloud_event_read (&event, terms, limits, error);
      if (message == NULL)
        {
          g_prefix_error (error, "event %u: ", messages->len);
          return NULL;
        }
      g_ptr_array_add (messages, message);
    }
  return g_steal_pointer (&messages);
}
