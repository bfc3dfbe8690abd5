/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading the JSON of strangers: no recursion, no hash table that somebody could fill with collisions, linear in the
 * length. The grammar is checked once by hawser_json_compact(), which bounds the depth; walking afterwards only counts
 * brackets. Pure functions. */

#include "http-json.h"

#include <string.h>

#define MAX_DIGITS 100             /* in a row: a double has 17 that count */

static gboolean
read_unit (const char *p, gunichar *out)
{
  gunichar unit = 0;

  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (p[i]);

      if (digit < 0)
        return FALSE;
      unit = unit << 4 | (gunichar) digit;
    }
  *out = unit;
  return TRUE;
}

/* What the grammar allows and receivers choke on: half a surrogate pair, and numbers that no type holds. */
static gboolean
is_sane (const char *text)
{
  gboolean in_string = FALSE;
  gunichar unit, low;
  guint n_digits = 0;

  for (const char *p = text; *p != '\0'; p++)
    {
      n_digits = !in_string && g_ascii_isdigit (*p) ? n_digits + 1 : 0;
      if (n_digits > MAX_DIGITS)
        return FALSE;
      if (*p == '"')
        in_string = !in_string;
      else if (*p == '\\')
        {
          p++;
          if (*p != 'u' || !read_unit (p + 1, &unit) || unit < 0xd800 || unit > 0xdfff)
            continue;
          if (unit > 0xdbff || p[5] != '\\' || p[6] != 'u' || !read_unit (p + 7, &low) || low < 0xdc00 || low > 0xdfff)
            return FALSE;
          p += 10;
        }
    }
  return TRUE;
}

GString *
http_json_check (const guint8 *data, gsize len)
{
  GString *out = g_string_sized_new (len + 1);

  if (hawser_json_compact (out, data, len) && is_sane (out->str))
    return out;
  g_string_free (out, TRUE);
  return NULL;
}

/* Behind the string that starts at @p with its quote. */
static const char *
skip_string (const char *p)
{
  for (p++; *p != '"'; p++)
    if (*p == '\\')
      p++;
  return p + 1;
}

static const char *
skip_value (const char *p)
{
  guint depth = 0;

  do
    {
      switch (*p)
        {
        case '"': p = skip_string (p); continue;
        case '{': case '[': depth++; break;
        case '}': case ']': depth--; break;
        default: break;
        }
      p++;
    }
  while (depth > 0 || (*p != ',' && *p != '}' && *p != ']' && *p != '\0'));
  return p;
}

gboolean
http_json_next (HttpJson value, HttpJsonCursor *cursor, HttpJson *out_name, HttpJson *out_value)
{
  gboolean is_object = value.len > 0 && value.text[0] == '{';
  const char *p, *end;

  if (!is_object && (value.len == 0 || value.text[0] != '['))
    return FALSE;
  p = cursor->at == NULL ? value.text + 1 : cursor->at + 1; /* behind the bracket, or the comma */
  if (cursor->at == NULL ? *p == ']' || *p == '}' : *cursor->at != ',')
    return FALSE;

  *out_name = (HttpJson) { "", 0 };
  if (is_object)
    {
      end = skip_string (p);
      *out_name = (HttpJson) { p + 1, (gsize) (end - p) - 2 };
      p = end + 1; /* the colon */
    }
  end = skip_value (p);
  *out_value = (HttpJson) { p, (gsize) (end - p) };
  cursor->at = end;
  return TRUE;
}

gboolean
http_json_is_string (HttpJson value)
{
  return value.len > 0 && value.text[0] == '"';
}

gboolean
http_json_name_is (HttpJson name, const char *text)
{
  return name.len == strlen (text) && memcmp (name.text, text, name.len) == 0;
}

/* RFC 8259 section 7; @p is behind the backslash and moves to the last character of the escape. */
static gboolean
append_escape (GString *out, const char **p)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *at = **p != '\0' ? strchr (from, **p) : NULL;
  gunichar unit, low;

  if (at != NULL)
    {
      g_string_append_c (out, to[at - from]);
      return TRUE;
    }
  if (**p != 'u' || !read_unit (*p + 1, &unit) || unit == 0)
    return FALSE;
  *p += 4;
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return FALSE;
  if (unit >= 0xd800 && unit <= 0xdbff)
    {
      if ((*p)[1] != '\\' || (*p)[2] != 'u' || !read_unit (*p + 3, &low) || low < 0xdc00 || low > 0xdfff)
        return FALSE;
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      *p += 6;
    }
  g_string_append_unichar (out, unit);
  return TRUE;
}

char *
http_json_dup_scalar (HttpJson value)
{
  g_autoptr (GString) out = NULL;

  if (value.len == 0 || value.text[0] == '{' || value.text[0] == '[' || value.text[0] == 'n')
    return NULL;
  if (value.text[0] != '"')
    return g_strndup (value.text, value.len);
  out = g_string_sized_new (value.len);
  for (const char *p = value.text + 1; p < value.text + value.len - 1; p++)
    {
      if (*p != '\\')
        g_string_append_c (out, *p);
      else
        {
          p++;
          if (!append_escape (out, &p))
            return NULL;
        }
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
