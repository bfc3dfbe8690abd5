/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /metrics in the Prometheus text format, /livez, /readyz, and the numbers of the dashboard. Counters are the bus's and
 * never go back when a connection ends; labels are few. Context: the lane.
 * Source: Prometheus exposition formats, text 0.0.4. */

#include "http-session.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http-admin.h"

static const char * const drop_reasons[HAWSER_N_DROPS] = {
  [HAWSER_DROP_OVERFLOW] = "overflow",
  [HAWSER_DROP_EXPIRED] = "expired",
  [HAWSER_DROP_TOO_LARGE] = "too-large",
  [HAWSER_DROP_GONE] = "gone",
  [HAWSER_DROP_DENIED] = "denied",
};

static void
append_label (GString *out, const char *name, const char *value)
{
  g_string_append_printf (out, "%s=\"", name);
  for (const char *p = value; *p != '\0'; p++)
    {
      if (*p == '\\' || *p == '"')
        g_string_append_c (out, '\\');
      if (*p == '\n')
        g_string_append (out, "\\n");
      else
        g_string_append_c (out, *p);
    }
  g_string_append_c (out, '"');
}

static void
append_head (GString *out, const char *name, const char *type, const char *help)
{
  g_string_append_printf (out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
append_counter (GString *out, const char *name, const char *help, guint64 value)
{
  append_head (out, name, "counter", help);
  g_string_append_printf (out, "%s %" G_GUINT64_FORMAT "\n", name, value);
}

static void
append_gauge (GString *out, const char *name, const char *help, double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  append_head (out, name, "gauge", help);
  g_string_append_printf (out, "%s %s\n", name, g_ascii_dtostr (number, sizeof number, value));
}

/* ---- The process ---- */

static guint64
read_resident_bytes (void)
{
  FILE *file = fopen ("/proc/self/statm", "re");
  unsigned long size = 0, resident = 0;

  if (file == NULL)
    return 0;
  if (fscanf (file, "%lu %lu", &size, &resident) != 2)
    resident = 0;
  fclose (file);
  return (guint64) resident * (guint64) sysconf (_SC_PAGESIZE);
}

static guint
count_descriptors (void)
{
  DIR *dir = opendir ("/proc/self/fd");
  guint n = 0;

  if (dir == NULL)
    return 0;
  while (readdir (dir) != NULL)
    n++;
  closedir (dir);
  return n > 3 ? n - 3 : 0; /* ., .. and the folder itself */
}

static void
append_process (GString *out, gint64 started_wall_us)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  struct rusage usage;
  struct rlimit limit;

  getrusage (RUSAGE_SELF, &usage);
  append_head (out, "process_cpu_seconds_total", "counter", "User and system time of the process.");
  g_string_append_printf (out, "process_cpu_seconds_total %s\n",
                          g_ascii_dtostr (number, sizeof number, (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6));
  append_gauge (out, "process_resident_memory_bytes", "Resident memory.", (double) read_resident_bytes ());
  append_gauge (out, "process_open_fds", "Open descriptors.", count_descriptors ());
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    append_gauge (out, "process_max_fds", "Most descriptors that may be open.", (double) limit.rlim_cur);
  append_gauge (out, "process_start_time_seconds", "When the listener started, seconds since 1970.", (double) started_wall_us / 1e6);
}

/* ---- Connections by listener ---- */

typedef struct {
  GHashTable *counts;            /* "protocol\nlistener" -> n */
  guint n;
} Count;

static gboolean
count_connection (HawserConnection *connection, gpointer data)
{
  Count *count = data;
  char *key = g_strdup_printf ("%s\n%s", hawser_connection_get_protocol (connection), hawser_connection_get_listener_name (connection));

  g_hash_table_insert (count->counts, key, GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (count->counts, key)) + 1));
  count->n++;
  return TRUE;
}

static void
append_connections (GString *out, HawserBus *bus)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GList) keys = NULL;
  Count count = { counts, 0 };

  hawser_bus_foreach_connection (bus, count_connection, &count);
  append_head (out, "hawser_connections", "gauge", "Peers connected now.");
  keys = g_list_sort (g_hash_table_get_keys (counts), (GCompareFunc) strcmp);
  for (GList *link = keys; link != NULL; link = link->next)
    {
      const char *key = link->data;
      g_auto (GStrv) parts = g_strsplit (key, "\n", 2);

      g_string_append (out, "hawser_connections{");
      append_label (out, "protocol", parts[0]);
      g_string_append_c (out, ',');
      append_label (out, "listener", parts[1]);
      g_string_append_printf (out, "} %u\n", GPOINTER_TO_UINT (g_hash_table_lookup (counts, key)));
    }
}

/* ---- Bridges ---- */

static void
append_bridges (GString *out, HawserBus *bus)
{
  static const struct {
    const char *name, *type, *help;
  } figures[] = {
    { "hawser_bridge_connected", "gauge", "Whether messages pass the bridge." },
    { "hawser_bridge_queued", "gauge", "Messages that wait to be sent over the bridge or to be answered." },
    { "hawser_bridge_connects_total", "counter", "Times the bridge came to be connected." },
    { "hawser_bridge_sent_total", "counter", "Messages that the broker has." },
    { "hawser_bridge_received_total", "counter", "Messages that came in and were published." },
    { "hawser_bridge_refused_total", "counter", "Messages that the broker or the bus would not have." },
    { "hawser_bridge_looped_total", "counter", "Messages that had been here before." },
  };
  GListModel *model = hawser_bus_get_bridges (bus);
  guint n = g_list_model_get_n_items (model);

  for (gsize f = 0; f < G_N_ELEMENTS (figures) && n > 0; f++)
    {
      append_head (out, figures[f].name, figures[f].type, figures[f].help);
      for (guint i = 0; i < n; i++)
        {
          g_autoptr (HawserBridge) bridge = g_list_model_get_item (model, i);
          HawserBridgeStatistics statistics;
          guint64 values[G_N_ELEMENTS (figures)];

          hawser_bridge_get_statistics (bridge, &statistics);
          values[0] = hawser_bridge_get_state (bridge) == HAWSER_BRIDGE_STATE_CONNECTED;
          values[1] = hawser_bridge_get_depth (bridge);
          values[2] = statistics.n_connects;
          values[3] = statistics.n_sent;
          values[4] = statistics.n_received;
          values[5] = statistics.n_refused_there + statistics.n_refused_here;
          values[6] = statistics.n_looped;
          g_string_append_printf (out, "%s{", figures[f].name);
          append_label (out, "bridge", hawser_bridge_get_name (bridge));
          g_string_append_printf (out, "} %" G_GUINT64_FORMAT "\n", values[f]);
        }
    }
}

/* ---- Twins ---- */

static void
append_twins (GString *out, HawserBus *bus)
{
  HawserTwins *twins = hawser_twins_get (bus);
  guint online, stale, offline, n_live;
  guint64 n_passivated, n_woken;

  hawser_twins_get_counts (twins, &online, &stale, &offline);
  n_live = hawser_twins_get_live (twins, &n_passivated, &n_woken);
  append_head (out, "hawser_twins", "gauge", "Twins, by state.");
  g_string_append_printf (out, "hawser_twins{state=\"online\"} %u\nhawser_twins{state=\"stale\"} %u\nhawser_twins{state=\"offline\"} %u\n", online, stale, offline);
  append_gauge (out, "hawser_twins_live", "Twins in memory.", n_live);
  append_counter (out, "hawser_twins_passivated_total", "Times that a twin left memory.", n_passivated);
  append_counter (out, "hawser_twins_woken_total", "Times that one came back.", n_woken);
}

/* ---- Limits ---- */

static void
append_limits (GString *out, const HawserBusStatistics *statistics)
{
  append_head (out, "hawser_publisher_pauses_total", "counter", "Times that a publisher was not read for a while, by reason.");
  g_string_append_printf (out, "hawser_publisher_pauses_total{reason=\"rate\"} %" G_GUINT64_FORMAT "\nhawser_publisher_pauses_total{reason=\"memory\"} %" G_GUINT64_FORMAT "\n",
                          statistics->held_for_rate, statistics->held_for_memory);
  append_head (out, "hawser_publish_throttled_total", "counter", "Messages refused because pausing was not enough or not possible, by reason.");
  g_string_append_printf (out, "hawser_publish_throttled_total{reason=\"rate\"} %" G_GUINT64_FORMAT "\nhawser_publish_throttled_total{reason=\"memory\"} %" G_GUINT64_FORMAT "\n",
                          statistics->refused_for_rate, statistics->refused_for_memory);
  append_counter (out, "hawser_accept_pauses_total", "Times that a listener accepted nobody for a while (connect-rate).", statistics->connects_held);
  append_counter (out, "hawser_connects_throttled_total", "Connections refused because their identity connects too often (identity-connect-rate).", statistics->connects_refused);
  if (statistics->max_memory == 0)
    return;
  append_gauge (out, "hawser_memory_bytes", "Private memory of the process that is in RAM.", (double) statistics->memory_bytes);
  append_gauge (out, "hawser_memory_limit_bytes", "What it may be before publishers are held back (max-memory).", (double) statistics->max_memory);
  append_gauge (out, "hawser_memory_tight", "Whether publishers are held back now.", statistics->is_tight);
}

/* ---- Sinks ---- */

static void
append_sink_durations (GString *out, const char *name, const HawserSinkStatistics *statistics)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  guint64 sum = 0;

  for (guint b = 0; b < HAWSER_SINK_N_DURATIONS; b++)
    {
      sum += statistics->durations[b];
      g_string_append (out, "hawser_sink_delivery_duration_seconds_bucket{");
      append_label (out, "subscription", name);
      g_string_append_printf (out, ",le=\"%s\"} %" G_GUINT64_FORMAT "\n",
                              b < HAWSER_SINK_N_DURATIONS - 1 ? g_ascii_formatd (number, sizeof number, "%g", (double) hawser_sink_duration_bounds[b] / 1e6) : "+Inf", sum);
    }
  g_string_append (out, "hawser_sink_delivery_duration_seconds_sum{");
  append_label (out, "subscription", name);
  g_string_append_printf (out, "} %s\nhawser_sink_delivery_duration_seconds_count{", g_ascii_dtostr (number, sizeof number, (double) statistics->duration_us_total / 1e6));
  append_label (out, "subscription", name);
  g_string_append_printf (out, "} %" G_GUINT64_FORMAT "\n", sum);
}

static void
append_sinks (GString *out, HawserBus *bus)
{
  static const struct {
    const char *name, *type, *help;
  } figures[] = {
    { "hawser_sink_deliveries_total", "counter", "Messages that left the queue of a sink, by what became of them." },
    { "hawser_sink_queued", "gauge", "Messages that wait to be written." },
    { "hawser_spool_oldest_age_seconds", "gauge", "Age of the oldest message that waits for a sink." },
    { "hawser_dead_letters_total", "counter", "Messages given to the dead-letter topic of a sink." },
    { "hawser_sink_failing", "gauge", "Whether the last write failed." },
    { "hawser_sink_delivery_duration_seconds", "histogram", "How long writes took." },
  };
  GListModel *model = hawser_bus_get_sinks (bus);
  guint n = g_list_model_get_n_items (model);

  for (gsize f = 0; f < G_N_ELEMENTS (figures) && n > 0; f++)
    {
      append_head (out, figures[f].name, figures[f].type, figures[f].help);
      for (guint i = 0; i < n; i++)
        {
          g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (model, i);
          const char *name = hawser_sink_runner_get_name (runner);
          HawserSinkStatistics s;

          hawser_sink_runner_get_statistics (runner, &s);
          if (f == 0)
            {
              const struct { const char *outcome; guint64 n; } outcomes[] = {
                { "written", s.n_written }, { "dead-letter", s.n_dead_letters }, { "given-up", s.n_given_up }, { "filtered", s.n_filtered }, { "expired", s.n_expired },
              };

              for (gsize o = 0; o < G_N_ELEMENTS (outcomes); o++)
                {
                  g_string_append_printf (out, "%s{", figures[f].name);
                  append_label (out, "subscription", name);
                  g_string_append_printf (out, ",outcome=\"%s\"} %" G_GUINT64_FORMAT "\n", outcomes[o].outcome, outcomes[o].n);
                }
            }
          else if (f == G_N_ELEMENTS (figures) - 1)
            append_sink_durations (out, name, &s);
          else
            {
              char number[G_ASCII_DTOSTR_BUF_SIZE];
              const double values[] = { 0, (double) hawser_sink_runner_get_depth (runner), (double) MAX (0, hawser_sink_runner_get_oldest_age_us (runner)) / 1e6,
                                        (double) s.n_dead_letters, hawser_sink_runner_get_state (runner) == HAWSER_SINK_STATE_FAILING };

              g_string_append_printf (out, "%s{", figures[f].name);
              append_label (out, "subscription", name);
              g_string_append_printf (out, "} %s\n", g_ascii_dtostr (number, sizeof number, values[f]));
            }
        }
    }
}

/* ---- Pipelines ---- */

static void
append_pipelines (GString *out, HawserBus *bus)
{
  static const char * const outcomes[] = { "published", "filtered", "unusable", "combined", "limited", "overflow", "looped", "refused" };
  GListModel *model = hawser_bus_get_pipelines (bus);
  guint n = g_list_model_get_n_items (model);

  for (guint f = 0; f < 3 && n > 0; f++)
    {
      if (f == 0)
        append_head (out, "hawser_pipeline_received_total", "counter", "Messages that the pipeline took from its topics.");
      else if (f == 1)
        append_head (out, "hawser_pipeline_messages_total", "counter", "What became of them.");
      else
        append_head (out, "hawser_pipeline_queued", "gauge", "Messages that wait in front of the pipeline and in it.");
      for (guint i = 0; i < n; i++)
        {
          g_autoptr (HawserPipeline) pipeline = g_list_model_get_item (model, i);
          HawserPipelineStatistics s;

          hawser_pipeline_get_statistics (pipeline, &s);
          for (gsize o = 0; o < (f == 1 ? G_N_ELEMENTS (outcomes) : 1); o++)
            {
              const guint64 values[] = { s.n_published, s.n_filtered, s.n_unusable, s.n_combined, s.n_limited, s.n_overflow, s.n_looped, s.n_refused };

              g_string_append (out, f == 0 ? "hawser_pipeline_received_total{" : f == 1 ? "hawser_pipeline_messages_total{" : "hawser_pipeline_queued{");
              append_label (out, "pipeline", hawser_pipeline_get_name (pipeline));
              if (f == 1)
                g_string_append_printf (out, ",outcome=\"%s\"", outcomes[o]);
              g_string_append_printf (out, "} %" G_GUINT64_FORMAT "\n", f == 0 ? s.n_received : f == 1 ? values[o] : hawser_pipeline_get_depth (pipeline));
            }
        }
    }
}

void
http_metrics_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBanStatistics bans;
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autoptr (GString) out = g_string_sized_new (4096);
  HawserBusStatistics statistics;

  hawser_bus_get_statistics (adapter->bus, &statistics);
  append_head (out, "hawser_build_info", "gauge", "Version of the running library.");
  g_string_append_printf (out, "hawser_build_info{version=\"%s\",abi=\"%d.%d\"} 1\n", HAWSER_VERSION_S, HAWSER_PLUGIN_ABI_MAJOR, HAWSER_PLUGIN_ABI_MINOR);
  append_gauge (out, "hawser_start_time_seconds", "When the listener started, seconds since 1970.", (double) adapter->started_wall_us / 1e6);
  hawser_ban_list_get_statistics (adapter->bus, &bans);
  append_counter (out, "hawser_failed_logins_total", "Log-ins that were refused.", bans.n_failures);
  append_counter (out, "hawser_banned_connections_total", "Connections and requests refused because their address, client id or principal is banned.", bans.n_refused);
  append_counter (out, "hawser_flapping_bans_total", "Client ids that were banned because they connected too often.", bans.n_flapping);
  append_gauge (out, "hawser_bans", "Addresses, client ids and principals that are banned.", bans.n_bans);
  append_limits (out, &statistics);
  append_counter (out, "hawser_messages_received_total", "Messages that publishers handed over and that were accepted.", statistics.published);
  append_counter (out, "hawser_bytes_received_total", "Payload bytes of accepted messages.", statistics.published_bytes);
  append_counter (out, "hawser_publish_denied_total", "Messages refused: rights, unknown topic, limits.", statistics.refused);
  append_counter (out, "hawser_messages_matched_total", "Accepted messages times receivers.", statistics.matched);
  append_counter (out, "hawser_messages_delivered_total", "Messages given to receivers.", statistics.delivered);
  append_counter (out, "hawser_bytes_sent_total", "Payload bytes of delivered messages.", statistics.delivered_bytes);
  append_head (out, "hawser_messages_dropped_total", "counter", "Messages that a receiver did not get, by reason.");
  for (guint i = 0; i < HAWSER_N_DROPS; i++)
    g_string_append_printf (out, "hawser_messages_dropped_total{reason=\"%s\"} %" G_GUINT64_FORMAT "\n", drop_reasons[i], statistics.dropped[i]);
  append_gauge (out, "hawser_messages_queued", "Messages that wait for a receiver, in memory or spool.", (double) statistics.queued);
  append_gauge (out, "hawser_topics", "Topics in use or declared.", (double) statistics.n_topics);
  append_gauge (out, "hawser_retained_messages", "Topics with a last value.", (double) statistics.n_retained);
  append_gauge (out, "hawser_scheduled_messages", "Messages that wait for the time that their publisher named.", (double) statistics.n_scheduled);
  append_counter (out, "hawser_messages_duplicate_total", "Messages accepted and dropped, because their id came within dedup-window before.", statistics.n_duplicates);
  append_head (out, "hawser_subscriptions", "gauge", "Filters of receivers.");
  g_string_append_printf (out, "hawser_subscriptions{kind=\"durable\"} %" G_GUINT64_FORMAT "\nhawser_subscriptions{kind=\"ephemeral\"} %" G_GUINT64_FORMAT "\n",
                          statistics.n_durable, statistics.n_subscriptions - MIN (statistics.n_durable, statistics.n_subscriptions));
  append_twins (out, adapter->bus);
  append_connections (out, adapter->bus);
  append_bridges (out, adapter->bus);
  append_pipelines (out, adapter->bus);
  append_sinks (out, adapter->bus);
  append_counter (out, "hawser_http_requests_total", "Requests that this listener took.", adapter->n_requests);
  append_process (out, adapter->started_wall_us);
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "text/plain; version=0.0.4; charset=utf-8", out->str, out->len);
}

void
http_admin_status (HttpSession *session, HttpRequest *request, const char *rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *name = NULL;
  HawserClock *clock = hawser_bus_get_clock (adapter->bus);
  HawserBusStatistics statistics;
  Count count = { counts, 0 };
  guint64 n_dropped = 0;

  hawser_bus_get_statistics (adapter->bus, &statistics);
  hawser_bus_foreach_connection (adapter->bus, count_connection, &count);
  for (guint i = 0; i < HAWSER_N_DROPS; i++)
    n_dropped += statistics.dropped[i];
  g_object_get (adapter->bus, "name", &name, NULL);
  g_string_printf (out, "{\"version\":\"%s\"", HAWSER_VERSION_S);
  http_json_string (out, "name", name);
  g_string_append (out, ",\"host\":");
  hawser_json_append_string (out, g_get_host_name (), strlen (g_get_host_name ()));
  g_string_append_printf (out, ",\"uptime_s\":%" G_GINT64_FORMAT ",\"topics\":%" G_GUINT64_FORMAT ",\"retained\":%" G_GUINT64_FORMAT
                          ",\"subscriptions\":%" G_GUINT64_FORMAT ",\"durable\":%" G_GUINT64_FORMAT ",\"connections\":%u",
                          (hawser_clock_get_wall_us (clock) - adapter->started_wall_us) / G_USEC_PER_SEC, statistics.n_topics, statistics.n_retained,
                          statistics.n_subscriptions, statistics.n_durable, count.n);
  g_string_append_printf (out, ",\"published\":%" G_GUINT64_FORMAT ",\"refused\":%" G_GUINT64_FORMAT ",\"matched\":%" G_GUINT64_FORMAT ",\"delivered\":%" G_GUINT64_FORMAT
                          ",\"queued\":%" G_GUINT64_FORMAT ",\"dropped\":%" G_GUINT64_FORMAT ",\"resident_bytes\":%" G_GUINT64_FORMAT "}",
                          statistics.published, statistics.refused, statistics.matched, statistics.delivered, statistics.queued, n_dropped, read_resident_bytes ());
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", out->str, out->len);
}

/* ---- Health ---- */

/* The loop turns: this answer is the proof. */
void
http_health_live (HttpSession *session, HttpRequest *request, const char *rest)
{
  http_session_respond (session, 200, "text/plain; charset=utf-8", "ok\n", 3);
}

/* Listeners of a bus that stops are gone from its list before the last answer. */
void
http_health_ready (HttpSession *session, HttpRequest *request, const char *rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  GListModel *listeners = hawser_bus_get_listeners (adapter->bus);
  g_autoptr (GString) out = g_string_new (NULL);
  guint n = g_list_model_get_n_items (listeners);
  gboolean is_listed = FALSE;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (listeners, i);
      g_autofree char *address = hawser_listener_dup_bound_address (listener);

      is_listed |= listener == adapter->listener;
      g_string_append_printf (out, "[+] listener %s %s\n", hawser_listener_get_name (listener), address != NULL ? address : "");
    }
  if (!is_listed)
    g_string_append (out, "[-] stopping\n");
  if (http_request_get_query (request, "verbose") == NULL)
    g_string_assign (out, is_listed ? "ok\n" : "stopping\n");
  http_session_respond (session, is_listed ? 200 : 503, "text/plain; charset=utf-8", out->str, out->len);
}
