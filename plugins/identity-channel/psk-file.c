/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of pre-shared keys: refused whole at its first bad line, so that a slip locks nobody in by accident. Pure. */

#include "psk-file.h"

#include <string.h>

static GBytes *
parse_key (const char *hex, gsize len)
{
  guint8 key[PSK_MAX_KEY];

  if (len % 2 != 0 || len < 2 * PSK_MIN_KEY || len > 2 * PSK_MAX_KEY)
    return NULL;
  for (gsize i = 0; i < len; i += 2)
    {
      if (!g_ascii_isxdigit (hex[i]) || !g_ascii_isxdigit (hex[i + 1]))
        return NULL;
      key[i / 2] = (guint8) (g_ascii_xdigit_value (hex[i]) << 4 | g_ascii_xdigit_value (hex[i + 1]));
    }
  return g_bytes_new (key, len / 2);
}

static gboolean
parse_line (GHashTable *keys, const char *line, gsize len, guint number, GError **error)
{
  const char *colon = NULL, *problem = NULL;
  GBytes *key;

  for (gsize i = 0; i < len; i++)
    if (line[i] == ':')
      colon = line + i; /* the last: an identity may hold colons, a key cannot */
  if (colon == NULL)
    problem = "is not of the form IDENTITY:HEXKEY";
  else if (colon == line || colon - line > PSK_MAX_IDENTITY || !g_utf8_validate_len (line, (gsize) (colon - line), NULL))
    problem = "the identity must be 1 to 256 bytes of UTF-8";
  if (problem == NULL)
    {
      g_autofree char *identity = g_strndup (line, (gsize) (colon - line));

      if (g_hash_table_contains (keys, identity))
        problem = "the identity was there before";
      else if ((key = parse_key (colon + 1, len - (gsize) (colon + 1 - line))) == NULL)
        problem = "the key must be 32 to 128 hexadecimal digits";
      else
        g_hash_table_insert (keys, g_steal_pointer (&identity), key);
    }
  if (problem != NULL)
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "line %u: %s", number, problem);
  return problem == NULL;
}

GHashTable *
psk_file_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  gsize at = 0;

  if (len > PSK_FILE_MAX_LEN)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "over 1 MiB");
      return NULL;
    }
  for (guint number = 1; at < len; number++)
    {
      const char *end = memchr (text + at, '\n', len - at);
      gsize line_len = end != NULL ? (gsize) (end - text) - at : len - at, next = at + line_len + 1;

      if (line_len > 0 && text[at + line_len - 1] == '\r')
        line_len--;
      if (line_len > 0 && text[at] != '#' && !parse_line (keys, text + at, line_len, number, error))
        return NULL;
      at = next;
    }
  if (g_hash_table_size (keys) == 0)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "holds no key");
      return NULL;
    }
  return g_steal_pointer (&keys);
}
