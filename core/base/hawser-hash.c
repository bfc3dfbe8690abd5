/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The secret behind hawser-hash.h, drawn once per process before main(); any thread may hash afterwards. */

#include "hawser-hash.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

guint64 hawser_hash_secret[4];

__attribute__ ((constructor)) static void
draw_secret (void)
{
  struct timespec now = { 0 };

  if (getrandom (hawser_hash_secret, sizeof hawser_hash_secret, GRND_NONBLOCK) != sizeof hawser_hash_secret)
    {
      /* Only in the first seconds of a machine without entropy: weaker, but still not the same in two processes. */
      clock_gettime (CLOCK_REALTIME, &now);
      for (guint i = 0; i < G_N_ELEMENTS (hawser_hash_secret); i++)
        hawser_hash_secret[i] = hawser_hash_mix ((guint64) now.tv_nsec ^ 0xa0761d6478bd642full * (i + 1), (guint64) (gsize) &now ^ (guint64) getpid () << 40 ^ (guint64) now.tv_sec);
    }
  for (guint i = 0; i < G_N_ELEMENTS (hawser_hash_secret); i++)
    hawser_hash_secret[i] |= 1;
}

guint
hawser_hash_string (gconstpointer text)
{
  return (guint) hawser_hash_bytes (text, strlen (text));
}

guint
hawser_hash_gbytes (gconstpointer bytes)
{
  gsize len;
  gconstpointer data = g_bytes_get_data ((GBytes *) bytes, &len);

  return (guint) hawser_hash_bytes (data, len);
}
