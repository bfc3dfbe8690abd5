/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hawser-hash.h"

#include <string.h>

static void
test_equal_keys_have_equal_hashes (void)
{
  guint8 data[160], copy[161];

  for (gsize i = 0; i < sizeof data; i++)
    data[i] = (guint8) (i * 7);
  memcpy (copy + 1, data, sizeof data); /* at another alignment */
  for (gsize len = 0; len <= sizeof data; len++)
    g_assert_cmpuint (hawser_hash_bytes (data, len), ==, hawser_hash_bytes (copy + 1, len));
}

/* Each bit of a key of each length moves about half of the bits of the hash. */
static void
test_every_bit_counts (void)
{
  for (gsize len = 1; len <= 64; len++)
    for (gsize bit = 0; bit < len * 8; bit++)
      {
        guint n_moved = 0;

        for (guint trial = 0; trial < 64; trial++)
          {
            guint8 key[64];
            guint64 hash;

            for (gsize i = 0; i < len; i++)
              key[i] = (guint8) g_random_int ();
            hash = hawser_hash_bytes (key, len);
            key[bit / 8] ^= (guint8) (1 << bit % 8);
            n_moved += (guint) __builtin_popcountll (hash ^ hawser_hash_bytes (key, len));
          }
        /* 64 trials of 64 bits: 2048 expected, 32 the standard deviation */
        g_assert_cmpuint (n_moved, >, 2048 - 12 * 32);
        g_assert_cmpuint (n_moved, <, 2048 + 12 * 32);
      }
}

static void
test_numbered_names_spread (void)
{
  guint n_in_bucket[256] = { 0 };

  for (guint i = 0; i < 256 * 100; i++)
    {
      g_autofree char *name = g_strdup_printf ("client-%u", i);

      n_in_bucket[hawser_hash_string (name) % 256]++;
    }
  for (guint i = 0; i < 256; i++)
    {
      g_assert_cmpuint (n_in_bucket[i], >, 30);
      g_assert_cmpuint (n_in_bucket[i], <, 200);
    }
}

/* The point of the seed: what collides in one process tells nothing about the next one. */
static void
test_another_process_hashes_otherwise (void)
{
  g_autofree char *here = NULL;
  g_autofree char *there = NULL;

  if (g_test_subprocess ())
    {
      g_print ("hash=%016" G_GINT64_MODIFIER "x\n", hawser_hash_bytes ("topic", 5));
      return;
    }
  here = g_strdup_printf ("*hash=%016" G_GINT64_MODIFIER "x*", hawser_hash_bytes ("topic", 5));
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stdout ("*hash=*");
  g_test_trap_assert_stdout_unmatched (here);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/hash/equal-keys-have-equal-hashes", test_equal_keys_have_equal_hashes);
  g_test_add_func ("/base/hash/every-bit-counts", test_every_bit_counts);
  g_test_add_func ("/base/hash/numbered-names-spread", test_numbered_names_spread);
  g_test_add_func ("/base/hash/another-process-hashes-otherwise", test_another_process_hashes_otherwise);
  return g_test_run ();
}
