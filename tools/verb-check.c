/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser check: one thing, one line, an exit status of its own (0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN), as plugins of Nagios have it. */

#include "tool-http.h"
#include "tool-table.h"

#include <stdlib.h>
#include <string.h>

typedef enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN } CheckState;

typedef struct {
  Tool *tool;
  CheckState state;
  GString *text;               /* what is wrong, the worst first */
  GString *figures;            /* behind the bar */
} Check;

static void
blame (Check      *self,
       CheckState  state,
       const char *format,
       ...) G_GNUC_PRINTF (3, 4);

static void
blame (Check      *self,
       CheckState  state,
       const char *format,
       ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (state > self->state)
    {
      self->state = state;
      g_string_prepend (self->text, self->text->len > 0 ? ", " : "");
      g_string_prepend (self->text, text);
    }
  else
    g_string_append_printf (self->text, "%s%s", self->text->len > 0 ? ", " : "", text);
}

static int
conclude (Check      *self,
          const char *fine)
{
  static const char * const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

  if (self->tool->is_json)
    {
      g_autoptr (JsonObject) object = json_object_new ();
      g_autoptr (JsonNode) root = NULL;

      json_object_set_string_member (object, "state", words[self->state]);
      json_object_set_string_member (object, "text", self->text->len > 0 ? self->text->str : fine);
      root = json_node_init_object (json_node_alloc (), object);
      tool_object_print (self->tool, root);
    }
  else
    g_print ("%s - %s%s%s\n", words[self->state], self->text->len > 0 ? self->text->str : fine, self->figures->len > 0 ? " | " : "", self->figures->str);
  g_string_free (self->text, TRUE);
  g_string_free (self->figures, TRUE);
  return (int) self->state;
}

static Check
begin (Tool *tool)
{
  return (Check) { tool, CHECK_OK, g_string_new (NULL), g_string_new (NULL) };
}

/* NULL: it is unknown, and why was said. */
static JsonArray *
fetch (Check      *self,
       const char *path)
{
  JsonArray *rows = NULL;

  if (tool_http_list (self->tool, path, &rows) != TOOL_DONE)
    blame (self, CHECK_UNKNOWN, "the daemon gave no answer");
  return rows;
}

static gint64
number_of (JsonObject *row,
           const char *name)
{
  return json_object_has_member (row, name) ? json_object_get_int_member_with_default (row, name, 0) : 0;
}

static const char *
text_of (JsonObject *row,
         const char *name)
{
  return json_object_has_member (row, name) ? json_object_get_string_member_with_default (row, name, "") : "";
}

static JsonObject *
find_row (JsonArray  *rows,
          const char *member,
          const char *name)
{
  for (guint i = 0; i < json_array_get_length (rows); i++)
    if (strcmp (text_of (json_array_get_object_element (rows, i), member), name) == 0)
      return json_array_get_object_element (rows, i);
  return NULL;
}

/* Options that have thresholds share their words. FALSE: the usage is wrong, which is UNKNOWN to who asked. */
static gboolean
parse (Tool       *tool,
       int        *argc,
       char     ***argv,
       const char *usage,
       const char *summary,
       int         max_args,
       gint64     *warning,
       gint64     *critical)
{
  const GOptionEntry entries[] = {
    { "warning", 0, 0, G_OPTION_ARG_INT64, warning, "From here on it is a WARNING", "N" },
    { "critical", 0, 0, G_OPTION_ARG_INT64, critical, "From here on it is CRITICAL", "N" },
    { NULL }
  };
  int code;

  return tool_parse (tool, argc, argv, warning != NULL ? entries : NULL, usage, summary,
                     "Prints one line. Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.", 0, max_args, &code);
}

static void
judge (Check      *self,
       const char *name,
       const char *what,
       gint64      value,
       gint64      warning,
       gint64      critical)
{
  if (value >= critical || value >= warning)
    blame (self, value >= critical ? CHECK_CRITICAL : CHECK_WARNING, "%s: %" G_GINT64_FORMAT " %s", name, value, what);
}

static int
check_listener (Tool  *tool,
                int    argc,
                char **argv)
{
  Check self = begin (tool);
  g_autoptr (JsonArray) rows = NULL;
  g_autofree char *fine = NULL;

  if (!parse (tool, &argc, &argv, "[NAME…]", "Whether listeners are open: those named, or any.", -1, NULL, NULL))
    blame (&self, CHECK_UNKNOWN, "wrong use");
  else if ((rows = fetch (&self, "/v1/admin/listeners")) != NULL)
    {
      for (int i = 1; i < argc; i++)
        if (find_row (rows, "name", argv[i]) == NULL)
          blame (&self, CHECK_CRITICAL, "%s is not open", argv[i]);
      if (json_array_get_length (rows) == 0)
        blame (&self, CHECK_CRITICAL, "none is open");
      if (!tool_http_probe (tool, "/readyz"))
        blame (&self, CHECK_CRITICAL, "the daemon is not ready");
      fine = g_strdup_printf ("%u open", json_array_get_length (rows));
      g_string_append_printf (self.figures, "listeners=%u", json_array_get_length (rows));
    }
  return conclude (&self, fine);
}

/* (transfer full): NULL: it is none, or nothing is in it. */
static JsonNode *
read_array (GBytes *body)
{
  g_autofree char *text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  g_autoptr (JsonNode) root = json_from_string (text, NULL);

  if (root == NULL || !JSON_NODE_HOLDS_ARRAY (root) || json_array_get_length (json_node_get_array (root)) == 0)
    return NULL;
  return g_steal_pointer (&root);
}

static int
check_topic (Tool  *tool,
             int    argc,
             char **argv)
{
  Check self = begin (tool);
  gint64 warning = G_MAXINT64, critical = G_MAXINT64;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *escaped = NULL, *path = NULL, *fine = NULL;

  if (!parse (tool, &argc, &argv, "NAME", "Whether a topic has a last value; --warning and --critical are its age in seconds.", 1, &warning, &critical) || argc < 2)
    {
      blame (&self, CHECK_UNKNOWN, "which topic?");
      return conclude (&self, NULL);
    }
  escaped = tool_http_escape (argv[1], FALSE);
  path = g_strdup_printf ("/v1/poll?filter=%s&wait=1s", escaped);
  if (tool_http_request (tool, "GET", path, NULL, &body) != TOOL_DONE)
    blame (&self, CHECK_UNKNOWN, "the daemon gave no answer");
  else if (g_bytes_get_size (body) == 0 || (root = read_array (body)) == NULL)
    blame (&self, CHECK_CRITICAL, "%s has no last value", argv[1]);
  else
    {
      JsonObject *event = json_array_get_object_element (json_node_get_array (root), 0);
      g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text_of (event, "time"), NULL);
      gint64 age = time != NULL ? MAX (0, g_get_real_time () / G_USEC_PER_SEC - g_date_time_to_unix (time)) : 0;

      judge (&self, argv[1], "s old", age, warning, critical);
      fine = g_strdup_printf ("%s is %" G_GINT64_FORMAT " s old", argv[1], age);
      g_string_append_printf (self.figures, "age=%" G_GINT64_FORMAT "s", age);
    }
  return conclude (&self, fine);
}

static int
check_sink (Tool  *tool,
            int    argc,
            char **argv)
{
  Check self = begin (tool);
  gint64 warning = 10000, critical = 1000000;
  g_autoptr (JsonArray) rows = NULL;
  g_autofree char *fine = NULL;

  if (!parse (tool, &argc, &argv, "[NAME…]", "Whether sinks write; --warning and --critical are messages that wait (10000, 1000000).", -1, &warning, &critical))
    blame (&self, CHECK_UNKNOWN, "wrong use");
  else if ((rows = fetch (&self, "/v1/admin/sinks")) != NULL)
    {
      for (int i = 1; i < argc; i++)
        if (find_row (rows, "name", argv[i]) == NULL)
          blame (&self, CHECK_CRITICAL, "%s is not there", argv[i]);
      for (guint i = 0; i < json_array_get_length (rows); i++)
        {
          JsonObject *row = json_array_get_object_element (rows, i);
          const char *name = text_of (row, "name"), *state = text_of (row, "state");

          if (argc > 1 && !g_strv_contains ((const char * const *) argv + 1, name))
            continue;
          if (strcmp (state, "failing") == 0)
            blame (&self, CHECK_CRITICAL, "%s fails: %s", name, text_of (row, "last_error"));
          else if (strcmp (state, "paused") == 0)
            blame (&self, CHECK_WARNING, "%s is paused", name);
          judge (&self, name, "messages wait", number_of (row, "n_queued"), warning, critical);
          g_string_append_printf (self.figures, "%s%s=%" G_GINT64_FORMAT, self.figures->len > 0 ? " " : "", name, number_of (row, "n_queued"));
        }
      fine = g_strdup_printf ("%u sinks write", argc > 1 ? (guint) argc - 1 : json_array_get_length (rows));
    }
  return conclude (&self, fine);
}

static int
check_twin (Tool  *tool,
            int    argc,
            char **argv)
{
  Check self = begin (tool);
  gint64 warning = 1, critical = G_MAXINT64;
  g_autoptr (JsonArray) rows = NULL;
  g_autofree char *fine = NULL;
  gint64 n_offline = 0;

  if (!parse (tool, &argc, &argv, "[ID…]", "Whether twins are online: each that is named, or how many of all are offline (--warning 1, --critical none).", -1, &warning, &critical))
    blame (&self, CHECK_UNKNOWN, "wrong use");
  else if ((rows = fetch (&self, "/v1/twins?fields=id,state")) != NULL)
    {
      for (int i = 1; i < argc; i++)
        {
          JsonObject *row = find_row (rows, "id", argv[i]);
          const char *state = row != NULL ? text_of (row, "state") : "unknown";

          if (strcmp (state, "online") != 0)
            blame (&self, strcmp (state, "stale") == 0 ? CHECK_WARNING : CHECK_CRITICAL, "%s is %s", argv[i], state);
        }
      for (guint i = 0; i < json_array_get_length (rows); i++)
        n_offline += strcmp (text_of (json_array_get_object_element (rows, i), "state"), "offline") == 0;
      if (argc == 1)
        judge (&self, "twins", "offline", n_offline, warning, critical);
      fine = argc > 1 ? g_strdup ("online") : g_strdup_printf ("%u twins, %" G_GINT64_FORMAT " offline", json_array_get_length (rows), n_offline);
      g_string_append_printf (self.figures, "offline=%" G_GINT64_FORMAT, n_offline);
    }
  return conclude (&self, fine);
}

static int
check_lag (Tool  *tool,
           int    argc,
           char **argv)
{
  Check self = begin (tool);
  gint64 warning = 1000, critical = 100000, most = 0;
  g_autoptr (JsonArray) rows = NULL;
  g_autofree char *fine = NULL;

  if (!parse (tool, &argc, &argv, "", "How far subscriptions are behind; --warning and --critical are messages that wait (1000, 100000).", 0, &warning, &critical))
    blame (&self, CHECK_UNKNOWN, "wrong use");
  else if ((rows = fetch (&self, "/v1/admin/subscriptions")) != NULL)
    {
      for (guint i = 0; i < json_array_get_length (rows); i++)
        {
          JsonObject *row = json_array_get_object_element (rows, i);

          most = MAX (most, number_of (row, "n_queued"));
          judge (&self, text_of (row, "id"), "messages wait", number_of (row, "n_queued"), warning, critical);
        }
      fine = g_strdup_printf ("%u subscriptions, at most %" G_GINT64_FORMAT " messages behind", json_array_get_length (rows), most);
      g_string_append_printf (self.figures, "lag=%" G_GINT64_FORMAT, most);
    }
  return conclude (&self, fine);
}

/* ---- Certificates ---- */

/* It is looked at, not trusted: an expired one is what we look for. */
static gboolean
accept_any (GTlsConnection       *connection,
            GTlsCertificate      *certificate,
            GTlsCertificateFlags  errors,
            gpointer              data)
{
  return TRUE;
}

static void
on_client_event (GSocketClient      *client,
                 GSocketClientEvent  event,
                 GSocketConnectable *connectable,
                 GIOStream          *stream,
                 gpointer            data)
{
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_signal_connect (stream, "accept-certificate", G_CALLBACK (accept_any), NULL);
}

/* When it ends, NULL: *error. */
static GDateTime *
ask_expiry (Tool        *tool,
            const char  *host_and_port,
            GError     **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  GIOStream *tls;
  GTlsCertificate *certificate;
  GDateTime *end = NULL;

  g_socket_client_set_timeout (client, tool->timeout_us > 0 ? (guint) MAX (1, tool->timeout_us / G_USEC_PER_SEC) : 10);
  g_socket_client_set_tls (client, TRUE);
  g_signal_connect (client, "event", G_CALLBACK (on_client_event), NULL);
  connection = g_socket_client_connect_to_host (client, host_and_port, 8883, NULL, error);
  if (connection == NULL)
    return NULL;
  tls = g_tcp_wrapper_connection_get_base_io_stream (G_TCP_WRAPPER_CONNECTION (connection));
  certificate = g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (tls));
  if (certificate != NULL)
    end = g_tls_certificate_get_not_valid_after (certificate);
  if (end == NULL)
    g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "it shows no certificate");
  return end;
}

static int
check_cert (Tool  *tool,
            int    argc,
            char **argv)
{
  Check self = begin (tool);
  gint64 warning = 21, critical = 7;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDateTime) end = NULL, now = g_date_time_new_now_utc ();
  g_autofree char *fine = NULL;

  if (!parse (tool, &argc, &argv, "HOST:PORT", "How long a listener's certificate is still good; --warning and --critical are days (21, 7).", 1, &warning, &critical) || argc < 2)
    blame (&self, CHECK_UNKNOWN, "which listener? Such as: hawser check cert localhost:8883");
  else if ((end = ask_expiry (tool, argv[1], &error)) == NULL)
    blame (&self, CHECK_UNKNOWN, "%s: %s", argv[1], error->message);
  else
    {
      gint64 days = g_date_time_difference (end, now) / G_TIME_SPAN_DAY;

      if (g_date_time_compare (end, now) <= 0)
        blame (&self, CHECK_CRITICAL, "%s: the certificate has expired", argv[1]);
      else if (days < critical || days < warning)
        blame (&self, days < critical ? CHECK_CRITICAL : CHECK_WARNING, "%s: %" G_GINT64_FORMAT " days left", argv[1], days);
      fine = g_strdup_printf ("%s: %" G_GINT64_FORMAT " days left", argv[1], days);
      g_string_append_printf (self.figures, "days=%" G_GINT64_FORMAT, days);
    }
  return conclude (&self, fine);
}

int
tool_verb_check (Tool  *tool,
                 int    argc,
                 char **argv)
{
  static const ToolVerb verbs[] = {
    { "listener", NULL, "[NAME…]", "Whether listeners are open", check_listener },
    { "topic", NULL, "NAME", "Whether a topic has a last value, and how old it is", check_topic },
    { "sink", NULL, "[NAME…]", "Whether sinks write", check_sink },
    { "twin", NULL, "[ID…]", "Whether twins are online", check_twin },
    { "cert", NULL, "HOST:PORT", "How long a certificate is still good", check_cert },
    { "lag", NULL, "", "How far subscriptions are behind", check_lag },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
