/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser context add|list|select|show|remove: connections with a name. */

#include "tool-contexts.h"
#include "tool-table.h"
#include "tool-url.h"

#include <string.h>

static const struct {
  const char *key;
  gsize offset;
} fields[] = {
  { "url", G_STRUCT_OFFSET (Tool, url) },
  { "user", G_STRUCT_OFFSET (Tool, user) },
  { "password-file", G_STRUCT_OFFSET (Tool, password_file) },
  { "token-file", G_STRUCT_OFFSET (Tool, token_file) },
  { "ca-file", G_STRUCT_OFFSET (Tool, ca_file) },
  { "certificate-file", G_STRUCT_OFFSET (Tool, certificate_file) },
  { "private-key-file", G_STRUCT_OFFSET (Tool, private_key_file) },
};

static const ToolColumn columns[] = {
  { "NAME", "name", FALSE },
  { "SELECTED", "selected", FALSE },
  { "URL", "url", FALSE },
  { "USER", "user", FALSE },
};

static gboolean
is_name (const char *name)
{
  return name[0] != '\0' && strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen (name);
}

static JsonObject *
describe (GKeyFile   *contexts,
          const char *name,
          const char *selected)
{
  g_autofree char *group = g_strdup_printf ("context %s", name);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "name", name);
  json_object_set_boolean_member (object, "selected", g_strcmp0 (name, selected) == 0);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autofree char *value = g_key_file_get_string (contexts, group, fields[i].key, NULL);

      if (value != NULL)
        json_object_set_string_member (object, fields[i].key, value);
    }
  return object;
}

static int
add (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autoptr (GKeyFile) contexts = NULL;
  g_autoptr (ToolUrl) url = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *group = NULL, *selected = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "NAME --url URL", "Saves a connection.",
                   "Saved are --url, --user and the --*-file options: the names of files with secrets, never secrets.", 1, 1, &code))
    return code;
  if (!is_name (argv[1]))
    return tool_fail (tool, TOOL_USAGE, "context '%s': letters, digits, '.', '_' and '-' only", argv[1]);
  if (tool->url == NULL)
    return tool_fail (tool, TOOL_USAGE, "context add wants --url");
  url = tool_url_parse (tool->url, &error);
  if (url == NULL)
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);
  contexts = tool_contexts_load (tool, &code);
  if (contexts == NULL)
    return code;
  group = g_strdup_printf ("context %s", argv[1]);
  g_key_file_remove_group (contexts, group, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      const char *value = G_STRUCT_MEMBER (char *, tool, fields[i].offset);

      if (value != NULL)
        g_key_file_set_string (contexts, group, fields[i].key, value);
    }
  selected = g_key_file_get_string (contexts, "contexts", "selected", NULL);
  if (selected == NULL)
    g_key_file_set_string (contexts, "contexts", "selected", argv[1]);
  return tool_contexts_save (tool, contexts, &code) ? TOOL_DONE : code;
}

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (GKeyFile) contexts = NULL;
  g_autoptr (JsonArray) rows = json_array_new ();
  g_auto (GStrv) groups = NULL;
  g_autofree char *selected = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Lists the saved connections.", NULL, 0, 0, &code))
    return code;
  contexts = tool_contexts_load (tool, &code);
  if (contexts == NULL)
    return code;
  selected = tool_contexts_dup_selected (contexts);
  groups = g_key_file_get_groups (contexts, NULL);
  for (guint i = 0; groups[i] != NULL; i++)
    if (g_str_has_prefix (groups[i], "context "))
      json_array_add_object_element (rows, describe (contexts, groups[i] + strlen ("context "), selected));
  return tool_table_print (tool, columns, G_N_ELEMENTS (columns), rows);
}

/* The contexts with @argv[1] among them; NULL: it is not there. */
static GKeyFile *
find (Tool  *tool,
      int   *argc,
      char ***argv,
      const char *summary,
      int   *out_code)
{
  g_autoptr (GKeyFile) contexts = NULL;
  g_autofree char *group = NULL;

  if (!tool_parse (tool, argc, argv, NULL, "NAME", summary, NULL, 1, 1, out_code) ||
      (contexts = tool_contexts_load (tool, out_code)) == NULL)
    return NULL;
  group = g_strdup_printf ("context %s", (*argv)[1]);
  if (g_key_file_has_group (contexts, group))
    return g_steal_pointer (&contexts);
  *out_code = tool_fail (tool, TOOL_NOT_FOUND, "there is no context '%s'", (*argv)[1]);
  return NULL;
}

static int
select_context (Tool  *tool,
                int    argc,
                char **argv)
{
  int code = TOOL_DONE;
  g_autoptr (GKeyFile) contexts = find (tool, &argc, &argv, "Makes it the one that is used without --context.", &code);

  if (contexts == NULL)
    return code;
  g_key_file_set_string (contexts, "contexts", "selected", argv[1]);
  return tool_contexts_save (tool, contexts, &code) ? TOOL_DONE : code;
}

static int
show (Tool  *tool,
      int    argc,
      char **argv)
{
  int code = TOOL_DONE;
  g_autoptr (GKeyFile) contexts = find (tool, &argc, &argv, "Shows a saved connection.", &code);
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *selected = NULL;

  if (contexts == NULL)
    return code;
  selected = tool_contexts_dup_selected (contexts);
  json_node_take_object (root, describe (contexts, argv[1], selected));
  return tool_object_print (tool, root);
}

static int
remove_context (Tool  *tool,
                int    argc,
                char **argv)
{
  int code = TOOL_DONE;
  g_autoptr (GKeyFile) contexts = find (tool, &argc, &argv, "Forgets a saved connection.", &code);
  g_autofree char *group = NULL, *selected = NULL;

  if (contexts == NULL)
    return code;
  group = g_strdup_printf ("context %s", argv[1]);
  g_key_file_remove_group (contexts, group, NULL);
  selected = g_key_file_get_string (contexts, "contexts", "selected", NULL);
  if (g_strcmp0 (selected, argv[1]) == 0)
    g_key_file_remove_key (contexts, "contexts", "selected", NULL);
  return tool_contexts_save (tool, contexts, &code) ? TOOL_DONE : code;
}

int
tool_verb_context (Tool  *tool,
                   int    argc,
                   char **argv)
{
  static const ToolVerb verbs[] = {
    { "add", NULL, "NAME --url URL", "Saves a connection", add },
    { "list", NULL, "", "Lists the saved connections", list },
    { "select", NULL, "NAME", "Makes it the one that is used without --context", select_context },
    { "show", NULL, "NAME", "Shows a saved connection", show },
    { "remove", NULL, "NAME", "Forgets a saved connection", remove_context },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
