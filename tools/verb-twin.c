/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser twin list|show|get|set|query; tree and watch have files of their own. */

#include "tool-table.h"
#include "tool-twin.h"

#include <math.h>
#include <string.h>

static const ToolColumn list_columns[] = {
  { "ID", "id", FALSE },
  { "STATE", "state", FALSE },
  { "PARENT", "parent", FALSE },
  { "REVISION", "revision", TRUE },
};

static const ToolColumn outcome_columns[] = {
  { "ID", "id", FALSE },
  { "OUTCOME", "outcome", FALSE },
  { "VALUE", "value", FALSE },
};

char *
tool_twin_path (const char *id,
                const char *rest)
{
  g_autofree char *escaped = tool_http_escape (id, FALSE);

  return g_strdup_printf ("/v1/twins/%s%s", escaped, rest);
}

char *
tool_twin_format (double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup (g_ascii_formatd (text, sizeof text, fabs (value) < 1e6 ? "%.6g" : "%.9g", value));
}

char *
tool_twin_format_age (double seconds)
{
  if (seconds < 0.0)
    return g_strdup ("-");
  if (seconds < 120.0)
    return g_strdup_printf (seconds < 10.0 ? "%.1f s" : "%.0f s", seconds);
  return seconds < 7200.0 ? g_strdup_printf ("%.0f min", seconds / 60.0) : g_strdup_printf ("%.0f h", seconds / 3600.0);
}

static double
age_of (const char *time)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) then = time != NULL ? g_date_time_new_from_iso8601 (time, utc) : NULL;

  if (then == NULL)
    return -1.0;
  return MAX (0.0, (double) g_get_real_time () / G_USEC_PER_SEC - (double) g_date_time_to_unix (then) - g_date_time_get_microsecond (then) / 1e6);
}

static JsonObject *
get_object (JsonObject *object,
            const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

double
tool_twin_age (JsonObject *twin)
{
  JsonObject *reported = get_object (twin, "reported");
  g_autoptr (GList) names = reported != NULL ? json_object_get_members (reported) : NULL;
  double age = -1.0;

  for (GList *l = names; l != NULL; l = l->next)
    {
      JsonObject *property = get_object (reported, l->data);
      double of_this = property != NULL ? age_of (json_object_get_string_member_with_default (property, "time", NULL)) : -1.0;

      if (of_this >= 0.0 && (age < 0.0 || of_this < age))
        age = of_this;
    }
  return age;
}

/* ---- list, query ---- */

typedef struct {
  char *filter, *sort, *parent, *timeout;
  gboolean is_count, is_live;
} ListOptions;

static void
clear_options (ListOptions *self)
{
  g_free (self->filter);
  g_free (self->sort);
  g_free (self->parent);
  g_free (self->timeout);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ListOptions, clear_options)

static void
add_query (GString    *path,
           const char *name,
           const char *value)
{
  g_autofree char *escaped = value != NULL ? tool_http_escape (value, FALSE) : NULL;

  if (escaped != NULL)
    g_string_append_printf (path, "%c%s=%s", strchr (path->str, '?') != NULL ? '&' : '?', name, escaped);
}

static GString *
make_list_path (const ListOptions *options)
{
  GString *path = g_string_new ("/v1/twins");

  add_query (path, "parent", options->parent);
  add_query (path, "filter", options->filter);
  add_query (path, "sort", options->sort);
  return path;
}

static int
print_count (Tool              *tool,
             const ListOptions *options)
{
  GString *path = make_list_path (options);
  g_autoptr (JsonNode) root = NULL;
  int code;

  g_string_append_printf (path, "%ccount=1&limit=0", strchr (path->str, '?') != NULL ? '&' : '?');
  code = tool_http_get_json (tool, path->str, &root);
  g_string_free (path, TRUE);
  if (code != TOOL_DONE)
    return code;
  g_print (tool->is_json ? "{\"count\":%" G_GINT64_FORMAT "}\n" : "%" G_GINT64_FORMAT "\n",
           json_object_get_int_member_with_default (json_node_get_object (root), "count", 0));
  return TOOL_DONE;
}

/* Every device is asked now. Some did not answer with a value: partly done. */
static int
print_live (Tool              *tool,
            const ListOptions *options)
{
  GString *path = make_list_path (options);
  g_autoptr (JsonNode) root = NULL;
  JsonObject *answer, *outcomes;
  JsonArray *items;
  int code;

  add_query (path, "channel", "live");
  add_query (path, "timeout", options->timeout);
  code = tool_http_get_json (tool, path->str, &root);
  g_string_free (path, TRUE);
  if (code != TOOL_DONE)
    return code;
  answer = json_node_get_object (root);
  items = json_object_get_array_member (answer, "items");
  outcomes = get_object (answer, "outcomes");
  tool_table_print (tool, outcome_columns, G_N_ELEMENTS (outcome_columns), items);
  if (outcomes != NULL && json_object_get_int_member_with_default (outcomes, "value", 0) == (gint64) json_array_get_length (items))
    return TOOL_DONE;
  return TOOL_PARTLY;
}

static int
print_list (Tool              *tool,
            const ListOptions *options)
{
  g_autoptr (JsonArray) rows = NULL;
  GString *path;
  int code;

  if (options->is_count)
    return print_count (tool, options);
  if (options->is_live)
    return print_live (tool, options);
  path = make_list_path (options);
  code = tool_http_list (tool, path->str, &rows);
  g_string_free (path, TRUE);
  return code == TOOL_DONE ? tool_table_print (tool, list_columns, G_N_ELEMENTS (list_columns), rows) : code;
}

static int
list (Tool  *tool,
      int    argc,
      char **argv)
{
  g_auto (ListOptions) options = { 0 };
  const GOptionEntry entries[] = {
    { "filter", 'f', 0, G_OPTION_ARG_STRING, &options.filter, "Only those for which this holds, such as lt(reported/soc,0.2)", "EXPRESSION" },
    { "sort", 's', 0, G_OPTION_ARG_STRING, &options.sort, "In the order of this property; -PATH the other way round", "PATH" },
    { "count", 'n', 0, G_OPTION_ARG_NONE, &options.is_count, "Only how many", NULL },
    { NULL }
  };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[PARENT]", "Lists twins: all of them, or those right below one.", NULL, 0, 1, &code))
    return code;
  options.parent = g_strdup (argc > 1 ? argv[1] : NULL);
  return print_list (tool, &options);
}

static int
query (Tool  *tool,
       int    argc,
       char **argv)
{
  g_auto (ListOptions) options = { 0 };
  const GOptionEntry entries[] = {
    { "sort", 's', 0, G_OPTION_ARG_STRING, &options.sort, "In the order of this property; -PATH the other way round", "PATH" },
    { "count", 'n', 0, G_OPTION_ARG_NONE, &options.is_count, "Only how many", NULL },
    { "live", 'l', 0, G_OPTION_ARG_NONE, &options.is_live, "Ask every device now: value, none-yet, not-available or timed-out", NULL },
    { "wait", 0, 0, G_OPTION_ARG_STRING, &options.timeout, "How long to wait for devices, with --live (default 1s)", "TIME" },
    { NULL }
  };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "EXPRESSION", "Finds twins, such as 'and(eq(state,\"offline\"),eq(attributes/city,\"Bern\"))'.",
                   "Terms: eq ne gt ge lt le(PATH,VALUE), in(PATH,VALUE,…), like(PATH,\"PATTERN\"), exists(PATH), and(…), or(…), not(…).\n"
                   "Paths: id, parent, state, family, reported/NAME, desired/NAME, attributes/NAME.", 1, 1, &code))
    return code;
  options.filter = g_strdup (argv[1]);
  return print_list (tool, &options);
}

/* ---- show ---- */

static void
print_section (JsonObject *twin,
               const char *name)
{
  JsonObject *section = get_object (twin, name);
  g_autoptr (GList) members = section != NULL ? json_object_get_members (section) : NULL;
  int width = 0;

  for (GList *l = members; l != NULL; l = l->next)
    width = MAX (width, (int) g_utf8_strlen (l->data, -1));
  if (members != NULL)
    g_print ("%s\n", name);
  for (GList *l = members; l != NULL; l = l->next)
    {
      JsonObject *property = get_object (section, l->data);
      gboolean is_reported = property != NULL && json_object_has_member (property, "value") && json_object_has_member (property, "time");
      g_autofree char *text = is_reported ? tool_member_text (property, "value") : tool_member_text (section, l->data);
      g_autofree char *age = is_reported ? tool_twin_format_age (age_of (json_object_get_string_member_with_default (property, "time", NULL))) : NULL;
      g_autofree char *source = is_reported ? tool_member_text (property, "source") : NULL;

      if (is_reported)
        g_print ("  %-*s  %-12s  %7s  %s\n", width, (const char *) l->data, text, age, source);
      else
        g_print ("  %-*s  %s\n", width, (const char *) l->data, text);
    }
}

static void
print_aggregate (JsonObject *answer)
{
  JsonObject *aggregate = get_object (answer, "aggregate");
  g_autoptr (GList) members = aggregate != NULL ? json_object_get_members (aggregate) : NULL;

  if (members != NULL)
    g_print ("aggregate\n");
  for (GList *l = members; l != NULL; l = l->next)
    {
      JsonObject *functions = get_object (aggregate, l->data);
      g_autoptr (GList) names = functions != NULL ? json_object_get_members (functions) : NULL;

      g_print ("  %-16s", (const char *) l->data);
      for (GList *n = names; n != NULL; n = n->next)
        {
          g_autofree char *text = tool_member_text (functions, n->data);

          g_print ("  %s %s", (const char *) n->data, text);
        }
      g_print ("\n");
    }
}

static int
show (Tool  *tool,
      int    argc,
      char **argv)
{
  gboolean is_live = FALSE;
  const GOptionEntry entries[] = {
    { "live", 'l', 0, G_OPTION_ARG_NONE, &is_live, "Ask the device now; what is stored, with its age, when it does not answer", NULL },
    { NULL }
  };
  g_autofree char *path = NULL, *aggregate_path = NULL;
  g_autoptr (JsonNode) root = NULL, aggregate = NULL;
  JsonObject *twin;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "ID", "Shows one twin: its state, what it reported, what is desired, what is counted below it.", NULL, 1, 1, &code))
    return code;
  path = tool_twin_path (argv[1], is_live ? "?channel=live" : "");
  code = tool_http_get_json (tool, path, &root);
  if (code != TOOL_DONE)
    return code;
  if (tool->is_json || !JSON_NODE_HOLDS_OBJECT (root))
    return tool_object_print (tool, root);
  twin = json_node_get_object (root);
  static const char * const heads[] = { "id", "title", "family", "parent", "state", "revision", "live" };
  for (gsize i = 0; i < G_N_ELEMENTS (heads); i++)
    if (json_object_has_member (twin, heads[i]))
      {
        g_autofree char *text = tool_member_text (twin, heads[i]);

        g_print ("%-9s %s\n", heads[i], text);
      }
  print_section (twin, "reported");
  print_section (twin, "desired");
  print_section (twin, "attributes");
  if (json_object_has_member (twin, "children"))
    {
      aggregate_path = tool_twin_path (argv[1], "/aggregate");
      code = tool_http_get_json (tool, aggregate_path, &aggregate);
      if (code == TOOL_DONE && JSON_NODE_HOLDS_OBJECT (aggregate))
        print_aggregate (json_node_get_object (aggregate));
    }
  return code;
}

/* ---- get, set ---- */

/* A member at each level of @path. */
static JsonNode *
find_below (JsonObject *object,
            const char *path)
{
  g_auto (GStrv) levels = g_strsplit (path, "/", 16);
  JsonNode *node = NULL;

  for (guint i = 0; levels[i] != NULL; i++)
    {
      node = object != NULL ? json_object_get_member (object, levels[i]) : NULL;
      object = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    }
  return node;
}

/* `soc`, `reported/soc`, `desired/soc`, `attributes/city`, `state`: the value, of a reported property without its time. */
static JsonNode *
find_value (JsonObject *twin,
            const char *path)
{
  static const char * const sections[] = { "reported", "desired", "attributes" };
  const char *slash = strchr (path, '/');
  g_autofree char *section = slash != NULL ? g_strndup (path, (gsize) (slash - path)) : NULL;
  JsonNode *node = NULL;

  if (g_strcmp0 (section, "features") == 0)
    return find_below (twin, path);
  for (gsize i = 0; i < G_N_ELEMENTS (sections) && node == NULL; i++)
    {
      JsonObject *object = get_object (twin, sections[i]);
      gboolean is_it = section != NULL && strcmp (section, sections[i]) == 0;

      if (object != NULL && (is_it || i == 0 || section == NULL))
        node = json_object_get_member (object, is_it ? slash + 1 : path);
      if (node != NULL && i == 0 && JSON_NODE_HOLDS_OBJECT (node))
        node = json_object_get_member (json_node_get_object (node), "value");
    }
  return node != NULL ? node : json_object_get_member (twin, path);
}

static int
get (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autofree char *path = NULL, *text = NULL;
  g_autoptr (JsonNode) root = NULL;
  JsonNode *value;
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "ID PATH", "Prints one value, such as soc, desired/limit-kw, attributes/city or features/gps/properties/lat.", NULL, 2, 2, &code))
    return code;
  path = tool_twin_path (argv[1], "");
  code = tool_http_get_json (tool, path, &root);
  if (code != TOOL_DONE)
    return code;
  value = JSON_NODE_HOLDS_OBJECT (root) ? find_value (json_node_get_object (root), argv[2]) : NULL;
  if (value == NULL)
    return tool_fail (tool, TOOL_NOT_FOUND, "%s has no %s", argv[1], argv[2]);
  text = !tool->is_json && JSON_NODE_HOLDS_VALUE (value) && json_node_get_value_type (value) == G_TYPE_STRING ? json_node_dup_string (value)
    : json_to_string (value, FALSE);
  g_print ("%s\n", text);
  return TOOL_DONE;
}

/* JSON if it is some, else text. */
static JsonNode *
read_word (const char *word)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *node = NULL;

  if (*word != '\0' && json_parser_load_from_data (parser, word, -1, NULL))
    node = json_parser_steal_root (parser);
  if (node == NULL)
    {
      node = json_node_new (JSON_NODE_VALUE);
      json_node_set_string (node, word);
    }
  return node;
}

/* features/NAME/desiredProperties/KEY=VALUE: an object for each level. */
static gboolean
add_feature_setting (JsonObject *patch,
                     const char *setting,
                     const char *equals)
{
  g_autofree char *path = g_strndup (setting, (gsize) (equals - setting));
  g_auto (GStrv) levels = g_strsplit (path, "/", 16);
  guint n = g_strv_length (levels);
  JsonObject *object = patch;

  for (guint i = 0; i + 1 < n; i++)
    {
      JsonObject *below = get_object (object, levels[i]);

      if (below == NULL)
        {
          below = json_object_new ();
          json_object_set_object_member (object, levels[i], below);
        }
      object = below;
    }
  json_object_set_member (object, levels[n - 1], read_word (equals + 1));
  return n > 1;
}

/* PATH=VALUE into the patch; a path without a section is a desired property. */
static gboolean
add_setting (JsonObject *patch,
             const char *setting)
{
  const char *equals = strchr (setting, '=');
  const char *slash = strchr (setting, '/');
  g_autofree char *section = NULL, *name = NULL;
  JsonObject *object;

  if (equals == NULL || equals == setting)
    return FALSE;
  if (g_str_has_prefix (setting, "parent="))
    {
      json_object_set_member (patch, "parent", read_word (equals + 1));
      return TRUE;
    }
  if (slash != NULL && slash < equals)
    section = g_strndup (setting, (gsize) (slash - setting));
  if (g_strcmp0 (section, "features") == 0)
    return add_feature_setting (patch, setting, equals);
  if (g_strcmp0 (section, "desired") != 0 && g_strcmp0 (section, "attributes") != 0 && g_strcmp0 (section, "reported") != 0)
    {
      g_free (section);
      section = g_strdup ("desired");
      slash = setting - 1;
    }
  name = g_strndup (slash + 1, (gsize) (equals - slash - 1));
  object = get_object (patch, section);
  if (object == NULL)
    {
      object = json_object_new ();
      json_object_set_object_member (patch, section, object);
    }
  json_object_set_member (object, name, read_word (equals + 1));
  return TRUE;
}

static int
set (Tool  *tool,
     int    argc,
     char **argv)
{
  g_autofree char *condition = NULL, *path = NULL, *body = NULL, *escaped = NULL, *rest = NULL;
  const GOptionEntry entries[] = {
    { "if", 'i', 0, G_OPTION_ARG_STRING, &condition, "Only if this holds of the twin, such as gt(reported/soc,0.2)", "EXPRESSION" },
    { NULL }
  };
  g_autoptr (JsonNode) patch = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GBytes) answer = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "ID PATH=VALUE…", "Sets desired properties, attributes (attributes/NAME=…), those of features (features/NAME/desiredProperties/KEY=…) or the parent of a twin.",
                   "A value is JSON, or text if it is none; null takes away.", 2, -1, &code))
    return code;
  json_node_take_object (patch, json_object_new ());
  for (int i = 2; i < argc; i++)
    if (!add_setting (json_node_get_object (patch), argv[i]))
      return tool_fail (tool, TOOL_USAGE, "'%s': want PATH=VALUE", argv[i]);
  body = json_to_string (patch, FALSE);
  escaped = condition != NULL ? tool_http_escape (condition, FALSE) : NULL;
  rest = escaped != NULL ? g_strconcat ("?condition=", escaped, NULL) : g_strdup ("");
  path = tool_twin_path (argv[1], rest);
  code = tool_http_request (tool, "PATCH", path, body, &answer);
  if (code != TOOL_DONE)
    return code;
  if (tool->is_json)
    g_print ("%.*s\n", (int) g_bytes_get_size (answer), (const char *) g_bytes_get_data (answer, NULL));
  else if (json_parser_load_from_data (parser, g_bytes_get_data (answer, NULL), (gssize) g_bytes_get_size (answer), NULL))
    tool_note (tool, "%s has revision %" G_GINT64_FORMAT, argv[1],
               json_object_get_int_member_with_default (json_node_get_object (json_parser_get_root (parser)), "revision", 0));
  return code;
}

int
tool_verb_twin (Tool  *tool,
                int    argc,
                char **argv)
{
  static const ToolVerb verbs[] = {
    { "tree", NULL, "[ID]", "The tree of twins with what is counted at each node", tool_twin_tree },
    { "list", NULL, "[PARENT]", "Lists twins", list },
    { "show", NULL, "ID", "Shows one twin", show },
    { "get", NULL, "ID PATH", "Prints one value of a twin", get },
    { "set", NULL, "ID PATH=VALUE…", "Sets desired properties and attributes, or moves a twin", set },
    { "watch", NULL, "[FILTER]", "Prints changes as they come", tool_twin_watch },
    { "query", NULL, "EXPRESSION", "Finds twins, or asks their devices", query },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
