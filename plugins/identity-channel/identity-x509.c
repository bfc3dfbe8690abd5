/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity provider `type=x509`: the claims of a client certificate that TLS has verified. Context: the caller's. */

#include "identity-channel.h"

#include "certificate.h"

#define IDENTITY_TYPE_X509 (identity_x509_get_type())
G_DECLARE_FINAL_TYPE (IdentityX509, identity_x509, IDENTITY, X509, GObject)

struct _IdentityX509 {
  GObject parent_instance;
  char *id_claim;
};

static gboolean
understands (HawserIdentity *identity, HawserCredentialKind kind)
{
  return kind == HAWSER_CREDENTIAL_CERTIFICATE;
}

static HawserPrincipal *
authenticate (HawserIdentity *identity, HawserCredentialKind kind, const char *name, GBytes *secret, GError **error)
{
  IdentityX509 *self = IDENTITY_X509 (identity);

  return certificate_to_principal (secret, self->id_claim != NULL ? self->id_claim : "x509.subject.cn", error);
}

static void
identity_init (HawserIdentityInterface *iface)
{
  iface->understands = understands;
  iface->authenticate = authenticate;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (IdentityX509, identity_x509, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_IDENTITY, identity_init))

static void
identity_x509_class_init (IdentityX509Class *klass)
{
  HAWSER_SETTING (klass, IdentityX509, id_claim,
                  g_param_spec_string ("id-claim", NULL, "Claim whose first value is the name of the principal", "x509.subject.cn", HAWSER_SETTING_FLAGS));
}

static void
identity_x509_init (IdentityX509 *self)
{
}
