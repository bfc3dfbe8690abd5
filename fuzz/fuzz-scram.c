/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as both messages of a SCRAM client, the second behind the first NUL: refused, or taken within their bounds; a
 * proof that nobody could make is never right. */

#include <string.h>

#include <hawser/hawser.h>

#define VERIFIER "4096$MDEyMzQ1Njc4OWFiY2RlZg==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const guint8 *split = size > 0 ? memchr (data, 0, size) : NULL;
  gsize first_len = split != NULL ? (gsize) (split - data) : size;
  g_autoptr (HawserScram) scram = hawser_scram_new ();
  g_autoptr (GBytes) challenge = NULL, last = NULL;
  const char *name = hawser_scram_begin (scram, data, first_len);

  if (name == NULL)
    return 0;
  g_assert_true (g_utf8_validate (name, -1, NULL) && *name != '\0');
  challenge = hawser_scram_challenge (scram, size % 2 == 0 ? VERIFIER : NULL);
  g_assert_nonnull (challenge);
  last = split != NULL ? hawser_scram_finish (scram, split + 1, size - first_len - 1) : NULL;
  g_assert_null (last);
  return 0;
}
