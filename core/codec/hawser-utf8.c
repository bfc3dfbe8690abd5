/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* UTF-8 as the wire protocols want it: RFC 3629 (shortest form, no surrogates, up to U+10FFFF) over bytes and a length.
 * g_utf8_validate_len() differs in taking no NUL at all and in costing a call per character. */

#include "hawser-utf8.h"

#include <string.h>

#define ONES G_GUINT64_CONSTANT (0x0101010101010101)
#define HIGH G_GUINT64_CONSTANT (0x8080808080808080)

guint
hawser_utf8_next (const guint8 *data, gsize len)
{
  guint8 first = len > 0 ? data[0] : 0xff;
  guint8 low = 0x80, high = 0xbf; /* of the second byte: RFC 3629 section 4 */
  guint n;

  if (first < 0x80)
    return 1;
  if (first < 0xc2 || first > 0xf4)
    return 0;

  n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first == 0xe0)
    low = 0xa0;
  else if (first == 0xed)
    high = 0x9f;
  else if (first == 0xf0)
    low = 0x90;
  else if (first == 0xf4)
    high = 0x8f;

  if (len < n || data[1] < low || data[1] > high)
    return 0;
  for (guint i = 2; i < n; i++)
    if ((data[i] & 0xc0) != 0x80)
      return 0;
  return n;
}

static inline gboolean
check (const guint8 *data, gsize len, gboolean allow_nul)
{
  const guint8 *end = data + len;

  while (data < end)
    {
      guint n;

      /* eight bytes at a time while all are ASCII and, if it matters, none is zero */
      while (end - data >= 8)
        {
          guint64 word;

          memcpy (&word, data, 8);
          if ((word & HIGH) != 0 || (!allow_nul && ((word - ONES) & ~word & HIGH) != 0))
            break;
          data += 8;
        }
      if (data == end)
        break;
      n = hawser_utf8_next (data, (gsize) (end - data));
      if (n == 0 || (!allow_nul && *data == 0))
        return FALSE;
      data += n;
    }
  return TRUE;
}

gboolean
hawser_utf8_check (const void *data, gsize len)
{
  return check (data, len, TRUE);
}

gboolean
hawser_utf8_check_string (const void *data, gsize len)
{
  return check (data, len, FALSE);
}
