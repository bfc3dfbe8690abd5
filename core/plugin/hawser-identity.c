/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The identity role: what a peer shows becomes a principal with claims, or a refusal. */

#include "hawser-identity.h"

#include "hawser-error.h"

G_DEFINE_INTERFACE (HawserIdentity, hawser_identity, G_TYPE_OBJECT)

static const GEnumValue kind_values[] = {
  { HAWSER_CREDENTIAL_NONE, "HAWSER_CREDENTIAL_NONE", "none" },
  { HAWSER_CREDENTIAL_PASSWORD, "HAWSER_CREDENTIAL_PASSWORD", "password" },
  { HAWSER_CREDENTIAL_TOKEN, "HAWSER_CREDENTIAL_TOKEN", "token" },
  { HAWSER_CREDENTIAL_CERTIFICATE, "HAWSER_CREDENTIAL_CERTIFICATE", "certificate" },
  { HAWSER_CREDENTIAL_PSK, "HAWSER_CREDENTIAL_PSK", "psk" },
  { HAWSER_CREDENTIAL_USER, "HAWSER_CREDENTIAL_USER", "user" },
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
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);

  return iface->understands != NULL ? iface->understands (self, kind) : kind == HAWSER_CREDENTIAL_PASSWORD;
}

/**
 * hawser_identity_find_key: (virtual find_key)
 * @self: an identity provider
 * @name: what the peer calls itself, UTF-8
 *
 * Returns: (transfer full) (nullable): its pre-shared key; %NULL when it has none here
 * Since: 0.1
 */
GBytes *
hawser_identity_find_key (HawserIdentity *self, const char *name)
{
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);

  return iface->find_key != NULL ? iface->find_key (self, name) : NULL;
}

/**
 * hawser_identity_find_verifier: (virtual find_verifier)
 * @self: an identity provider
 * @name: what the peer calls itself, UTF-8
 * @out_principal: (out) (transfer full) (nullable): who that is, once it has proved it
 *
 * Returns: (transfer full) (nullable): what SCRAM-SHA-256 needs of that user; %NULL when there is nothing of the kind
 * Since: 0.1
 */
char *
hawser_identity_find_verifier (HawserIdentity *self, const char *name, HawserPrincipal **out_principal)
{
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);

  *out_principal = NULL;
  return iface->find_verifier != NULL ? iface->find_verifier (self, name, out_principal) : NULL;
}

/**
 * hawser_identity_has_verifiers:
 * @self: an identity provider
 *
 * Returns: whether it can answer hawser_identity_find_verifier()
 * Since: 0.1
 */
gboolean
hawser_identity_has_verifiers (HawserIdentity *self)
{
  return HAWSER_IDENTITY_GET_IFACE (self)->find_verifier != NULL;
}

/**
 * hawser_identity_find_principal: (virtual find_principal)
 * @self: an identity provider
 * @name: of a principal that it gave before
 *
 * Context: the lane of the listener.
 *
 * Returns: (transfer full) (nullable): who that is now; %NULL when there is nobody of that name, or when it cannot tell
 * Since: 0.1
 */
HawserPrincipal *
hawser_identity_find_principal (HawserIdentity *self, const char *name)
{
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);

  return iface->find_principal != NULL ? iface->find_principal (self, name) : NULL;
}

/**
 * hawser_identity_knows_principals:
 * @self: an identity provider
 *
 * Returns: whether it can answer hawser_identity_find_principal()
 * Since: 0.1
 */
gboolean
hawser_identity_knows_principals (HawserIdentity *self)
{
  return HAWSER_IDENTITY_GET_IFACE (self)->find_principal != NULL;
}

/* No principal and no error would mean a peer that is let in anonymously: a faulty provider must not say that. */
static HawserPrincipal *
or_error (HawserPrincipal *principal, GError *failure, GError **error)
{
  if (principal != NULL)
    return principal;
  if (failure == NULL)
    failure = g_error_new_literal (HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "the identity provider gave no answer");
  g_propagate_error (error, failure);
  return NULL;
}

static GError *
not_judged (void)
{
  return g_error_new_literal (HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "the identity provider does not judge such credentials");
}

/**
 * hawser_identity_authenticate: (virtual authenticate)
 * @self: an identity provider
 * @kind: what the peer shows
 * @name: (nullable): user name, or %NULL
 * @secret: (nullable): password, token or certificate; never logged
 * @error: return location
 *
 * Finds out at once who the peer is; a kind that the provider does not understand is refused without asking it. Providers that may have to wait only have hawser_identity_authenticate_async().
 *
 * Errors: %HAWSER_ERROR_NOT_AUTHORIZED, %HAWSER_ERROR_UNAVAILABLE (could not be found out now, or not at once).
 * Context: the lane of the listener.
 *
 * Returns: (transfer full) (nullable): who the peer is
 * Since: 0.1
 */
HawserPrincipal *
hawser_identity_authenticate (HawserIdentity *self, HawserCredentialKind kind, const char *name, GBytes *secret, GError **error)
{
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);
  HawserPrincipal *principal = NULL;
  GError *failure = NULL;

  if (!hawser_identity_understands (self, kind))
    failure = not_judged ();
  else if (iface->authenticate != NULL)
    principal = iface->authenticate (self, kind, name, secret, &failure);
  else
    failure = g_error_new_literal (HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "the identity provider cannot answer at once");
  return or_error (principal, failure, error);
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
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);
  g_autoptr (GTask) task = NULL;
  HawserPrincipal *principal;
  GError *error = NULL;

  if (iface->authenticate_async != NULL && hawser_identity_understands (self, kind))
    {
      iface->authenticate_async (self, kind, name, secret, cancellable, callback, user_data);
      return;
    }
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, hawser_identity_authenticate_async);
  g_task_set_name (task, "hawser_identity_authenticate_async");
  principal = hawser_identity_authenticate (self, kind, name, secret, &error);
  if (principal != NULL)
    g_task_return_pointer (task, principal, (GDestroyNotify) hawser_principal_unref);
  else
    g_task_return_error (task, error);
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
  HawserIdentityInterface *iface = HAWSER_IDENTITY_GET_IFACE (self);
  HawserPrincipal *principal;
  GError *failure = NULL;

  if (iface->authenticate_finish != NULL && !g_async_result_is_tagged (result, hawser_identity_authenticate_async))
    principal = iface->authenticate_finish (self, result, &failure);
  else
    principal = g_task_propagate_pointer (G_TASK (result), &failure);
  return or_error (principal, failure, error);
}
