/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON text for every answer, event and record of the bus, without a tree in between. */

#include "hawser-json-writer.h"

#include <math.h>
#include <string.h>

#include "hawser-utf8.h"

static void
begin_value (HawserJsonWriter *self)
{
  if (self->needs_comma)
    g_string_append_c (self->out, ',');
  self->needs_comma = TRUE;
}

static void
begin (HawserJsonWriter *self, char bracket)
{
  begin_value (self);
  g_string_append_c (self->out, bracket);
  self->needs_comma = FALSE;
}

static void
end (HawserJsonWriter *self, char bracket)
{
  g_string_append_c (self->out, bracket);
  self->needs_comma = TRUE;
}

void
hawser_json_writer_begin_object (HawserJsonWriter *self)
{
  begin (self, '{');
}

void
hawser_json_writer_end_object (HawserJsonWriter *self)
{
  end (self, '}');
}

void
hawser_json_writer_begin_array (HawserJsonWriter *self)
{
  begin (self, '[');
}

void
hawser_json_writer_end_array (HawserJsonWriter *self)
{
  end (self, ']');
}

static gboolean
is_plain (guint8 c)
{
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* At most one character, from a place where is_plain() is false. Returns the bytes read. */
static guint
append_special (GString *out, const guint8 *text, gsize len)
{
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  guint n = hawser_utf8_next (text, len);
  const char *value;

  if (n == 0)
    {
      g_string_append (out, "\xef\xbf\xbd");
      return 1;
    }
  /* U+2028 and U+2029 are line ends to JavaScript, and events are split at line ends */
  if (n == 3 && text[0] == 0xe2 && text[1] == 0x80 && (text[2] | 1) == 0xa9)
    g_string_append (out, text[2] == 0xa8 ? "\\u2028" : "\\u2029");
  else if (n > 1)
    g_string_append_len (out, (const char *) text, n);
  else if ((value = memchr (values, *text, sizeof values - 1)) != NULL)
    {
      g_string_append_c (out, '\\');
      g_string_append_c (out, names[value - values]);
    }
  else
    g_string_append_printf (out, "\\u%04x", *text);
  return n;
}

static void
append_string (GString *out, const guint8 *text, gsize len)
{
  const guint8 *text_end = text + len;

  g_string_append_c (out, '"');
  while (text < text_end)
    {
      const guint8 *start = text;

      while (text < text_end && is_plain (*text))
        text++;
      g_string_append_len (out, (const char *) start, text - start);
      if (text < text_end)
        text += append_special (out, text, (gsize) (text_end - text));
    }
  g_string_append_c (out, '"');
}

void
hawser_json_writer_key (HawserJsonWriter *self, const char *key)
{
  begin_value (self);
  append_string (self->out, (const guint8 *) key, strlen (key));
  g_string_append_c (self->out, ':');
  self->needs_comma = FALSE;
}

void
hawser_json_writer_string (HawserJsonWriter *self, const char *text, gssize len)
{
  if (text == NULL)
    {
      hawser_json_writer_null (self);
      return;
    }
  begin_value (self);
  append_string (self->out, (const guint8 *) text, len < 0 ? strlen (text) : (gsize) len);
}

void
hawser_json_writer_int (HawserJsonWriter *self, gint64 value)
{
  begin_value (self);
  g_string_append_printf (self->out, "%" G_GINT64_FORMAT, value);
}

void
hawser_json_writer_uint (HawserJsonWriter *self, guint64 value)
{
  begin_value (self);
  g_string_append_printf (self->out, "%" G_GUINT64_FORMAT, value);
}

void
hawser_json_writer_double (HawserJsonWriter *self, double value)
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value))
    {
      hawser_json_writer_null (self);
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_ascii_strtod (g_ascii_formatd (buffer, sizeof buffer, formats[i], value), NULL) == value)
      break;
  begin_value (self);
  g_string_append (self->out, buffer);
}

void
hawser_json_writer_boolean (HawserJsonWriter *self, gboolean value)
{
  begin_value (self);
  g_string_append (self->out, value ? "true" : "false");
}

void
hawser_json_writer_null (HawserJsonWriter *self)
{
  begin_value (self);
  g_string_append (self->out, "null");
}

void
hawser_json_writer_raw (HawserJsonWriter *self, const char *json, gssize len)
{
  begin_value (self);
  g_string_append_len (self->out, json, len);
}

void
hawser_json_writer_base64 (HawserJsonWriter *self, const void *data, gsize len)
{
  gsize start;
  int state = 0, save = 0;

  begin_value (self);
  g_string_append_c (self->out, '"');
  start = self->out->len;
  g_string_set_size (self->out, start + (len / 3 + 1) * 4 + 4);
  g_string_set_size (self->out, start + g_base64_encode_step (data, len, FALSE, self->out->str + start, &state, &save));
  {
    char rest[8];

    g_string_append_len (self->out, rest, (gssize) g_base64_encode_close (FALSE, rest, &state, &save));
  }
  g_string_append_c (self->out, '"');
}

void
hawser_json_writer_member_string (HawserJsonWriter *self, const char *key, const char *text)
{
  hawser_json_writer_key (self, key);
  hawser_json_writer_string (self, text, -1);
}

void
hawser_json_writer_member_int (HawserJsonWriter *self, const char *key, gint64 value)
{
  hawser_json_writer_key (self, key);
  hawser_json_writer_int (self, value);
}

void
hawser_json_writer_member_double (HawserJsonWriter *self, const char *key, double value)
{
  hawser_json_writer_key (self, key);
  hawser_json_writer_double (self, value);
}

void
hawser_json_writer_member_boolean (HawserJsonWriter *self, const char *key, gboolean value)
{
  hawser_json_writer_key (self, key);
  hawser_json_writer_boolean (self, value);
}
