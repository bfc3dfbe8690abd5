/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser subs, conn, listener, bridge: what the daemon lists under /v1/admin. */

#include "tool-http.h"
#include "tool-table.h"

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
show_subscription (Tool  *tool,
                   int    argc,
                   char **argv)
{
  g_autofree char *id = NULL, *path = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "ID", "Shows one subscription.", NULL, 1, 1, &code))
    return code;
  id = tool_http_escape (argv[1], TRUE);
  path = g_strdup_printf ("/v1/admin/subscriptions/%s", id);
  code = tool_http_get_json (tool, path, &root);
  return code == TOOL_DONE ? tool_object_print (tool, root) : code;
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
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}

int
tool_verb_conn (Tool  *tool,
                int    argc,
                char **argv)
{
  static const ToolVerb verbs[] = { { "list", NULL, "", "Lists who is connected", list_connections } };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}

int
tool_verb_listener (Tool  *tool,
                    int    argc,
                    char **argv)
{
  static const ToolVerb verbs[] = { { "list", NULL, "", "Lists where peers connect", list_listeners } };

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
