/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser sink: what an operator does with a sink of a running daemon. */

#include "tool-http.h"

static int
redrive (Tool  *tool,
         int    argc,
         char **argv)
{
  g_autofree char *escaped = NULL, *path = NULL, *text = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Has the messages that a sink gave up written again, and prints how many there are.",
                   "NAME is that of a [subscription NAME] group with a dead-letter topic. What the sink gives up once more is "
                   "kept for the next time.", 1, 1, &code))
    return code;
  escaped = tool_http_escape (argv[1], FALSE);
  path = g_strdup_printf ("/v1/admin/sinks/%s/redrive", escaped);
  code = tool_http_request (tool, "POST", path, "", &body);
  if (code != TOOL_DONE)
    return code;
  text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  root = json_from_string (text, NULL);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return TOOL_FAILED;
  g_print ("%" G_GINT64_FORMAT "\n", json_object_get_int_member_with_default (json_node_get_object (root), "redriven", 0));
  return TOOL_DONE;
}

int
tool_verb_sink (Tool  *tool,
                int    argc,
                char **argv)
{
  static const ToolVerb verbs[] = {
    { "redrive", NULL, "NAME", "Has the messages that a sink gave up written again", redrive },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
