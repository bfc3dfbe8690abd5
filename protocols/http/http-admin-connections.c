/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin/connections: who is connected, and how somebody is sent away. On the lane. */

#include "http-admin.h"

#include <string.h>

static char *
describe (HawserConnection *connection)
{
  g_autofree char *address = hawser_connection_dup_address (connection);
  GString *out = g_string_new ("{");

  http_json_number (out, "id", hawser_connection_get_id (connection));
  http_json_string (out, "protocol", hawser_connection_get_protocol (connection));
  http_json_string (out, "listener", hawser_connection_get_listener_name (connection));
  http_json_string (out, "principal", hawser_connection_get_principal_name (connection));
  http_json_string (out, "client_id", hawser_connection_get_client_id (connection));
  http_json_string (out, "address", address);
  http_json_boolean (out, "encrypted", hawser_connection_get_is_encrypted (connection));
  http_json_number (out, "n_received", hawser_connection_get_n_received (connection));
  http_json_number (out, "n_delivered", hawser_connection_get_n_delivered (connection));
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

gboolean
http_admin_list_connection (HawserConnection *connection, gpointer data)
{
  g_autofree char *key = g_strdup_printf ("%020" G_GUINT64_FORMAT, hawser_connection_get_id (connection));

  if (http_page_wants (data, key, hawser_connection_get_protocol (connection)))
    http_page_add (data, key, describe (connection));
  return TRUE;
}

typedef struct {
  guint64 id;
  HawserConnection *connection;
} Find;

static gboolean
find_connection (HawserConnection *connection, gpointer data)
{
  Find *find = data;

  if (hawser_connection_get_id (connection) == find->id)
    find->connection = connection;
  return find->connection == NULL;
}

/* NULL: answered. */
static HawserConnection *
find (HttpSession *session, const char *rest)
{
  Find find = { 0, NULL };

  if (g_ascii_string_to_unsigned (rest, 10, 1, G_MAXUINT64, &find.id, NULL))
    hawser_bus_foreach_connection (http_session_get_adapter (session)->bus, find_connection, &find);
  if (find.connection == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such connection");
  return find.connection;
}

void
http_admin_get_connection (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserConnection *connection = find (session, rest);
  g_autofree char *json = connection != NULL ? describe (connection) : NULL;

  if (json != NULL)
    http_session_respond (session, 200, "application/json", json, strlen (json));
}

/* It may be the connection that asks: the answer is written first, and closing waits for the end of the turn. */
void
http_admin_delete_connection (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserConnection *connection = find (session, rest);

  if (connection == NULL)
    return;
  http_session_respond (session, 204, NULL, NULL, 0);
  hawser_connection_close (connection, HAWSER_ERROR_CLOSED);
}
