/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser reload: what SIGHUP does, and what came of it. */

#include "tool-http.h"

int
tool_verb_reload (Tool  *tool,
                  int    argc,
                  char **argv)
{
  g_autoptr (GBytes) body = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;
  JsonArray *cold;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Has a running daemon read its configuration again.",
                   "As SIGHUP does. A configuration with a mistake changes nothing, and the mistake is said. What changed and takes "
                   "effect with the next start only is printed, a line each.", 0, 0, &code))
    return code;
  code = tool_http_request (tool, "POST", "/v1/admin/reload", "", &body);
  if (code != TOOL_DONE)
    return code;
  text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  root = json_from_string (text, NULL);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root) || !json_object_has_member (json_node_get_object (root), "next-start"))
    return TOOL_FAILED;
  if (tool->is_json)
    {
      g_print ("%s\n", text);
      return TOOL_DONE;
    }
  cold = json_object_get_array_member (json_node_get_object (root), "next-start");
  for (guint i = 0; i < json_array_get_length (cold); i++)
    g_print ("%s takes effect with the next start\n", json_array_get_string_element (cold, i));
  return TOOL_DONE;
}
