/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who a peer of a listener is: the identity providers are asked in turn about what it shows, or about what its way here proves.
 * Called by protocols; answers come on the bus's context. Who may do what is decided by the bus. */

#include "hawser-listener-io.h"
#include "hawser-listener-private.h"

#include "hawser-ban-list-private.h"
#include "hawser-bus-private.h"
#include "hawser-connection-private.h"
#include "hawser-error.h"
#include "hawser-meter.h"
#include "hawser-principal.h"

GBytes *
hawser_listener_find_key (gpointer data, const char *identity)
{
  HawserListener *self = data;
  GBytes *key = NULL;

  for (guint i = 0; key == NULL && i < self->identities->len; i++)
    key = hawser_identity_find_key (self->identities->pdata[i], identity);
  return key;
}

int
hawser_listener_admit (HawserConnection *connection, gboolean comes)
{
  HawserListener *self = hawser_listener_of_connection (connection);
  HawserBus *bus = self->bus;
  gint64 debt_us;

  if (hawser_ban_list_refuses_identity (bus, connection))
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_DISABLED, "banned");
  if (!comes)
    return HAWSER_RESULT_OK;
  if (self->flapping_count > 0 &&
      hawser_ban_list_note_entry (bus, connection, self->flapping_count, self->flapping_window_us, self->flapping_duration_us))
    return hawser_refuse (&bus->refusal, HAWSER_ERROR_DISABLED, "banned: the client connects too often");
  debt_us = self->owner.rates != NULL ? hawser_meter_enter (hawser_publisher_need_meter (hawser_publisher_of (connection))) : 0;
  if (debt_us == 0)
    return HAWSER_RESULT_OK;
  hawser_refuse (&bus->refusal, HAWSER_ERROR_QUOTA, "the client connects too often");
  bus->refusal.retry_after_us = debt_us;
  return HAWSER_ERROR_QUOTA;
}

static HawserListener *
find_listener (HawserBus *bus, const char *name)
{
  for (guint i = 0; i < bus->listeners.items->len; i++)
    if (g_strcmp0 (hawser_listener_get_name (bus->listeners.items->pdata[i]), name) == 0)
      return bus->listeners.items->pdata[i];
  return NULL;
}

/* A principal does not say which provider gave it: only where all of the listener can tell who is there is somebody gone. */
gboolean
hawser_listener_admits_author (gpointer data, const HawserPolicyContext *author, HawserPrincipal **out_now)
{
  HawserBus *bus = data;
  HawserListener *self = author->principal != NULL ? find_listener (bus, author->listener) : NULL;

  if (hawser_ban_list_silences (bus, author))
    return FALSE;
  for (guint i = 0; self != NULL && i < self->identities->len; i++)
    if (!hawser_identity_knows_principals (self->identities->pdata[i]))
      return TRUE;
  if (self == NULL || self->identities->len == 0)
    return TRUE;
  for (guint i = 0; *out_now == NULL && i < self->identities->len; i++)
    *out_now = hawser_identity_find_principal (self->identities->pdata[i], hawser_principal_get_name (author->principal));
  return *out_now != NULL;
}

/**
 * hawser_listener_allows_anonymous:
 * @self: a listener
 *
 * Returns: whether peers that prove nothing are let in
 * Since: 0.1
 */
gboolean
hawser_listener_allows_anonymous (HawserListener *self)
{
  return g_strcmp0 (self->anonymous, "allow") == 0 || (self->bus->authority.is_open && self->is_loopback && self->identities->len == 0);
}

/**
 * hawser_listener_get_proves_identity:
 * @self: a listener
 *
 * Returns: whether some provider there can prove who a peer is; then a mere client id is nobody's identity
 * Since: 0.1
 */
gboolean
hawser_listener_get_proves_identity (HawserListener *self)
{
  return self->identities->len > 0;
}

/**
 * hawser_listener_has_verifiers:
 * @self: a listener
 *
 * Returns: whether some provider there has users for SCRAM
 * Since: 0.1
 */
gboolean
hawser_listener_has_verifiers (HawserListener *self)
{
  for (guint i = 0; i < self->identities->len; i++)
    if (hawser_identity_has_verifiers (g_ptr_array_index (self->identities, i)))
      return TRUE;
  return FALSE;
}

/**
 * hawser_listener_find_verifier:
 * @self: a listener
 * @name: what the peer calls itself, UTF-8
 * @out_principal: (out) (transfer full) (nullable): who that is, once it has proved it
 *
 * Asks the identity providers of this listener in turn.
 *
 * Returns: (transfer full) (nullable): what SCRAM-SHA-256 needs of that user
 * Since: 0.1
 */
char *
hawser_listener_find_verifier (HawserListener *self, const char *name, HawserPrincipal **out_principal)
{
  char *verifier = NULL;

  *out_principal = NULL;
  for (guint i = 0; i < self->identities->len && verifier == NULL; i++)
    verifier = hawser_identity_find_verifier (g_ptr_array_index (self->identities, i), name, out_principal);
  return verifier;
}

typedef struct {
  HawserListener *listener;
  HawserConnection *connection;   /* nullable: whose failure it is */
  HawserCredentialKind kind;
  char *name;
  GBytes *secret;
  guint next;              /* identity provider to ask */
  HawserAuthenticated done;
  gpointer user_data;
  GDestroyNotify destroy;
} Authentication;

static void ask_next (Authentication *self);

static void
end_authentication (Authentication *self, HawserPrincipal *principal, const GError *error)
{
  HawserListener *listener = self->listener;

  if (self->connection != NULL && self->kind != HAWSER_CREDENTIAL_NONE && g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED))
    hawser_ban_list_note_failure (listener->bus, self->connection, listener->ban_failures, listener->ban_window_us, listener->ban_duration_us);
  g_clear_object (&self->connection);
  self->done (principal, error, self->user_data);
  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_object_unref (self->listener);
  g_free (self->name);
  g_clear_pointer (&self->secret, g_bytes_unref);
  g_free (self);
}

static void
on_answer (GObject *identity, GAsyncResult *result, gpointer data)
{
  Authentication *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPrincipal) principal = hawser_identity_authenticate_finish (HAWSER_IDENTITY (identity), result, &error);

  if (principal != NULL)
    end_authentication (self, principal, NULL);
  else if (self->next < self->listener->identities->len)
    ask_next (self);
  else
    end_authentication (self, NULL, error);
}

static void
ask_next (Authentication *self)
{
  g_autoptr (GError) error = NULL;

  while (self->next < self->listener->identities->len)
    {
      HawserIdentity *identity = g_ptr_array_index (self->listener->identities, self->next++);

      if (hawser_identity_understands (identity, self->kind))
        {
          hawser_identity_authenticate_async (identity, self->kind, self->name, self->secret, NULL, on_answer, self);
          return;
        }
    }
  error = g_error_new (HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED, "listener '%s': nobody there judges such credentials", self->listener->name);
  end_authentication (self, NULL, error);
}

static void
begin_authentication (HawserListener *self, HawserConnection *connection, HawserCredentialKind kind, const char *name, GBytes *secret, HawserAuthenticated done,
                      gpointer user_data, GDestroyNotify destroy)
{
  Authentication *authentication = g_new0 (Authentication, 1);

  authentication->listener = g_object_ref (self);
  authentication->connection = connection != NULL ? g_object_ref (connection) : NULL;
  authentication->kind = kind;
  authentication->name = g_strdup (name);
  authentication->secret = secret != NULL ? g_bytes_ref (secret) : NULL;
  authentication->done = done;
  authentication->user_data = user_data;
  authentication->destroy = destroy;

  if ((kind == HAWSER_CREDENTIAL_NONE || self->identities->len == 0) && hawser_listener_allows_anonymous (self))
    end_authentication (authentication, NULL, NULL);
  else
    ask_next (authentication);
}

/**
 * hawser_listener_authenticate:
 * @self: a listener
 * @kind: what the peer shows
 * @name: (nullable): user name
 * @secret: (nullable): password, token or certificate
 * @done: (scope notified) (closure user_data) (destroy destroy): called once: with a principal; with neither principal
 *   nor error for a peer that is let in anonymously; or with an error
 * @user_data: data for @done
 * @destroy: (nullable): called with @user_data after @done
 *
 * Asks the identity providers of this listener in turn. @done may run before this call returns.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_listener_authenticate (HawserListener *self, HawserCredentialKind kind, const char *name, GBytes *secret, HawserAuthenticated done,
                              gpointer user_data, GDestroyNotify destroy)
{
  begin_authentication (self, NULL, kind, name, secret, done, user_data, destroy);
}

static gboolean
has_judge (HawserListener *self, HawserCredentialKind kind)
{
  for (guint i = 0; i < self->identities->len; i++)
    if (hawser_identity_understands (self->identities->pdata[i], kind))
      return TRUE;
  return FALSE;
}

/* The first proof that the way of the peer gives and that somebody judges; FALSE: there is none. */
static gboolean
find_proof (HawserListener *self, HawserConnection *connection, HawserCredentialKind *out_kind, char **out_name, GBytes **out_secret)
{
  guint uid, gid, pid;

  if (has_judge (self, HAWSER_CREDENTIAL_CERTIFICATE) && (*out_secret = hawser_connection_dup_certificate (connection)) != NULL)
    {
      *out_kind = HAWSER_CREDENTIAL_CERTIFICATE;
      return TRUE;
    }
  if (has_judge (self, HAWSER_CREDENTIAL_PSK) && hawser_connection_get_psk_identity (connection) != NULL)
    {
      *out_kind = HAWSER_CREDENTIAL_PSK;
      *out_name = g_strdup (hawser_connection_get_psk_identity (connection));
      return TRUE;
    }
  if (has_judge (self, HAWSER_CREDENTIAL_USER) && hawser_connection_get_peer_user (connection, &uid, &gid, &pid))
    {
      *out_kind = HAWSER_CREDENTIAL_USER;
      *out_name = g_strdup_printf ("%u:%u:%u", uid, gid, pid);
      return TRUE;
    }
  return FALSE;
}

gboolean
hawser_listener_knows_peer (HawserConnection *connection)
{
  g_autofree char *name = NULL;
  g_autoptr (GBytes) secret = NULL;
  HawserCredentialKind kind;

  return find_proof (hawser_listener_of_connection (connection), connection, &kind, &name, &secret);
}

void
hawser_listener_authenticate_peer (HawserConnection *connection, HawserCredentialKind kind, const char *name, GBytes *secret,
                                   HawserAuthenticated done, gpointer user_data, GDestroyNotify destroy)
{
  HawserListener *self = hawser_listener_of_connection (connection);
  g_autofree char *proved_name = NULL;
  g_autoptr (GBytes) proof = NULL;

  if (self->identities->len > 0 && (kind == HAWSER_CREDENTIAL_NONE || !has_judge (self, kind)) && find_proof (self, connection, &kind, &proved_name, &proof))
    {
      name = proved_name;
      secret = proof;
    }
  begin_authentication (self, connection, kind, name, secret, done, user_data, destroy);
}
