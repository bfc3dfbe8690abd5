/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The password file keeps the contract of its role, with either kind of hash. */

#include "contract-identity.h"

#include <glib/gstdio.h>

#include "password-file.h"

GType identity_password_get_type (void);

static char *directory, *path;

/* A loaded provider for one user. */
static HawserIdentity *
make (const char *line)
{
  g_autoptr (GError) error = NULL;
  HawserIdentity *identity;

  g_assert_true (g_file_set_contents_full (path, line, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error));
  identity = g_object_new (identity_password_get_type (), "password-file", path, NULL);
  g_assert_true (hawser_identity_load (identity, &error));
  g_assert_no_error (error);
  return identity;
}

static HawserIdentity *
make_pbkdf2 (void)
{
  return make ("anna:$7$101$EArQDQLBek1Ef0cO$BmYLZ5pUSKW2ZQra/Zef4Gh7J8xeAAojg7c23asYbQoJj2uCz9wzu0JRY2ZteashCK7h+E2Lm3nF/9fPYZ6oHQ==:role=operator\n");
}

static HawserIdentity *
make_scrypt (void)
{
  g_autofree char *hash = password_file_hash ((const guint8 *) "secret", 6, NULL);
  g_autofree char *line = g_strdup_printf ("anna:%s:role=operator\n", hash);

  return make (line);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  directory = g_dir_make_tmp ("hawser-password-XXXXXX", NULL);
  path = g_build_filename (directory, "users", NULL);
  contract_identity_add ("password-pbkdf2", make_pbkdf2, "anna", "secret", "role=operator");
  contract_identity_add ("password-scrypt", make_scrypt, "anna", "secret", "role=operator");
  result = g_test_run ();
  g_remove (path);
  g_rmdir (directory);
  g_free (path);
  g_free (directory);
  return result;
}
