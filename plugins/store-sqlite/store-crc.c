/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CRC-32C (Castagnoli; RFC 3720 appendix B.4): reflected polynomial 0x82f63b78, by the instruction where there is one. */

#include "store-crc.h"

#include <string.h>

static guint32 crc_table[8][256];

static void
crc_table_fill (void)
{
  static gsize filled;

  if (!g_once_init_enter (&filled))
    return;
  for (guint i = 0; i < 256; i++)
    {
      guint32 crc = i;

      for (guint bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
      crc_table[0][i] = crc;
    }
  for (guint i = 0; i < 256; i++)
    for (guint slice = 1; slice < 8; slice++)
      crc_table[slice][i] = crc_table[slice - 1][i] >> 8 ^ crc_table[0][crc_table[slice - 1][i] & 0xff];
  g_once_init_leave (&filled, 1);
}

guint32
store_crc32c_portable (guint32 crc, const void *data, gsize len)
{
  const guint8 *p = data;

  crc_table_fill ();
  crc = ~crc;
  for (; len >= 8; len -= 8, p += 8)
    {
      guint32 low, high;

      memcpy (&low, p, 4);
      memcpy (&high, p + 4, 4);
      low = GUINT32_FROM_LE (low) ^ crc;
      high = GUINT32_FROM_LE (high);
      crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^ crc_table[5][low >> 16 & 0xff] ^ crc_table[4][low >> 24]
            ^ crc_table[3][high & 0xff] ^ crc_table[2][high >> 8 & 0xff] ^ crc_table[1][high >> 16 & 0xff] ^ crc_table[0][high >> 24];
    }
  for (; len > 0; len--, p++)
    crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 0xff];
  return ~crc;
}

#if defined(__x86_64__) && defined(__GNUC__)

__attribute__((target ("sse4.2"))) static guint32
crc32c_sse42 (guint32 crc, const guint8 *p, gsize len)
{
  guint64 wide = ~crc;

  for (; len >= 8; len -= 8, p += 8)
    {
      guint64 word;

      memcpy (&word, p, 8);
      wide = __builtin_ia32_crc32di (wide, word);
    }
  crc = (guint32) wide;
  for (; len > 0; len--, p++)
    crc = __builtin_ia32_crc32qi (crc, *p);
  return ~crc;
}

guint32
store_crc32c (guint32 crc, const void *data, gsize len)
{
  if (__builtin_cpu_supports ("sse4.2"))
    return crc32c_sse42 (crc, data, len);
  return store_crc32c_portable (crc, data, len);
}

#else

guint32
store_crc32c (guint32 crc, const void *data, gsize len)
{
  return store_crc32c_portable (crc, data, len);
}

#endif
