/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS on one descriptor of the lane's epoll, by OpenSSL: about 15 kB a connection, no thread, no second copy of what
 * is read. Context: the connection's lane. */

#include "hawser-connection-private.h"
#include "hawser-tls-private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

typedef struct {
  HawserTransport parent;
  SSL *ssl;
  HawserTls *tls;            /* asked for names during the handshake */
  const HawserPskKeys *keys; /* nullable */
  char *psk_identity;        /* who was given a key */
  gboolean wants_write;
  int fd;
  gboolean is_broken;   /* no close_notify after a fatal error */
} TlsTransport;

/* ---- The socket below OpenSSL ---- */

/* One read takes the header of a record, its body and what follows; OpenSSL's own would make a call for each, and could
 * not say that the socket is empty now. */
static int
bio_read (BIO *bio, char *data, int len)
{
  TlsTransport *self = BIO_get_data (bio);
  gssize n = recv (self->fd, data, (gsize) len, MSG_DONTWAIT);

  BIO_clear_retry_flags (bio);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_read (bio);
  self->parent.is_drained = n < len;
  return (int) n;
}

static int
bio_write (BIO *bio, const char *data, int len)
{
  TlsTransport *self = BIO_get_data (bio);
  gssize n = send (self->fd, data, (gsize) len, MSG_NOSIGNAL | MSG_DONTWAIT);

  BIO_clear_retry_flags (bio);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_write (bio);
  return (int) n;
}

static long
bio_control (BIO *bio, int command, long number, void *pointer)
{
  return command == BIO_CTRL_FLUSH;
}

static BIO *
new_bio (TlsTransport *self)
{
  static gsize made;
  static BIO_METHOD *method;
  BIO *bio;

  if (g_once_init_enter (&made))
    {
      method = BIO_meth_new (BIO_get_new_index () | BIO_TYPE_SOURCE_SINK, "hawser socket");
      BIO_meth_set_read (method, bio_read);
      BIO_meth_set_write (method, bio_write);
      BIO_meth_set_ctrl (method, bio_control);
      g_once_init_leave (&made, 1);
    }
  bio = BIO_new (method);
  BIO_set_data (bio, self);
  BIO_set_init (bio, 1);
  return bio;
}

/* ---- The transport ---- */

static gssize
result (TlsTransport *self, int n)
{
  int reason = SSL_get_error (self->ssl, n);

  self->wants_write = reason == SSL_ERROR_WANT_WRITE;
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
    {
      errno = EAGAIN;
      return -1;
    }
  if (reason == SSL_ERROR_ZERO_RETURN)
    return 0;
  self->is_broken = TRUE;
  if (reason != SSL_ERROR_SYSCALL || errno == 0)
    errno = EPROTO;
  return -1;
}

static int
handshake (HawserTransport *transport)
{
  TlsTransport *self = (TlsTransport *) transport;
  int n;

  ERR_clear_error ();
  errno = 0;
  n = SSL_do_handshake (self->ssl);
  if (n == 1)
    {
      self->wants_write = FALSE;
      return 1;
    }
  if (result (self, n) == 0)
    errno = ECONNRESET;
  return errno == EAGAIN ? 0 : -1;
}

static gssize
tls_read (HawserTransport *transport, guint8 *data, gsize len)
{
  TlsTransport *self = (TlsTransport *) transport;
  gsize filled = 0;

  /* a record holds at most 16 KiB: fill the buffer as one recv() would */
  while (filled < len)
    {
      int n;

      ERR_clear_error ();
      errno = 0;
      n = SSL_read (self->ssl, data + filled, (int) MIN (len - filled, G_MAXINT));
      if (n <= 0)
        {
          gssize none = result (self, n);

          if (filled == 0)
            return none;
          self->parent.is_drained = none < 0 && errno == EAGAIN && !self->wants_write; /* else there is an end to be heard of */
          return (gssize) filled;
        }
      filled += (gsize) n;
      if (SSL_pending (self->ssl) == 0 && !SSL_has_pending (self->ssl))
        break;
    }
  return (gssize) filled;
}

static gssize
tls_write (HawserTransport *transport, const struct iovec *iov, int n_iov)
{
  TlsTransport *self = (TlsTransport *) transport;
  gsize written = 0;

  for (int i = 0; i < n_iov; i++)
    {
      gsize done = 0;

      while (done < iov[i].iov_len)
        {
          int n;

          ERR_clear_error ();
          errno = 0;
          n = SSL_write (self->ssl, (const char *) iov[i].iov_base + done, (int) MIN (iov[i].iov_len - done, G_MAXINT));
          if (n <= 0)
            return written > 0 ? (gssize) written : result (self, n) == 0 ? (errno = EPIPE, -1) : -1;
          done += (gsize) n;
          written += (gsize) n;
        }
    }
  return (gssize) written;
}

static gboolean
has_pending (HawserTransport *transport)
{
  return SSL_has_pending (((TlsTransport *) transport)->ssl) != 0 && SSL_is_init_finished (((TlsTransport *) transport)->ssl);
}

static gboolean
wants_write (HawserTransport *transport)
{
  return ((TlsTransport *) transport)->wants_write;
}

static void
tls_shutdown (HawserTransport *transport)
{
  TlsTransport *self = (TlsTransport *) transport;

  ERR_clear_error ();
  if (!self->is_broken && SSL_is_init_finished (self->ssl))
    SSL_shutdown (self->ssl);
  self->is_broken = TRUE;
}

static void
tls_free (HawserTransport *transport)
{
  TlsTransport *self = (TlsTransport *) transport;

  SSL_free (self->ssl);
  g_object_unref (self->tls);
  g_free (self->psk_identity);
  g_free (self);
}

static GBytes *
dup_certificate (HawserTransport *transport)
{
  X509 *certificate = SSL_get1_peer_certificate (((TlsTransport *) transport)->ssl);
  BIO *bio = certificate != NULL ? BIO_new (BIO_s_mem ()) : NULL;
  GBytes *bytes = NULL;
  char *text;
  long len;

  if (bio != NULL && PEM_write_bio_X509 (bio, certificate) == 1 && (len = BIO_get_mem_data (bio, &text)) > 0)
    bytes = g_bytes_new (text, (gsize) len);
  BIO_free (bio);
  X509_free (certificate);
  return bytes;
}

/* A key that was asked for is not one that was proved: in TLS 1.3 a handshake whose hash does not fit the key goes on with the
 * certificate as if nobody had named one. */
static gboolean
is_key_proved (SSL *ssl)
{
  if (SSL_version (ssl) >= TLS1_3_VERSION)
    return SSL_session_reused (ssl) == 1; /* there, a key is a session that is resumed */
  switch (SSL_CIPHER_get_kx_nid (SSL_get_current_cipher (ssl)))
    {
    case NID_kx_psk:
    case NID_kx_ecdhe_psk:
    case NID_kx_dhe_psk:
    case NID_kx_rsa_psk:
      return TRUE;
    default:
      return FALSE;
    }
}

static const char *
get_psk_identity (HawserTransport *transport)
{
  TlsTransport *self = (TlsTransport *) transport;

  return SSL_is_init_finished (self->ssl) && is_key_proved (self->ssl) ? self->psk_identity : NULL;
}

/* OpenSSL asks while it reads the hello: for TLS 1.2 and for 1.3 alike. Of several names the last one that it asks for is the one
 * it takes. */
static unsigned int
find_key (SSL *ssl, const char *identity, unsigned char *out_key, unsigned int max_len)
{
  TlsTransport *self = SSL_get_app_data (ssl);
  g_autoptr (GBytes) key = NULL;
  gconstpointer bytes;
  gsize len;

  g_clear_pointer (&self->psk_identity, g_free);
  if (!g_utf8_validate (identity, -1, NULL))
    return 0;
  key = self->keys->find (self->keys->data, identity);
  if (key == NULL)
    return 0;
  bytes = g_bytes_get_data (key, &len);
  if (len == 0 || len > max_len)
    return 0;
  memcpy (out_key, bytes, len);
  self->psk_identity = g_strdup (identity);
  return (unsigned int) len;
}

/* A key that says nothing of a hash is one for SHA-256 (RFC 8446, 4.2.11): with another suite, which OpenSSL likes better where
 * there is a certificate, it would not be looked at. */
static void
prefer_sha256 (SSL *ssl)
{
  STACK_OF (SSL_CIPHER) *suites = SSL_get_ciphers (ssl);
  g_autoptr (GString) names = g_string_new (NULL);

  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < sk_SSL_CIPHER_num (suites); i++)
      {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value (suites, i);

        if (SSL_CIPHER_get_kx_nid (suite) == NID_kx_any && (SSL_CIPHER_get_handshake_digest (suite) == EVP_sha256 ()) == (pass == 0))
          g_string_append_printf (names, "%s%s", names->len > 0 ? ":" : "", SSL_CIPHER_get_name (suite));
      }
  SSL_set_ciphersuites (ssl, names->str);
}

HawserTransport *
hawser_tls_accept (HawserTls *tls, int fd, const HawserPskKeys *keys)
{
  TlsTransport *self = g_new0 (TlsTransport, 1);
  BIO *bio;

  self->parent = (HawserTransport) { .handshake = handshake, .read = tls_read, .write = tls_write, .has_pending = has_pending, .wants_write = wants_write,
                                     .shutdown = tls_shutdown, .free = tls_free, .is_encrypted = TRUE,
                                     .dup_certificate = dup_certificate, .get_psk_identity = get_psk_identity };
  self->tls = g_object_ref (tls);
  self->ssl = hawser_tls_new_session (tls);
  self->fd = fd;
  bio = new_bio (self);
  SSL_set_bio (self->ssl, bio, bio);
  SSL_set_read_ahead (self->ssl, 1);
  SSL_set_accept_state (self->ssl);
  if (keys != NULL)
    {
      self->keys = keys;
      SSL_set_app_data (self->ssl, self);
      SSL_set_psk_server_callback (self->ssl, find_key);
      prefer_sha256 (self->ssl);
      SSL_set_options (self->ssl, SSL_OP_NO_TICKET); /* who resumes would not be asked for the identity again */
      SSL_set_num_tickets (self->ssl, 0);
    }
  return &self->parent;
}
