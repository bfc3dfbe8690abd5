/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The password file: who is let in, and every way in which a broken file lets in nobody. */

#include "password-file.h"

#include <string.h>

/* mosquitto_passwd 2.0 and an independent scrypt made these */
#define MOSQUITTO "$7$101$EArQDQLBek1Ef0cO$BmYLZ5pUSKW2ZQra/Zef4Gh7J8xeAAojg7c23asYbQoJj2uCz9wzu0JRY2ZteashCK7h+E2Lm3nF/9fPYZ6oHQ=="
#define SCRYPT "$scrypt$ln=10,r=8,p=1$uIt0sISGMBd4liCtAGQNhw$ol4qLzYN9VKYZICRKLDFLGXLaEiQHypqyPOCRHk+CHw"

static HawserPrincipal *
verify (PasswordFile *file, const char *name, const char *password)
{
  return password_file_verify (file, name, (const guint8 *) password, strlen (password));
}

static PasswordFile *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  PasswordFile *file = password_file_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  return file;
}

static void
the_right_password_is_let_in (void)
{
  g_autoptr (PasswordFile) file = parse ("# users\n\nanna:" MOSQUITTO "\r\nzoë:" SCRYPT ":role=operator; mission=pegasus-1;role=viewer;\n");
  g_autoptr (HawserPrincipal) anna = verify (file, "anna", "secret"), zoe = verify (file, "zoë", "secret");
  g_auto (GStrv) claims = NULL;

  g_assert_cmpuint (password_file_get_n_users (file), ==, 2);
  g_assert_cmpstr (hawser_principal_get_name (anna), ==, "anna");
  g_assert_null (hawser_principal_get_claim (anna, "role"));
  claims = hawser_principal_list_claims (zoe);
  g_assert_cmpstrv (claims, ((const char *[]) { "mission=pegasus-1", "role=operator", "role=viewer", NULL }));
}

static void
anything_else_is_not (void)
{
  static const char * const wrong[] = { "", "Secret", "secret ", "secre", "secrets" };
  g_autoptr (PasswordFile) file = parse ("anna:" MOSQUITTO "\nzoe:" SCRYPT "\n"), empty = password_file_new_empty ();
  g_autofree char *long_password = g_strnfill (PASSWORD_MAX_LEN + 1, 'a');

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_null (verify (file, "anna", wrong[i]));
      g_assert_null (verify (file, "zoe", wrong[i]));
    }
  g_assert_null (verify (file, "nobody", "secret"));
  g_assert_null (verify (file, "", "secret"));
  g_assert_null (verify (file, "ANNA", "secret"));
  g_assert_null (verify (file, "anna", long_password));
  g_assert_null (password_file_verify (file, "anna", (const guint8 *) "secret\0x", 8));
  g_assert_null (verify (empty, "anna", "secret"));
  g_assert_null (verify (empty, "", ""));
}

static void
a_new_hash_verifies (void)
{
  g_autofree char *hash = password_file_hash ((const guint8 *) "pa:ss\0word", 10, NULL), *other = password_file_hash ((const guint8 *) "pa:ss\0word", 10, NULL);
  g_autofree char *line = g_strconcat ("u:", hash, NULL);
  g_autoptr (PasswordFile) file = parse (line);
  g_autoptr (HawserPrincipal) principal = password_file_verify (file, "u", (const guint8 *) "pa:ss\0word", 10);

  g_assert_true (g_str_has_prefix (hash, "$scrypt$ln=13,r=8,p=1$"));
  g_assert_cmpstr (hash, !=, other);
  g_assert_nonnull (principal);
  g_assert_null (verify (file, "u", "pa:ss"));
}

static const struct {
  const char *name;
  const char *text;
  const char *message;
} broken[] = {
  { "empty", "", "no user in it" },
  { "only-comments", "# anna\n\n", "no user in it" },
  { "plain-password", "anna:secret\n", "line 1: expected $scrypt$ln=N,r=N,p=N$SALT$KEY or $7$ITERATIONS$SALT$KEY" },
  { "no-hash", "anna\n", "line 1: expected NAME:HASH or NAME:HASH:CLAIM=VALUE;CLAIM=VALUE" },
  { "no-name", ":" SCRYPT "\n", "line 1: expected NAME:HASH or NAME:HASH:CLAIM=VALUE;CLAIM=VALUE" },
  { "twice", "a:" SCRYPT "\na:" SCRYPT "\n", "line 2: the name is there twice" },
  { "old-mosquitto-hash", "a:$6$c2FsdHNhbHQ$AAAA\n", "line 1: expected $scrypt$ln=N,r=N,p=N$SALT$KEY or $7$ITERATIONS$SALT$KEY" },
  { "unknown-hash", "a:$9$1$c2FsdHNhbHRzYWx0$AAAA\n", "line 1: unknown hash; scrypt, 7 (PBKDF2 with SHA-512) and scram-sha-256 are known" },
  { "scram-without-server-key", "a:$scram-sha-256$4096$c2FsdHNhbHRzYWx0$AAAA\n", "line 1: expected $scram-sha-256$ITERATIONS$SALT$STOREDKEY$SERVERKEY" },
  { "scram-too-few-iterations", "a:$scram-sha-256$4095$c2FsdHNhbHRzYWx0$AAAA$AAAA\n", "line 1: iterations of SCRAM must be 4096 to 10000000" },
  { "scram-short-salt", "a:$scram-sha-256$4096$c2Fs$AAAA$AAAA\n", "line 1: the salt must be 8 to 64 bytes in base64" },
  { "scram-cut-off", "a:$scram-sha-256$4096$c2FsdHNhbHRzYWx0$AAAA$AAAA\n", "line 1: the keys must be 32 bytes in base64" },
  { "no-iterations", "a:$7$0$c2FsdHNhbHRzYWx0$AAAA\n", "line 1: iterations must be 1 to 10000000" },
  { "endless-iterations", "a:$7$10000001$c2FsdHNhbHRzYWx0$AAAA\n", "line 1: iterations must be 1 to 10000000" },
  { "too-much-memory", "a:$scrypt$ln=20,r=8,p=1$c2FsdHNhbHRzYWx0$AAAA\n", "line 1: scrypt parameters must be ln=1…20,r=1…32,p=1…16 and need at most 64 MiB" },
  { "scrypt-parameters", "a:$scrypt$ln=13,r=8$c2FsdHNhbHRzYWx0$AAAA\n", "line 1: scrypt parameters must be ln=1…20,r=1…32,p=1…16 and need at most 64 MiB" },
  { "short-salt", "a:$7$101$c2Fs$AAAA\n", "line 1: the salt must be 8 to 64 bytes in base64" },
  { "cut-off", "a:$7$101$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "line 1: the key must be 64 bytes in base64" },
  { "not-base64", "a:$scrypt$ln=13,r=8,p=1$c2FsdHNhbHRzYWx0$!!!!\n", "line 1: the key must be 32 bytes in base64" },
  { "claims", "a:" SCRYPT ":operator\n", "line 1: expected CLAIM=VALUE;CLAIM=VALUE after the hash" },
  { "good-then-bad", "a:" SCRYPT "\nb:x\n", "line 2: expected $scrypt$ln=N,r=N,p=N$SALT$KEY or $7$ITERATIONS$SALT$KEY" },
  { "not-utf8", "a\xff:" SCRYPT "\n", "line 1: not UTF-8 text" },
};

static void
is_refused_whole (gconstpointer data)
{
  gsize row = GPOINTER_TO_SIZE (data);
  g_autoptr (GError) error = NULL;

  g_assert_null (password_file_parse (broken[row].text, strlen (broken[row].text), &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, broken[row].message);
}

static void
a_nul_byte_is_refused (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (password_file_parse ("a\0b:x\n", 6, &error));
  g_assert_cmpstr (error->message, ==, "line 1: not UTF-8 text");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/identity-password/file/the-right-password-is-let-in", the_right_password_is_let_in);
  g_test_add_func ("/identity-password/file/anything-else-is-not", anything_else_is_not);
  g_test_add_func ("/identity-password/file/a-new-hash-verifies", a_new_hash_verifies);
  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autofree char *path = g_strconcat ("/identity-password/file/", broken[i].name, "-is-refused-whole", NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), is_refused_whole);
    }
  g_test_add_func ("/identity-password/file/a-nul-byte-is-refused", a_nul_byte_is_refused);
  return g_test_run ();
}
