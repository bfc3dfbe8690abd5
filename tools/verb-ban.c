/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser ban: who may not connect to a running daemon for a while. */

#include "tool-http.h"
#include "tool-table.h"

static const ToolColumn columns[] = {
  { "NAME", "name", FALSE },
  { "SECONDS LEFT", "seconds-left", TRUE },
};

#define NAMES "NAME is an IP address, client:ID or principal:NAME."

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (JsonArray) rows = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Lists the addresses, client ids and principals that may not connect, and for how long.", NULL, 0, 0, &code))
    return code;
  code = tool_http_list (tool, "/v1/admin/bans", &rows);
  return code == TOOL_DONE ? tool_table_print (tool, columns, G_N_ELEMENTS (columns), rows) : code;
}

static int
add (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autofree char *duration = NULL, *escaped = NULL, *escaped_duration = NULL, *path = NULL;
  const GOptionEntry entries[] = {
    { "duration", 'd', 0, G_OPTION_ARG_STRING, &duration, "For how long, such as 30s, 1h or 7d; default 10min", "TIME" },
    { NULL },
  };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "NAME", "Lets nobody of that name connect for a while.",
                   NAMES " Who is connected as that client or principal is closed, who comes from that address is not. A ban that is there already is replaced.", 1, 1, &code))
    return code;
  escaped = tool_http_escape (argv[1], FALSE);
  escaped_duration = tool_http_escape (duration != NULL ? duration : "10min", FALSE);
  path = g_strdup_printf ("/v1/admin/bans/%s?duration=%s", escaped, escaped_duration);
  return tool_http_request (tool, "PUT", path, "", NULL);
}

static int
remove_ban (Tool  *tool,
            int    argc,
            char **argv)
{
  g_autofree char *escaped = NULL, *path = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Lets who is of that name connect again.", NAMES, 1, 1, &code))
    return code;
  escaped = tool_http_escape (argv[1], FALSE);
  path = g_strdup_printf ("/v1/admin/bans/%s", escaped);
  return tool_http_request (tool, "DELETE", path, NULL, NULL);
}

int
tool_verb_ban (Tool  *tool,
               int    argc,
               char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists who may not connect, and for how long", list },
    { "add", NULL, "NAME", "Lets nobody of that name connect for a while", add },
    { "remove", NULL, "NAME", "Lets who is of that name connect again", remove_ban },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
