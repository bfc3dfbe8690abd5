/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser topic list|show|add|remove. */

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

/* KEY=VALUE as a JSON member: the same word with `_`; numbers and truth values as such, the rest as text. */
static gboolean
add_member (JsonBuilder *builder,
            const char  *setting)
{
  const char *equals = strchr (setting, '=');
  g_autofree char *key = NULL;
  const char *value;
  gint64 number = 0;

  if (equals == NULL || equals == setting)
    return FALSE;
  key = g_strndup (setting, (gsize) (equals - setting));
  value = equals + 1;
  g_strdelimit (key, "-", '_');
  json_builder_set_member_name (builder, key);
  if (strcmp (value, "true") == 0 || strcmp (value, "false") == 0)
    json_builder_add_boolean_value (builder, value[0] == 't');
  else if (value[0] != '\0' && strspn (value, "0123456789") == strlen (value) &&
           g_ascii_string_to_signed (value, 10, 0, G_MAXINT64, &number, NULL))
    json_builder_add_int_value (builder, number);
  else
    json_builder_add_string_value (builder, value);
  return TRUE;
}

static int
add (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *path = NULL, *body = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME [KEY=VALUE…]", "Makes a topic, or changes the metadata of one.",
                   "Keys are those of a [topic] group: see hawser.conf(5).", 1, -1, &code))
    return code;
  json_builder_begin_object (builder);
  for (int i = 2; i < argc; i++)
    if (!add_member (builder, argv[i]))
      return tool_fail (tool, TOOL_USAGE, "'%s': want KEY=VALUE", argv[i]);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
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
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
