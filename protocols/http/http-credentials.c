/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who asks: credentials of a request go to the identity providers of the listener, once for each connection that keeps showing
 * the same; those of an address that fails wait longer each time. Context: the lane. */

#include "http-session-private.h"

#include <string.h>

#define AUTH_TIMEOUT_US (30 * G_USEC_PER_SEC)
#define FAILURE_DELAY_US (100 * 1000)
#define MAX_FAILURE_DELAY_US (3 * G_USEC_PER_SEC)
#define FAILURES_WINDOW_US (60 * G_USEC_PER_SEC)
#define MAX_FAILURE_SOURCES 4096

static guint
count_failure (HttpAdapter *adapter, HawserConnection *connection)
{
  g_autofree char *address = hawser_connection_dup_address (connection);
  char *colon = strrchr (address, ':');
  gint64 now_us = hawser_lane_get_now_us (adapter->lane);
  guint n;

  if (colon != NULL)
    *colon = '\0';
  if (now_us - adapter->failures_since_us > FAILURES_WINDOW_US || g_hash_table_size (adapter->failures) > MAX_FAILURE_SOURCES)
    {
      g_hash_table_remove_all (adapter->failures);
      adapter->failures_since_us = now_us;
    }
  n = GPOINTER_TO_UINT (g_hash_table_lookup (adapter->failures, address)) + 1;
  g_hash_table_insert (adapter->failures, g_steal_pointer (&address), GUINT_TO_POINTER (n));
  return n;
}

static void
challenge (HttpSession *self, const char *detail)
{
  if (self->request != NULL)
    self->request->head.is_keep_alive = FALSE;
  http_session_add_header (self, "WWW-Authenticate", "Basic realm=\"hawser\", charset=\"UTF-8\"");
  http_session_add_header (self, "WWW-Authenticate", "Bearer realm=\"hawser\"");
  http_session_respond_problem (self, 401, HAWSER_ERROR_NOT_AUTHORIZED, detail);
}

static void
on_failure_delay (HawserTimer *timer)
{
  challenge ((HttpSession *) timer, "the credentials were not accepted");
}

static void
on_authentication_late (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  self->request->head.is_keep_alive = FALSE;
  http_session_respond_error (self, HAWSER_ERROR_UNAVAILABLE, "the identity provider did not answer in time");
}

/* It is known who asks, or that nobody says it: what the admin policy holds back needs more. */
static void
begin_if_allowed (HttpSession *self)
{
  if (!self->route->needs_admin || self->route->is_public || hawser_bus_check_admin (self->adapter->bus, self->connection) == HAWSER_RESULT_OK)
    {
      http_session_begin_body (self);
      return;
    }
  if (hawser_connection_get_principal (self->connection) == NULL)
    {
      challenge (self, hawser_bus_get_last_refusal (self->adapter->bus));
      return;
    }
  http_session_respond_problem (self, 403, HAWSER_ERROR_NOT_AUTHORIZED, hawser_bus_get_last_refusal (self->adapter->bus));
}

static void
begin_unless_banned (HttpSession *self)
{
  if (hawser_listener_admit (self->connection, FALSE) == HAWSER_RESULT_OK)
    {
      begin_if_allowed (self);
      return;
    }
  self->request->head.is_keep_alive = FALSE;
  http_session_respond_problem (self, 403, HAWSER_ERROR_NOT_AUTHORIZED, hawser_bus_get_last_refusal (self->adapter->bus));
}

static void
on_authenticated (HawserPrincipal *principal, const GError *error, gpointer user_data)
{
  HttpAuthentication *authentication = user_data;
  HttpSession *self = authentication->session;

  if (self == NULL || self->authentication != authentication || self->state != HTTP_STATE_AUTHENTICATING)
    return;
  authentication->session = NULL;
  self->authentication = NULL;
  if (principal == NULL)
    {
      guint n = count_failure (self->adapter, self->connection);

      http_session_arm (self, MIN ((gint64) FAILURE_DELAY_US << MIN (n - 1, 8), MAX_FAILURE_DELAY_US), on_failure_delay);
      return;
    }
  g_free (self->authorization);
  self->authorization = g_strdup (http_request_get_header (self->request, "Authorization"));
  hawser_connection_set_identity (self->connection, NULL, principal);
  begin_unless_banned (self);
  if (!self->is_pumping && self->held != NULL)
    http_session_pump (self);
}

static void
ask_identity (HttpSession *self, HawserCredentialKind kind, const char *name, GBytes *secret)
{
  HttpAuthentication *authentication = g_new (HttpAuthentication, 1);

  authentication->session = self;
  self->authentication = authentication;
  self->state = HTTP_STATE_AUTHENTICATING;
  http_session_arm (self, AUTH_TIMEOUT_US, on_authentication_late);
  hawser_listener_authenticate_peer (self->connection, kind, name, secret, on_authenticated, authentication, g_free);
}

void
http_session_authenticate (HttpSession *self)
{
  const char *header = http_request_get_header (self->request, "Authorization");

  if (header == NULL || self->route->is_public)
    {
      if (self->authorization != NULL)
        {
          g_clear_pointer (&self->authorization, g_free);
          hawser_connection_set_identity (self->connection, NULL, NULL);
        }
      if (self->route->is_public || hawser_connection_get_principal (self->connection) != NULL)
        begin_if_allowed (self);
      else if (hawser_listener_knows_peer (self->connection))
        ask_identity (self, HAWSER_CREDENTIAL_NONE, NULL, NULL);
      else if (hawser_listener_allows_anonymous (self->adapter->listener))
        begin_if_allowed (self);
      else
        challenge (self, "credentials are needed here");
      return;
    }
  if (self->authorization != NULL && g_str_equal (self->authorization, header))
    {
      begin_unless_banned (self);
      return;
    }

  if (g_ascii_strncasecmp (header, "Basic ", 6) == 0)
    {
      gsize len;
      g_autofree char *decoded = (char *) g_base64_decode (header + 6, &len);
      char *colon = memchr (decoded, ':', len);

      if (colon != NULL && memchr (decoded, '\0', len) == NULL)
        {
          gsize name_len = (gsize) (colon - decoded);
          g_autofree char *name = g_strndup (decoded, name_len);
          g_autoptr (GBytes) secret = g_bytes_new (colon + 1, len - name_len - 1);

          ask_identity (self, HAWSER_CREDENTIAL_PASSWORD, name, secret);
          return;
        }
    }
  else if (g_ascii_strncasecmp (header, "Bearer ", 7) == 0)
    {
      g_autoptr (GBytes) token = g_bytes_new (header + 7, strlen (header + 7));

      ask_identity (self, HAWSER_CREDENTIAL_TOKEN, NULL, token);
      return;
    }
  challenge (self, "the credentials cannot be read");
}
