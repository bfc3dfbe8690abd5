/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a client certificate: no principal, or one with a name. */

#include "certificate.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) pem = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPrincipal) principal = certificate_to_principal (pem, "x509.subject", &error);

  g_assert_true ((principal == NULL) == (error != NULL));
  if (principal != NULL)
    g_assert_true (g_utf8_validate (hawser_principal_get_name (principal), -1, NULL));
  return 0;
}
