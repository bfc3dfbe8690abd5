/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity role: what a peer shows becomes a principal with claims, or a refusal. */

#include "hawser-identity.h"

G_DEFINE_INTERFACE (HawserIdentity, hawser_identity, G_TYPE_OBJECT)

static const GEnumValue kind_values[] = {
  { HAWSER_CREDENTIAL_NONE, "HAWSER_CREDENTIAL_NONE", "none" },
  { HAWSER_CREDENTIAL_PASSWORD, "HAWSER_CREDENTIAL_PASSWORD", "password" },
  { HAWSER_CREDENTIAL_TOKEN, "HAWSER_CREDENTIAL_TOKEN", "token" },
  { HAWSER_CREDENTIAL_CERTIFICATE, "HAWSER_CREDENTIAL_CERTIFICATE", "certificate" },
  { 0, NULL, NULL },
};

GType
hawser_credential_kind_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserCredentialKind", kind_values));
  return type;
}

static void
hawser_identity_default_init (HawserIdentityInterface *iface)
{
}

/**
 * hawser_identity_load: (virtual load)
 * @self: an identity provider
 * @error: return location
 *
 * Returns: %TRUE if its files were read; if not, it refuses everybody
 * Since: 0.1
 */
gboolean
hawser_identity_load (HawserIdentity *self, GError **error)
{
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);

  return iface->load == NULL || iface->load (self, error);
}

/**
 * hawser_identity_understands: (virtual understands)
 * @self: an identity provider
 * @kind: what the peer shows
 *
 * Returns: whether it can judge this kind
 * Since: 0.1
 */
gboolean
hawser_identity_understands (HawserIdentity *self, HawserCredentialKind kind)
{
  return HAWSER_IDENTITY_GET_IFACE (self)->understands (self, kind);
}

/**
 * hawser_identity_authenticate_async: (virtual authenticate_async)
 * @self: an identity provider
 * @kind: what the peer shows
 * @name: (nullable): user name, or %NULL
 * @secret: (nullable): password, token or certificate; never logged
 * @cancellable: (nullable): stops waiting
 * @callback: (scope async): called when it is known who the peer is
 * @user_data: data for @callback
 *
 * Context: the lane of the listener.
 *
 * Since: 0.1
 */
void
hawser_identity_authenticate_async (HawserIdentity *self, HawserCredentialKind kind, const char *name, GBytes *secret, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data)
{
  HAWSER_IDENTITY_GET_IFACE (self)->authenticate_async (self, kind, name, secret, cancellable, callback, user_data);
}

/**
 * hawser_identity_authenticate_finish: (virtual authenticate_finish)
 * @self: an identity provider
 * @result: the result given to the callback
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_AUTHORIZED, %HAWSER_ERROR_UNAVAILABLE (could not be found out now).
 *
 * Returns: (transfer full) (nullable): who the peer is
 * Since: 0.1
 */
HawserPrincipal *
hawser_identity_authenticate_finish (HawserIdentity *self, GAsyncResult *result, GError **error)
{
  return HAWSER_IDENTITY_GET_IFACE (self)->authenticate_finish (self, result, error);
}
