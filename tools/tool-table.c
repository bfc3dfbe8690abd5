/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tables on stdout. In a pipe nothing is shortened or coloured, so that awk(1) sees what is there. */

#include "tool-table.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2                /* blanks between columns */
#define MIN_COLUMN_WIDTH 8   /* a column is not shortened below this */

static int
terminal_width (Tool *tool)
{
  struct winsize size = { 0 };
  const char *columns = g_getenv ("COLUMNS");

  if (!tool->is_terminal || tool->is_full)
    return G_MAXINT;
  if (columns != NULL && atoi (columns) > 0)
    return atoi (columns);
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

/* (transfer full): a value as a word or two, control characters escaped: names come from strangers. */
char *
tool_member_text (JsonObject *object,
                  const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  g_autoptr (GString) text = NULL;
  g_autofree char *raw = NULL;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return g_strdup ("-");
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return g_strdup (json_node_get_boolean (node) ? "yes" : "no");
  raw = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_dup_string (node)
    : json_to_string (node, FALSE);
  text = g_string_new (NULL);
  for (const char *p = raw; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      g_string_append_printf (text, "\\u%04x", g_utf8_get_char (p));
    else
      g_string_append_len (text, p, g_utf8_next_char (p) - p);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* What a column names: a member, or behind a slash a JSON Pointer. NULL: there is none. */
static JsonNode *
find_node (JsonObject *row,
           const char *name)
{
  g_auto (GStrv) tokens = g_strsplit (name[0] == '/' ? name + 1 : name, "/", name[0] == '/' ? -1 : 1);
  JsonNode *node = NULL;

  for (guint i = 0; tokens[i] != NULL; i++)
    {
      g_autoptr (GString) token = g_string_new (tokens[i]);
      JsonObject *object = i == 0 ? row : JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

      g_string_replace (token, "~1", "/", 0);
      g_string_replace (token, "~0", "~", 0);
      node = object != NULL ? json_object_get_member (object, token->str) : NULL;
      if (node == NULL)
        return NULL;
    }
  return node;
}

static char *
cell_text (JsonObject *row,
           const char *name)
{
  JsonNode *node = name[0] == '/' ? find_node (row, name) : NULL;
  g_autoptr (JsonObject) one = NULL;

  if (name[0] != '/')
    return tool_member_text (row, name);
  if (node == NULL)
    return g_strdup ("-");
  one = json_object_new ();
  json_object_set_member (one, "it", json_node_copy (node));
  return tool_member_text (one, "it");
}

/* ---- Order ---- */

static int
compare_rows (gconstpointer a,
              gconstpointer b,
              gpointer      data)
{
  const char *name = data;
  gboolean is_down = name[0] == '-';
  JsonNode *left = find_node (json_node_get_object (*(JsonNode * const *) a), name + is_down);
  JsonNode *right = find_node (json_node_get_object (*(JsonNode * const *) b), name + is_down);
  gboolean is_left = left != NULL && JSON_NODE_HOLDS_VALUE (left), is_right = right != NULL && JSON_NODE_HOLDS_VALUE (right);
  int order;

  if (!is_left || !is_right)
    return (int) is_right - (int) is_left; /* what has none comes last */
  if (json_node_get_value_type (left) == G_TYPE_STRING || json_node_get_value_type (right) == G_TYPE_STRING)
    order = g_strcmp0 (json_node_get_string (left), json_node_get_string (right));
  else
    order = (json_node_get_double (left) > json_node_get_double (right)) - (json_node_get_double (left) < json_node_get_double (right));
  return is_down ? -order : order;
}

/* (transfer full): by a member or JSON Pointer; with a dash in front the largest first. */
JsonArray *
tool_table_sort (JsonArray  *rows,
                 const char *name)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  JsonArray *sorted = json_array_new ();

  for (guint i = 0; i < json_array_get_length (rows); i++)
    g_ptr_array_add (nodes, json_array_get_element (rows, i));
  g_ptr_array_sort_with_data (nodes, compare_rows, (gpointer) name);
  for (guint i = 0; i < nodes->len; i++)
    json_array_add_element (sorted, json_node_copy (nodes->pdata[i]));
  return sorted;
}

/* ---- Forms ---- */

/* RFC 4180. */
static void
print_csv_cell (const char *text,
                gboolean    is_last)
{
  gboolean is_quoted = strpbrk (text, ",\"") != NULL;

  g_print ("%s", is_quoted ? "\"" : "");
  for (const char *quote; (quote = strchr (text, '"')) != NULL; text = quote + 1)
    g_print ("%.*s\"\"", (int) (quote - text), text);
  g_print ("%s%s%s", text, is_quoted ? "\"" : "", is_last ? "\r\n" : ",");
}

static int
print_csv (Tool             *tool,
           const ToolColumn *columns,
           guint             n_columns,
           JsonArray        *rows)
{
  for (guint c = 0; c < n_columns && !tool->has_no_legend; c++)
    print_csv_cell (columns[c].title, c + 1 == n_columns);
  for (guint r = 0; r < json_array_get_length (rows); r++)
    for (guint c = 0; c < n_columns; c++)
      {
        g_autofree char *text = cell_text (json_array_get_object_element (rows, r), columns[c].member);

        print_csv_cell (text, c + 1 == n_columns);
      }
  return TOOL_DONE;
}

/* Takes what is over the width of the terminal from the widest columns. */
static void
fit (int  *widths,
     guint n,
     int   available)
{
  for (;;)
    {
      guint widest = 0;
      int total = 0;

      for (guint i = 0; i < n; i++)
        {
          total += widths[i] + (i + 1 < n ? GAP : 0);
          if (widths[i] > widths[widest])
            widest = i;
        }
      if (total <= available || widths[widest] <= MIN_COLUMN_WIDTH)
        return;
      widths[widest] = MAX (MIN_COLUMN_WIDTH, widths[widest] - (total - available));
    }
}

static void
print_cell (const char *text,
            int         width,
            gboolean    is_right,
            gboolean    is_last)
{
  int len = (int) g_utf8_strlen (text, -1);
  int blanks = width > len ? width - len : 0;
  g_autofree char *cut = NULL;

  if (len > width)
    {
      g_autofree char *head = g_utf8_substring (text, 0, width - 1);

      cut = g_strconcat (head, "…", NULL);
      text = cut;
    }
  g_print ("%*s%s%*s", is_right ? blanks : 0, "", text, is_right ? 0 : is_last ? 0 : blanks, "");
  if (!is_last)
    g_print ("%*s", GAP, "");
}

static int
print_names (const ToolColumn *columns,
             JsonArray        *rows)
{
  for (guint r = 0; r < json_array_get_length (rows); r++)
    {
      g_autofree char *name = tool_member_text (json_array_get_object_element (rows, r), columns[0].member);

      g_print ("%s\n", name);
    }
  return TOOL_DONE;
}

static int
print_json (Tool      *tool,
            JsonArray *rows)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  g_autofree char *text = NULL;

  json_object_set_array_member (object, "items", json_array_ref (rows));
  json_node_take_object (root, object);
  text = json_to_string (root, tool->is_terminal);
  g_print ("%s\n", text);
  return TOOL_DONE;
}

static int
print_table (Tool             *tool,
             const ToolColumn *columns,
             guint             n_columns,
             JsonArray        *rows)
{
  g_autofree int *widths = g_new0 (int, n_columns);
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  gboolean is_bold = tool_uses_color (tool);

  for (guint c = 0; c < n_columns; c++)
    widths[c] = tool->has_no_legend ? 0 : (int) g_utf8_strlen (columns[c].title, -1);
  for (guint r = 0; r < json_array_get_length (rows); r++)
    for (guint c = 0; c < n_columns; c++)
      {
        char *text = cell_text (json_array_get_object_element (rows, r), columns[c].member);

        g_ptr_array_add (cells, text);
        widths[c] = MAX (widths[c], (int) g_utf8_strlen (text, -1));
      }
  fit (widths, n_columns, terminal_width (tool));
  if (!tool->has_no_legend)
    {
      g_print ("%s", is_bold ? "\033[1m" : "");
      for (guint c = 0; c < n_columns; c++)
        print_cell (columns[c].title, widths[c], columns[c].is_right, c + 1 == n_columns);
      g_print ("%s\n", is_bold ? "\033[0m" : "");
    }
  for (guint i = 0; i < cells->len; i++)
    {
      print_cell (cells->pdata[i], widths[i % n_columns], columns[i % n_columns].is_right, i % n_columns + 1 == n_columns);
      if (i % n_columns + 1 == n_columns)
        g_print ("\n");
    }
  return TOOL_DONE;
}

/* `id,LAG=n_queued,LAT=/gps/lat`: those that @columns has keep their headings. (transfer full) */
static GArray *
choose_columns (const ToolColumn *columns,
                guint             n_columns,
                GStrv             names)
{
  GArray *chosen = g_array_new (FALSE, FALSE, sizeof (ToolColumn));

  for (guint i = 0; names[i] != NULL; i++)
    {
      char *equals = strchr (names[i], '=');
      ToolColumn column = { names[i], names[i], FALSE };

      if (equals != NULL)
        {
          *equals = '\0';
          column.member = equals + 1;
        }
      for (guint c = 0; c < n_columns; c++)
        if (g_ascii_strcasecmp (columns[c].member, column.member) == 0 || g_ascii_strcasecmp (columns[c].title, column.member) == 0)
          column = (ToolColumn) { equals != NULL ? names[i] : columns[c].title, columns[c].member, columns[c].is_right };
      g_array_append_val (chosen, column);
    }
  return chosen;
}

int
tool_table_print (Tool             *tool,
                  const ToolColumn *columns,
                  guint             n_columns,
                  JsonArray        *rows)
{
  g_autoptr (JsonArray) sorted = tool->sort_by != NULL ? tool_table_sort (rows, tool->sort_by) : json_array_ref (rows);
  g_auto (GStrv) names = tool->columns != NULL ? g_strsplit (tool->columns, ",", -1) : NULL;
  g_autoptr (GArray) chosen = names != NULL ? choose_columns (columns, n_columns, names) : NULL;

  if (chosen != NULL && chosen->len > 0)
    {
      columns = (const ToolColumn *) (gpointer) chosen->data;
      n_columns = chosen->len;
    }
  if (tool->is_json)
    return print_json (tool, sorted);
  if (tool->is_names)
    return print_names (columns, sorted);
  return tool->is_csv ? print_csv (tool, columns, n_columns, sorted) : print_table (tool, columns, n_columns, sorted);
}

int
tool_object_print (Tool     *tool,
                   JsonNode *root)
{
  g_autoptr (GList) members = NULL;
  JsonObject *object;
  int width = 0;

  if (tool->is_json || !JSON_NODE_HOLDS_OBJECT (root))
    {
      g_autofree char *text = json_to_string (root, tool->is_terminal);

      g_print ("%s\n", text);
      return TOOL_DONE;
    }
  object = json_node_get_object (root);
  members = json_object_get_members (object);
  for (GList *l = members; l != NULL; l = l->next)
    width = MAX (width, (int) g_utf8_strlen (l->data, -1));
  for (GList *l = members; l != NULL; l = l->next)
    {
      g_autofree char *text = tool_member_text (object, l->data);

      g_print ("%-*s  %s\n", width, (const char *) l->data, text);
    }
  return TOOL_DONE;
}

/* KEY=VALUE as a member: the same word with `_`; numbers and truth values as such, the rest as text. */
gboolean
tool_object_set (JsonObject *object,
                 const char *setting)
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
  if (strcmp (value, "true") == 0 || strcmp (value, "false") == 0)
    json_object_set_boolean_member (object, key, value[0] == 't');
  else if (value[0] != '\0' && strspn (value, "0123456789") == strlen (value) &&
           g_ascii_string_to_signed (value, 10, 0, G_MAXINT64, &number, NULL))
    json_object_set_int_member (object, key, number);
  else
    json_object_set_string_member (object, key, value);
  return TRUE;
}
