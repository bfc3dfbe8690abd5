/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the bus is: --url, then --context, then HAWSER_URL, then the selected context, then what is found on this machine. A secret comes from a file
 * or a context that names a file, never from an argument or a URL, where others could read it. */

#include "tool-url.h"

#include <string.h>

#include "tool-contexts.h"

static const struct {
  const char *name;
  ToolScheme scheme;
  gboolean is_encrypted;
  guint16 port;
  gboolean is_websocket;
} schemes[] = {
  { "mqtt", TOOL_SCHEME_MQTT, FALSE, 1883 },
  { "mqtts", TOOL_SCHEME_MQTT, TRUE, 8883 },
  { "http", TOOL_SCHEME_HTTP, FALSE, 8080 },
  { "https", TOOL_SCHEME_HTTP, TRUE, 443 },
  { "ws", TOOL_SCHEME_MQTT, FALSE, 8080, TRUE },
  { "wss", TOOL_SCHEME_MQTT, TRUE, 443, TRUE },
};

void
tool_url_free (ToolUrl *self)
{
  if (self == NULL)
    return;
  g_free (self->text);
  g_free (self->host);
  g_free (self->path);
  g_free (self->query);
  g_free (self->user);
  g_free (self->password);
  g_free (self->token);
  g_clear_object (&self->certificate);
  g_free (self);
}

/* Errors: HAWSER_ERROR_INVALID. */
ToolUrl *
tool_url_parse (const char  *text,
                GError     **error)
{
  g_autoptr (ToolUrl) self = g_new0 (ToolUrl, 1);
  g_autoptr (GUri) uri = NULL;

  self->text = g_strdup (text);
  if (g_str_has_prefix (text, "unix:") || g_str_has_prefix (text, "mqtt+unix:"))
    {
      self->is_bare_unix = *text == 'u';
      self->scheme = self->is_bare_unix ? TOOL_SCHEME_HTTP : TOOL_SCHEME_MQTT;
      self->path = g_strdup (strchr (text, ':') + 1);
      if (self->path[0] != '\0')
        return g_steal_pointer (&self);
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "URL '%s': no path after unix:", text);
      return NULL;
    }
  uri = g_uri_parse (text, G_URI_FLAGS_HAS_PASSWORD, NULL);
  for (gsize i = 0; uri != NULL && i < G_N_ELEMENTS (schemes); i++)
    {
      if (strcmp (g_uri_get_scheme (uri), schemes[i].name) != 0)
        continue;
      if (g_uri_get_password (uri) != NULL)
        {
          g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                               "a password in the URL can be read by everybody on this machine: use --password-file");
          return NULL;
        }
      if (g_uri_get_host (uri) == NULL || g_uri_get_host (uri)[0] == '\0')
        break;
      self->scheme = schemes[i].scheme;
      self->is_encrypted = schemes[i].is_encrypted;
      self->host = g_strdup (g_uri_get_host (uri));
      self->port = (guint16) (g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : schemes[i].port);
      self->user = g_strdup (g_uri_get_user (uri));
      if (schemes[i].is_websocket)
        {
          const char *path = g_uri_get_path (uri);

          self->query = g_strconcat (path[0] == '\0' || strcmp (path, "/") == 0 ? "/mqtt" : path, g_uri_get_query (uri) != NULL ? "?" : NULL, g_uri_get_query (uri), NULL);
        }
      return g_steal_pointer (&self);
    }
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
               "URL '%s': want mqtt://HOST:PORT, mqtts:, ws:, wss:, http:, https:, unix:PATH or mqtt+unix:PATH", text);
  return NULL;
}

/* The admin socket of this machine's daemon, else of this user's; NULL: neither is there. */
static char *
find_admin_socket (void)
{
  g_autofree char *mine = g_build_filename (g_get_user_runtime_dir (), "hawser", "admin.sock", NULL);

  if (g_file_test ("/run/hawser/admin.sock", G_FILE_TEST_EXISTS))
    return g_strdup ("unix:/run/hawser/admin.sock");
  if (g_file_test (mine, G_FILE_TEST_EXISTS))
    return g_strdup_printf ("unix:%s", mine);
  return NULL;
}

static char *
choose_text (Tool           *tool,
             ToolUrlPurpose  purpose,
             int            *out_code)
{
  g_autofree char *from_context = NULL;
  const char *environment = g_getenv ("HAWSER_URL");
  char *found;

  if (tool->url != NULL && tool->context == NULL)
    return g_strdup (tool->url);
  /* What somebody said for this run beats what was selected for all runs. */
  if (tool->context == NULL && environment != NULL && environment[0] != '\0')
    return g_strdup (environment);
  if (!tool_contexts_apply (tool, &from_context, out_code))
    return NULL;
  if (tool->url != NULL)
    return g_strdup (tool->url);
  if (from_context != NULL)
    return g_steal_pointer (&from_context);
  if (purpose == TOOL_URL_MESSAGES)
    return g_strdup ("mqtt://127.0.0.1:1883");
  found = find_admin_socket ();
  return found != NULL ? found : g_strdup ("http://127.0.0.1:8080");
}

/* NULL: said so, and *out_code is the exit status. */
ToolUrl *
tool_url_resolve (Tool           *tool,
                  ToolUrlPurpose  purpose,
                  int            *out_code)
{
  g_autoptr (ToolUrl) self = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = choose_text (tool, purpose, out_code);
  const char *token_file;

  if (text == NULL)
    return NULL;
  self = tool_url_parse (text, &error);
  if (self == NULL)
    {
      *out_code = tool_fail (tool, TOOL_USAGE, "%s", error->message);
      return NULL;
    }
  if (purpose == TOOL_URL_ADMIN && self->scheme == TOOL_SCHEME_MQTT)
    {
      *out_code = tool_fail (tool, TOOL_USAGE, "%s: hawser %s asks over http:, https: or unix:, not over MQTT", self->text,
                             tool->program_verb);
      return NULL;
    }
  if (tool->user != NULL)
    {
      g_free (self->user);
      self->user = g_strdup (tool->user);
    }
  if (tool->password_file != NULL &&
      (self->password = tool_read_secret (tool, tool->password_file, out_code)) == NULL)
    return NULL;
  if (tool->certificate_file != NULL && self->is_encrypted)
    {
      self->certificate = g_tls_certificate_new_from_files (tool->certificate_file, tool->private_key_file != NULL ? tool->private_key_file : tool->certificate_file, &error);
      if (self->certificate == NULL)
        {
          *out_code = tool_fail (tool, TOOL_USAGE, "%s: %s", tool->certificate_file, error->message);
          return NULL;
        }
    }
  token_file = tool->token_file != NULL ? tool->token_file : g_getenv ("HAWSER_TOKEN_FILE");
  if (token_file != NULL && token_file[0] != '\0' &&
      (self->token = tool_read_secret (tool, token_file, out_code)) == NULL)
    return NULL;
  return g_steal_pointer (&self);
}
