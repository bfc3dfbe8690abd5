/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser completion SHELL prints what the shell reads; hawser completion --query WHAT is asked by it for what is there now. */

#include "tool-contexts.h"
#include "tool-http.h"

#include <string.h>

static int
query_verbs (void)
{
  const ToolVerb *verbs;
  guint n_verbs = 0;

  verbs = tool_get_verbs (&n_verbs);
  for (guint i = 0; i < n_verbs; i++)
    g_print ("%s\n", verbs[i].name);
  return TOOL_DONE;
}

/* The words that may follow a verb: `list|show` in its usage. */
static int
query_words (const char *verb)
{
  const ToolVerb *verbs;
  guint n_verbs = 0;

  verbs = tool_get_verbs (&n_verbs);
  for (guint i = 0; i < n_verbs; i++)
    if (strcmp (verbs[i].name, verb) == 0 && g_ascii_islower (verbs[i].usage[0]))
      {
        g_auto (GStrv) words = g_strsplit (verbs[i].usage, "|", -1);

        for (guint w = 0; words[w] != NULL; w++)
          g_print ("%s\n", words[w]);
      }
  return TOOL_DONE;
}

static int
query_contexts (Tool *tool)
{
  int code = TOOL_DONE;
  g_autoptr (GKeyFile) contexts = tool_contexts_load (tool, &code);
  g_auto (GStrv) groups = NULL;

  if (contexts == NULL)
    return code;
  groups = g_key_file_get_groups (contexts, NULL);
  for (guint i = 0; groups[i] != NULL; i++)
    if (g_str_has_prefix (groups[i], "context "))
      g_print ("%s\n", groups[i] + strlen ("context "));
  return TOOL_DONE;
}

static int
query_topics (Tool *tool)
{
  g_autoptr (JsonArray) rows = NULL;
  int code = tool_http_list (tool, "/v1/admin/topics", &rows);

  for (guint i = 0; code == TOOL_DONE && i < json_array_get_length (rows); i++)
    g_print ("%s\n", json_object_get_string_member_with_default (json_array_get_object_element (rows, i), "name", ""));
  return code;
}

static int
query_twins (Tool *tool)
{
  g_autoptr (JsonArray) rows = NULL;
  int code = tool_http_list (tool, "/v1/twins?fields=id", &rows);

  for (guint i = 0; code == TOOL_DONE && i < json_array_get_length (rows); i++)
    g_print ("%s\n", json_object_get_string_member_with_default (json_array_get_object_element (rows, i), "id", ""));
  return code;
}

static int
query_plugins (void)
{
  GListModel *plugins = hawser_plugin_registry_get_plugins (hawser_plugin_registry_get_default ());

  for (guint i = 0; i < g_list_model_get_n_items (plugins); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (plugins, i);

      g_print ("%s\n", hawser_plugin_get_name (plugin));
    }
  return TOOL_DONE;
}

static int
print_script (Tool       *tool,
              const char *shell)
{
  g_autofree char *path = g_strdup_printf ("/hawser/completion/hawser.%s", shell);
  g_autoptr (GBytes) script = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  if (script == NULL)
    return tool_fail (tool, TOOL_USAGE, "completion for '%s': bash, zsh or fish", shell);
  g_print ("%.*s", (int) g_bytes_get_size (script), (const char *) g_bytes_get_data (script, NULL));
  return TOOL_DONE;
}

int
tool_verb_completion (Tool  *tool,
                      int    argc,
                      char **argv)
{
  g_autofree char *query = NULL;
  const GOptionEntry entries[] = {
    { "query", 0, 0, G_OPTION_ARG_STRING, &query, "verbs, words, contexts, topics, twins or plugins that are there now", "WHAT" },
    { NULL }
  };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "bash|zsh|fish", "Prints completion for a shell: source <(hawser completion bash)",
                   NULL, 0, 1, &code))
    return code;
  if (query == NULL)
    return argc > 1 ? print_script (tool, argv[1]) : tool_fail (tool, TOOL_USAGE, "which shell? bash, zsh or fish");
  tool->is_quiet = TRUE;
  if (strcmp (query, "verbs") == 0)
    return query_verbs ();
  if (strcmp (query, "words") == 0 && argc > 1)
    return query_words (argv[1]);
  if (strcmp (query, "contexts") == 0)
    return query_contexts (tool);
  if (strcmp (query, "topics") == 0)
    return query_topics (tool);
  if (strcmp (query, "twins") == 0)
    return query_twins (tool);
  if (strcmp (query, "plugins") == 0)
    return query_plugins ();
  return tool_fail (tool, TOOL_USAGE, "--query=%s: verbs, words VERB, contexts, topics, twins or plugins", query);
}
