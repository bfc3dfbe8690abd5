/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the hash of every table whose keys a stranger can choose (topic levels, ids, client names).
 * The keys of the hash are random per process, so nobody can prepare names that collide.
 * Values differ from run to run: never store them, never send them. */

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* Set before main() from the kernel's random source; read-only afterwards. */
extern guint64 hawser_hash_secret[4];

static inline guint64
hawser_hash_mix (guint64 a, guint64 b)
{
#ifdef __SIZEOF_INT128__
  unsigned __int128 product = (unsigned __int128) a * b;

  return (guint64) product ^ (guint64) (product >> 64);
#else
  guint64 a_high = a >> 32, a_low = (guint32) a, b_high = b >> 32, b_low = (guint32) b;
  guint64 low = a_low * b_low, middle = a_high * b_low + (low >> 32);
  guint64 middle2 = a_low * b_high + (guint32) middle;

  return ((middle2 << 32) | (guint32) low) ^ (a_high * b_high + (middle >> 32) + (middle2 >> 32));
#endif
}

static inline guint64
hawser_hash_read_64 (const guint8 *bytes)
{
  guint64 value;

  memcpy (&value, bytes, sizeof value);
  return value;
}

static inline guint64
hawser_hash_read_32 (const guint8 *bytes)
{
  guint32 value;

  memcpy (&value, bytes, sizeof value);
  return value;
}

/* The construction is that of wyhash (folded 64x64 multiplication, public domain), with all constants secret.
 * Context: any thread. */
static inline guint64
hawser_hash_bytes (const void *data, gsize len)
{
  const guint8 *bytes = data;
  guint64 state = hawser_hash_secret[0], a, b;

  if (G_LIKELY (len <= 16))
    {
      if (len >= 4)
        {
          gsize step = (len >> 3) << 2;

          a = hawser_hash_read_32 (bytes) << 32 | hawser_hash_read_32 (bytes + step);
          b = hawser_hash_read_32 (bytes + len - 4) << 32 | hawser_hash_read_32 (bytes + len - 4 - step);
        }
      else if (len > 0)
        {
          a = (guint64) bytes[0] << 16 | (guint64) bytes[len >> 1] << 8 | bytes[len - 1];
          b = 0;
        }
      else
        a = b = 0;
    }
  else
    {
      gsize left = len;

      while (left > 16)
        {
          state = hawser_hash_mix (hawser_hash_read_64 (bytes) ^ hawser_hash_secret[1], hawser_hash_read_64 (bytes + 8) ^ state);
          bytes += 16;
          left -= 16;
        }
      a = hawser_hash_read_64 (bytes + left - 16);
      b = hawser_hash_read_64 (bytes + left - 8);
    }
  return hawser_hash_mix (hawser_hash_secret[3] ^ len, hawser_hash_mix (a ^ hawser_hash_secret[2], b ^ state));
}

/* GHashFuncs: for terminated strings (with g_str_equal) and for GBytes (with g_bytes_equal). */
guint hawser_hash_string (gconstpointer text);
guint hawser_hash_gbytes (gconstpointer bytes);

G_END_DECLS
