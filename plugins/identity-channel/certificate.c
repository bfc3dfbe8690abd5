/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client certificate says, as claims. Names with a NUL inside, which C would cut short, are left out: they are how
 * somebody else's name was once forged. Pure. */

#include "certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define MAX_VALUES 64 /* of alternative names; certificates carry a handful */

static void
add (GStrvBuilder *claims, const char *name, const char *value)
{
  g_autofree char *claim = g_strconcat (name, "=", value, NULL);

  g_strv_builder_add (claims, claim);
}

static void
add_string (GStrvBuilder *claims, const char *name, const ASN1_STRING *string)
{
  unsigned char *utf8 = NULL;
  int len = ASN1_STRING_to_UTF8 (&utf8, string);

  if (len > 0 && memchr (utf8, '\0', (size_t) len) == NULL && g_utf8_validate_len ((char *) utf8, (gsize) len, NULL))
    {
      g_autofree char *value = g_strndup ((char *) utf8, (gsize) len);

      add (claims, name, value);
    }
  OPENSSL_free (utf8);
}

static void
add_common_names (GStrvBuilder *claims, X509_NAME *subject)
{
  for (int at = -1, n = 0; n < MAX_VALUES && (at = X509_NAME_get_index_by_NID (subject, NID_commonName, at)) >= 0; n++)
    add_string (claims, "x509.subject.cn", X509_NAME_ENTRY_get_data (X509_NAME_get_entry (subject, at)));
}

static void
add_name (GStrvBuilder *claims, const char *claim, X509_NAME *name)
{
  BIO *bio = BIO_new (BIO_s_mem ());
  char *text;
  long len;

  if (X509_NAME_print_ex (bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 && (len = BIO_get_mem_data (bio, &text)) > 0)
    {
      g_autofree char *value = g_strndup (text, (gsize) len);

      add (claims, claim, value);
    }
  BIO_free (bio);
}

static void
add_alternative_names (GStrvBuilder *claims, X509 *certificate)
{
  GENERAL_NAMES *names = X509_get_ext_d2i (certificate, NID_subject_alt_name, NULL, NULL);

  for (int i = 0; names != NULL && i < MIN (sk_GENERAL_NAME_num (names), MAX_VALUES); i++)
    {
      int type;
      const ASN1_STRING *string = GENERAL_NAME_get0_value (sk_GENERAL_NAME_value (names, i), &type);
      const char *claim = type == GEN_DNS ? "x509.san.dns" : type == GEN_URI ? "x509.san.uri" : type == GEN_EMAIL ? "x509.san.email" : NULL;

      if (claim != NULL)
        add_string (claims, claim, string);
    }
  GENERAL_NAMES_free (names);
}

static void
add_serial (GStrvBuilder *claims, X509 *certificate)
{
  BIGNUM *number = ASN1_INTEGER_to_BN (X509_get0_serialNumber (certificate), NULL);
  char *hex = number != NULL ? BN_bn2hex (number) : NULL;

  if (hex != NULL)
    add (claims, "x509.serial", hex);
  OPENSSL_free (hex);
  BN_free (number);
}

static void
add_fingerprint (GStrvBuilder *claims, X509 *certificate)
{
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int len = 0;
  g_autoptr (GString) hex = g_string_new (NULL);

  if (X509_digest (certificate, EVP_sha256 (), digest, &len) != 1)
    return;
  for (unsigned int i = 0; i < len; i++)
    g_string_append_printf (hex, "%02x", digest[i]);
  add (claims, "x509.fingerprint", hex->str);
}

static const char *
find_claim (char **claims, const char *name)
{
  gsize len = strlen (name);

  for (guint i = 0; claims[i] != NULL; i++)
    if (strncmp (claims[i], name, len) == 0 && claims[i][len] == '=' && claims[i][len + 1] != '\0')
      return claims[i] + len + 1;
  return NULL;
}

HawserPrincipal *
certificate_to_principal (GBytes *pem, const char *id_claim, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) claims = NULL;
  gsize len = 0;
  gconstpointer text = pem != NULL ? g_bytes_get_data (pem, &len) : NULL;
  BIO *bio = len > 0 && len <= G_MAXINT ? BIO_new_mem_buf (text, (int) len) : NULL;
  X509 *certificate = bio != NULL ? PEM_read_bio_X509 (bio, NULL, NULL, NULL) : NULL;
  const char *name;

  BIO_free (bio);
  ERR_clear_error ();
  if (certificate == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "the client certificate cannot be read");
      return NULL;
    }
  add_name (builder, "x509.subject", X509_get_subject_name (certificate));
  add_common_names (builder, X509_get_subject_name (certificate));
  add_alternative_names (builder, certificate);
  add_name (builder, "x509.issuer", X509_get_issuer_name (certificate));
  add_serial (builder, certificate);
  add_fingerprint (builder, certificate);
  X509_free (certificate);
  ERR_clear_error ();

  claims = g_strv_builder_end (builder);
  name = find_claim (claims, id_claim);
  if (name != NULL)
    return hawser_principal_new_from_strings (name, (const char * const *) claims);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "the client certificate has no %s", id_claim);
  return NULL;
}
