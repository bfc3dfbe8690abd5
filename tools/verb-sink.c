/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser sink: what an operator sees of the sinks of a running daemon, and does with one. */

#include "tool-http.h"
#include "tool-table.h"

static const ToolColumn columns[] = {
  { "NAME", "name", FALSE },
  { "STATE", "state", FALSE },
  { "BREAKER", "breaker", FALSE },
  { "QUEUED", "n_queued", TRUE },
  { "OLDEST MS", "oldest_ms", TRUE },
  { "WRITTEN", "n_written", TRUE },
  { "DEAD", "n_dead_letters", TRUE },
  { "LAST ERROR", "last_error", FALSE },
};

#define NAMES "NAME is that of a [subscription NAME] group with a type. "

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (JsonArray) rows = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Lists the sinks: what each does, how much waits for it and for how long, what failed last.", NULL, 0, 0, &code))
    return code;
  code = tool_http_list (tool, "/v1/admin/sinks", &rows);
  return code == TOOL_DONE ? tool_table_print (tool, columns, G_N_ELEMENTS (columns), rows) : code;
}

static int
show (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autofree char *escaped = NULL, *path = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Shows one sink.", NAMES, 1, 1, &code))
    return code;
  escaped = tool_http_escape (argv[1], FALSE);
  path = g_strdup_printf ("/v1/admin/sinks/%s", escaped);
  code = tool_http_get_json (tool, path, &root);
  return code == TOOL_DONE ? tool_object_print (tool, root) : code;
}

/* The answer to POST, an object; TOOL_DONE and NULL: it was none. */
static int
post (Tool        *tool,
      const char  *name,
      const char  *action,
      JsonNode   **out_root)
{
  g_autofree char *escaped = tool_http_escape (name, FALSE);
  g_autofree char *path = g_strdup_printf ("/v1/admin/sinks/%s/%s", escaped, action);
  g_autofree char *text = NULL;
  g_autoptr (GBytes) body = NULL;
  int code = tool_http_request (tool, "POST", path, "", &body);

  if (code != TOOL_DONE)
    return code;
  if (g_bytes_get_size (body) == 0)
    return TOOL_DONE;
  text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  *out_root = json_from_string (text, NULL);
  if (*out_root != NULL && !JSON_NODE_HOLDS_OBJECT (*out_root))
    g_clear_pointer (out_root, json_node_unref);
  return TOOL_DONE;
}

static int
test (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Sends one probe to the destination of a sink and prints what it answers.",
                   NAMES "The probe is a message of topic hawser/sink-test with the payload {\"test\":true}; it passes everything that waits. "
                   "Exit status: 0 only if it was taken.", 1, 1, &code))
    return code;
  code = post (tool, argv[1], "test", &root);
  if (code != TOOL_DONE || root == NULL)
    return code != TOOL_DONE ? code : TOOL_FAILED;
  if (tool->is_json)
    return tool_object_print (tool, root);
  g_print ("%s\n", json_object_get_string_member_with_default (json_node_get_object (root), "answer", ""));
  return TOOL_DONE;
}

static int
pause_sink (Tool  *tool,
            int    argc,
            char **argv)
{
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Lets a sink begin no further write; its messages wait.", NAMES "It lasts until resume, or a restart.", 1, 1, &code))
    return code;
  return post (tool, argv[1], "pause", &root);
}

static int
resume (Tool  *tool,
        int    argc,
        char **argv)
{
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Lets a sink write again, without waiting for the next retry.", NAMES, 1, 1, &code))
    return code;
  return post (tool, argv[1], "resume", &root);
}

static int
flush (Tool  *tool,
       int    argc,
       char **argv)
{
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Has a sink write now what waits for more messages to make a batch.", NAMES, 1, 1, &code))
    return code;
  return post (tool, argv[1], "flush", &root);
}

static int
redrive (Tool  *tool,
         int    argc,
         char **argv)
{
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Has the messages that a sink gave up written again, and prints how many there are.",
                   "NAME is that of a [subscription NAME] group with a dead-letter topic. What the sink gives up once more is "
                   "kept for the next time.", 1, 1, &code))
    return code;
  code = post (tool, argv[1], "redrive", &root);
  if (code != TOOL_DONE || root == NULL)
    return code != TOOL_DONE ? code : TOOL_FAILED;
  g_print ("%" G_GINT64_FORMAT "\n", json_object_get_int_member_with_default (json_node_get_object (root), "redriven", 0));
  return TOOL_DONE;
}

int
tool_verb_sink (Tool  *tool,
                int    argc,
                char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists the sinks, and how they fare", list },
    { "show", NULL, "NAME", "Shows one sink", show },
    { "test", NULL, "NAME", "Sends one probe and prints the answer", test },
    { "pause", NULL, "NAME", "Lets a sink begin no further write", pause_sink },
    { "resume", NULL, "NAME", "Lets it write again", resume },
    { "flush", NULL, "NAME", "Writes now what waits for more messages", flush },
    { "redrive", NULL, "NAME", "Has the messages that a sink gave up written again", redrive },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
