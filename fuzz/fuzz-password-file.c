/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a password file: refused whole, or parsed within its bounds. Hashing is left out: it is slow on purpose. */

#include "password-file.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PasswordFile) file = password_file_parse (data != NULL ? (const char *) data : "", size, &error);

  g_assert_true ((file == NULL) == (error != NULL));
  if (file != NULL)
    g_assert_cmpuint (password_file_get_n_users (file), >, 0);
  return 0;
}
