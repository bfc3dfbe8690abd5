/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserTlsClientAuth:
 * @HAWSER_TLS_CLIENT_AUTH_NONE: do not ask for a certificate
 * @HAWSER_TLS_CLIENT_AUTH_REQUEST: ask; a peer without one may go on and prove itself otherwise
 * @HAWSER_TLS_CLIENT_AUTH_REQUIRE: refuse a peer without a certificate of the client CA
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_TLS_CLIENT_AUTH_NONE,
  HAWSER_TLS_CLIENT_AUTH_REQUEST,
  HAWSER_TLS_CLIENT_AUTH_REQUIRE,
} HawserTlsClientAuth;

#define HAWSER_TYPE_TLS_CLIENT_AUTH (hawser_tls_client_auth_get_type())
HAWSER_AVAILABLE_IN_ALL
GType            hawser_tls_client_auth_get_type  (void) G_GNUC_CONST;

#define HAWSER_TYPE_TLS (hawser_tls_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserTls, hawser_tls, HAWSER, TLS, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserTls       *hawser_tls_new                   (const char          *certificate_file,
                                                   const char          *private_key_file,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_tls_set_client_ca         (HawserTls           *self,
                                                   const char          *ca_file,
                                                   HawserTlsClientAuth  client_auth,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_tls_set_minimum_version   (HawserTls           *self,
                                                   const char          *version,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_tls_set_revocations       (HawserTls           *self,
                                                   const char          *crl_file,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_tls_set_ciphers           (HawserTls           *self,
                                                   const char          *ciphers,
                                                   const char          *ciphersuites,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
void             hawser_tls_add_other             (HawserTls           *self,
                                                   HawserTls           *other);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_tls_reload                (HawserTls           *self,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_tls_get_has_certificate   (HawserTls           *self);
HAWSER_AVAILABLE_IN_ALL
GTlsCertificate *hawser_tls_load_gio_certificate  (HawserTls           *self,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gint64           hawser_tls_get_expiry_s          (HawserTls           *self);

G_END_DECLS
