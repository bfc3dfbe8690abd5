/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser inspect, hawser plugin list: what plugins are there, what each offers, and why one could not be used. */

#include "tool-table.h"

#include <string.h>

static const ToolColumn columns[] = {
  { "NAME", "name", FALSE },
  { "VERSION", "version", FALSE },
  { "ROLES", "roles", FALSE },
  { "TYPES", "types", FALSE },
  { "DESCRIPTION", "description", FALSE },
};

static const ToolColumn failed_columns[] = {
  { "NAME", "name", FALSE },
  { "FILE", "file", FALSE },
  { "REASON", "failure", FALSE },
};

static char *
join (const char * const *words)
{
  return words != NULL ? g_strjoinv (" ", (char **) words) : g_strdup ("");
}

static void
set_text (JsonObject *object,
          const char *name,
          const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, name, value);
  else
    json_object_set_null_member (object, name);
}

static JsonObject *
describe (HawserPlugin *plugin)
{
  JsonObject *object = json_object_new ();
  g_autofree char *roles = join (hawser_plugin_get_roles (plugin));
  g_autofree char *types = join (hawser_plugin_get_types (plugin));

  set_text (object, "name", hawser_plugin_get_name (plugin));
  set_text (object, "version", hawser_plugin_get_version (plugin));
  set_text (object, "description", hawser_plugin_get_description (plugin));
  set_text (object, "licence", hawser_plugin_get_licence (plugin));
  set_text (object, "file", hawser_plugin_get_file (plugin));
  set_text (object, "roles", roles);
  set_text (object, "types", types);
  set_text (object, "failure", hawser_plugin_get_failure (plugin));
  return object;
}

/* Opens a module to learn whether it can be used. */
static void
try_to_open (HawserPluginRegistry *registry,
             HawserPlugin         *plugin)
{
  const char * const *roles = hawser_plugin_get_roles (plugin);
  const char * const *types = hawser_plugin_get_types (plugin);

  for (guint r = 0; roles != NULL && roles[r] != NULL; r++)
    for (guint t = 0; types != NULL && types[t] != NULL; t++)
      hawser_plugin_registry_get_gtype (registry, roles[r], types[t], NULL);
}

static int
list_plugins (Tool     *tool,
              gboolean  only_failed)
{
  HawserPluginRegistry *registry = hawser_plugin_registry_get_default ();
  GListModel *plugins = hawser_plugin_registry_get_plugins (registry);
  g_autoptr (JsonArray) rows = json_array_new ();

  for (guint i = 0; i < g_list_model_get_n_items (plugins); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (plugins, i);

      if (only_failed)
        try_to_open (registry, plugin);
      if (!only_failed || hawser_plugin_get_failure (plugin) != NULL)
        json_array_add_object_element (rows, describe (plugin));
    }
  return only_failed ? tool_table_print (tool, failed_columns, G_N_ELEMENTS (failed_columns), rows)
    : tool_table_print (tool, columns, G_N_ELEMENTS (columns), rows);
}

/* ---- one plugin ---- */

static const char *
kind_of_role (const char *role)
{
  static const char * const kinds[] = { "listener", "subscription", "bridge", "identity", "twin" };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_strcmp0 (hawser_config_kind_to_role (kinds[i]), role) == 0)
      return kinds[i];
  return role;
}

static char *
describe_range (GParamSpec *pspec)
{
  if (G_IS_PARAM_SPEC_UINT (pspec))
    return g_strdup_printf ("[%u…%u]", G_PARAM_SPEC_UINT (pspec)->minimum, G_PARAM_SPEC_UINT (pspec)->maximum);
  if (G_IS_PARAM_SPEC_INT (pspec))
    return g_strdup_printf ("[%d…%d]", G_PARAM_SPEC_INT (pspec)->minimum, G_PARAM_SPEC_INT (pspec)->maximum);
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    {
      GEnumClass *klass = G_PARAM_SPEC_ENUM (pspec)->enum_class;
      g_autoptr (GString) words = g_string_new (NULL);

      for (guint i = 0; i < klass->n_values; i++)
        g_string_append_printf (words, "%s%s", i > 0 ? "|" : "", klass->values[i].value_nick);
      return g_string_free (g_steal_pointer (&words), FALSE);
    }
  return NULL;
}

static char *
describe_default (GParamSpec *pspec)
{
  const GValue *value = g_param_spec_get_default_value (pspec);
  g_auto (GValue) text = G_VALUE_INIT;

  if (hawser_param_spec_get_unit (pspec) == HAWSER_PARAM_UNIT_DURATION)
    return hawser_duration_format (g_value_get_int64 (value));
  if (hawser_param_spec_get_unit (pspec) == HAWSER_PARAM_UNIT_SIZE)
    return hawser_size_format (g_value_get_uint64 (value));
  if (G_VALUE_HOLDS_STRING (value))
    return g_value_dup_string (value);
  if (G_VALUE_HOLDS_BOOLEAN (value))
    return g_strdup (g_value_get_boolean (value) ? "true" : "false");
  if (G_VALUE_HOLDS_ENUM (value))
    {
      GEnumValue *member = g_enum_get_value (G_PARAM_SPEC_ENUM (pspec)->enum_class, g_value_get_enum (value));

      return member != NULL ? g_strdup (member->value_nick) : NULL;
    }
  if (G_VALUE_HOLDS (value, G_TYPE_STRV))
    return g_value_get_boxed (value) != NULL ? g_strjoinv (";", g_value_get_boxed (value)) : NULL;
  g_value_init (&text, G_TYPE_STRING);
  return g_value_transform (value, &text) ? g_value_dup_string (&text) : NULL;
}

static const char *
describe_type (GParamSpec *pspec)
{
  switch (hawser_param_spec_get_unit (pspec))
    {
    case HAWSER_PARAM_UNIT_DURATION: return "duration";
    case HAWSER_PARAM_UNIT_SIZE: return "size";
    case HAWSER_PARAM_UNIT_NONE: default: break;
    }
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    return "word";
  if (pspec->value_type == G_TYPE_STRV)
    return "list";
  if (pspec->value_type == G_TYPE_STRING)
    return "string";
  return g_type_name (pspec->value_type);
}

static JsonObject *
describe_property (GParamSpec *pspec)
{
  JsonObject *object = json_object_new ();
  g_autofree char *text = describe_default (pspec);
  g_autofree char *range = describe_range (pspec);

  set_text (object, "name", pspec->name);
  set_text (object, "type", describe_type (pspec));
  set_text (object, "default", text);
  set_text (object, "range", range);
  set_text (object, "description", g_param_spec_get_blurb (pspec));
  return object;
}

static JsonArray *
list_properties (GType gtype)
{
  GObjectClass *klass = g_type_class_ref (gtype);
  g_autofree GParamSpec **pspecs = NULL;
  JsonArray *rows = json_array_new ();
  guint n_pspecs = 0;

  pspecs = g_object_class_list_properties (klass, &n_pspecs);
  for (guint i = 0; i < n_pspecs; i++)
    if ((pspecs[i]->flags & G_PARAM_WRITABLE) != 0)
      json_array_add_object_element (rows, describe_property (pspecs[i]));
  g_type_class_unref (klass);
  return rows;
}

static const ToolColumn property_columns[] = {
  { "KEY", "name", FALSE },
  { "TYPE", "type", FALSE },
  { "DEFAULT", "default", FALSE },
  { "RANGE", "range", FALSE },
  { "MEANING", "description", FALSE },
};

static HawserPlugin *
find_plugin (HawserPluginRegistry *registry,
             const char           *word)
{
  GListModel *plugins = hawser_plugin_registry_get_plugins (registry);
  HawserPlugin *by_type = NULL;

  for (guint i = 0; i < g_list_model_get_n_items (plugins); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (plugins, i);
      const char * const *types = hawser_plugin_get_types (plugin);

      if (strcmp (hawser_plugin_get_name (plugin), word) == 0)
        {
          g_clear_object (&by_type);
          return g_steal_pointer (&plugin);
        }
      if (by_type == NULL && types != NULL && g_strv_contains (types, word))
        by_type = g_object_ref (plugin);
    }
  return by_type;
}

static void
print_types (Tool                 *tool,
             HawserPluginRegistry *registry,
             HawserPlugin         *plugin,
             JsonObject           *whole)
{
  const char * const *roles = hawser_plugin_get_roles (plugin);
  const char * const *types = hawser_plugin_get_types (plugin);
  JsonObject *settings = json_object_new ();

  for (guint r = 0; roles != NULL && roles[r] != NULL; r++)
    for (guint t = 0; types != NULL && types[t] != NULL; t++)
      {
        GType gtype = hawser_plugin_registry_get_gtype (registry, roles[r], types[t], NULL);
        g_autofree char *title = NULL;

        if (gtype == G_TYPE_INVALID)
          continue;
        title = g_strdup_printf ("%s.%s", kind_of_role (roles[r]), types[t]);
        json_object_set_array_member (settings, title, list_properties (gtype));
      }
  json_object_set_object_member (whole, "settings", settings);
}

static void
print_settings (Tool       *tool,
                JsonObject *settings)
{
  g_autoptr (GList) titles = json_object_get_members (settings);

  for (GList *l = titles; l != NULL; l = l->next)
    {
      JsonArray *rows = json_object_get_array_member (settings, l->data);

      g_print ("\n%s\n", (const char *) l->data);
      if (json_array_get_length (rows) > 0)
        tool_table_print (tool, property_columns, G_N_ELEMENTS (property_columns), rows);
      else
        g_print ("no settings of its own\n");
    }
}

static int
inspect_one (Tool       *tool,
             const char *word)
{
  HawserPluginRegistry *registry = hawser_plugin_registry_get_default ();
  g_autoptr (HawserPlugin) plugin = find_plugin (registry, word);
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object;

  if (plugin == NULL)
    return tool_fail (tool, TOOL_NOT_FOUND, "no plugin has the name or type '%s'. See: hawser plugin list", word);
  try_to_open (registry, plugin);
  object = describe (plugin);
  json_node_take_object (root, object);
  if (tool->is_json)
    {
      print_types (tool, registry, plugin, object);
      return tool_object_print (tool, root);
    }
  tool_object_print (tool, root);
  if (hawser_plugin_get_failure (plugin) != NULL)
    return tool_fail (tool, TOOL_FAILED, "plugin '%s' cannot be used: %s", hawser_plugin_get_name (plugin),
                      hawser_plugin_get_failure (plugin));
  print_types (tool, registry, plugin, object);
  print_settings (tool, json_object_get_object_member (object, "settings"));
  return TOOL_DONE;
}

int
tool_verb_inspect (Tool  *tool,
                   int    argc,
                   char **argv)
{
  gboolean only_failed = FALSE, only_exists = FALSE;
  const GOptionEntry entries[] = {
    { "failed", 0, 0, G_OPTION_ARG_NONE, &only_failed, "Plugins that cannot be used, and why", NULL },
    { "exists", 0, 0, G_OPTION_ARG_NONE, &only_exists, "Only the exit status: 0 it is there, 6 it is not", NULL },
    { NULL }
  };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[PLUGIN|TYPE]", "Shows what a plugin offers: types, keys, defaults, ranges.",
                   NULL, 0, 1, &code))
    return code;
  if (only_exists)
    {
      g_autoptr (HawserPlugin) plugin = argc > 1 ? find_plugin (hawser_plugin_registry_get_default (), argv[1]) : NULL;

      return plugin != NULL ? TOOL_DONE : TOOL_NOT_FOUND;
    }
  return argc > 1 ? inspect_one (tool, argv[1]) : list_plugins (tool, only_failed);
}

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Lists the plugins that were found.", NULL, 0, 0, &code))
    return code;
  return list_plugins (tool, FALSE);
}

int
tool_verb_plugin (Tool  *tool,
                  int    argc,
                  char **argv)
{
  static const ToolVerb verbs[] = { { "list", NULL, "", "Lists the plugins that were found", list } };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
