/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser top: what passes, as it passes; hawser slow: who is behind. Both ask the admin API. */

#include "tool-http.h"
#include "tool-table.h"

#include <string.h>

#define SPARK_LEN 12           /* samples that a sparkline shows */

typedef struct {
  Tool *tool;
  GHashTable *before;          /* "topic NAME", "connection ID", …: gint64 counter at the last sample */
  GHashTable *sparks;          /* the same keys: GArray of rates */
  gint64 at_us;
  gint64 interval_us;
  int rows, count;             /* count: samples to come; 0: no limit */
  gboolean is_first;
  gboolean once;
} Top;

static gint64
number_of (JsonObject *row,
           const char *name)
{
  JsonNode *node = json_object_get_member (row, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : 0;
}

/* How much a counter grew a second since it was last asked for. */
static double
rate (Top        *self,
      const char *kind,
      const char *name,
      gint64      value,
      double      seconds)
{
  g_autofree char *key = g_strdup_printf ("%s %s", kind, name);
  gint64 *old = g_hash_table_lookup (self->before, key);
  double result = old != NULL && seconds > 0 && value >= *old ? (double) (value - *old) / seconds : 0;

  if (old != NULL)
    *old = value;
  else
    {
      if (!self->is_first && seconds > 0)
        result = (double) value / seconds; /* it came since */
      old = g_new (gint64, 1);
      *old = value;
      g_hash_table_insert (self->before, g_steal_pointer (&key), old);
    }
  return result;
}

static char *
spark (Top        *self,
       const char *key,
       double      value)
{
  static const char * const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
  GArray *values = g_hash_table_lookup (self->sparks, key);
  GString *text = g_string_new (NULL);
  double most = 0;

  if (values == NULL)
    {
      values = g_array_new (FALSE, FALSE, sizeof (double));
      g_hash_table_insert (self->sparks, g_strdup (key), values);
    }
  g_array_append_val (values, value);
  if (values->len > SPARK_LEN)
    g_array_remove_index (values, 0);
  for (guint i = 0; i < values->len; i++)
    most = MAX (most, g_array_index (values, double, i));
  for (guint i = 0; i < values->len; i++)
    g_string_append (text, bars[most > 0 ? (guint) (g_array_index (values, double, i) / most * 7 + 0.5) : 0]);
  return g_string_free (text, FALSE);
}

static void
set_rate (JsonObject *row,
          const char *name,
          double      value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.1f", value);
  json_object_set_double_member (row, name, g_ascii_strtod (text, NULL));
}

/* Filters that match it: in the listing there is no figure for that. */
static guint
count_subscribers (GPtrArray  *filters,
                   const char *topic)
{
  guint n = 0;

  for (guint i = 0; i < filters->len; i++)
    n += hawser_topic_filter_matches (filters->pdata[i], topic);
  return n;
}

static JsonArray *
measure_topics (Top       *self,
                JsonArray *topics,
                JsonArray *subscriptions,
                double     seconds)
{
  g_autoptr (GPtrArray) filters = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_topic_filter_unref);
  JsonArray *rows = json_array_new ();

  for (guint i = 0; i < json_array_get_length (subscriptions); i++)
    {
      HawserTopicFilter *filter = hawser_topic_filter_new (json_object_get_string_member_with_default (json_array_get_object_element (subscriptions, i), "filter", ""), NULL);

      if (filter != NULL)
        g_ptr_array_add (filters, filter);
    }
  for (guint i = 0; i < json_array_get_length (topics); i++)
    {
      JsonObject *topic = json_array_get_object_element (topics, i), *row = json_object_new ();
      const char *name = json_object_get_string_member_with_default (topic, "name", "");
      double in = rate (self, "topic", name, number_of (topic, "n_published"), seconds);
      g_autofree char *line = spark (self, name, in);

      json_object_set_string_member (row, "topic", name);
      set_rate (row, "in_per_second", in);
      json_object_set_int_member (row, "subscribers", count_subscribers (filters, name));
      json_object_set_int_member (row, "published", number_of (topic, "n_published"));
      json_object_set_string_member (row, "trend", line);
      json_array_add_object_element (rows, row);
    }
  return rows;
}

static JsonArray *
measure_connections (Top       *self,
                     JsonArray *connections,
                     double     seconds)
{
  JsonArray *rows = json_array_new ();

  for (guint i = 0; i < json_array_get_length (connections); i++)
    {
      JsonObject *connection = json_array_get_object_element (connections, i), *row = json_object_new ();
      g_autofree char *id = tool_member_text (connection, "id"), *client = tool_member_text (connection, "client_id");
      g_autofree char *out_key = g_strconcat ("out ", id, NULL);

      json_object_set_string_member (row, "id", id);
      json_object_set_string_member (row, "client", client);
      json_object_set_string_member (row, "protocol", json_object_get_string_member_with_default (connection, "protocol", ""));
      set_rate (row, "in_per_second", rate (self, "connection", id, number_of (connection, "n_received"), seconds));
      set_rate (row, "out_per_second", rate (self, "connection", out_key, number_of (connection, "n_delivered"), seconds));
      json_array_add_object_element (rows, row);
    }
  return rows;
}

static JsonArray *
measure_sinks (Top       *self,
               JsonArray *sinks,
               double     seconds)
{
  JsonArray *rows = json_array_new ();

  for (guint i = 0; i < json_array_get_length (sinks); i++)
    {
      JsonObject *sink = json_array_get_object_element (sinks, i), *row = json_object_new ();
      const char *name = json_object_get_string_member_with_default (sink, "name", "");
      gint64 n_writes = number_of (sink, "n_writes");

      json_object_set_string_member (row, "sink", name);
      json_object_set_string_member (row, "state", json_object_get_string_member_with_default (sink, "state", ""));
      set_rate (row, "written_per_second", rate (self, "sink", name, number_of (sink, "n_written"), seconds));
      json_object_set_int_member (row, "queued", number_of (sink, "n_queued"));
      set_rate (row, "oldest_s", (double) number_of (sink, "oldest_ms") / 1e3);
      set_rate (row, "mean_write_ms", n_writes > 0 ? (double) number_of (sink, "write_us_total") / (double) n_writes / 1e3 : 0);
      json_array_add_object_element (rows, row);
    }
  return rows;
}

/* ---- Showing ---- */

static const ToolColumn topic_columns[] = {
  { "TOPIC", "topic", FALSE }, { "IN/s", "in_per_second", TRUE }, { "SUBS", "subscribers", TRUE }, { "TOTAL", "published", TRUE }, { "TREND", "trend", FALSE },
};
static const ToolColumn sink_columns[] = {
  { "SINK", "sink", FALSE }, { "STATE", "state", FALSE }, { "OUT/s", "written_per_second", TRUE }, { "QUEUED", "queued", TRUE }, { "OLDEST s", "oldest_s", TRUE },
  { "WRITE ms", "mean_write_ms", TRUE },
};
static const ToolColumn connection_columns[] = {
  { "CLIENT", "client", FALSE }, { "PROTOCOL", "protocol", FALSE }, { "IN/s", "in_per_second", TRUE }, { "OUT/s", "out_per_second", TRUE }, { "ID", "id", TRUE },
};

static void
print_part (Top              *self,
            JsonArray        *rows,
            const ToolColumn *columns,
            guint             n_columns,
            const char       *order)
{
  guint n = json_array_get_length (rows);
  char *asked = self->tool->sort_by;
  g_autoptr (JsonArray) few = json_array_new ();
  g_autoptr (JsonArray) sorted = tool_table_sort (rows, order);

  if (n == 0)
    return;
  for (guint i = 0; i < n && i < (guint) self->rows; i++)
    json_array_add_element (few, json_array_dup_element (sorted, i));
  self->tool->sort_by = NULL;
  tool_table_print (self->tool, columns, n_columns, few);
  self->tool->sort_by = asked;
  g_print ("%s\n", n > (guint) self->rows ? "…\n" : "");
}

static void
print_picture (Top        *self,
               JsonObject *status,
               JsonArray  *topics,
               JsonArray  *sinks,
               JsonArray  *connections,
               double      seconds)
{
  g_autofree char *name = tool_member_text (status, "name");
  double in = rate (self, "status", "in", number_of (status, "published"), seconds);
  double out = rate (self, "status", "out", number_of (status, "delivered"), seconds);
  double dropped = rate (self, "status", "dropped", number_of (status, "dropped"), seconds);

  if (self->is_first && !self->once)
    return;
  if (self->tool->is_json)
    {
      g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
      JsonObject *object = json_object_new ();
      g_autofree char *text = NULL;

      set_rate (object, "in_per_second", in);
      set_rate (object, "out_per_second", out);
      set_rate (object, "dropped_per_second", dropped);
      json_object_set_array_member (object, "topics", json_array_ref (topics));
      json_object_set_array_member (object, "sinks", json_array_ref (sinks));
      json_object_set_array_member (object, "connections", json_array_ref (connections));
      json_node_take_object (root, object);
      text = json_to_string (root, self->once && self->tool->is_terminal);
      g_print ("%s\n", text);
      return;
    }
  if (self->tool->is_terminal && !self->once)
    g_print ("\033[H\033[2J");
  g_print ("%s  %.1f in/s  %.1f out/s  %.1f dropped/s  %" G_GINT64_FORMAT " connections  %" G_GINT64_FORMAT " queued\n\n", name, in, out, dropped,
           number_of (status, "connections"), number_of (status, "queued"));
  print_part (self, topics, topic_columns, G_N_ELEMENTS (topic_columns), "-in_per_second");
  print_part (self, sinks, sink_columns, G_N_ELEMENTS (sink_columns), "-queued");
  print_part (self, connections, connection_columns, G_N_ELEMENTS (connection_columns), "-in_per_second");
}

static int
sample (Top *self)
{
  g_autoptr (JsonNode) status = NULL;
  g_autoptr (JsonArray) topics = NULL, subscriptions = NULL, connections = NULL, sinks = NULL;
  g_autoptr (JsonArray) topic_rows = NULL, connection_rows = NULL, sink_rows = NULL;
  gint64 now_us = g_get_monotonic_time ();
  double seconds = self->at_us != 0 ? (double) (now_us - self->at_us) / G_USEC_PER_SEC : 0;
  int code = tool_http_get_json (self->tool, "/v1/admin/status", &status);

  if (code == TOOL_DONE)
    code = tool_http_list (self->tool, "/v1/admin/topics", &topics);
  if (code == TOOL_DONE)
    code = tool_http_list (self->tool, "/v1/admin/subscriptions", &subscriptions);
  if (code == TOOL_DONE)
    code = tool_http_list (self->tool, "/v1/admin/connections", &connections);
  if (code == TOOL_DONE)
    code = tool_http_list (self->tool, "/v1/admin/sinks", &sinks);
  if (code != TOOL_DONE)
    return code;
  self->at_us = now_us;
  topic_rows = measure_topics (self, topics, subscriptions, seconds);
  connection_rows = measure_connections (self, connections, seconds);
  sink_rows = measure_sinks (self, sinks, seconds);
  print_picture (self, json_node_get_object (status), topic_rows, sink_rows, connection_rows, seconds);
  return TOOL_DONE;
}

static gboolean
on_interval (gpointer data)
{
  Top *self = data;
  int code = sample (self);

  if (code != TOOL_DONE)
    tool_quit (self->tool, code);
  else if (!tool_flush (self->tool))
    tool_quit (self->tool, TOOL_FAILED);
  else if (self->count > 0 && !self->is_first && --self->count == 0)
    tool_quit (self->tool, TOOL_DONE);
  self->is_first = FALSE;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_timeout (gpointer data)
{
  tool_quit (data, TOOL_DONE);
  return G_SOURCE_CONTINUE;
}

int
tool_verb_top (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autofree char *interval = NULL;
  int count = 0, rows = 10;
  gboolean once = FALSE;
  const GOptionEntry entries[] = {
    { "once", 0, 0, G_OPTION_ARG_NONE, &once, "One picture, after one interval", NULL },
    { "interval", 'i', 0, G_OPTION_ARG_STRING, &interval, "Time between pictures (default 2s)", "TIME" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &count, "End after this many pictures", "N" },
    { "rows", 'n', 0, G_OPTION_ARG_INT, &rows, "Rows of each table (default 10)", "N" },
    { NULL }
  };
  g_autoptr (GHashTable) before = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) sparks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
  g_autoptr (GError) error = NULL;
  Top self = { .tool = tool, .before = before, .sparks = sparks, .interval_us = 2 * G_USEC_PER_SEC, .is_first = TRUE };
  guint id, timeout_id = 0;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "", "Topics, sinks and connections by what passes, as it passes.",
                   "Examples:\n  hawser top\n  hawser top --once -j | jq '.topics[0]'", 0, 0, &code))
    return code;
  if ((interval != NULL && !hawser_duration_parse (interval, &self.interval_us, &error)) || count < 0 || rows < 1 || self.interval_us < 10000)
    return tool_fail (tool, TOOL_USAGE, "%s", error != NULL ? error->message : "--interval: 10ms or more; --count and --rows: more than nothing");
  self.count = once ? 1 : count;
  self.rows = rows;
  self.once = FALSE;
  code = sample (&self);
  if (code != TOOL_DONE)
    return code;
  self.is_first = FALSE;
  self.once = once;
  id = g_timeout_add ((guint) MIN (self.interval_us / 1000, G_MAXUINT), on_interval, &self);
  if (tool->timeout_us > 0)
    timeout_id = g_timeout_add ((guint) MIN (tool->timeout_us / 1000 + 1, G_MAXUINT), on_timeout, tool);
  code = tool_wait (tool);
  g_source_remove (id);
  g_clear_handle_id (&timeout_id, g_source_remove);
  return code;
}

/* ---- slow ---- */

static const ToolColumn slow_columns[] = {
  { "ID", "id", FALSE }, { "FILTER", "filter", FALSE }, { "RECEIVER", "receiver", FALSE }, { "QUEUED", "n_queued", TRUE }, { "BYTES", "queued_bytes", TRUE },
  { "DROPPED", "n_dropped", TRUE },
};

int
tool_verb_slow (Tool  *tool,
                int    argc,
                char **argv)
{
  int threshold = 1, rows = 20;
  const GOptionEntry entries[] = {
    { "threshold", 0, 0, G_OPTION_ARG_INT, &threshold, "Only those with this many messages waiting or dropped (default 1)", "N" },
    { "rows", 'n', 0, G_OPTION_ARG_INT, &rows, "At most this many (default 20)", "N" },
    { NULL }
  };
  g_autoptr (JsonArray) all = NULL, sorted = NULL, slow = json_array_new ();
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "", "Subscriptions that are behind, the longest queue first.",
                   "What waits for a receiver that is away, or slower than what is published. What to do: hawser conn show, hawser sink show.", 0, 0, &code))
    return code;
  if (threshold < 0 || rows < 1)
    return tool_fail (tool, TOOL_USAGE, "--threshold and --rows: no negative numbers");
  code = tool_http_list (tool, "/v1/admin/subscriptions", &all);
  if (code != TOOL_DONE)
    return code;
  sorted = tool_table_sort (all, "-n_queued");
  for (guint i = 0; i < json_array_get_length (sorted) && json_array_get_length (slow) < (guint) rows; i++)
    {
      JsonObject *row = json_array_get_object_element (sorted, i);

      if (number_of (row, "n_queued") >= threshold || (threshold > 0 && number_of (row, "n_dropped") >= threshold))
        json_array_add_element (slow, json_array_dup_element (sorted, i));
    }
  return tool_table_print (tool, slow_columns, G_N_ELEMENTS (slow_columns), slow);
}
