/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One scanner for JSON text, on which the check, the walk over members and the pointer (hawser-json-pointer.c) stand.
 * It keeps the kinds of the open brackets in the bits of one integer, so nesting costs no stack. json-glib is for text
 * that becomes a tree; what arrives from the network passes here first, because json-glib recurses.
 * Pure functions, any thread. */

#include "hawser-json.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-json-private.h"
#include "hawser-utf8.h"

typedef HawserJsonScanner Scanner;

static gboolean
fail (Scanner *scanner, const char *reason)
{
  scanner->reason = reason;
  return FALSE;
}

static inline void
skip_space (Scanner *scanner)
{
  while (scanner->next < scanner->end && (*scanner->next == ' ' || *scanner->next == '\t' || *scanner->next == '\n' || *scanner->next == '\r'))
    scanner->next++;
}

char
hawser_json_scan_peek (Scanner *scanner)
{
  skip_space (scanner);
  return scanner->next < scanner->end ? *scanner->next : '\0';
}

/* Four hexadecimal digits at text, or -1. */
static gint32
read_hex (const char *text, const char *end)
{
  gint32 value = 0;

  if (end - text < 4)
    return -1;
  for (guint i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (text[i]);

      if (digit < 0)
        return -1;
      value = value << 4 | digit;
    }
  return value;
}

/* At a backslash: the code point, and in *next what follows. -1 if the escape is not valid. */
static gint32
read_escape (const char **next, const char *end)
{
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  const char *text = *next, *name;
  gint32 code, low;

  if (end - text < 2)
    return -1;
  if (text[1] != 'u')
    {
      name = memchr (names, text[1], sizeof names - 1);
      *next = text + 2;
      return name != NULL ? values[name - names] : -1;
    }

  code = read_hex (text + 2, end);
  *next = text + 6;
  if (code < 0 || (code >= 0xdc00 && code <= 0xdfff))
    return -1;
  if (code < 0xd800 || code > 0xdbff)
    return code;
  if (end - text < 12 || text[6] != '\\' || text[7] != 'u' || (low = read_hex (text + 8, end)) < 0xdc00 || low > 0xdfff)
    return -1;
  *next = text + 12;
  return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static gboolean
scan_string (Scanner *scanner)
{
  scanner->next++;
  while (scanner->next < scanner->end)
    {
      guint8 c = (guint8) *scanner->next;

      if (c == '"')
        {
          scanner->next++;
          return TRUE;
        }
      if (c == '\\')
        {
          const char *next = scanner->next;

          if (read_escape (&next, scanner->end) < 0)
            return fail (scanner, "escape that is not valid, or half of a surrogate pair");
          scanner->next = next;
        }
      else if (c < 0x20)
        return fail (scanner, "control character in a string");
      else if (c < 0x80)
        scanner->next++;
      else
        {
          guint n = hawser_utf8_next ((const guint8 *) scanner->next, (gsize) (scanner->end - scanner->next));

          if (n == 0)
            return fail (scanner, "string that is not UTF-8");
          scanner->next += n;
        }
    }
  return fail (scanner, "string without an end");
}

static gboolean
scan_digits (Scanner *scanner)
{
  const char *start = scanner->next;

  while (scanner->next < scanner->end && g_ascii_isdigit (*scanner->next))
    scanner->next++;
  return scanner->next > start || fail (scanner, "digit expected");
}

static gboolean
scan_number (Scanner *scanner)
{
  const char *start = scanner->next;

  if (*scanner->next == '-')
    scanner->next++;
  if (scanner->next < scanner->end && *scanner->next == '0')
    scanner->next++;
  else if (!scan_digits (scanner))
    return FALSE;
  if (scanner->next < scanner->end && *scanner->next == '.')
    {
      scanner->next++;
      if (!scan_digits (scanner))
        return FALSE;
    }
  if (scanner->next < scanner->end && (*scanner->next == 'e' || *scanner->next == 'E'))
    {
      scanner->next++;
      if (scanner->next < scanner->end && (*scanner->next == '+' || *scanner->next == '-'))
        scanner->next++;
      if (!scan_digits (scanner))
        return FALSE;
    }
  return scanner->next - start <= HAWSER_JSON_MAX_NUMBER || fail (scanner, "number of more than 128 bytes");
}

static gboolean
scan_word (Scanner *scanner, const char *word)
{
  gsize len = strlen (word);

  if ((gsize) (scanner->end - scanner->next) < len || memcmp (scanner->next, word, len) != 0)
    return fail (scanner, "value expected");
  scanner->next += len;
  return TRUE;
}

gboolean
hawser_json_scan_key (Scanner *scanner, HawserJsonSlice *out_key)
{
  if (hawser_json_scan_peek (scanner) != '"')
    return fail (scanner, "member name expected");
  *out_key = (HawserJsonSlice){ HAWSER_JSON_STRING, scanner->next, 0 };
  if (!scan_string (scanner))
    return FALSE;
  out_key->len = (gsize) (scanner->next - out_key->text);
  if (hawser_json_scan_peek (scanner) != ':')
    return fail (scanner, "':' expected");
  scanner->next++;
  return TRUE;
}

/* The start of a value: all of it, unless a bracket opens; then the bracket, and *open is set. */
static gboolean
scan_start (Scanner *scanner, HawserJsonType *out_type, gboolean *open)
{
  char c = hawser_json_scan_peek (scanner);

  *open = FALSE;
  switch (c)
    {
    case '"':
      *out_type = HAWSER_JSON_STRING;
      return scan_string (scanner);
    case '{':
    case '[':
      *out_type = c == '{' ? HAWSER_JSON_OBJECT : HAWSER_JSON_ARRAY;
      *open = TRUE;
      scanner->next++;
      return TRUE;
    case 't':
    case 'f':
      *out_type = HAWSER_JSON_BOOLEAN;
      return scan_word (scanner, c == 't' ? "true" : "false");
    case 'n':
      *out_type = HAWSER_JSON_NULL;
      return scan_word (scanner, "null");
    default:
      *out_type = HAWSER_JSON_NUMBER;
      return c == '-' || g_ascii_isdigit (c) ? scan_number (scanner) : fail (scanner, "value expected");
    }
}

gboolean
hawser_json_scan_value (Scanner *scanner, HawserJsonSlice *out_value)
{
  guint64 objects = 0; /* one bit for each open bracket, the innermost lowest */
  guint depth = 0;
  HawserJsonSlice key;
  HawserJsonType type;

  skip_space (scanner);
  out_value->text = scanner->next;
  do
    {
      gboolean open, is_object;

      if (!scan_start (scanner, &type, &open))
        return FALSE;
      if (depth == 0)
        out_value->type = type;
      if (open)
        {
          if (depth == HAWSER_JSON_MAX_DEPTH)
            return fail (scanner, "more than 64 levels");
          is_object = type == HAWSER_JSON_OBJECT;
          objects = objects << 1 | (guint64) is_object;
          depth++;
          if (hawser_json_scan_peek (scanner) != (is_object ? '}' : ']'))
            {
              if (is_object && !hawser_json_scan_key (scanner, &key))
                return FALSE;
              continue;
            }
        }

      /* a value has ended, or an empty bracket is about to close */
      while (depth > 0)
        {
          char c = hawser_json_scan_peek (scanner);

          is_object = objects & 1;
          if (c == ',' && !open)
            {
              scanner->next++;
              if (is_object && !hawser_json_scan_key (scanner, &key))
                return FALSE;
              break;
            }
          if (c != (is_object ? '}' : ']'))
            return fail (scanner, is_object ? "',' or '}' expected" : "',' or ']' expected");
          scanner->next++;
          objects >>= 1;
          depth--;
          open = FALSE;
        }
    }
  while (depth > 0);

  out_value->len = (gsize) (scanner->next - out_value->text);
  return TRUE;
}

gboolean
hawser_json_parse (const char *text, gsize len, HawserJsonSlice *out_value, GError **error)
{
  Scanner scanner = { text, text + len, NULL };
  HawserJsonSlice value;

  if (hawser_json_scan_value (&scanner, &value))
    {
      skip_space (&scanner);
      if (scanner.next == scanner.end)
        {
          *out_value = value;
          return TRUE;
        }
      fail (&scanner, "end of the document expected");
    }
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED, "JSON at byte %" G_GSIZE_FORMAT ": %s", (gsize) (scanner.next - text), scanner.reason);
  return FALSE;
}

gboolean
hawser_json_check (const char *text, gsize len, GError **error)
{
  HawserJsonSlice value;

  return hawser_json_parse (text, len, &value, error);
}

gboolean
hawser_json_slice_get_boolean (const HawserJsonSlice *self, gboolean *out_value)
{
  if (self->type != HAWSER_JSON_BOOLEAN)
    return FALSE;
  *out_value = self->text[0] == 't';
  return TRUE;
}

/* Numbers as a string of their own: what follows in the text is not ours to read. */
static gboolean
copy_number (const HawserJsonSlice *self, char buffer[HAWSER_JSON_MAX_NUMBER + 1])
{
  if (self->type != HAWSER_JSON_NUMBER || self->len > HAWSER_JSON_MAX_NUMBER)
    return FALSE;
  memcpy (buffer, self->text, self->len);
  buffer[self->len] = '\0';
  return TRUE;
}

gboolean
hawser_json_slice_get_double (const HawserJsonSlice *self, double *out_value)
{
  char buffer[HAWSER_JSON_MAX_NUMBER + 1];
  double value;

  if (!copy_number (self, buffer))
    return FALSE;
  value = g_ascii_strtod (buffer, NULL);
  if (!isfinite (value))
    return FALSE;
  *out_value = value;
  return TRUE;
}

gboolean
hawser_json_slice_get_int64 (const HawserJsonSlice *self, gint64 *out_value)
{
  char buffer[HAWSER_JSON_MAX_NUMBER + 1];

  return copy_number (self, buffer) && g_ascii_string_to_signed (buffer, 10, G_MININT64, G_MAXINT64, out_value, NULL);
}

char *
hawser_json_slice_dup_string (const HawserJsonSlice *self)
{
  const char *next, *end;
  GString *out;

  if (self->type != HAWSER_JSON_STRING || self->len < 2)
    return NULL;

  next = self->text + 1;
  end = self->text + self->len - 1;
  if (memchr (next, '\\', (gsize) (end - next)) == NULL)
    return g_strndup (next, (gsize) (end - next));

  out = g_string_sized_new ((gsize) (end - next));
  while (next < end)
    {
      gint32 code;

      if (*next != '\\')
        {
          g_string_append_c (out, *next++);
          continue;
        }
      code = read_escape (&next, end);
      if (code <= 0)
        {
          g_string_free (out, TRUE);
          return NULL;
        }
      g_string_append_unichar (out, (gunichar) code);
    }
  return g_string_free (out, FALSE);
}

char *
hawser_json_slice_dup_scalar (const HawserJsonSlice *self)
{
  if (self->type == HAWSER_JSON_NUMBER || self->type == HAWSER_JSON_BOOLEAN)
    return g_strndup (self->text, self->len);
  return hawser_json_slice_dup_string (self);
}

gboolean
hawser_json_slice_is_string (const HawserJsonSlice *self, const char *text, gsize len)
{
  const char *next, *end;

  if (self->type != HAWSER_JSON_STRING || self->len < 2)
    return FALSE;

  next = self->text + 1;
  end = self->text + self->len - 1;
  while (next < end)
    {
      char bytes[6];
      gsize n = 1;

      if (*next == '\\')
        {
          gint32 code = read_escape (&next, end);

          if (code < 0)
            return FALSE;
          n = (gsize) g_unichar_to_utf8 ((gunichar) code, bytes);
        }
      else
        bytes[0] = *next++;
      if (len < n || memcmp (text, bytes, n) != 0)
        return FALSE;
      text += n;
      len -= n;
    }
  return len == 0;
}

void
hawser_json_iter_init (HawserJsonIter *self, const HawserJsonSlice *container)
{
  self->is_object = container->type == HAWSER_JSON_OBJECT;
  self->next = container->text;
  self->end = self->is_object || container->type == HAWSER_JSON_ARRAY ? container->text + container->len : container->text;
}

/* next stands at the opening bracket, then at each ',', at last at the closing bracket. */
gboolean
hawser_json_iter_next (HawserJsonIter *self, HawserJsonSlice *out_key, HawserJsonSlice *out_value)
{
  Scanner scanner = { self->next, self->end, NULL };
  HawserJsonSlice key = { HAWSER_JSON_STRING, NULL, 0 }, value;
  char c = hawser_json_scan_peek (&scanner);

  if (c != '{' && c != '[' && c != ',')
    return FALSE;
  self->next = self->end; /* unless all is well */
  scanner.next++;
  c = hawser_json_scan_peek (&scanner);
  if (c == '}' || c == ']')
    return FALSE;
  if (self->is_object && !hawser_json_scan_key (&scanner, &key))
    return FALSE;
  if (!hawser_json_scan_value (&scanner, &value))
    return FALSE;

  skip_space (&scanner);
  self->next = scanner.next;
  if (self->is_object && out_key != NULL)
    *out_key = key;
  *out_value = value;
  return TRUE;
}
