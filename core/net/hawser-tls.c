/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificate side of a listener: one OpenSSL context, checked when it is made so that a bad file stops the daemon
 * and not the first peer. A reload makes a new context of the same settings and leaves sessions under way on the old one.
 * Sessions on descriptors are hawser-tls-transport.c; libsoup gets the same files as a GTlsCertificate. Context: made and
 * changed on the main thread, read by any lane. */

#include "hawser-tls.h"
#include "hawser-tls-private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "hawser-error.h"

struct _HawserTls {
  GObject parent_instance;
  GMutex lock;                    /* of the context and the others: sessions are opened on any lane */
  SSL_CTX *context;
  char *certificate_file;         /* NULL: pre-shared keys only */
  char *private_key_file;
  char *ca_file;
  char *crl_file;
  char *ciphers;                  /* of TLS 1.2 */
  char *ciphersuites;             /* of TLS 1.3 */
  HawserTlsClientAuth client_auth;
  int minimum_version;
  GPtrArray *others;              /* HawserTls: certificates of further names */
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
  g_free (self->ca_file);
  g_free (self->crl_file);
  g_free (self->ciphers);
  g_free (self->ciphersuites);
  g_ptr_array_unref (self->others);
  g_mutex_clear (&self->lock);
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
  g_mutex_init (&self->lock);
  self->others = g_ptr_array_new_with_free_func (g_object_unref);
  self->minimum_version = TLS1_2_VERSION;
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

/* ---- One context from the settings ---- */

static gboolean
load_certificate (HawserTls *self, SSL_CTX *context, GError **error)
{
  if (self->certificate_file == NULL)
    return TRUE;
  if (SSL_CTX_use_certificate_chain_file (context, self->certificate_file) != 1)
    return set_openssl_error (error, "certificate file", self->certificate_file);
  if (SSL_CTX_use_PrivateKey_file (context, self->private_key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key (context) != 1)
    return set_openssl_error (error, "private key file", self->private_key_file);
  return TRUE;
}

/* A peer whose issuer published no list is refused too: a revocation that cannot be checked is no permission. */
static gboolean
load_revocations (HawserTls *self, SSL_CTX *context, GError **error)
{
  X509_LOOKUP *lookup;

  if (self->crl_file == NULL)
    return TRUE;
  lookup = X509_STORE_add_lookup (SSL_CTX_get_cert_store (context), X509_LOOKUP_file ());
  if (lookup == NULL || X509_load_crl_file (lookup, self->crl_file, X509_FILETYPE_PEM) < 1)
    return set_openssl_error (error, "revocation list", self->crl_file);
  X509_STORE_set_flags (SSL_CTX_get_cert_store (context), X509_V_FLAG_CRL_CHECK);
  return TRUE;
}

static gboolean
load_authorities (HawserTls *self, SSL_CTX *context, GError **error)
{
  int mode = SSL_VERIFY_NONE;

  if (self->ca_file == NULL)
    return TRUE;
  if (SSL_CTX_load_verify_locations (context, self->ca_file, NULL) != 1)
    return set_openssl_error (error, "client CA file", self->ca_file);
  SSL_CTX_set_client_CA_list (context, SSL_load_client_CA_file (self->ca_file));
  if (self->client_auth != HAWSER_TLS_CLIENT_AUTH_NONE)
    mode = SSL_VERIFY_PEER;
  if (self->client_auth == HAWSER_TLS_CLIENT_AUTH_REQUIRE)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify (context, mode, NULL);
  return load_revocations (self, context, error);
}

static gboolean
set_cipher_lists (HawserTls *self, SSL_CTX *context, GError **error)
{
  if (self->ciphers != NULL && SSL_CTX_set_cipher_list (context, self->ciphers) != 1)
    return set_openssl_error (error, "ciphers", self->ciphers);
  if (self->ciphersuites != NULL && SSL_CTX_set_ciphersuites (context, self->ciphersuites) != 1)
    return set_openssl_error (error, "ciphersuites", self->ciphersuites);
  return TRUE;
}

/* RFC 6066 section 3. An unknown name gets the certificate of the listener: the client judges it. */
static int
choose_certificate (SSL *ssl, int *alert, void *data)
{
  HawserTls *self = data;
  const char *name = SSL_get_servername (ssl, TLSEXT_NAMETYPE_host_name);
  g_autoptr (GPtrArray) others = NULL;

  g_mutex_lock (&self->lock);
  others = g_ptr_array_ref (self->others);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; name != NULL && i < others->len; i++)
    {
      HawserTls *other = others->pdata[i];
      g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&other->lock);
      X509 *certificate = SSL_CTX_get0_certificate (other->context);

      if (certificate != NULL && X509_check_host (certificate, name, 0, 0, NULL) == 1)
        {
          SSL_set_SSL_CTX (ssl, other->context);
          return SSL_TLSEXT_ERR_OK;
        }
    }
  return SSL_TLSEXT_ERR_NOACK;
}

static gboolean
build_context (HawserTls *self, GError **error)
{
  SSL_CTX *context = SSL_CTX_new (TLS_server_method ()), *old;

  SSL_CTX_set_min_proto_version (context, self->minimum_version);
  SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode (context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_num_tickets (context, 1); /* who comes back comes on one connection; OpenSSL would make two */
  SSL_CTX_set_session_id_context (context, (const unsigned char *) "hawser", 6);
  SSL_CTX_set_tlsext_servername_callback (context, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg (context, self);
  if (!load_certificate (self, context, error) || !load_authorities (self, context, error) || !set_cipher_lists (self, context, error))
    {
      SSL_CTX_free (context);
      return FALSE;
    }
  g_mutex_lock (&self->lock);
  old = self->context;
  self->context = context;
  g_mutex_unlock (&self->lock);
  SSL_CTX_free (old);
  return TRUE;
}

/**
 * hawser_tls_new:
 * @certificate_file: (nullable): PEM file with the certificate and its chain; %NULL: only pre-shared keys are spoken
 * @private_key_file: (nullable): PEM file with its private key
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
  return build_context (self, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * hawser_tls_set_client_ca:
 * @self: TLS settings
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
  g_free (self->ca_file);
  self->ca_file = g_strdup (ca_file);
  self->client_auth = client_auth;
  return build_context (self, error);
}

/**
 * hawser_tls_set_revocations:
 * @self: TLS settings with client authorities
 * @crl_file: PEM file with the revocation list of each of them
 * @error: return location
 *
 * From here on a client certificate is refused that is on the list, or whose issuer has no list there that is in force.
 *
 * Returns: %TRUE if the lists were read
 * Since: 0.1
 */
gboolean
hawser_tls_set_revocations (HawserTls *self, const char *crl_file, GError **error)
{
  g_free (self->crl_file);
  self->crl_file = g_strdup (crl_file);
  return build_context (self, error);
}

/**
 * hawser_tls_set_minimum_version:
 * @self: TLS settings
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
  self->minimum_version = number;
  return build_context (self, error);
}

/**
 * hawser_tls_set_ciphers:
 * @self: TLS settings
 * @ciphers: (nullable): for TLS 1.2, as openssl-ciphers(1) writes it; %NULL for the default
 * @ciphersuites: (nullable): for TLS 1.3, names separated by colons; %NULL for the default
 * @error: return location
 *
 * Returns: %TRUE if both can be read
 * Since: 0.1
 */
gboolean
hawser_tls_set_ciphers (HawserTls *self, const char *ciphers, const char *ciphersuites, GError **error)
{
  g_free (self->ciphers);
  g_free (self->ciphersuites);
  self->ciphers = g_strdup (ciphers);
  self->ciphersuites = g_strdup (ciphersuites);
  return build_context (self, error);
}

/**
 * hawser_tls_add_other:
 * @self: TLS settings that no listener uses yet
 * @other: settings whose certificate is shown to clients that ask for a name in it
 *
 * Everything but the certificate stays that of @self.
 *
 * Since: 0.1
 */
void
hawser_tls_add_other (HawserTls *self, HawserTls *other)
{
  g_ptr_array_add (self->others, g_object_ref (other));
}

/**
 * hawser_tls_reload:
 * @self: TLS settings
 * @error: return location
 *
 * Reads all files anew. Who connects from here on gets what they say; sessions under way go on. When a file is bad,
 * everything stays as it was.
 *
 * Context: the main thread.
 *
 * Returns: %TRUE if all files were read
 * Since: 0.1
 */
gboolean
hawser_tls_reload (HawserTls *self, GError **error)
{
  return build_context (self, error);
}

/**
 * hawser_tls_get_has_certificate:
 * @self: TLS settings
 *
 * Returns: whether there is one; without, only pre-shared keys are spoken
 * Since: 0.1
 */
gboolean
hawser_tls_get_has_certificate (HawserTls *self)
{
  return self->certificate_file != NULL;
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
  if (self->certificate_file == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "there is no certificate");
      return NULL;
    }
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

static void
take_text (char **to, char **from)
{
  g_free (*to);
  *to = g_steal_pointer (from);
}

void
hawser_tls_take (HawserTls *self, HawserTls *from)
{
  SSL_CTX *old;

  take_text (&self->certificate_file, &from->certificate_file);
  take_text (&self->private_key_file, &from->private_key_file);
  take_text (&self->ca_file, &from->ca_file);
  take_text (&self->crl_file, &from->crl_file);
  take_text (&self->ciphers, &from->ciphers);
  take_text (&self->ciphersuites, &from->ciphersuites);
  self->client_auth = from->client_auth;
  self->minimum_version = from->minimum_version;
  SSL_CTX_set_tlsext_servername_arg (from->context, self);
  g_mutex_lock (&self->lock);
  old = self->context;
  self->context = g_steal_pointer (&from->context);
  SSL_CTX_up_ref (self->context);
  from->context = self->context; /* whoever names it in others= still shows it */
  g_ptr_array_unref (self->others);
  self->others = g_ptr_array_ref (from->others);
  g_mutex_unlock (&self->lock);
  SSL_CTX_free (old);
}

SSL *
hawser_tls_new_session (HawserTls *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return SSL_new (self->context); /* which keeps the context as long as it lives */
}
