/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser twin tree: the twins below one another, inner nodes with what is counted of those below them. */

#include "tool-twin.h"

#include <math.h>
#include <string.h>

#define DEFAULT_DEPTH 3       /* levels: a fleet has more sites than a screen has lines */
#define MAX_DEPTH 32          /* as deep as the bus lets them be */
#define MAX_SHOWN 4           /* values of a line */

typedef struct {
  Tool *tool;
  GHashTable *children;        /* id, "" for none -> GPtrArray of JsonObject */
  gint64 depth;
  guint id_width;
} Tree;

static gint
compare_ids (gconstpointer a,
             gconstpointer b)
{
  const char *left = json_object_get_string_member_with_default (*(JsonObject **) a, "id", "");
  const char *right = json_object_get_string_member_with_default (*(JsonObject **) b, "id", "");

  return strcmp (left, right);
}

static GPtrArray *
get_children (Tree       *self,
              const char *id)
{
  return g_hash_table_lookup (self->children, id);
}

static void
sort_out (Tree      *self,
          JsonArray *twins)
{
  GHashTableIter iter;
  gpointer value;

  for (guint i = 0; i < json_array_get_length (twins); i++)
    {
      JsonObject *twin = json_array_get_object_element (twins, i);
      const char *parent = json_object_get_string_member_with_default (twin, "parent", NULL);
      GPtrArray *list = get_children (self, parent != NULL ? parent : "");

      if (list == NULL)
        {
          list = g_ptr_array_new ();
          g_hash_table_insert (self->children, g_strdup (parent != NULL ? parent : ""), list);
        }
      g_ptr_array_add (list, twin);
    }
  g_hash_table_iter_init (&iter, self->children);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_sort (value, compare_ids);
}

gboolean
tool_twin_first (JsonObject  *functions,
                 const char **out_function,
                 double      *out_value)
{
  static const char * const names[] = { "sum", "mean", "max", "min", "count" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      JsonNode *node = json_object_get_member (functions, names[i]);

      if (node != NULL && JSON_NODE_HOLDS_VALUE (node))
        {
          *out_function = names[i];
          *out_value = json_node_get_double (node);
          return TRUE;
        }
    }
  return FALSE;
}

/* "online 3/4   power-kw -12.5 (sum)" */
static void
append_aggregate (Tree       *self,
                  const char *id,
                  GString    *out)
{
  g_autofree char *path = tool_twin_path (id, "/aggregate");
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GList) names = NULL;
  JsonObject *aggregate, *count;
  guint n_shown = 0;

  if (tool_http_get_json (self->tool, path, &root) != TOOL_DONE || !JSON_NODE_HOLDS_OBJECT (root)
      || !json_object_has_member (json_node_get_object (root), "aggregate"))
    return;
  aggregate = json_object_get_object_member (json_node_get_object (root), "aggregate");
  count = json_object_has_member (aggregate, "count") ? json_object_get_object_member (aggregate, "count") : NULL;
  if (count != NULL)
    {
      gint64 online = json_object_get_int_member_with_default (count, "online", 0);
      gint64 all = online + json_object_get_int_member_with_default (count, "stale", 0) + json_object_get_int_member_with_default (count, "offline", 0);

      g_string_append_printf (out, json_object_has_member (count, "offline") ? "online %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT : "online %" G_GINT64_FORMAT, online, all);
    }
  names = json_object_get_members (aggregate);
  for (GList *l = names; l != NULL && n_shown < MAX_SHOWN; l = l->next)
    {
      JsonNode *node = json_object_get_member (aggregate, l->data);
      g_autofree char *text = NULL;
      const char *function;
      double value;

      if (strcmp (l->data, "count") == 0 || !JSON_NODE_HOLDS_OBJECT (node) || !tool_twin_first (json_node_get_object (node), &function, &value))
        continue;
      text = tool_twin_format (value);
      g_string_append_printf (out, "  %s %s (%s)", (const char *) l->data, text, function);
      n_shown++;
    }
}

/* "offline   power-kw 2.1  2 min" */
static void
append_values (JsonObject *twin,
               GString    *out)
{
  JsonObject *reported = json_object_has_member (twin, "reported") ? json_object_get_object_member (twin, "reported") : NULL;
  g_autoptr (GList) names = reported != NULL ? json_object_get_members (reported) : NULL;
  g_autofree char *age = tool_twin_format_age (tool_twin_age (twin));
  guint n_shown = 0;

  g_string_append_printf (out, "%-7s", json_object_get_string_member_with_default (twin, "state", "-"));
  for (GList *l = names; l != NULL && n_shown < MAX_SHOWN; l = l->next)
    {
      JsonNode *node = json_object_get_member (reported, l->data);
      JsonNode *value = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), "value") : NULL;
      g_autofree char *text = NULL;

      if (value == NULL || !JSON_NODE_HOLDS_VALUE (value) || json_node_get_value_type (value) == G_TYPE_STRING || json_node_get_value_type (value) == G_TYPE_BOOLEAN)
        continue;
      text = tool_twin_format (json_node_get_double (value));
      g_string_append_printf (out, "  %s %s", (const char *) l->data, text);
      n_shown++;
    }
  if (strcmp (age, "-") != 0)
    g_string_append_printf (out, "  %s", age);
}

static void
print_line (Tree       *self,
            const char *lead,
            JsonObject *twin,
            gboolean    is_cut)
{
  const char *id = json_object_get_string_member_with_default (twin, "id", "-");
  GPtrArray *children = get_children (self, id);
  g_autoptr (GString) values = g_string_new (NULL);
  g_autofree char *label = g_strconcat (lead, id, NULL);
  int blanks = MAX (0, (int) self->id_width - (int) g_utf8_strlen (label, -1));

  if (children != NULL)
    append_aggregate (self, id, values);
  else
    append_values (twin, values);
  g_print ("%s%*s  %s", label, blanks, "", values->str);
  if (children != NULL && is_cut)
    g_print ("  (%u below)", children->len);
  g_print ("\n");
}

/* As deep as the bus lets trees be. */
static void
print_below (Tree       *self,
             const char *lead,
             JsonObject *twin,
             gint64      depth)
{
  GPtrArray *children = get_children (self, json_object_get_string_member_with_default (twin, "id", ""));

  for (guint i = 0; children != NULL && depth < self->depth && i < children->len; i++)
    {
      gboolean is_last = i + 1 == children->len;
      g_autofree char *own = g_strconcat (lead, is_last ? "└─ " : "├─ ", NULL);
      g_autofree char *next = g_strconcat (lead, is_last ? "   " : "│  ", NULL);

      print_line (self, own, children->pdata[i], depth + 1 == self->depth);
      print_below (self, next, children->pdata[i], depth + 1);
    }
}

static void
measure (Tree       *self,
         JsonObject *twin,
         gint64      depth)
{
  const char *id = json_object_get_string_member_with_default (twin, "id", "");
  GPtrArray *children = get_children (self, id);

  self->id_width = MAX (self->id_width, (guint) g_utf8_strlen (id, -1) + 3 * (guint) depth);
  for (guint i = 0; children != NULL && depth < self->depth && i < children->len; i++)
    measure (self, children->pdata[i], depth + 1);
}

/* {"id","state","children":[…]} */
static JsonObject *
make_json (Tree       *self,
           JsonObject *twin,
           gint64      depth)
{
  GPtrArray *children = get_children (self, json_object_get_string_member_with_default (twin, "id", ""));
  JsonArray *below = json_array_new ();
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "id", json_object_get_string_member_with_default (twin, "id", ""));
  json_object_set_string_member (object, "state", json_object_get_string_member_with_default (twin, "state", ""));
  for (guint i = 0; children != NULL && depth < self->depth && i < children->len; i++)
    json_array_add_object_element (below, make_json (self, children->pdata[i], depth + 1));
  json_object_set_array_member (object, "children", below);
  return object;
}

static JsonObject *
find (JsonArray  *twins,
      const char *id)
{
  for (guint i = 0; i < json_array_get_length (twins); i++)
    if (strcmp (json_object_get_string_member_with_default (json_array_get_object_element (twins, i), "id", ""), id) == 0)
      return json_array_get_object_element (twins, i);
  return NULL;
}

static void
print_json (Tree      *self,
            GPtrArray *roots)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();
  g_autofree char *text = NULL;

  for (guint i = 0; i < roots->len; i++)
    json_array_add_object_element (array, make_json (self, roots->pdata[i], 0));
  json_node_take_array (node, array);
  text = json_to_string (node, self->tool->is_terminal);
  g_print ("%s\n", text);
}

static void
unref_list (gpointer list)
{
  g_ptr_array_unref (list);
}

int
tool_twin_tree (Tool  *tool,
                int    argc,
                char **argv)
{
  Tree self = { .tool = tool, .depth = DEFAULT_DEPTH };
  gint64 depth = DEFAULT_DEPTH;
  const GOptionEntry entries[] = {
    { "depth", 'd', 0, G_OPTION_ARG_INT64, &depth, "How many levels below (default 3)", "N" },
    { NULL }
  };
  g_autoptr (GHashTable) children = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, unref_list);
  g_autoptr (GPtrArray) roots = g_ptr_array_new ();
  g_autoptr (JsonArray) twins = NULL;
  GPtrArray *tops;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[ID]", "Shows the tree of twins, or what is below one.", NULL, 0, 1, &code))
    return code;
  if (depth < 0 || depth > MAX_DEPTH)
    return tool_fail (tool, TOOL_USAGE, "--depth: 0 to %d", MAX_DEPTH);
  code = tool_http_list (tool, "/v1/twins", &twins);
  if (code != TOOL_DONE)
    return code;
  self.depth = depth;
  self.children = children;
  sort_out (&self, twins);
  if (argc > 1)
    {
      JsonObject *top = find (twins, argv[1]);

      if (top == NULL)
        return tool_fail (tool, TOOL_NOT_FOUND, "there is no twin %s", argv[1]);
      g_ptr_array_add (roots, top);
    }
  else if ((tops = get_children (&self, "")) != NULL)
    g_ptr_array_extend (roots, tops, NULL, NULL);
  if (tool->is_json)
    {
      print_json (&self, roots);
      return TOOL_DONE;
    }
  for (guint i = 0; i < roots->len; i++)
    measure (&self, roots->pdata[i], 0);
  for (guint i = 0; i < roots->len; i++)
    {
      print_line (&self, "", roots->pdata[i], depth == 0);
      print_below (&self, "", roots->pdata[i], 0);
    }
  if (roots->len == 0)
    tool_note (tool, "there are no twins");
  return TOOL_DONE;
}
