/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser subs, conn, listener, bridge: what the daemon lists under /v1/admin, and what an operator does with one of them. */

#include "tool-http.h"
#include "tool-table.h"

#include <string.h>

static const ToolColumn subscription_columns[] = {
  { "ID", "id", FALSE },
  { "FILTER", "filter", FALSE },
  { "DURABLE", "durable", FALSE },
  { "RECEIVER", "receiver", FALSE },
  { "QUEUED", "n_queued", TRUE },
  { "DELIVERED", "n_delivered", TRUE },
  { "DROPPED", "n_dropped", TRUE },
};

static const ToolColumn connection_columns[] = {
  { "ID", "id", TRUE },
  { "PROTOCOL", "protocol", FALSE },
  { "CLIENT", "client_id", FALSE },
  { "PRINCIPAL", "principal", FALSE },
  { "ADDRESS", "address", FALSE },
  { "LISTENER", "listener", FALSE },
};

static const ToolColumn listener_columns[] = {
  { "NAME", "name", FALSE },
  { "PROTOCOL", "protocol", FALSE },
  { "ADDRESS", "address", FALSE },
  { "CONNECTIONS", "n_connections", TRUE },
};

static const ToolColumn bridge_columns[] = {
  { "NAME", "name", FALSE },
  { "STATE", "state", FALSE },
  { "ADDRESS", "address", FALSE },
  { "QUEUED", "n_queued", TRUE },
  { "SENT", "n_sent", TRUE },
  { "RECEIVED", "n_received", TRUE },
  { "LAST ERROR", "last_error", FALSE },
};

static int
list (Tool             *tool,
      int               argc,
      char            **argv,
      const char       *path,
      const ToolColumn *columns,
      guint             n_columns,
      const char       *summary)
{
  g_autoptr (JsonArray) rows = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", summary, NULL, 0, 0, &code))
    return code;
  code = tool_http_list (tool, path, &rows);
  return code == TOOL_DONE ? tool_table_print (tool, columns, n_columns, rows) : code;
}

static int
list_subscriptions (Tool  *tool,
                    int    argc,
                    char **argv)
{
  return list (tool, argc, argv, "/v1/admin/subscriptions", subscription_columns, G_N_ELEMENTS (subscription_columns),
               "Lists the subscriptions, durable and ephemeral.");
}

static int
show (Tool       *tool,
      int         argc,
      char      **argv,
      const char *folder,
      const char *usage,
      const char *summary)
{
  g_autofree char *id = NULL, *path = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, usage, summary, NULL, 1, 1, &code))
    return code;
  id = tool_http_escape (argv[1], TRUE);
  path = g_strdup_printf ("/v1/admin/%s/%s", folder, id);
  code = tool_http_get_json (tool, path, &root);
  return code == TOOL_DONE ? tool_object_print (tool, root) : code;
}

/* The same request for each operand; in part done is a status of its own. */
static int
ask_each (Tool       *tool,
          int         argc,
          char      **argv,
          const char *method,
          const char *folder,
          const char *suffix)
{
  int n_done = 0, first = TOOL_DONE;

  for (int i = 1; i < argc; i++)
    {
      g_autofree char *id = tool_http_escape (argv[i], TRUE);
      g_autofree char *path = g_strdup_printf ("/v1/admin/%s/%s%s", folder, id, suffix);
      int code = tool_http_request (tool, method, path, strcmp (method, "POST") == 0 ? "" : NULL, NULL);

      n_done += code == TOOL_DONE;
      if (first == TOOL_DONE)
        first = code;
    }
  return first != TOOL_DONE && n_done > 0 ? TOOL_PARTLY : first;
}

static int
show_subscription (Tool  *tool,
                   int    argc,
                   char **argv)
{
  return show (tool, argc, argv, "subscriptions", "ID", "Shows one subscription.");
}

static int
add_subscription (Tool  *tool,
                  int    argc,
                  char **argv)
{
  g_autoptr (JsonObject) wanted = json_object_new ();
  g_autofree char *id = NULL, *path = NULL, *body = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "ID FILTER [KEY=VALUE…]", "Makes a durable subscription, or changes its terms.",
                   "Keys: identity, qos, description, expires, attribute-filter, not-me, ttl, spool-rate, max-queued, max-queued-bytes, max-age,\n"
                   "on-overflow. Such as:\n  hawser subs add desk 'alert/#' identity=desk-1 max-queued=1000 ttl=1h", 2, -1, &code))
    return code;
  json_object_set_string_member (wanted, "filter", argv[2]);
  for (int i = 3; i < argc; i++)
    if (!tool_object_set (wanted, argv[i]))
      return tool_fail (tool, TOOL_USAGE, "'%s': want KEY=VALUE", argv[i]);
  root = json_node_init_object (json_node_alloc (), wanted);
  body = json_to_string (root, FALSE);
  id = tool_http_escape (argv[1], TRUE);
  path = g_strdup_printf ("/v1/admin/subscriptions/%s", id);
  code = tool_http_request (tool, "PUT", path, body, NULL);
  if (code == TOOL_DONE)
    tool_note (tool, "subscription %s is there", argv[1]);
  return code;
}

static int
remove_subscription (Tool  *tool,
                     int    argc,
                     char **argv)
{
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "ID…", "Ends durable subscriptions, with what they hold.", NULL, 1, -1, &code))
    return code;
  return ask_each (tool, argc, argv, "DELETE", "subscriptions", "");
}

static int
pause_subscription (Tool  *tool,
                    int    argc,
                    char **argv)
{
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME…", "No write of the sink begins until it is resumed; messages wait.", NULL, 1, -1, &code))
    return code;
  return ask_each (tool, argc, argv, "POST", "sinks", "/pause");
}

static int
resume_subscription (Tool  *tool,
                     int    argc,
                     char **argv)
{
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME…", "Ends a pause; what waits for a retry is tried at once.", NULL, 1, -1, &code))
    return code;
  return ask_each (tool, argc, argv, "POST", "sinks", "/resume");
}

static int
show_connection (Tool  *tool,
                 int    argc,
                 char **argv)
{
  return show (tool, argc, argv, "connections", "ID", "Shows one connection.");
}

static int
kick (Tool  *tool,
      int    argc,
      char **argv)
{
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "ID…", "Closes connections. Who was sent away may connect again: see hawser ban.", "ID is that of hawser conn list.", 1, -1, &code))
    return code;
  return ask_each (tool, argc, argv, "DELETE", "connections", "");
}

static int
list_connections (Tool  *tool,
                  int    argc,
                  char **argv)
{
  return list (tool, argc, argv, "/v1/admin/connections", connection_columns, G_N_ELEMENTS (connection_columns),
               "Lists who is connected.");
}

static int
list_listeners (Tool  *tool,
                int    argc,
                char **argv)
{
  return list (tool, argc, argv, "/v1/admin/listeners", listener_columns, G_N_ELEMENTS (listener_columns),
               "Lists where peers connect.");
}

/* The list is short: one is found in it. */
static int
show_listener (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autoptr (JsonArray) rows = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Shows one listener.", NULL, 1, 1, &code))
    return code;
  code = tool_http_list (tool, "/v1/admin/listeners", &rows);
  for (guint i = 0; code == TOOL_DONE && i < json_array_get_length (rows); i++)
    if (g_strcmp0 (json_object_get_string_member_with_default (json_array_get_object_element (rows, i), "name", NULL), argv[1]) == 0)
      return tool_object_print (tool, json_array_get_element (rows, i));
  return code == TOOL_DONE ? tool_fail (tool, TOOL_NOT_FOUND, "there is no listener '%s'", argv[1]) : code;
}

static int
list_bridges (Tool  *tool,
              int    argc,
              char **argv)
{
  return list (tool, argc, argv, "/v1/admin/bridges", bridge_columns, G_N_ELEMENTS (bridge_columns),
               "Lists the bridges to other brokers, and how they fare.");
}

int
tool_verb_subs (Tool  *tool,
                int    argc,
                char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists the subscriptions, durable and ephemeral", list_subscriptions },
    { "show", NULL, "ID", "Shows one subscription", show_subscription },
    { "add", NULL, "ID FILTER [KEY=VALUE…]", "Makes a durable subscription, or changes its terms", add_subscription },
    { "remove", NULL, "ID…", "Ends durable subscriptions", remove_subscription },
    { "pause", NULL, "NAME…", "No write of the sink begins until it is resumed", pause_subscription },
    { "resume", NULL, "NAME…", "Ends a pause", resume_subscription },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}

int
tool_verb_conn (Tool  *tool,
                int    argc,
                char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists who is connected", list_connections },
    { "show", NULL, "ID", "Shows one connection", show_connection },
    { "kick", NULL, "ID…", "Closes connections", kick },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}

int
tool_verb_listener (Tool  *tool,
                    int    argc,
                    char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists where peers connect", list_listeners },
    { "show", NULL, "NAME", "Shows one listener", show_listener },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}

int
tool_verb_bridge (Tool  *tool,
                  int    argc,
                  char **argv)
{
  static const ToolVerb verbs[] = { { "list", NULL, "", "Lists the bridges to other brokers", list_bridges } };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
