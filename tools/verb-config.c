/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser config check|print|explain|sample|import: the configuration of hawserd, without a daemon. */

#include "tool-config.h"
#include "tool-mosquitto.h"

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

/* ---- diff ---- */

/* What is in effect with one file; NULL: it is wrong, and that was said. */
static GKeyFile *
load_effect (Tool *tool,
             char *file)
{
  char *files[] = { file, NULL };
  g_autoptr (HawserConfig) config = tool_config_load (tool, files);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autofree char *text = NULL;

  if (hawser_config_get_n_errors (config) > 0)
    {
      g_autofree char *report = hawser_config_report (config);

      g_printerr ("%s", report);
      return NULL;
    }
  text = hawser_config_print (config, FALSE);
  if (!g_key_file_load_from_data (keys, text, (gsize) -1, G_KEY_FILE_NONE, NULL))
    return NULL;
  return g_steal_pointer (&keys);
}

/* What @left has and @right has not, or otherwise, and returns how much that is. */
static guint
print_missing (GKeyFile   *left,
               GKeyFile   *right,
               const char *sign,
               gboolean    with_changed)
{
  g_auto (GStrv) groups = g_key_file_get_groups (left, NULL);
  guint n = 0;

  for (guint g = 0; groups[g] != NULL; g++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (left, groups[g], NULL, NULL);

      if (!g_key_file_has_group (right, groups[g]))
        {
          g_print ("%s [%s]\n", sign, groups[g]);
          n++;
        }
      for (guint k = 0; keys[k] != NULL; k++)
        {
          g_autofree char *mine = g_key_file_get_value (left, groups[g], keys[k], NULL);
          g_autofree char *other = g_key_file_get_value (right, groups[g], keys[k], NULL);

          if (other == NULL)
            g_print ("%s [%s] %s=%s\n", sign, groups[g], keys[k], mine);
          else if (with_changed && strcmp (mine, other) != 0)
            g_print ("~ [%s] %s=%s, was %s\n", groups[g], keys[k], other, mine);
          else
            continue;
          n++;
        }
    }
  return n;
}

static int
diff (Tool  *tool,
      int    argc,
      char **argv)
{
  g_autoptr (GKeyFile) before = NULL, after = NULL;
  guint n;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "BEFORE AFTER", "Says what differs between two configurations in effect: - gone, + new, ~ changed.",
                   "Order, comments and ways to write a value do not matter. Exit status: 0 nothing differs, 1 something does, 3 one of them is wrong.", 2, 2, &code))
    return code;
  before = load_effect (tool, argv[1]);
  after = load_effect (tool, argv[2]);
  if (before == NULL || after == NULL)
    return TOOL_BAD_CONFIG;
  n = print_missing (before, after, "-", TRUE);
  n += print_missing (after, before, "+", FALSE);
  return n > 0 ? TOOL_FAILED : TOOL_DONE;
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
  static const char * const kinds[] = { "hawser", "log", "admin", "tls", "identity", "policy", "listener", "topic", "subscription", "bridge" };
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

static int
import (Tool  *tool,
        int    argc,
        char **argv)
{
  g_autofree char *state_dir = NULL, *secrets_dir = NULL, *output = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Write it there; default: stdout", "FILE" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_dir, "Directory of what is kept, where mosquitto had persistence (default /var/lib/hawser)", "DIR" },
    { "secrets", 0, 0, G_OPTION_ARG_FILENAME, &secrets_dir, "Write passwords of bridges there, a file of mode 600 each", "DIR" },
    { NULL }
  };
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  ToolMosquittoOptions options;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "mosquitto FILE", "Makes a configuration out of a mosquitto.conf.",
                   "What could not be carried over is said on stderr, a line each, with its place.\n"
                   "Such as: hawser config import mosquitto /etc/mosquitto/mosquitto.conf -o /etc/hawser/hawser.conf", 2, 2, &code))
    return code;
  if (strcmp (argv[1], "mosquitto") != 0)
    return tool_fail (tool, TOOL_USAGE, "import '%s': mosquitto is the one that is known", argv[1]);
  if (secrets_dir != NULL)
    {
      g_autofree char *given = g_steal_pointer (&secrets_dir);

      secrets_dir = g_canonicalize_filename (given, NULL);
    }
  options = (ToolMosquittoOptions) { .state_dir = state_dir != NULL ? state_dir : "/var/lib/hawser", .secrets_dir = secrets_dir };
  text = tool_mosquitto_import (argv[2], &options, notes, &error);
  if (text == NULL)
    return tool_fail (tool, g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? TOOL_NOT_FOUND : TOOL_FAILED, "%s", error->message);
  for (guint i = 0; i < notes->len; i++)
    tool_note (tool, "%s", (char *) notes->pdata[i]);
  if (output == NULL)
    g_print ("%s", text);
  else if (!g_file_set_contents_full (output, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error))
    return tool_fail (tool, TOOL_FAILED, "%s", error->message);
  return TOOL_DONE;
}

int
tool_verb_config (Tool  *tool,
                  int    argc,
                  char **argv)
{
  static const ToolVerb verbs[] = {
    { "check", NULL, "[FILE…]", "Finds everything that is wrong with a configuration", check },
    { "print", NULL, "[FILE…]", "Prints what is in effect, without secrets", print },
    { "diff", NULL, "BEFORE AFTER", "Says what differs between two configurations in effect", diff },
    { "explain", NULL, "KIND.KEY | KIND.TYPE.KEY", "Says what one key means", explain },
    { "sample", NULL, "all | KIND[.TYPE]…", "Prints groups with every key", sample },
    { "import", NULL, "mosquitto FILE", "Makes a configuration out of a mosquitto.conf", import },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
