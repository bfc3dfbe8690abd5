/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON Pointer (RFC 6901) over text: skips what the pointer does not name, enters what it names, never looks back.
 * Pure functions, any thread. */

#include "hawser-json-pointer.h"

#include <string.h>

#include "hawser-json-private.h"

gboolean
hawser_json_pointer_check (const char *pointer)
{
  if (*pointer != '\0' && *pointer != '/')
    return FALSE;
  for (; *pointer != '\0'; pointer++)
    if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
      return FALSE;
  return TRUE;
}

/* One reference token without its escapes: "~1" is '/', "~0" is '~'. */
static char *
unescape (const char *token, gsize len, gsize *out_len)
{
  char *text = g_malloc (len + 1);
  gsize n = 0;

  for (gsize i = 0; i < len; i++)
    if (token[i] == '~' && i + 1 < len)
      text[n++] = token[++i] == '1' ? '/' : '~';
    else
      text[n++] = token[i];
  *out_len = n;
  return text;
}

/* Past ',' and not past anything else. */
static gboolean
skip_comma (HawserJsonScanner *scanner)
{
  if (hawser_json_scan_peek (scanner) != ',')
    return FALSE;
  scanner->next++;
  return TRUE;
}

/* Leaves the scanner, which is past '{', before the value of the member. */
static gboolean
enter_member (HawserJsonScanner *scanner, const char *token, gsize len)
{
  g_autofree char *unescaped = NULL;
  HawserJsonSlice key, value;

  if (memchr (token, '~', len) != NULL)
    token = unescaped = unescape (token, len, &len);
  do
    {
      if (!hawser_json_scan_key (scanner, &key))
        return FALSE;
      if (hawser_json_slice_is_string (&key, token, len))
        return TRUE;
      if (!hawser_json_scan_value (scanner, &value))
        return FALSE;
    }
  while (skip_comma (scanner));
  return FALSE;
}

/* Section 4: digits without a leading zero; "-" is the element that does not exist. */
static gboolean
read_index (const char *token, gsize len, guint64 *out_index)
{
  guint64 index = 0;

  if (len == 0 || len > 10 || (token[0] == '0' && len > 1))
    return FALSE;
  for (gsize i = 0; i < len; i++)
    {
      if (!g_ascii_isdigit (token[i]))
        return FALSE;
      index = index * 10 + (guint64) (token[i] - '0');
    }
  *out_index = index;
  return TRUE;
}

/* Leaves the scanner, which is past '[', before the element. */
static gboolean
enter_element (HawserJsonScanner *scanner, const char *token, gsize len)
{
  HawserJsonSlice value;
  guint64 index;

  if (!read_index (token, len, &index))
    return FALSE;
  for (; index > 0; index--)
    if (!hawser_json_scan_value (scanner, &value) || !skip_comma (scanner))
      return FALSE;
  return TRUE;
}

gboolean
hawser_json_pointer_get (const char *pointer, const char *text, gsize len, HawserJsonSlice *out_value)
{
  HawserJsonScanner scanner = { text, text + len, NULL };
  HawserJsonSlice value;

  if (!hawser_json_pointer_check (pointer))
    return FALSE;

  while (*pointer == '/')
    {
      const char *token = pointer + 1;
      gsize token_len = strcspn (token, "/");
      char c = hawser_json_scan_peek (&scanner);

      if (c != '{' && c != '[')
        return FALSE;
      scanner.next++;
      if (c == '{' ? !enter_member (&scanner, token, token_len) : !enter_element (&scanner, token, token_len))
        return FALSE;
      pointer = token + token_len;
    }
  if (!hawser_json_scan_value (&scanner, &value))
    return FALSE;
  *out_value = value;
  return TRUE;
}

gboolean
hawser_json_pointer_get_double (const char *pointer, const char *text, gsize len, double *out_value)
{
  HawserJsonSlice value;

  return hawser_json_pointer_get (pointer, text, len, &value) && hawser_json_slice_get_double (&value, out_value);
}

char *
hawser_json_pointer_dup_string (const char *pointer, const char *text, gsize len)
{
  HawserJsonSlice value;

  return hawser_json_pointer_get (pointer, text, len, &value) ? hawser_json_slice_dup_string (&value) : NULL;
}
