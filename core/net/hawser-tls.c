/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificate side of a listener: one OpenSSL context, checked when it is made so that a bad file stops the daemon
 * and not the first peer. Sessions on descriptors are hawser-tls-transport.c; libsoup gets the same files as a
 * GTlsCertificate. Context: made on the main thread, read by any lane. */

#include "hawser-tls.h"
#include "hawser-tls-private.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "hawser-error.h"

struct _HawserTls {
  GObject parent_instance;
  SSL_CTX *context;
  char *certificate_file;
  char *private_key_file;
};

G_DEFINE_FINAL_TYPE (HawserTls, hawser_tls, G_TYPE_OBJECT)

static const GEnumValue client_auth_values[] = {
  { HAWSER_TLS_CLIENT_AUTH_NONE, "HAWSER_TLS_CLIENT_AUTH_NONE", "none" },
  { HAWSER_TLS_CLIENT_AUTH_REQUEST, "HAWSER_TLS_CLIENT_AUTH_REQUEST", "request" },
  { HAWSER_TLS_CLIENT_AUTH_REQUIRE, "HAWSER_TLS_CLIENT_AUTH_REQUIRE", "require" },
  { 0, NULL, NULL },
};

GType
hawser_tls_client_auth_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserTlsClientAuth", client_auth_values));
  return type;
}

static void
finalize (GObject *object)
{
  HawserTls *self = HAWSER_TLS (object);

  SSL_CTX_free (self->context);
  g_free (self->certificate_file);
  g_free (self->private_key_file);
  G_OBJECT_CLASS (hawser_tls_parent_class)->finalize (object);
}

static void
hawser_tls_class_init (HawserTlsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_tls_init (HawserTls *self)
{
}

static gboolean
set_openssl_error (GError **error, const char *what, const char *file)
{
  unsigned long code = ERR_get_error ();
  char text[160] = "unknown reason";

  if (code != 0)
    ERR_error_string_n (code, text, sizeof text);
  ERR_clear_error ();
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s': %s", what, file, text);
  return FALSE;
}

/**
 * hawser_tls_new:
 * @certificate_file: PEM file with the certificate and its chain
 * @private_key_file: PEM file with its private key
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (a file cannot be read, or key and certificate do not belong together).
 *
 * Returns: (transfer full) (nullable): server side TLS 1.2 and 1.3 without client certificates
 * Since: 0.1
 */
HawserTls *
hawser_tls_new (const char *certificate_file, const char *private_key_file, GError **error)
{
  g_autoptr (HawserTls) self = g_object_new (HAWSER_TYPE_TLS, NULL);

  self->certificate_file = g_strdup (certificate_file);
  self->private_key_file = g_strdup (private_key_file);
  self->context = SSL_CTX_new (TLS_server_method ());
  SSL_CTX_set_min_proto_version (self->context, TLS1_2_VERSION);
  SSL_CTX_set_options (self->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode (self->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_id_context (self->context, (const unsigned char *) "hawser", 6);

  if (SSL_CTX_use_certificate_chain_file (self->context, certificate_file) != 1)
    return set_openssl_error (error, "certificate file", certificate_file), NULL;
  if (SSL_CTX_use_PrivateKey_file (self->context, private_key_file, SSL_FILETYPE_PEM) != 1)
    return set_openssl_error (error, "private key file", private_key_file), NULL;
  if (SSL_CTX_check_private_key (self->context) != 1)
    return set_openssl_error (error, "private key file", private_key_file), NULL;
  return g_steal_pointer (&self);
}

static int
accept_any_chain (int is_ok, X509_STORE_CTX *context)
{
  return is_ok;
}

/**
 * hawser_tls_set_client_ca:
 * @self: TLS settings that no listener uses yet
 * @ca_file: PEM file with the authorities whose certificates peers may show
 * @client_auth: whether a certificate is asked for
 * @error: return location
 *
 * A certificate that is shown and does not verify ends the handshake in every mode but none.
 *
 * Returns: %TRUE if the authorities were read
 * Since: 0.1
 */
gboolean
hawser_tls_set_client_ca (HawserTls *self, const char *ca_file, HawserTlsClientAuth client_auth, GError **error)
{
  int mode = SSL_VERIFY_NONE;

  if (SSL_CTX_load_verify_locations (self->context, ca_file, NULL) != 1)
    return set_openssl_error (error, "client CA file", ca_file);
  SSL_CTX_set_client_CA_list (self->context, SSL_load_client_CA_file (ca_file));
  if (client_auth != HAWSER_TLS_CLIENT_AUTH_NONE)
    mode = SSL_VERIFY_PEER;
  if (client_auth == HAWSER_TLS_CLIENT_AUTH_REQUIRE)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify (self->context, mode, accept_any_chain);
  return TRUE;
}

/**
 * hawser_tls_set_minimum_version:
 * @self: TLS settings that no listener uses yet
 * @version: `1.2` or `1.3`
 * @error: return location
 *
 * Returns: %TRUE if @version is one of the two
 * Since: 0.1
 */
gboolean
hawser_tls_set_minimum_version (HawserTls *self, const char *version, GError **error)
{
  int number = g_str_equal (version, "1.2") ? TLS1_2_VERSION : g_str_equal (version, "1.3") ? TLS1_3_VERSION : 0;

  if (number == 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "TLS version '%s': must be 1.2 or 1.3", version);
      return FALSE;
    }
  SSL_CTX_set_min_proto_version (self->context, number);
  return TRUE;
}

/**
 * hawser_tls_load_gio_certificate:
 * @self: TLS settings
 * @error: return location
 *
 * For libsoup, which speaks TLS through GIO.
 *
 * Returns: (transfer full) (nullable): certificate and key
 * Since: 0.1
 */
GTlsCertificate *
hawser_tls_load_gio_certificate (HawserTls *self, GError **error)
{
  return g_tls_certificate_new_from_files (self->certificate_file, self->private_key_file, error);
}

/**
 * hawser_tls_get_expiry_s:
 * @self: TLS settings
 *
 * Returns: when the certificate ends, seconds since 1970-01-01 UTC
 * Since: 0.1
 */
gint64
hawser_tls_get_expiry_s (HawserTls *self)
{
  X509 *certificate = SSL_CTX_get0_certificate (self->context);
  int days = 0, seconds = 0;

  if (certificate == NULL || ASN1_TIME_diff (&days, &seconds, NULL, X509_get0_notAfter (certificate)) != 1)
    return 0;
  return g_get_real_time () / G_USEC_PER_SEC + (gint64) days * 86400 + seconds;
}

SSL_CTX *
hawser_tls_get_context (HawserTls *self)
{
  return self->context;
}
