/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a file of pre-shared keys: refused whole, or parsed within its bounds. */

#include "psk-file.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) keys = psk_file_parse (data != NULL ? (const char *) data : "", size, &error);
  GHashTableIter iter;
  gpointer identity, key;

  g_assert_true ((keys == NULL) == (error != NULL));
  if (keys == NULL)
    return 0;
  g_hash_table_iter_init (&iter, keys);
  while (g_hash_table_iter_next (&iter, &identity, &key))
    {
      g_assert_true (g_utf8_validate (identity, -1, NULL));
      g_assert_true (g_bytes_get_size (key) >= PSK_MIN_KEY && g_bytes_get_size (key) <= PSK_MAX_KEY);
    }
  return 0;
}
