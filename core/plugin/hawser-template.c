/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names made from messages. Parsed once, when a sink starts; expanded for each message. What a value may look like at
 * its place (a path, a key) is the caller's: it gets each value on its own and escapes it. Any thread. */

#include "hawser-template.h"

#include <string.h>
#include <time.h>

#include "hawser-error.h"
#include "hawser-json-pointer.h"

#define MAX_PARTS 256   /* pieces of one template; people write fewer than twenty */

typedef struct {
  char *text;           /* literal text, or the name of a field */
  gboolean is_field;
} Part;

struct _HawserTemplate {
  GArray *parts;
};

static const char * const message_fields[] = {
  "topic", "id", "source", "content-type", "yyyy", "MM", "dd", "HH", "mm", "ss", NULL,
};

static void
clear_part (gpointer data)
{
  g_free (((Part *) data)->text);
}

static gboolean
check_field (const char *name, const char * const *own_fields, GError **error)
{
  if (g_strv_contains (message_fields, name) || (own_fields != NULL && g_strv_contains (own_fields, name)))
    return TRUE;
  if (g_str_has_prefix (name, "property:") && name[9] != '\0')
    return TRUE;
  if (g_str_has_prefix (name, "field:/") && hawser_json_pointer_check (name + 6))
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "template: there is no field '{%s}'", name);
  return FALSE;
}

static void
add_part (HawserTemplate *self, char *text, gboolean is_field)
{
  Part part = { text, is_field };

  if (is_field || *text != '\0')
    g_array_append_val (self->parts, part);
  else
    g_free (text);
}

HawserTemplate *
hawser_template_new (const char *text, const char * const *own_fields, GError **error)
{
  g_autoptr (HawserTemplate) self = g_new0 (HawserTemplate, 1);
  g_autoptr (GString) literal = g_string_new (NULL);

  self->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  g_array_set_clear_func (self->parts, clear_part);
  for (const char *at = text; *at != '\0'; at++)
    {
      const char *end;
      g_autofree char *name = NULL;

      if (*at != '{' || at[1] == '{')
        {
          g_string_append_c (literal, *at);
          at += *at == '{' ? 1 : 0;
          continue;
        }
      end = strchr (at, '}');
      if (end == NULL || self->parts->len + 2 > MAX_PARTS)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                       end == NULL ? "template '%s': a '{' is not closed" : "template '%s': too many fields", text);
          return NULL;
        }
      name = g_strndup (at + 1, end - at - 1);
      if (!check_field (name, own_fields, error))
        return NULL;
      add_part (self, g_strdup (literal->str), FALSE);
      g_string_truncate (literal, 0);
      add_part (self, g_steal_pointer (&name), TRUE);
      at = end;
    }
  add_part (self, g_strdup (literal->str), FALSE);
  return g_steal_pointer (&self);
}

void
hawser_template_free (HawserTemplate *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->parts);
  g_free (self);
}

static char *
format_time (const char *field, const struct tm *tm)
{
  switch (*field)
    {
    case 'y': return g_strdup_printf ("%04d", tm->tm_year + 1900);
    case 'M': return g_strdup_printf ("%02d", tm->tm_mon + 1);
    case 'd': return g_strdup_printf ("%02d", tm->tm_mday);
    case 'H': return g_strdup_printf ("%02d", tm->tm_hour);
    case 'm': return g_strdup_printf ("%02d", tm->tm_min);
    default:  return g_strdup_printf ("%02d", tm->tm_sec);
    }
}

static char *
dup_payload_value (HawserMessage *message, const char *pointer)
{
  gsize len;
  const char *payload = (const char *) hawser_message_get_data (message, &len);
  HawserJsonSlice slice;

  if (!hawser_json_pointer_get (pointer, payload, len, &slice))
    return NULL;
  return slice.type == HAWSER_JSON_STRING ? hawser_json_slice_dup_string (&slice) : g_strndup (slice.text, slice.len);
}

static char *
dup_value (const char *field, HawserMessage *message, const struct tm *tm)
{
  if (g_str_equal (field, "topic"))
    return g_strdup (hawser_message_get_topic (message));
  if (g_str_equal (field, "id"))
    return hawser_message_dup_id (message);
  if (g_str_equal (field, "source"))
    return g_strdup (hawser_message_get_source (message));
  if (g_str_equal (field, "content-type"))
    return hawser_message_dup_content_type (message);
  if (g_str_has_prefix (field, "property:"))
    return hawser_message_dup_property (message, field + 9);
  if (g_str_has_prefix (field, "field:"))
    return dup_payload_value (message, field + 6);
  return g_strv_contains (message_fields, field) ? format_time (field, tm) : NULL;
}

void
hawser_template_expand (const HawserTemplate *self, HawserMessage *message, HawserTemplateAppend append, gpointer data,
                        GString *out)
{
  time_t seconds = (time_t) (hawser_message_get_time_us (message) / G_USEC_PER_SEC);
  struct tm tm;

  gmtime_r (&seconds, &tm);
  for (guint i = 0; i < self->parts->len; i++)
    {
      const Part *part = &g_array_index (self->parts, Part, i);
      g_autofree char *value = NULL;

      if (!part->is_field)
        {
          g_string_append (out, part->text);
          continue;
        }
      value = dup_value (part->text, message, &tm);
      append (out, part->text, value, data);
    }
}

gboolean
hawser_template_uses (const HawserTemplate *self, const char *field)
{
  for (guint i = 0; i < self->parts->len; i++)
    {
      const Part *part = &g_array_index (self->parts, Part, i);

      if (part->is_field && g_str_equal (part->text, field))
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_plain (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-' || c == '.';
}

void
hawser_template_escape (GString *out, const char *value, gboolean keep_slashes)
{
  gboolean at_start = TRUE;

  for (const char *at = value;; at++)
    {
      if (*at == '\0' || (*at == '/' && keep_slashes))
        {
          if (at_start)
            g_string_append (out, "%00");
          if (*at == '\0')
            return;
          g_string_append_c (out, '/');
          at_start = TRUE;
          continue;
        }
      if (is_plain (*at) && !(at_start && *at == '.'))
        g_string_append_c (out, *at);
      else
        g_string_append_printf (out, "%%%02X", (guint8) *at);
      at_start = FALSE;
    }
}

static void
append_escaped (GString *out, const char *field, const char *value, gpointer data)
{
  hawser_template_escape (out, value != NULL ? value : "", FALSE);
}

char *
hawser_template_expand_name (const HawserTemplate *self, HawserMessage *message)
{
  GString *name = g_string_new (NULL);

  hawser_template_expand (self, message, append_escaped, NULL, name);
  return g_string_free (name, FALSE);
}
