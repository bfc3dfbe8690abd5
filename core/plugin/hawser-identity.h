/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-principal.h"

G_BEGIN_DECLS

/**
 * HawserCredentialKind:
 * @HAWSER_CREDENTIAL_NONE: the peer shows nothing
 * @HAWSER_CREDENTIAL_PASSWORD: a user name and a secret
 * @HAWSER_CREDENTIAL_TOKEN: a bearer token
 * @HAWSER_CREDENTIAL_CERTIFICATE: a verified client certificate: the secret is its PEM
 * @HAWSER_CREDENTIAL_PSK: a pre-shared key, proved by TLS: the name is its identity
 * @HAWSER_CREDENTIAL_USER: a process of this machine on a Unix socket: the name is `UID:GID:PID` in decimal
 *
 * What a peer shows to prove who it is.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_CREDENTIAL_NONE,
  HAWSER_CREDENTIAL_PASSWORD,
  HAWSER_CREDENTIAL_TOKEN,
  HAWSER_CREDENTIAL_CERTIFICATE,
  HAWSER_CREDENTIAL_PSK,
  HAWSER_CREDENTIAL_USER,
} HawserCredentialKind;

#define HAWSER_TYPE_CREDENTIAL_KIND (hawser_credential_kind_get_type())
HAWSER_AVAILABLE_IN_ALL
GType            hawser_credential_kind_get_type     (void) G_GNUC_CONST;

#define HAWSER_TYPE_IDENTITY (hawser_identity_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserIdentity, hawser_identity, HAWSER, IDENTITY, GObject)

/**
 * HawserIdentityInterface:
 * @parent_iface: the parent interface
 * @load: (optional): reads its files; a failure leaves a provider that refuses everybody
 * @understands: whether it can judge this kind of credential
 * @authenticate_async: finds out who the peer is; must not block the lane
 * @authenticate_finish: the principal, or %HAWSER_ERROR_NOT_AUTHORIZED
 * @authenticate: finds out at once; for a provider that never waits, instead of @authenticate_async and
 *   @authenticate_finish. The one to fill in Python and JavaScript, which cannot be handed a callback
 * @find_key: (optional): the pre-shared key of whoever calls itself @name, or %NULL; asked during the handshake of TLS,
 *   must answer at once
 * @find_verifier: (optional): what SCRAM-SHA-256 needs of a user: "ITERATIONS$SALT$STOREDKEY$SERVERKEY", the last three in
 *   base64 (RFC 5802); %NULL for somebody who is not there, or whose password is kept in another form
 * @find_principal: (optional): what is known now of somebody whom it named before, with the claims that hold now; %NULL for
 *   somebody who is not there any more. Without it nobody is taken to be gone. Must answer at once
 *
 * Turns what a peer shows into claims. Without @understands it judges passwords.
 *
 * Since: 0.1
 */
struct _HawserIdentityInterface {
  GTypeInterface parent_iface;

  gboolean         (*load)                (HawserIdentity       *self,
                                           GError              **error);
  gboolean         (*understands)         (HawserIdentity       *self,
                                           HawserCredentialKind  kind);
  void             (*authenticate_async)  (HawserIdentity       *self,
                                           HawserCredentialKind  kind,
                                           const char           *name,
                                           GBytes               *secret,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
  HawserPrincipal *(*authenticate_finish) (HawserIdentity       *self,
                                           GAsyncResult         *result,
                                           GError              **error);
  HawserPrincipal *(*authenticate)        (HawserIdentity       *self,
                                           HawserCredentialKind  kind,
                                           const char           *name,
                                           GBytes               *secret,
                                           GError              **error);
  GBytes          *(*find_key)            (HawserIdentity       *self,
                                           const char           *name);
  char            *(*find_verifier)       (HawserIdentity       *self,
                                           const char           *name,
                                           HawserPrincipal     **out_principal);
  HawserPrincipal *(*find_principal)      (HawserIdentity       *self,
                                           const char           *name);

  /*< private >*/
  gpointer reserved[4];
};

HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_identity_load                (HawserIdentity       *self,
                                                      GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_identity_understands         (HawserIdentity       *self,
                                                      HawserCredentialKind  kind);
HAWSER_AVAILABLE_IN_ALL
GBytes          *hawser_identity_find_key            (HawserIdentity       *self,
                                                      const char           *name);
HAWSER_AVAILABLE_IN_ALL
char            *hawser_identity_find_verifier       (HawserIdentity       *self,
                                                      const char           *name,
                                                      HawserPrincipal     **out_principal);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_identity_has_verifiers       (HawserIdentity       *self);
HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_identity_find_principal      (HawserIdentity       *self,
                                                      const char           *name);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_identity_knows_principals    (HawserIdentity       *self);
HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_identity_authenticate        (HawserIdentity       *self,
                                                      HawserCredentialKind  kind,
                                                      const char           *name,
                                                      GBytes               *secret,
                                                      GError              **error);
HAWSER_AVAILABLE_IN_ALL
void             hawser_identity_authenticate_async  (HawserIdentity       *self,
                                                      HawserCredentialKind  kind,
                                                      const char           *name,
                                                      GBytes               *secret,
                                                      GCancellable         *cancellable,
                                                      GAsyncReadyCallback   callback,
                                                      gpointer              user_data);
HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_identity_authenticate_finish (HawserIdentity       *self,
                                                      GAsyncResult         *result,
                                                      GError              **error);

G_END_DECLS
