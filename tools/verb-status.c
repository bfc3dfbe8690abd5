/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser status: one screen about the daemon; the exit status says whether it is ready. */

#include "tool-http.h"
#include "tool-table.h"

#include <string.h>

static char *
format_number (gint64 value)
{
  return value >= 10000000 ? g_strdup_printf ("%.1f M", (double) value / 1e6)
    : value >= 10000 ? g_strdup_printf ("%.1f k", (double) value / 1e3)
    : g_strdup_printf ("%" G_GINT64_FORMAT, value);
}

static gint64
get_number (JsonObject *object,
            const char *name)
{
  return json_object_has_member (object, name) ? json_object_get_int_member_with_default (object, name, 0) : 0;
}

static char *
format_uptime (gint64 seconds)
{
  if (seconds >= 86400)
    return g_strdup_printf ("%" G_GINT64_FORMAT " d %" G_GINT64_FORMAT " h", seconds / 86400, seconds / 3600 % 24);
  if (seconds >= 3600)
    return g_strdup_printf ("%" G_GINT64_FORMAT " h %" G_GINT64_FORMAT " min", seconds / 3600, seconds / 60 % 60);
  return seconds >= 60 ? g_strdup_printf ("%" G_GINT64_FORMAT " min", seconds / 60)
    : g_strdup_printf ("%" G_GINT64_FORMAT " s", seconds);
}

/* "27 mqtt · 3 http": how many rows have each value of a member. */
static char *
count_by (JsonArray  *rows,
          const char *member)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GList) names = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (rows); i++)
    {
      char *value = tool_member_text (json_array_get_object_element (rows, i), member);
      guint n = GPOINTER_TO_UINT (g_hash_table_lookup (counts, value));

      g_hash_table_replace (counts, value, GUINT_TO_POINTER (n + 1));
    }
  names = g_list_sort (g_hash_table_get_keys (counts), (GCompareFunc) strcmp);
  for (GList *l = names; l != NULL; l = l->next)
    g_string_append_printf (text, "%s%u %s", text->len > 0 ? " · " : "", GPOINTER_TO_UINT (g_hash_table_lookup (counts, l->data)),
                            (const char *) l->data);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
join_names (JsonArray *rows)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (rows); i++)
    {
      g_autofree char *name = tool_member_text (json_array_get_object_element (rows, i), "name");

      g_string_append_printf (text, "%s%s", i > 0 ? " " : "", name);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
count_durable (JsonArray *rows)
{
  guint n_durable = 0;

  for (guint i = 0; i < json_array_get_length (rows); i++)
    n_durable += json_object_get_boolean_member_with_default (json_array_get_object_element (rows, i), "durable", FALSE) ? 1 : 0;
  return g_strdup_printf ("%u durable · %u ephemeral", n_durable, json_array_get_length (rows) - n_durable);
}

static void
print_waiting (JsonArray *subscriptions)
{
  for (guint i = 0; i < json_array_get_length (subscriptions); i++)
    {
      JsonObject *row = json_array_get_object_element (subscriptions, i);
      g_autofree char *id = tool_member_text (row, "id");
      g_autofree char *queued = format_number (get_number (row, "n_queued"));

      if (get_number (row, "n_queued") > 0 && json_object_get_boolean_member_with_default (row, "durable", FALSE))
        g_print ("  waiting        %s: %s messages\n", id, queued);
    }
}

typedef struct {
  JsonNode *status;
  JsonArray *listeners;
  JsonArray *connections;
  JsonArray *topics;
  JsonArray *subscriptions;
  gboolean is_ready;
} Picture;

static int
fetch (Tool    *tool,
       Picture *picture)
{
  int code = tool_http_get_json (tool, "/v1/admin/status", &picture->status);

  if (code == TOOL_DONE && !JSON_NODE_HOLDS_OBJECT (picture->status))
    code = tool_fail (tool, TOOL_FAILED, "the answer is not an object");
  if (code == TOOL_DONE)
    code = tool_http_list (tool, "/v1/admin/listeners", &picture->listeners);
  if (code == TOOL_DONE)
    code = tool_http_list (tool, "/v1/admin/connections", &picture->connections);
  if (code == TOOL_DONE)
    code = tool_http_list (tool, "/v1/admin/topics", &picture->topics);
  if (code == TOOL_DONE)
    code = tool_http_list (tool, "/v1/admin/subscriptions", &picture->subscriptions);
  picture->is_ready = code == TOOL_DONE && tool_http_probe (tool, "/readyz");
  return code;
}

static void
print_picture (const Picture *picture)
{
  JsonObject *status = json_node_get_object (picture->status);
  g_autofree char *name = tool_member_text (status, json_object_has_member (status, "name") ? "name" : "host");
  g_autofree char *version = tool_member_text (status, "version");
  g_autofree char *uptime = format_uptime (get_number (status, "uptime_s"));
  g_autofree char *listeners = join_names (picture->listeners);
  g_autofree char *connections = count_by (picture->connections, "protocol");
  g_autofree char *durable = count_durable (picture->subscriptions);
  g_autofree char *published = format_number (get_number (status, "published"));
  g_autofree char *delivered = format_number (get_number (status, "delivered"));
  g_autofree char *dropped = format_number (get_number (status, "dropped"));

  g_print ("%s  hawserd %s  up %s  %s\n", name, version, uptime,
           picture->is_ready ? "ready" : "not ready");
  g_print ("  listeners     %3u open      %s\n", json_array_get_length (picture->listeners), listeners);
  g_print ("  connections   %3u           %s\n", json_array_get_length (picture->connections), connections);
  g_print ("  topics        %3u           %s in · %s out · %s dropped\n", json_array_get_length (picture->topics), published, delivered,
           dropped);
  g_print ("  subscriptions %3u           %s\n", json_array_get_length (picture->subscriptions), durable);
  print_waiting (picture->subscriptions);
}

int
tool_verb_status (Tool  *tool,
                  int    argc,
                  char **argv)
{
  Picture picture = { 0 };
  int code;

  if (!tool_parse (tool, &argc, &argv, NULL, "", "Shows one screen about the daemon.",
                   "Exit status: 0 ready, 1 not ready, 4 it is not there.", 0, 0, &code))
    return code;
  code = fetch (tool, &picture);
  if (code == TOOL_DONE)
    {
      json_object_set_boolean_member (json_node_get_object (picture.status), "ready", picture.is_ready);
      if (tool->is_json)
        tool_object_print (tool, picture.status);
      else if (!tool->is_quiet)
        print_picture (&picture);
      code = picture.is_ready ? TOOL_DONE : TOOL_FAILED;
    }
  g_clear_pointer (&picture.status, json_node_unref);
  g_clear_pointer (&picture.listeners, json_array_unref);
  g_clear_pointer (&picture.connections, json_array_unref);
  g_clear_pointer (&picture.topics, json_array_unref);
  g_clear_pointer (&picture.subscriptions, json_array_unref);
  return code;
}
