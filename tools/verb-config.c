/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser config check|print|explain|sample: the configuration of hawserd, without a daemon. */

#include "tool-config.h"

#include <json-glib/json-glib.h>
#include <string.h>

static void
add_problem (JsonBuilder         *builder,
             HawserConfigProblem *problem)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "file");
  json_builder_add_string_value (builder, hawser_config_problem_get_file (problem));
  json_builder_set_member_name (builder, "line");
  json_builder_add_int_value (builder, hawser_config_problem_get_line (problem));
  json_builder_set_member_name (builder, "column");
  json_builder_add_int_value (builder, hawser_config_problem_get_column (problem));
  json_builder_set_member_name (builder, "severity");
  json_builder_add_string_value (builder, hawser_config_problem_get_severity (problem) == HAWSER_CONFIG_SEVERITY_ERROR
                                 ? "error" : "warning");
  json_builder_set_member_name (builder, "text");
  json_builder_add_string_value (builder, hawser_config_problem_get_text (problem));
  json_builder_end_object (builder);
}

static void
print_problems_as_json (Tool         *tool,
                        HawserConfig *config)
{
  g_autoptr (GPtrArray) problems = hawser_config_list_problems (config);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "items");
  json_builder_begin_array (builder);
  for (guint i = 0; i < problems->len; i++)
    add_problem (builder, problems->pdata[i]);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, tool->is_terminal);
  g_print ("%s\n", text);
}

static int
check (Tool  *tool,
       int    argc,
       char **argv)
{
  g_autoptr (HawserConfig) config = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "[FILE…]", "Finds everything that is wrong with a configuration.",
                   "Without FILE: what hawserd would read on this machine. Exit status: 0 good, 3 bad.", 0, -1, &code))
    return code;
  config = tool_config_load (tool, argv + 1);
  if (tool->is_json)
    {
      print_problems_as_json (tool, config);
    }
  else if (!tool->is_quiet || hawser_config_get_n_errors (config) > 0)
    {
      g_autofree char *report = hawser_config_report (config);

      g_print ("%s", report);
    }
  return hawser_config_get_n_errors (config) == 0 ? TOOL_DONE : TOOL_BAD_CONFIG;
}

static int
print (Tool  *tool,
       int    argc,
       char **argv)
{
  gboolean with_origin = FALSE;
  const GOptionEntry entries[] = {
    { "origin", 0, 0, G_OPTION_ARG_NONE, &with_origin, "Where each value was set", NULL },
    { NULL }
  };
  g_autoptr (HawserConfig) config = NULL;
  g_autofree char *text = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[FILE…]", "Prints what is in effect, all layers merged, without secrets.", NULL,
                   0, -1, &code))
    return code;
  config = tool_config_load (tool, argv + 1);
  if (hawser_config_get_n_errors (config) > 0)
    {
      g_autofree char *report = hawser_config_report (config);

      g_printerr ("%s", report);
      return TOOL_BAD_CONFIG;
    }
  text = hawser_config_print (config, with_origin);
  g_print ("%s", text);
  return TOOL_DONE;
}

/* An empty configuration that knows one plugin type, where @path names one: KIND.TYPE[.KEY]. */
static HawserConfig *
config_for_path (const char *path)
{
  HawserConfig *config = hawser_config_new ();
  g_auto (GStrv) words = g_strsplit (path, ".", 3);

  if (words[0] != NULL && words[1] != NULL)
    hawser_config_load_type (config, hawser_plugin_registry_get_default (), words[0], words[1], NULL);
  return config;
}

static int
explain (Tool  *tool,
         int    argc,
         char **argv)
{
  g_autoptr (HawserConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "KIND.KEY | KIND.TYPE.KEY", "Says what one key means.",
                   "Such as: hawser config explain listener.mqtt.keep-alive-maximum", 1, 1, &code))
    return code;
  config = config_for_path (argv[1]);
  text = hawser_config_explain (config, argv[1], &error);
  if (text == NULL)
    return tool_fail_error (tool, error);
  g_print ("%s%s", text, g_str_has_suffix (text, "\n") ? "" : "\n");
  return TOOL_DONE;
}

/* Every kind, and every type that some plugin has. */
static char **
all_sample_paths (void)
{
  static const char * const kinds[] = { "hawser", "log", "admin", "tls", "identity", "policy", "listener", "topic", "subscription" };
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const char *role = hawser_config_kind_to_role (kinds[i]);
      g_auto (GStrv) types = role != NULL ? hawser_plugin_registry_list_types (hawser_plugin_registry_get_default (), role) : NULL;

      if (role == NULL)
        g_strv_builder_add (builder, kinds[i]);
      for (guint t = 0; types != NULL && types[t] != NULL; t++)
        {
          g_autofree char *path = g_strdup_printf ("%s.%s", kinds[i], types[t]);

          g_strv_builder_add (builder, path);
        }
    }
  return g_strv_builder_end (builder);
}

static int
print_sample (Tool       *tool,
              const char *path)
{
  g_auto (GStrv) words = g_strsplit (path, ".", 2);
  g_autoptr (HawserConfig) config = config_for_path (path);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = hawser_config_sample (config, words[0], words[1], &error);

  if (text == NULL)
    return tool_fail_error (tool, error);
  g_print ("%s", text);
  return TOOL_DONE;
}

static int
sample (Tool  *tool,
        int    argc,
        char **argv)
{
  g_auto (GStrv) paths = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "all | KIND[.TYPE]…", "Prints groups with every key, defaults commented out.",
                   "Such as: hawser config sample listener.mqtt subscription.blob", 1, -1, &code))
    return code;
  paths = strcmp (argv[1], "all") == 0 ? all_sample_paths () : g_strdupv (argv + 1);
  for (guint i = 0; paths[i] != NULL && code == TOOL_DONE; i++)
    {
      if (i > 0)
        g_print ("\n");
      code = print_sample (tool, paths[i]);
    }
  return code;
}

int
tool_verb_config (Tool  *tool,
                  int    argc,
                  char **argv)
{
  static const ToolVerb verbs[] = {
    { "check", NULL, "[FILE…]", "Finds everything that is wrong with a configuration", check },
    { "print", NULL, "[FILE…]", "Prints what is in effect, without secrets", print },
    { "explain", NULL, "KIND.KEY | KIND.TYPE.KEY", "Says what one key means", explain },
    { "sample", NULL, "all | KIND[.TYPE]…", "Prints groups with every key", sample },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
