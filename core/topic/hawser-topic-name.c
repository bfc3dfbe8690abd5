/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a topic name may look like, for all protocols alike. The fast check runs once for each message received; the slow
 * one finds words for what the fast one refused. Pure functions, any thread. */

#include "hawser-topic-name.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-topic-private.h"
#include "hawser-topic-raw.h"
#include "hawser-utf8.h"

#define ONES G_GUINT64_CONSTANT (0x0101010101010101)
#define HIGH G_GUINT64_CONSTANT (0x8080808080808080)

/* High bit set where the byte of @word is zero. Exact only if no byte of @word has its own high bit set. */
static inline guint64
zero_bytes (guint64 word)
{
  return ~(word + ~HIGH) & HIGH;
}

gboolean
hawser_topic_name_check (const char *text, gsize len)
{
  const char *read = text, *end = text + len;
  guint64 seen = 0;
  guint n_slashes = 0;

  if (G_UNLIKELY (len == 0 || len > HAWSER_TOPIC_MAX_LEN))
    return FALSE;

  for (; end - read >= 8; read += 8)
    {
      guint64 word;

      memcpy (&word, read, 8);
      seen |= word;
      word &= ~HIGH; /* keeps zero_bytes() exact: a byte over 0x7f may now look like '+', and then only this loop is left early */
      if (G_UNLIKELY ((zero_bytes (word) | zero_bytes ((word | ONES << 3) ^ ONES * '+')) != 0)) /* '#' is '+' without bit 3 */
        {
          if ((seen & HIGH) == 0)
            return FALSE;
          break;
        }
      n_slashes += (guint) __builtin_popcountll (zero_bytes (word ^ ONES * '/'));
    }
  if (G_LIKELY ((seen & HIGH) == 0))
    for (; read < end; read++)
      {
        guint8 c = (guint8) *read;

        if (c >= 0x80)
          {
            seen = HIGH;
            break;
          }
        if (c == 0 || c == '+' || c == '#')
          return FALSE;
        n_slashes += c == '/';
      }

  if (G_UNLIKELY ((seen & HIGH) != 0))
    {
      n_slashes = 0;
      for (read = text; read < end; read++)
        {
          if (*read == '+' || *read == '#')
            return FALSE;
          n_slashes += *read == '/';
        }
      if (!hawser_utf8_check_string (text, len))
        return FALSE;
    }
  return n_slashes < HAWSER_TOPIC_MAX_LEVELS;
}

/* For messages: readable on one line, at most 80 bytes, whatever a stranger sent. */
char *
hawser_topic_quote (const char *text, gsize len)
{
  const gsize max_len = 80;
  GString *quoted = g_string_sized_new (MIN (len, max_len) + 8);

  for (gsize i = 0; i < len && quoted->len < max_len;)
    {
      guint n = hawser_utf8_next ((const guint8 *) text + i, len - i);
      gunichar c = n > 0 ? g_utf8_get_char (text + i) : 0;

      /* not as it is: broken bytes, control characters, and white space that would break the line */
      if (c == ' ' || (g_unichar_isprint (c) && !g_unichar_isspace (c)))
        g_string_append_len (quoted, text + i, (gssize) n);
      else
        {
          n = 1;
          g_string_append_printf (quoted, "\\x%02x", (guint8) text[i]);
        }
      i += n;
      if (i < len && quoted->len >= max_len)
        g_string_append (quoted, "…");
    }
  return g_string_free (quoted, FALSE);
}

gboolean
hawser_topic_check_common (const char *kind, const char *text, gsize len, GError **error)
{
  g_autofree char *quoted = NULL;
  gsize n_levels = 1;

  if (len == 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '': must not be empty", kind);
      return FALSE;
    }

  quoted = hawser_topic_quote (text, len);
  if (len > HAWSER_TOPIC_MAX_LEN)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "%s '%s': at most %d bytes", kind, quoted, HAWSER_TOPIC_MAX_LEN);
      return FALSE;
    }
  if (memchr (text, 0, len) != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s': must not contain U+0000", kind, quoted);
      return FALSE;
    }
  if (!hawser_utf8_check_string (text, len))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s': must be UTF-8", kind, quoted);
      return FALSE;
    }

  for (gsize i = 0; i < len; i++)
    n_levels += text[i] == '/';
  if (n_levels > HAWSER_TOPIC_MAX_LEVELS)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "%s '%s': at most %d levels", kind, quoted, HAWSER_TOPIC_MAX_LEVELS);
      return FALSE;
    }
  return TRUE;
}

/**
 * hawser_topic_name_is_valid:
 * @text: a topic name
 * @len: its length in bytes, or -1 if it is terminated by NUL
 * @error: return location
 *
 * Says whether one can publish to @text: UTF-8 without U+0000, 1 to 65535 bytes, at most %HAWSER_TOPIC_MAX_LEVELS
 * levels, no `+` and no `#`. Levels may be empty. Names that begin with `$` are valid here; who may use them is
 * a matter of policy.
 *
 * Errors: %HAWSER_ERROR_INVALID (caller's or peer's mistake), %HAWSER_ERROR_TOO_LARGE (over a limit, which the text names).
 * Context: any thread.
 * Source: MQTT 5.0 sections 1.5.4, 3.3.2.1 and 4.7.
 *
 * Returns: %TRUE if the name is valid
 * Since: 0.1
 */
gboolean
hawser_topic_name_is_valid (const char *text, gssize len, GError **error)
{
  gsize n_bytes;

  g_return_val_if_fail (text != NULL, FALSE);

  n_bytes = len < 0 ? strlen (text) : (gsize) len;
  if (hawser_topic_name_check (text, n_bytes))
    return TRUE;

  if (hawser_topic_check_common ("topic name", text, n_bytes, error))
    {
      g_autofree char *quoted = hawser_topic_quote (text, n_bytes);

      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "topic name '%s': '+' and '#' are for filters", quoted);
    }
  return FALSE;
}
