/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLS of a bridge: we look names up ourselves, so libmosquitto only sees numbers; whom to expect and whom to ask for is
 * therefore set here, in a context of our own. */

#include "bridge-mqtt-tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static gboolean
fail (GError **error, const char *what)
{
  unsigned long code = ERR_peek_last_error ();

  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: %s", what, code != 0 ? ERR_reason_error_string (code) : "cannot be used");
  ERR_clear_error ();
  return FALSE;
}

/* libmosquitto puts the number it connects to there; RFC 6066 section 3 wants the name. Called before the first flight is made. */
static void
on_info (const SSL *ssl, int where, int value)
{
  char *name = SSL_CTX_get_app_data (SSL_get_SSL_CTX (ssl));

  if (g_hostname_is_ip_address (name))
    name = NULL;
  if ((where & SSL_CB_HANDSHAKE_START) != 0)
    SSL_set_tlsext_host_name ((SSL *) ssl, name);
}

static void
free_name (void *parent, void *name, CRYPTO_EX_DATA *data, int index, long argument, void *pointer)
{
  g_free (name);
}

static gboolean
load_certificate (SSL_CTX *context, const char *text, GError **error)
{
  BIO *bio = BIO_new_mem_buf (text, -1);
  X509 *certificate = PEM_read_bio_X509_AUX (bio, NULL, NULL, NULL);
  gboolean is_loaded = certificate != NULL && SSL_CTX_use_certificate (context, certificate) == 1;

  X509_free (certificate);
  while (is_loaded && (certificate = PEM_read_bio_X509 (bio, NULL, NULL, NULL)) != NULL)
    if (SSL_CTX_add0_chain_cert (context, certificate) != 1)
      {
        X509_free (certificate);
        is_loaded = FALSE;
      }
  BIO_free (bio);
  if (!is_loaded)
    return fail (error, "certificate");
  ERR_clear_error (); /* the end of the file is one */
  return TRUE;
}

static int
give_no_passphrase (char *buffer, int size, int is_writing, void *data)
{
  return 0;
}

static gboolean
load_private_key (SSL_CTX *context, const char *text, GError **error)
{
  BIO *bio = BIO_new_mem_buf (text, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey (bio, NULL, give_no_passphrase, NULL);
  gboolean is_loaded = key != NULL && SSL_CTX_use_PrivateKey (context, key) == 1 && SSL_CTX_check_private_key (context) == 1;

  EVP_PKEY_free (key);
  BIO_free (bio);
  return is_loaded || fail (error, "private key");
}

static gboolean
set_up (SSL_CTX *context, const BridgeMqttTls *settings, GError **error)
{
  static int index = -1;
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param (context);

  if (index < 0) /* frees the name with the context, which libmosquitto may hold longer than we do */
    index = SSL_CTX_get_ex_new_index (0, NULL, NULL, NULL, free_name);
  SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION);
  SSL_CTX_set_mode (context, SSL_MODE_RELEASE_BUFFERS);
  if (settings->ca_file != NULL && SSL_CTX_load_verify_file (context, settings->ca_file) != 1)
    return fail (error, settings->ca_file);
  if (settings->ca_file == NULL && SSL_CTX_set_default_verify_paths (context) != 1)
    return fail (error, "the system's certificates");
  if (settings->verifies)
    {
      SSL_CTX_set_verify (context, SSL_VERIFY_PEER, NULL);
      X509_VERIFY_PARAM_set_hostflags (param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      if ((g_hostname_is_ip_address (settings->server_name) ? X509_VERIFY_PARAM_set1_ip_asc (param, settings->server_name)
           : X509_VERIFY_PARAM_set1_host (param, settings->server_name, 0)) != 1)
        return fail (error, settings->server_name);
    }
  if (settings->certificate != NULL && (!load_certificate (context, settings->certificate, error) || !load_private_key (context, settings->private_key, error)))
    return FALSE;
  SSL_CTX_set_ex_data (context, index, g_strdup (settings->server_name));
  SSL_CTX_set_app_data (context, SSL_CTX_get_ex_data (context, index));
  SSL_CTX_set_info_callback (context, on_info);
  return TRUE;
}

SSL_CTX *
bridge_mqtt_tls_new_context (const BridgeMqttTls *settings, GError **error)
{
  SSL_CTX *context = SSL_CTX_new (TLS_client_method ());

  if (context == NULL)
    {
      fail (error, "TLS");
      return NULL;
    }
  if (set_up (context, settings, error))
    return context;
  SSL_CTX_free (context);
  return NULL;
}
