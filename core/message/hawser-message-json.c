/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one JSON form of a message, a CloudEvent, read back into a message. How it is written is hawser-cloud-event.c's part.
 * The text is walked in place: what is in `data` keeps its bytes, digits and order of members included.
 * Pure functions, any thread. Source: CloudEvents 1.0.2, section 3 and JSON format 2 and 3. */

#include "hawser-message-json.h"

#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-error.h"
#include "hawser-json.h"
#include "hawser-message-builder.h"

#define MAX_ATTRIBUTES 128 /* as many as fit on a screen; each costs a comparison with each other */
#define MAX_NAME 64        /* as hawser-cloud-event.c writes */
#define MAX_VALUE 65535    /* what MQTT can carry on */

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
  HawserJsonSlice attributes[N_ATTRIBUTES]; /* text NULL: absent */
  HawserJsonSlice names[MAX_ATTRIBUTES];    /* all, to find doubles */
  guint n_names;
  HawserMessageBuilder *builder;
} Event;

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
is_name (const HawserJsonSlice *key)
{
  if (key->len < 3 || key->len > MAX_NAME + 2)
    return FALSE;
  for (gsize i = 1; i < key->len - 1; i++)
    if (!g_ascii_islower (key->text[i]) && !g_ascii_isdigit (key->text[i]))
      return FALSE;
  return TRUE;
}

/* The text of an attribute: strings, and the integers and booleans that the JSON format writes bare. */
static char *
dup_attribute (const HawserJsonSlice *name, const HawserJsonSlice *value, GError **error)
{
  char *text = NULL;

  if (value->type == HAWSER_JSON_STRING)
    text = hawser_json_slice_dup_string (value);
  else if (value->type == HAWSER_JSON_NUMBER || value->type == HAWSER_JSON_BOOLEAN)
    text = g_strndup (value->text, value->len);
  if (text == NULL || strlen (text) > MAX_VALUE)
    {
      g_free (text);
      fail (error, "attribute %.*s: must be a string, number or boolean of at most %d bytes without U+0000", (int) name->len, name->text, MAX_VALUE);
      return NULL;
    }
  return text;
}

static gboolean
take_member (Event *event, const HawserJsonSlice *key, const HawserJsonSlice *value, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;

  if (event->n_names == MAX_ATTRIBUTES)
    return fail (error, "more than %d attributes", MAX_ATTRIBUTES);
  for (guint i = 0; i < event->n_names; i++)
    if (event->names[i].len == key->len && memcmp (event->names[i].text, key->text, key->len) == 0)
      return fail (error, "attribute %.*s: given twice", (int) MIN (key->len, MAX_NAME + 2), key->text);
  event->names[event->n_names++] = *key;

  for (guint i = 0; i < N_ATTRIBUTES; i++)
    if (key->len == strlen (attribute_names[i]) + 2 && memcmp (key->text + 1, attribute_names[i], key->len - 2) == 0)
      {
        if (value->type != HAWSER_JSON_NULL || i == ATTRIBUTE_DATA)
          event->attributes[i] = *value;
        return TRUE;
      }
  if (!is_name (key))
    return fail (error, "attribute names are 1 to %d lower-case letters and digits", MAX_NAME);
  if (value->type == HAWSER_JSON_NULL)
    return TRUE; /* the same as absent */

  text = dup_attribute (key, value, error);
  if (text == NULL)
    return FALSE;
  name = g_strndup (key->text + 1, key->len - 2);
  hawser_message_builder_add_property (event->builder, name, text);
  return TRUE;
}

/* (transfer full) (nullable): NULL with error unset if absent */
static char *
dup_known (Event *event, Attribute attribute, GError **error)
{
  HawserJsonSlice name = { HAWSER_JSON_STRING, attribute_names[attribute], strlen (attribute_names[attribute]) };

  return event->attributes[attribute].text != NULL ? dup_attribute (&name, &event->attributes[attribute], error) : NULL;
}

static gboolean
take_required (Event *event, GError **error)
{
  for (Attribute i = ATTRIBUTE_SPECVERSION; i <= ATTRIBUTE_TYPE; i++)
    {
      g_autoptr (GError) local_error = NULL;
      g_autofree char *text = dup_known (event, i, &local_error);

      if (local_error != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      if (text == NULL || *text == '\0')
        return fail (error, "attribute %s: required", attribute_names[i]);
      if (i != ATTRIBUTE_SPECVERSION)
        hawser_message_builder_add_property (event->builder, attribute_names[i], text);
      else if (strcmp (text, "1.0") != 0)
        return fail (error, "specversion: must be 1.0");
    }
  return TRUE;
}

static gboolean
take_topic (Event *event, const char *topic, GError **error)
{
  g_autofree char *subject = NULL;

  if (topic == NULL)
    {
      if (event->attributes[ATTRIBUTE_SUBJECT].text == NULL)
        return fail (error, "attribute subject: required, it is the topic");
      topic = subject = dup_known (event, ATTRIBUTE_SUBJECT, error);
      if (subject == NULL)
        return FALSE;
    }
  if (*topic == '\0')
    return fail (error, "attribute subject: must not be empty, it is the topic");
  hawser_message_builder_set_topic (event->builder, topic);
  return TRUE;
}

static gboolean
take_answer (Event *event, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *reply_to = dup_known (event, ATTRIBUTE_REPLY_TO, &local_error);
  g_autofree char *correlation = local_error == NULL ? dup_known (event, ATTRIBUTE_CORRELATION, &local_error) : NULL;

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (reply_to != NULL && (*reply_to == '\0' || strpbrk (reply_to, "+#") != NULL))
    return fail (error, "attribute replyto: must be a topic name");
  if (reply_to != NULL)
    hawser_message_builder_set_reply_to (event->builder, reply_to);
  if (correlation != NULL)
    {
      g_autoptr (GBytes) bytes = g_bytes_new (correlation, strlen (correlation));

      hawser_message_builder_set_correlation (event->builder, bytes);
    }
  return TRUE;
}

static gboolean
take_delivery (Event *event, GError **error)
{
  const HawserJsonSlice *qos = &event->attributes[ATTRIBUTE_QOS], *retained = &event->attributes[ATTRIBUTE_RETAINED];
  const HawserJsonSlice *expiry = &event->attributes[ATTRIBUTE_EXPIRY];
  gint64 n = 0;
  gboolean retain = FALSE;

  if (qos->text != NULL && (!hawser_json_slice_get_int64 (qos, &n) || n < 0 || n > 2))
    return fail (error, "attribute hawserqos: must be 0, 1 or 2");
  hawser_message_builder_set_qos (event->builder, (HawserQos) n);
  if (retained->text != NULL && !hawser_json_slice_get_boolean (retained, &retain))
    return fail (error, "attribute hawserretained: must be true or false");
  hawser_message_builder_set_retain (event->builder, retain);

  if (expiry->text != NULL)
    {
      g_autofree char *text = hawser_json_slice_dup_string (expiry);
      g_autoptr (GDateTime) time = text != NULL ? g_date_time_new_from_iso8601 (text, NULL) : NULL;
      gint64 left_us;

      if (time == NULL)
        return fail (error, "attribute expirytime: must be a time (RFC 3339)");
      left_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) - g_get_real_time ();
      if (left_us <= 0)
        return fail (error, "attribute expirytime: is past");
      hawser_message_builder_set_expiry_s (event->builder, (guint) MIN ((left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, G_MAXUINT32));
    }
  return TRUE;
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

static gboolean
take_payload (Event *event, GError **error)
{
  const HawserJsonSlice *data = &event->attributes[ATTRIBUTE_DATA], *base64 = &event->attributes[ATTRIBUTE_DATA_BASE64];
  g_autoptr (GError) local_error = NULL;
  g_autofree char *content_type = dup_known (event, ATTRIBUTE_CONTENT_TYPE, &local_error);
  g_autoptr (GBytes) payload = NULL;

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (data->text != NULL && base64->text != NULL)
    return fail (error, "data and data_base64 exclude each other");

  if (base64->text != NULL)
    {
      gsize len = 0;
      guchar *bytes = decode_base64 (base64, &len);

      if (bytes == NULL)
        return fail (error, "data_base64: must be base64");
      payload = g_bytes_new_take (bytes, len);
    }
  else if (data->text != NULL && data->type == HAWSER_JSON_STRING && content_type != NULL && !hawser_content_type_is_json (content_type))
    {
      char *text = hawser_json_slice_dup_string (data);

      if (text == NULL)
        return fail (error, "data: must not contain U+0000");
      payload = g_bytes_new_take (text, strlen (text));
    }
  else if (data->text != NULL)
    {
      payload = g_bytes_new (data->text, data->len);
      if (content_type == NULL)
        content_type = g_strdup ("application/json"); /* JSON format 3.1 */
    }
  if (content_type != NULL)
    hawser_message_builder_set_content_type (event->builder, content_type);
  if (payload != NULL)
    hawser_message_builder_set_payload (event->builder, payload);
  return TRUE;
}

/**
 * hawser_message_new_from_json: (constructor)
 * @text: one CloudEvent in JSON format (structured mode), UTF-8
 * @len: its length in bytes, or -1 if it is terminated by NUL
 * @topic: (nullable): topic of the message; %NULL takes attribute `subject`
 * @error: return location
 *
 * Makes a message of a CloudEvent. `data` becomes the payload as it stands; a string becomes its text if
 * `datacontenttype` is not JSON; `data_base64` becomes bytes. `replyto`, `correlationid`, `expirytime`, `hawserqos` and
 * `hawserretained` are honoured, `hawserseq` is the bus's own and ignored. Every other attribute, `id`, `source`, `type`
 * and `time` among them, becomes a user property. The name of the topic is checked when the message is published.
 *
 * Bounds: 64 levels, 128 attributes, names of 64 and values of 65535 bytes. The size of @text is the caller's to bound.
 *
 * Errors: %HAWSER_ERROR_MALFORMED (peer's mistake, named by the message).
 * Context: any thread.
 * Source: CloudEvents 1.0.2 section 3, JSON format 1.0.2.
 *
 * Returns: (transfer full): a message
 * Since: 0.1
 */
HawserMessage *
hawser_message_new_from_json (const char *text, gssize len, const char *topic, GError **error)
{
  Event event = { .n_names = 0 };
  HawserJsonSlice root, key, value;
  HawserMessage *message = NULL;
  HawserJsonIter iter;
  gboolean valid = TRUE;

  g_return_val_if_fail (text != NULL, NULL);
  g_return_val_if_fail (topic == NULL || strlen (topic) <= MAX_VALUE, NULL);

  if (!hawser_json_parse (text, len < 0 ? strlen (text) : (gsize) len, &root, error))
    return NULL;
  if (root.type != HAWSER_JSON_OBJECT)
    {
      fail (error, "must be a JSON object");
      return NULL;
    }

  event.builder = hawser_message_builder_new ("");
  hawser_json_iter_init (&iter, &root);
  while (valid && hawser_json_iter_next (&iter, &key, &value))
    valid = take_member (&event, &key, &value, error);
  if (valid && take_required (&event, error) && take_topic (&event, topic, error) && take_answer (&event, error)
      && take_delivery (&event, error) && take_payload (&event, error))
    message = hawser_message_builder_build (event.builder);
  hawser_message_builder_unref (event.builder);
  return message;
}

/**
 * hawser_message_to_json:
 * @self: a message
 *
 * The message as a CloudEvent in JSON format, on one line: the form in which it is shown, recorded and sent over HTTP.
 *
 * Context: any thread.
 * Source: CloudEvents 1.0.2, JSON format 1.0.2.
 *
 * Returns: (transfer full): JSON text
 * Since: 0.1
 */
char *
hawser_message_to_json (HawserMessage *self)
{
  GString *out = g_string_new (NULL);

  hawser_cloud_event_append (out, self);
  return g_string_free (out, FALSE);
}
