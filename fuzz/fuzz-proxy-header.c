/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a header of the PROXY protocol: what is read whole is not there one byte earlier, and what follows it does
 * not matter. */

#include "hawser-proxy-header.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *address = NULL;
  gsize len;
  HawserProxyResult result = hawser_proxy_header_read (data, size, &len, &address);

  g_assert_true (result == HAWSER_PROXY_DONE || address == NULL);
  if (result == HAWSER_PROXY_MORE)
    g_assert_cmpuint (size, <, HAWSER_PROXY_MAX_HEADER);
  if (result != HAWSER_PROXY_DONE)
    return 0;
  g_assert_true (len > 0 && len <= size && len <= HAWSER_PROXY_MAX_HEADER);
  for (gsize cut = 1; cut <= MIN (len, 300); cut++)
    {
      g_autofree char *again = NULL;
      gsize again_len;

      result = hawser_proxy_header_read (data, len - cut, &again_len, &again);
      g_assert_cmpint (result, ==, HAWSER_PROXY_MORE);
    }
  return 0;
}
