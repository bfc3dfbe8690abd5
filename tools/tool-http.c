/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP over TCP, TLS or a Unix socket, and what its answers mean as exit status. */

#include "tool-http.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#define PAGE_LEN 500          /* items asked for at once */
#define DEFAULT_TIMEOUT_S 30  /* ours: nothing on the admin interface takes this long */
#define MAX_PAGES 100000      /* ours: a server that never ends its list must not hold us */

SoupSession *
tool_http_session (Tool          *tool,
                   const ToolUrl *url)
{
  SoupSession *session = soup_session_new ();

  if (url->path != NULL)
    {
      g_autoptr (GSocketAddress) address = g_unix_socket_address_new (url->path);

      g_object_unref (session);
      session = soup_session_new_with_options ("remote-connectable", address, NULL);
    }
  soup_session_set_user_agent (session, "hawser/" HAWSER_VERSION_S);
  if (tool->ca_file != NULL)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GTlsDatabase) database = g_tls_file_database_new (tool->ca_file, &error);

      if (database != NULL)
        soup_session_set_tls_database (session, database);
      else
        tool_note (tool, "hawser: warning: %s: %s", tool->ca_file, error->message);
    }
  return session;
}

/* @path_and_query is already escaped. */
SoupMessage *
tool_http_message (const ToolUrl *url,
                   const char    *method,
                   const char    *path_and_query)
{
  gboolean is_ipv6 = url->host != NULL && strchr (url->host, ':') != NULL;
  g_autofree char *text = url->path != NULL ? g_strdup_printf ("http://localhost%s", path_and_query)
    : g_strdup_printf ("%s://%s%s%s:%u%s", url->is_encrypted ? "https" : "http", is_ipv6 ? "[" : "", url->host, is_ipv6 ? "]" : "",
                       url->port, path_and_query);
  g_autoptr (GUri) uri = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, NULL);
  SoupMessage *message;

  if (uri == NULL)
    return NULL;
  message = soup_message_new_from_uri (method, uri);
  if (url->token != NULL)
    {
      g_autofree char *value = g_strdup_printf ("Bearer %s", url->token);

      soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", value);
    }
  else if (url->user != NULL && url->password != NULL)
    {
      g_autofree char *pair = g_strdup_printf ("%s:%s", url->user, url->password);
      g_autofree char *base64 = g_base64_encode ((const guchar *) pair, strlen (pair));
      g_autofree char *value = g_strdup_printf ("Basic %s", base64);

      soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", value);
    }
  if (url->certificate != NULL)
    soup_message_set_tls_client_certificate (message, url->certificate);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  return message;
}

/* What a status means for the caller; *out_detail is the problem's own words (RFC 9457) where it has some. */
int
tool_http_problem (guint        status,
                   const char  *reason_phrase,
                   GBytes      *body,
                   char       **out_detail)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  const char *detail = NULL;
  gsize len = 0;
  const char *text = body != NULL ? g_bytes_get_data (body, &len) : NULL;

  if (len > 0 && json_parser_load_from_data (parser, text, (gssize) len, NULL) &&
      JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      JsonObject *problem = json_node_get_object (json_parser_get_root (parser));

      detail = json_object_get_string_member_with_default (problem, "detail", NULL);
      if (detail == NULL)
        detail = json_object_get_string_member_with_default (problem, "title", NULL);
    }
  *out_detail = detail != NULL ? g_strdup_printf ("%u: %s", status, detail)
    : g_strdup_printf ("%u %s", status, reason_phrase != NULL ? reason_phrase : "");
  switch (status)
    {
    case 401: case 403: return TOOL_NOT_AUTHORIZED;
    case 404: case 410: return TOOL_NOT_FOUND;
    case 408: case 504: return TOOL_TIMED_OUT;
    case 502: case 503: return TOOL_NO_CONNECTION;
    default: return TOOL_FAILED;
    }
}

/* The exit status of a transport failure: the peer was not there, or did not answer in time. */
static int
exit_of_error (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return TOOL_TIMED_OUT;
  return TOOL_NO_CONNECTION;
}

static int
request (Tool           *tool,
         const ToolUrl  *url,
         SoupSession    *session,
         const char     *method,
         const char     *path_and_query,
         const char     *body,
         GBytes        **out_body)
{
  g_autoptr (SoupMessage) message = tool_http_message (url, method, path_and_query);
  g_autoptr (GBytes) answer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *detail = NULL;
  int code;

  if (message == NULL)
    return tool_fail (tool, TOOL_USAGE, "%s%s: not a URL", url->text, path_and_query);
  if (body != NULL)
    {
      g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

      soup_message_set_request_body_from_bytes (message, "application/json", bytes);
    }
  answer = soup_session_send_and_read (session, message, NULL, &error);
  if (answer == NULL)
    {
      code = exit_of_error (error);
      return tool_fail (tool, code, "%s: %s: %s", url->text, code == TOOL_TIMED_OUT ? "no answer" : "cannot connect", error->message);
    }
  if (!SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (message)))
    {
      code = tool_http_problem (soup_message_get_status (message), soup_message_get_reason_phrase (message), answer, &detail);
      return tool_fail (tool, code, "%s %s: %s", method, path_and_query, detail);
    }
  if (out_body != NULL)
    *out_body = g_steal_pointer (&answer);
  return TOOL_DONE;
}

static SoupSession *
open_session (Tool     *tool,
              ToolUrl **out_url,
              int      *out_code)
{
  SoupSession *session;

  *out_url = tool_url_resolve (tool, TOOL_URL_ADMIN, out_code);
  if (*out_url == NULL)
    return NULL;
  session = tool_http_session (tool, *out_url);
  soup_session_set_timeout (session, tool->timeout_us > 0 ? (guint) MAX (1, tool->timeout_us / G_USEC_PER_SEC) : DEFAULT_TIMEOUT_S);
  return session;
}

int
tool_http_request (Tool        *tool,
                   const char  *method,
                   const char  *path_and_query,
                   const char  *body,
                   GBytes     **out_body)
{
  g_autoptr (ToolUrl) url = NULL;
  int code = TOOL_FAILED;
  g_autoptr (SoupSession) session = open_session (tool, &url, &code);

  return session == NULL ? code : request (tool, url, session, method, path_and_query, body, out_body);
}

gboolean
tool_http_probe (Tool       *tool,
                 const char *path)
{
  g_autoptr (ToolUrl) url = NULL;
  int code = TOOL_FAILED;
  g_autoptr (SoupSession) session = open_session (tool, &url, &code);
  g_autoptr (SoupMessage) message = session != NULL ? tool_http_message (url, "GET", path) : NULL;
  g_autoptr (GBytes) answer = message != NULL ? soup_session_send_and_read (session, message, NULL, NULL) : NULL;

  return answer != NULL && SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (message));
}

static int
parse_json (Tool      *tool,
            GBytes    *body,
            JsonNode **out_root)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  gsize len = 0;
  const char *text = g_bytes_get_data (body, &len);

  if (len == 0)
    return tool_fail (tool, TOOL_FAILED, "the answer is empty");
  if (!json_parser_load_from_data (parser, text, (gssize) len, &error))
    return tool_fail (tool, TOOL_FAILED, "the answer is not JSON: %s", error->message);
  *out_root = json_parser_steal_root (parser);
  if (*out_root == NULL)
    return tool_fail (tool, TOOL_FAILED, "the answer is empty");
  return TOOL_DONE;
}

int
tool_http_get_json (Tool        *tool,
                    const char  *path_and_query,
                    JsonNode   **out_root)
{
  g_autoptr (GBytes) body = NULL;
  int code = tool_http_request (tool, "GET", path_and_query, NULL, &body);

  return code == TOOL_DONE ? parse_json (tool, body, out_root) : code;
}

static int
take_page (Tool       *tool,
           GBytes     *body,
           JsonArray  *items,
           char      **out_next)
{
  g_autoptr (JsonNode) root = NULL;
  JsonObject *page;
  JsonArray *more;
  int code = parse_json (tool, body, &root);

  if (code != TOOL_DONE)
    return code;
  page = JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  more = page != NULL && json_object_has_member (page, "items") && JSON_NODE_HOLDS_ARRAY (json_object_get_member (page, "items"))
    ? json_object_get_array_member (page, "items") : NULL;
  if (more == NULL)
    return tool_fail (tool, TOOL_FAILED, "the answer has no list of items");
  for (guint i = 0; i < json_array_get_length (more); i++)
    if (JSON_NODE_HOLDS_OBJECT (json_array_get_element (more, i)))
      json_array_add_element (items, json_array_dup_element (more, i));
  *out_next = g_strdup (json_object_has_member (page, "next") && JSON_NODE_HOLDS_VALUE (json_object_get_member (page, "next"))
                        ? json_object_get_string_member_with_default (page, "next", NULL) : NULL);
  return TOOL_DONE;
}

int
tool_http_list (Tool        *tool,
                const char  *path,
                JsonArray  **out_items)
{
  g_autoptr (ToolUrl) url = NULL;
  g_autoptr (JsonArray) items = json_array_new ();
  g_autofree char *cursor = NULL;
  int code = TOOL_FAILED;
  g_autoptr (SoupSession) session = open_session (tool, &url, &code);

  if (session == NULL)
    return code;
  for (guint i = 0; i < MAX_PAGES; i++)
    {
      g_autofree char *escaped = cursor != NULL ? tool_http_escape (cursor, FALSE) : NULL;
      g_autofree char *path_and_query =
        g_strdup_printf ("%s%climit=%d%s%s", path, strchr (path, '?') != NULL ? '&' : '?', PAGE_LEN,
                         escaped != NULL ? "&cursor=" : "", escaped != NULL ? escaped : "");
      g_autoptr (GBytes) body = NULL;

      code = request (tool, url, session, "GET", path_and_query, NULL, &body);
      g_clear_pointer (&cursor, g_free);
      if (code == TOOL_DONE)
        code = take_page (tool, body, items, &cursor);
      if (code != TOOL_DONE)
        return code;
      if (cursor == NULL)
        {
          *out_items = g_steal_pointer (&items);
          return TOOL_DONE;
        }
    }
  return tool_fail (tool, TOOL_FAILED, "%s: the list does not end", path);
}

char *
tool_http_escape (const char *segment,
                  gboolean    keep_slashes)
{
  return g_uri_escape_string (segment, keep_slashes ? "/" : NULL, FALSE);
}
