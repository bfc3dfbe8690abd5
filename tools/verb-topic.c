/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser topic list|show|add|remove|purge. */

#include "tool-http.h"
#include "tool-table.h"

#include <string.h>

static const ToolColumn columns[] = {
  { "NAME", "name", FALSE },
  { "DECLARED", "declared", FALSE },
  { "RETAINED", "retained_value", FALSE },
  { "PUBLISHED", "n_published", TRUE },
};

static char *
topic_path (const char *name)
{
  g_autofree char *escaped = tool_http_escape (name, TRUE);

  return g_strdup_printf ("/v1/admin/topics/%s", escaped);
}

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (JsonArray) rows = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Lists the topics.", NULL, 0, 0, &code))
    return code;
  code = tool_http_list (tool, "/v1/admin/topics", &rows);
  return code == TOOL_DONE ? tool_table_print (tool, columns, G_N_ELEMENTS (columns), rows) : code;
}

static int
show (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (JsonNode) root = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME", "Shows the metadata of one topic.", NULL, 1, 1, &code))
    return code;
  path = topic_path (argv[1]);
  code = tool_http_get_json (tool, path, &root);
  return code == TOOL_DONE ? tool_object_print (tool, root) : code;
}

static int
add (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autoptr (JsonObject) wanted = json_object_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *path = NULL, *body = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME [KEY=VALUE…]", "Makes a topic, or changes the metadata of one.",
                   "Keys are those of a [topic] group: see hawser.conf(5).", 1, -1, &code))
    return code;
  for (int i = 2; i < argc; i++)
    if (!tool_object_set (wanted, argv[i]))
      return tool_fail (tool, TOOL_USAGE, "'%s': want KEY=VALUE", argv[i]);
  root = json_node_init_object (json_node_alloc (), wanted);
  body = json_to_string (root, FALSE);
  path = topic_path (argv[1]);
  code = tool_http_request (tool, "PUT", path, body, NULL);
  if (code == TOOL_DONE)
    tool_note (tool, "topic %s is there", argv[1]);
  return code;
}

static int
remove_topic (Tool  *tool,
              int    argc,
              char **argv)
{
  int n_removed = 0, first = TOOL_DONE, code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME…", "Removes topics; their subscriptions end.", NULL, 1, -1, &code))
    return code;
  for (int i = 1; i < argc; i++)
    {
      g_autofree char *path = topic_path (argv[i]);

      code = tool_http_request (tool, "DELETE", path, NULL, NULL);
      n_removed += code == TOOL_DONE;
      if (first == TOOL_DONE)
        first = code;
    }
  return first != TOOL_DONE && n_removed > 0 ? TOOL_PARTLY : first;
}

static int
purge (Tool  *tool,
       int    argc,
       char **argv)
{
  int n_purged = 0, first = TOOL_DONE, code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME…", "Forgets the last values of topics; the topics stay.", NULL, 1, -1, &code))
    return code;
  for (int i = 1; i < argc; i++)
    {
      g_autofree char *escaped = tool_http_escape (argv[i], TRUE);
      g_autofree char *path = g_strdup_printf ("/v1/topics/%s", escaped);

      code = tool_http_request (tool, "DELETE", path, NULL, NULL);
      n_purged += code == TOOL_DONE;
      if (first == TOOL_DONE)
        first = code;
    }
  return first != TOOL_DONE && n_purged > 0 ? TOOL_PARTLY : first;
}

int
tool_verb_topic (Tool  *tool,
                 int    argc,
                 char **argv)
{
  static const ToolVerb verbs[] = {
    { "list", NULL, "", "Lists the topics", list },
    { "show", NULL, "NAME", "Shows the metadata of one topic", show },
    { "add", NULL, "NAME [KEY=VALUE…]", "Makes a topic, or changes the metadata of one", add },
    { "remove", NULL, "NAME…", "Removes topics", remove_topic },
    { "purge", NULL, "NAME…", "Forgets the last values of topics", purge },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
