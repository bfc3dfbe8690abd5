/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One JSON value into one line: checked against RFC 8259 and copied without white space, in one pass without recursion
 * and without building a tree. Pure functions over bytes, any thread. Reading values is left to others. */

#include "hawser-json-line.h"

#include <string.h>

typedef struct {
  const guint8 *at, *end;
  guint depth;
  guint8 is_object[HAWSER_JSON_MAX_DEPTH / 8];   /* a bit for each open bracket */
} Reader;

static gboolean
at_space (const Reader *self)
{
  return self->at < self->end && (*self->at == ' ' || *self->at == '\t' || *self->at == '\n' || *self->at == '\r');
}

static void
skip_space (Reader *self)
{
  while (at_space (self))
    self->at++;
}

static gboolean
take (Reader *self, char c)
{
  if (self->at >= self->end || *self->at != (guint8) c)
    return FALSE;
  self->at++;
  return TRUE;
}

static gboolean
take_string (Reader *self)
{
  if (!take (self, '"'))
    return FALSE;
  while (self->at < self->end)
    {
      guint8 c = *self->at++;

      if (c == '"')
        return TRUE;
      if (c < 0x20)
        return FALSE;
      if (c != '\\')
        continue;
      if (self->at >= self->end)
        return FALSE;
      c = *self->at++;
      if (c == 'u')
        {
          if (self->end - self->at < 4)
            return FALSE;
          for (int i = 0; i < 4; i++)
            if (!g_ascii_isxdigit (*self->at++))
              return FALSE;
        }
      else if (c == '\0' || strchr ("\"\\/bfnrt", c) == NULL)
        return FALSE;
    }
  return FALSE;
}

static gboolean
take_digits (Reader *self)
{
  const guint8 *start = self->at;

  while (self->at < self->end && g_ascii_isdigit (*self->at))
    self->at++;
  return self->at > start;
}

static gboolean
take_number (Reader *self)
{
  take (self, '-');
  if (!take (self, '0') && !take_digits (self))
    return FALSE;
  if (take (self, '.') && !take_digits (self))
    return FALSE;
  if (take (self, 'e') || take (self, 'E'))
    {
      if (!take (self, '+'))
        take (self, '-');
      return take_digits (self);
    }
  return TRUE;
}

static gboolean
take_word (Reader *self, const char *word)
{
  gsize len = strlen (word);

  if ((gsize) (self->end - self->at) < len || memcmp (self->at, word, len) != 0)
    return FALSE;
  self->at += len;
  return TRUE;
}

static gboolean
take_scalar (Reader *self)
{
  switch (self->at < self->end ? *self->at : 0)
    {
    case '"': return take_string (self);
    case 't': return take_word (self, "true");
    case 'f': return take_word (self, "false");
    case 'n': return take_word (self, "null");
    default:  return take_number (self);
    }
}

static gboolean
in_object (const Reader *self)
{
  guint i = self->depth - 1;

  return (self->is_object[i / 8] >> (i % 8)) & 1;
}

static gboolean
open_bracket (Reader *self, gboolean is_object)
{
  guint i = self->depth;

  if (i >= HAWSER_JSON_MAX_DEPTH)
    return FALSE;
  self->is_object[i / 8] = (guint8) ((self->is_object[i / 8] & ~(1u << (i % 8))) | ((is_object ? 1u : 0u) << (i % 8)));
  self->depth++;
  return TRUE;
}

/* "name": in front of a member's value */
static gboolean
copy_name (Reader *self, GString *out)
{
  const guint8 *start = self->at;

  if (!take_string (self))
    return FALSE;
  g_string_append_len (out, (const char *) start, self->at - start);
  skip_space (self);
  if (!take (self, ':'))
    return FALSE;
  g_string_append_c (out, ':');
  skip_space (self);
  return TRUE;
}

/* After a value: closes what ends here. TRUE: another value follows, or (depth 0) all is read. */
static gboolean
copy_separator (Reader *self, GString *out)
{
  while (self->depth > 0)
    {
      skip_space (self);
      if (take (self, ','))
        {
          g_string_append_c (out, ',');
          skip_space (self);
          return !in_object (self) || copy_name (self, out);
        }
      if (!take (self, in_object (self) ? '}' : ']'))
        return FALSE;
      g_string_append_c (out, in_object (self) ? '}' : ']');
      self->depth--;
    }
  return TRUE;
}

static gboolean
copy_value (Reader *self, GString *out)
{
  do
    {
      const guint8 *start = self->at;
      gboolean is_object;

      if (!take (self, '{') && !take (self, '['))
        {
          if (!take_scalar (self))
            return FALSE;
          g_string_append_len (out, (const char *) start, self->at - start);
          if (!copy_separator (self, out))
            return FALSE;
          continue;
        }
      is_object = *start == '{';
      g_string_append_c (out, (char) *start);
      if (!open_bracket (self, is_object))
        return FALSE;
      skip_space (self);
      if (self->at < self->end && *self->at == (is_object ? '}' : ']'))
        {
          if (!copy_separator (self, out))
            return FALSE;
        }
      else if (is_object && !copy_name (self, out))
        return FALSE;
    }
  while (self->depth > 0);
  return TRUE;
}

gboolean
hawser_json_compact (GString *out, const guint8 *data, gsize len)
{
  Reader reader = { .at = data, .end = data + len };
  gsize before = out->len;

  if (len > 0 && g_utf8_validate_len ((const char *) data, len, NULL))
    {
      skip_space (&reader);
      if (copy_value (&reader, out))
        {
          skip_space (&reader);
          if (reader.at == reader.end)
            return TRUE;
        }
    }
  g_string_truncate (out, before);
  return FALSE;
}

void
hawser_json_append_string (GString *out, const char *text, gsize len)
{
  g_string_append_c (out, '"');
  for (gsize i = 0; i < len; i++)
    {
      guint8 c = (guint8) text[i];

      switch (c)
        {
        case '"': g_string_append (out, "\\\""); break;
        case '\\': g_string_append (out, "\\\\"); break;
        case '\b': g_string_append (out, "\\b"); break;
        case '\f': g_string_append (out, "\\f"); break;
        case '\n': g_string_append (out, "\\n"); break;
        case '\r': g_string_append (out, "\\r"); break;
        case '\t': g_string_append (out, "\\t"); break;
        default:
          if (c < 0x20 || c == 0x7f)
            g_string_append_printf (out, "\\u%04x", c);
          else
            g_string_append_c (out, (char) c);
        }
    }
  g_string_append_c (out, '"');
}
