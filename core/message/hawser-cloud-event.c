/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A message as a CloudEvent: which attribute is which part of a message, and the JSON format. Pure functions of a
 * message, any thread, not for the hot path. HTTP headers, MQTT properties and other bindings are their adapters'. */

#include "hawser-cloud-event.h"

#include <string.h>
#include <time.h>

#include "hawser-json-line.h"
#include "hawser-message-raw.h"
#include "hawser-utf8.h"

#define SPEC_VERSION "1.0"           /* CloudEvents 1.0.2, 3.1.1 specversion */
#define MAX_NAME 64                  /* longer than the 20 that 3.1 advises, short enough for any header */

static const char * const reserved_names[] = {
  "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64",
  "correlationid", "replyto", "expirytime", "hawserseq", "hawserqos", "hawserretained",
};

static gboolean
is_extension (const char *name, gsize len)
{
  if (len == 0 || len > MAX_NAME)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_islower (name[i]) && !g_ascii_isdigit (name[i]))
      return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (reserved_names); i++)
    if (strlen (reserved_names[i]) == len && memcmp (reserved_names[i], name, len) == 0)
      return FALSE;
  return TRUE;
}

gboolean
hawser_content_type_is_json (const char *content_type)
{
  gsize len;

  if (content_type == NULL)
    return FALSE;
  len = strcspn (content_type, "; \t");
  return (len == 16 && g_ascii_strncasecmp (content_type, "application/json", len) == 0)
         || (len == 9 && g_ascii_strncasecmp (content_type, "text/json", len) == 0)
         || (len > 5 && g_ascii_strncasecmp (content_type + len - 5, "+json", 5) == 0);
}

char *
hawser_time_format (gint64 wall_us)
{
  time_t seconds = (time_t) (wall_us / G_USEC_PER_SEC);
  gint64 us = wall_us % G_USEC_PER_SEC;
  struct tm tm;

  if (us < 0)
    {
      us += G_USEC_PER_SEC;
      seconds--;
    }
  gmtime_r (&seconds, &tm);
  return g_strdup_printf ("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                          tm.tm_min, tm.tm_sec, (int) us);
}

/* a/b/c becomes a.b.c: a type for every topic without asking anybody */
static char *
dup_type (HawserMessage *message)
{
  char *type = hawser_message_dup_property (message, "type");

  return type != NULL ? type : g_strdelimit (g_strdup (hawser_message_get_topic (message)), "/", '.');
}

static void
foreach_extension (HawserMessage *message, HawserCloudEventFunc func, gpointer data)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  HawserMessageView view;
  HawserProperty property;
  gsize position = 0;

  hawser_message_view (message, &view);
  while (hawser_properties_next (view.properties, view.properties_len, &position, &property))
    {
      g_autofree char *name = NULL;
      g_autofree char *value = NULL;

      if (property.kind != HAWSER_PROPERTY_USER || !is_extension (property.name, property.name_len))
        continue;
      name = g_strndup (property.name, property.name_len);
      value = g_strndup ((const char *) property.value, property.value_len);
      if (g_hash_table_contains (seen, name))
        continue;
      func (name, value, data);
      g_hash_table_add (seen, g_steal_pointer (&name));
    }
}

static char *
dup_correlation_text (HawserMessage *message)
{
  g_autoptr (GBytes) bytes = hawser_message_dup_correlation (message);
  gsize len;
  const char *data;

  if (bytes == NULL)
    return NULL;
  data = g_bytes_get_data (bytes, &len);
  return g_utf8_validate_len (data, len, NULL) ? g_strndup (data, len) : g_base64_encode ((const guchar *) data, len);
}

/* CloudEvents extension expirytime: from the time of publishing on, or from now on before that */
static char *
dup_expiry (HawserMessage *message)
{
  gint64 published_us = hawser_message_get_published_us (message);
  gint64 age_us = published_us != 0 ? g_get_monotonic_time () - published_us : 0;

  return hawser_time_format (g_get_real_time () - age_us + (gint64) hawser_message_get_expiry_s (message) * G_USEC_PER_SEC);
}

void
hawser_cloud_event_foreach (HawserMessage *message, HawserCloudEventFunc func, gpointer data)
{
  g_autofree char *id = hawser_message_dup_id (message);
  g_autofree char *source = hawser_message_dup_property (message, "source");
  g_autofree char *type = dup_type (message);
  g_autofree char *reply_to = hawser_message_dup_reply_to (message);
  g_autofree char *correlation = dup_correlation_text (message);
  g_autofree char *measured = hawser_message_dup_property (message, "time");
  g_autoptr (GDateTime) parsed = measured != NULL ? g_date_time_new_from_iso8601 (measured, NULL) : NULL;
  gint64 time_us = hawser_message_get_time_us (message);
  char number[24];

  if (parsed == NULL)
    g_clear_pointer (&measured, g_free);
  if (measured == NULL && time_us != 0)
    measured = hawser_time_format (time_us);
  if (source == NULL || *source == '\0')
    {
      g_free (source);
      source = g_strdup (hawser_message_get_source (message));
    }

  func ("specversion", SPEC_VERSION, data);
  func ("id", id != NULL && *id != '\0' ? id : "0", data);
  func ("source", source != NULL && *source != '\0' ? source : "/", data);
  func ("type", *type != '\0' ? type : "message", data);
  func ("subject", hawser_message_get_topic (message), data);
  if (measured != NULL)
    func ("time", measured, data);
  if (correlation != NULL)
    func ("correlationid", correlation, data);
  if (reply_to != NULL)
    func ("replyto", reply_to, data);
  if (hawser_message_get_expiry_s (message) != 0)
    {
      g_autofree char *expiry = dup_expiry (message);

      func ("expirytime", expiry, data);
    }
  foreach_extension (message, func, data);
  if (hawser_message_get_sequence (message) != 0)
    {
      g_snprintf (number, sizeof number, "%" G_GUINT64_FORMAT, hawser_message_get_sequence (message));
      func ("hawserseq", number, data);
    }
  g_snprintf (number, sizeof number, "%d", hawser_message_get_qos (message));
  func ("hawserqos", number, data);
  func ("hawserretained", hawser_message_get_retain (message) ? "true" : "false", data);
}

typedef struct {
  GString *out;
  gboolean is_retained;
} Append;

static void
append_attribute (const char *name, const char *value, gpointer data)
{
  Append *append = data;
  GString *out = append->out;
  /* ours are numbers and booleans in JSON (JSON format 2.2); what a publisher gave stays a string */
  gboolean is_plain = g_str_equal (name, "hawserseq") || g_str_equal (name, "hawserqos") || g_str_equal (name, "hawserretained");

  g_string_append_printf (out, "%s\"%s\":", out->str[out->len - 1] == '{' ? "" : ",", name);
  if (g_str_equal (name, "hawserretained"))
    g_string_append (out, append->is_retained ? "true" : "false");
  else if (is_plain)
    g_string_append (out, value);
  else
    hawser_json_append_string (out, value, strlen (value));
}

static void
append_base64 (GString *out, const guint8 *payload, gsize len)
{
  gsize start = out->len;
  gint state = 0, save = 0;

  g_string_set_size (out, start + (len / 3 + 1) * 4 + 4);
  start += g_base64_encode_step (payload, len, FALSE, out->str + start, &state, &save);
  start += g_base64_encode_close (FALSE, out->str + start, &state, &save);
  g_string_truncate (out, start);
}

static gboolean
append_json_data (GString *out, const guint8 *payload, gsize len)
{
  gsize before = out->len;

  g_string_append (out, ",\"data\":");
  if (hawser_json_compact (out, payload, len))
    return TRUE;
  g_string_truncate (out, before);
  return FALSE;
}

static gboolean
is_text (const char *content_type, const guint8 *payload, gsize len)
{
  return (content_type == NULL || g_ascii_strncasecmp (content_type, "text/", 5) == 0)
         && g_utf8_validate_len ((const char *) payload, len, NULL) && memchr (payload, 0, len) == NULL;
}

static void
append_content_type (GString *out, const char *content_type)
{
  g_string_append (out, ",\"datacontenttype\":");
  hawser_json_append_string (out, content_type, strlen (content_type));
}

static void
append_payload (GString *out, HawserMessage *message)
{
  g_autofree char *content_type = hawser_message_dup_content_type (message);
  gsize len;
  const guint8 *payload = hawser_message_get_data (message, &len);

  if (content_type != NULL)
    append_content_type (out, content_type);
  if (len == 0)
    return;
  if ((content_type == NULL || hawser_content_type_is_json (content_type)) && append_json_data (out, payload, len))
    return;
  if (is_text (content_type, payload, len))
    {
      if (content_type == NULL) /* absent would mean JSON (JSON format 3.1) */
        append_content_type (out, "text/plain");
      g_string_append (out, ",\"data\":");
      hawser_json_append_string (out, (const char *) payload, len);
      return;
    }
  if (content_type == NULL)
    append_content_type (out, "application/octet-stream");
  g_string_append (out, ",\"data_base64\":\"");
  append_base64 (out, payload, len);
  g_string_append_c (out, '"');
}

void
hawser_cloud_event_append_as (GString *out, HawserMessage *message, gboolean is_retained)
{
  Append append = { out, is_retained };

  g_string_append_c (out, '{');
  hawser_cloud_event_foreach (message, append_attribute, &append);
  append_payload (out, message);
  g_string_append_c (out, '}');
}

typedef struct {
  Append append;
  const char *name;
} Replacement;

static void
append_others (const char *name, const char *value, gpointer data)
{
  Replacement *self = data;

  if (!g_str_equal (name, self->name))
    append_attribute (name, value, &self->append);
}

void
hawser_cloud_event_append_with (GString *out, HawserMessage *message, const char *name, const char *value)
{
  Replacement replacement = { { out, hawser_message_get_retain (message) }, name };

  g_string_append_c (out, '{');
  hawser_cloud_event_foreach (message, append_others, &replacement);
  append_attribute (name, value, &replacement.append);
  append_payload (out, message);
  g_string_append_c (out, '}');
}

void
hawser_cloud_event_append (GString *out, HawserMessage *message)
{
  hawser_cloud_event_append_as (out, message, hawser_message_get_retain (message));
}

void
hawser_cloud_event_encode (GString *out, const char *value, gsize len)
{
  for (gsize i = 0; i < len; i++)
    {
      guint8 c = (guint8) value[i];

      if (c > 0x20 && c < 0x7f && c != '"' && c != '%')
        g_string_append_c (out, (char) c);
      else
        g_string_append_printf (out, "%%%02X", c);
    }
}

char *
hawser_cloud_event_decode (const char *value)
{
  gsize len = strlen (value);
  gboolean is_quoted = len >= 2 && value[0] == '"' && value[len - 1] == '"'; /* RFC 7230 section 3.2.6 */
  const char *end = value + len - (is_quoted ? 1 : 0);
  GString *out = g_string_sized_new (len);

  for (value += is_quoted ? 1 : 0; value < end; value++)
    {
      if (*value == '%' && end - value > 2 && g_ascii_isxdigit (value[1]) && g_ascii_isxdigit (value[2]))
        {
          g_string_append_c (out, (char) (g_ascii_xdigit_value (value[1]) << 4 | g_ascii_xdigit_value (value[2])));
          value += 2;
          continue;
        }
      if (is_quoted && *value == '\\' && end - value > 1)
        value++;
      g_string_append_c (out, *value);
    }
  if (hawser_utf8_check_string (out->str, out->len))
    return g_string_free (out, FALSE);
  g_string_free (out, TRUE);
  return NULL;
}
