/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a certificate, a file of keys and a user of this machine become. Handshakes are in tests/daemon/test-tls.py. */

#include <string.h>
#include <unistd.h>

#include "certificate.h"
#include "identity-channel.h"
#include "psk-file.h"

static char *names_pem;

#define KEY "000102030405060708090a0b0c0d0e0f"

static const struct {
  const char *name, *text, *problem;   /* NULL: it is read and has @n_keys */
  guint n_keys;
} files[] = {
  { "one", "radio:" KEY "\n", NULL, 1 },
  { "no-line-end", "radio:" KEY, NULL, 1 },
  { "comments-and-empty-lines", "# keys\n\n  \n", "line 3: is not of the form IDENTITY:HEXKEY", 0 },
  { "carriage-return", "radio:" KEY "\r\nb:" KEY "00\r\n", NULL, 2 },
  { "identity-with-colons", "urn:dev:1:" KEY "\n", NULL, 1 },
  { "nothing", "# nobody\n", "holds no key", 0 },
  { "no-key", "a:" KEY "\nradio\n", "line 2: is not of the form IDENTITY:HEXKEY", 0 },
  { "no-identity", ":" KEY "\n", "line 1: the identity must be 1 to 256 bytes of UTF-8", 0 },
  { "identity-not-utf-8", "\xff:" KEY "\n", "line 1: the identity must be 1 to 256 bytes of UTF-8", 0 },
  { "short-key", "radio:0001\n", "line 1: the key must be 32 to 128 hexadecimal digits", 0 },
  { "odd-key", "radio:" KEY "0\n", "line 1: the key must be 32 to 128 hexadecimal digits", 0 },
  { "not-hexadecimal", "radio:" "g00102030405060708090a0b0c0d0e0f" "\n", "line 1: the key must be 32 to 128 hexadecimal digits", 0 },
  { "twice", "radio:" KEY "\nradio:" KEY "\n", "line 2: the identity was there before", 0 },
};

static void
test_file (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) keys = psk_file_parse (files[i].text, strlen (files[i].text), &error);

  if (files[i].problem != NULL)
    {
      g_assert_null (keys);
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, files[i].problem);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (g_hash_table_size (keys), ==, files[i].n_keys);
}

static void
test_certificate_is_claims (void)
{
  static const char * const expected[][2] = {
    { "x509.subject.cn", "device 1" }, { "x509.subject", "CN=device 1,O=\303\234bung" }, { "x509.san.dns", "a.example" },
    { "x509.san.uri", "urn:dev:1" }, { "x509.san.email", "a@b.example" }, { "x509.issuer", "CN=device 1,O=\303\234bung" },
  };
  g_autofree char *text = NULL;
  g_autoptr (GBytes) pem = NULL;
  g_autoptr (HawserPrincipal) principal = NULL;
  g_autoptr (GError) error = NULL;
  gsize len;

  g_assert_true (g_file_get_contents (names_pem, &text, &len, &error));
  pem = g_bytes_new (text, len);
  principal = certificate_to_principal (pem, "x509.san.uri", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (hawser_principal_get_name (principal), ==, "urn:dev:1");
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpstr (hawser_principal_get_claim (principal, expected[i][0]), ==, expected[i][1]);
  g_assert_cmpuint (strlen (hawser_principal_get_claim (principal, "x509.fingerprint")), ==, 64);
  g_assert_nonnull (hawser_principal_get_claim (principal, "x509.serial"));

  g_assert_null (certificate_to_principal (pem, "x509.other", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED);
}

static void
test_what_is_no_certificate_is_nobody (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 60);
  g_autoptr (GError) error = NULL;

  g_assert_null (certificate_to_principal (bytes, "x509.subject.cn", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED);
  g_clear_error (&error);
  g_assert_null (certificate_to_principal (NULL, "x509.subject.cn", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED);
}

static void
test_a_user_is_claims (void)
{
  g_autoptr (HawserIdentity) identity = HAWSER_IDENTITY (g_object_new (identity_unix_get_type (), NULL));
  g_autoptr (HawserPrincipal) root = NULL, stranger = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (hawser_identity_load (identity, &error));
  g_assert_true (hawser_identity_understands (identity, HAWSER_CREDENTIAL_USER));
  g_assert_false (hawser_identity_understands (identity, HAWSER_CREDENTIAL_PASSWORD));
  root = hawser_identity_authenticate (identity, HAWSER_CREDENTIAL_USER, "0:7:42", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (hawser_principal_get_name (root), ==, "root");
  g_assert_cmpstr (hawser_principal_get_claim (root, "unix.uid"), ==, "0");
  g_assert_cmpstr (hawser_principal_get_claim (root, "unix.gid"), ==, "7");
  g_assert_cmpstr (hawser_principal_get_claim (root, "unix.pid"), ==, "42");
  g_assert_cmpstr (hawser_principal_get_claim (root, "unix.user"), ==, "root");
  stranger = hawser_identity_authenticate (identity, HAWSER_CREDENTIAL_USER, "4294967000:1:2", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (hawser_principal_get_name (stranger), ==, "4294967000");
  g_assert_null (hawser_principal_get_claim (stranger, "unix.user"));
  g_assert_null (hawser_identity_authenticate (identity, HAWSER_CREDENTIAL_USER, "root", NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED);
}

static void
test_a_key_taken_away_proves_nothing (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hawser-psk-XXXXXX", NULL), *path = g_build_filename (folder, "keys", NULL);
  g_autoptr (HawserIdentity) identity = HAWSER_IDENTITY (g_object_new (identity_psk_get_type (), "keys-file", path, NULL));
  g_autoptr (HawserPrincipal) principal = NULL;
  g_autoptr (GBytes) key = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (hawser_identity_load (identity, &error));
  g_clear_error (&error);
  g_assert_true (g_file_set_contents_full (path, "radio:" KEY "\n", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error));
  g_assert_true (hawser_identity_load (identity, &error));
  key = hawser_identity_find_key (identity, "radio");
  g_assert_cmpuint (g_bytes_get_size (key), ==, 16);
  g_assert_null (hawser_identity_find_key (identity, "other"));
  principal = hawser_identity_authenticate (identity, HAWSER_CREDENTIAL_PSK, "radio", NULL, &error);
  g_assert_cmpstr (hawser_principal_get_claim (principal, "psk.identity"), ==, "radio");

  g_assert_true (g_file_set_contents_full (path, "other:" KEY "\n", -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error));
  g_assert_true (hawser_identity_load (identity, &error));
  g_assert_null (hawser_identity_authenticate (identity, HAWSER_CREDENTIAL_PSK, "radio", NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED);
  unlink (path);
  rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, >, 1);
  names_pem = argv[argc - 1];
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_strdup_printf ("/identity-channel/psk-file/%s/%s", files[i].problem != NULL ? "refuses" : "reads", files[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_file);
    }
  g_test_add_func ("/identity-channel/x509/a-certificate-is-claims", test_certificate_is_claims);
  g_test_add_func ("/identity-channel/x509/what-is-no-certificate-is-nobody", test_what_is_no_certificate_is_nobody);
  g_test_add_func ("/identity-channel/unix/a-user-is-claims", test_a_user_is_claims);
  g_test_add_func ("/identity-channel/psk/a-key-taken-away-proves-nothing", test_a_key_taken_away_proves_nothing);
  return g_test_run ();
}
