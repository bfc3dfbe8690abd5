/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many sites without the sites: buildings with solar cells and batteries, each with an MQTT 5 connection of its own, on one
 * main loop. Each reports about once a second, does what is dispatched to it and answers, says some things late, and now and
 * then is gone: with its connection cut, or silent on an open one. The buildings are site-model.c. */

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <mosquitto.h>

#include "mqtt-link.h"
#include "site-map.h"
#include "site-model.h"
#include "site-report.h"

#define TICK_US (G_USEC_PER_SEC / 20)
#define FIRST_HOUR 9.5              /* of the day, when the simulator starts: the sun is up, something happens */
#define MAX_SITES 20000
#define LONGEST_STEP_S 5.0          /* after a stall the day jumps, the batteries do not */
#define SHORTEST_OUTAGE_S 8.0
#define LONGEST_OUTAGE_S 30.0
#define CUT_SHARE 0.6               /* of the outages; the others keep their connection and say nothing */
#define LONGEST_DELAY_S 4.0         /* of what is said late */
#define LAST_ACKNOWLEDGEMENT_MS 1000

typedef struct _Simulator Simulator;

typedef struct {
  Simulator *simulator;
  char *name;                       /* "north/f2/s07" */
  char *telemetry_topic;
  char *link_topic;
  char *filters[2];
  SiteSpot spot;
  SiteModel model;
  MqttLink *link;
  guint64 random;                   /* of what goes wrong: another one than the weather's */
  gint64 due_us;                    /* of the next report */
  gint64 advanced_us;
  gint64 back_us;                   /* end of the outage; 0: there is none */
} Site;

/* A report that goes out after newer ones. */
typedef struct {
  Site *site;
  gint64 due_us;
  char time[32];
  GString *report;
} Late;

struct _Simulator {
  /* options */
  char *url;
  char *host;
  int port;
  int n_sites;
  int first;
  int count;
  double rate;
  double speed;
  int seed;
  double outages;
  double late;
  double duration_s;
  gboolean is_bound_to_parent;
  gboolean is_quiet;

  GMainLoop *loop;
  GSource *tick;
  GPtrArray *sites;
  GQueue held;                      /* of Late, in no order: few */
  GString *report;
  gint64 started_us;
  guint64 n_outages;
  guint64 n_late;
  guint64 n_orders;
};

static double
hour_of_day (Simulator *self, gint64 now_us)
{
  double hours = FIRST_HOUR + (double) (now_us - self->started_us) / G_USEC_PER_SEC * self->speed / 3600.0;

  return fmod (hours, 24.0);
}

/* ---- What a site says ----------------------------------------------- */

static void
say (Simulator *self, Site *site, const char *what)
{
  if (!self->is_quiet)
    g_print ("%s %s\n", site->name, what);
}

static void
free_late (gpointer data)
{
  Late *late = data;

  g_string_free (late->report, TRUE);
  g_free (late);
}

static void
hold (Simulator *self, Site *site, const char *time, gint64 now_us)
{
  Late *late = g_new0 (Late, 1);

  late->site = site;
  late->due_us = now_us + (gint64) ((1.5 / self->rate + LONGEST_DELAY_S * site_random (&site->random)) * G_USEC_PER_SEC);
  g_strlcpy (late->time, time, sizeof late->time);
  late->report = g_string_new_len (self->report->str, (gssize) self->report->len);
  g_queue_push_tail (&self->held, late);
  self->n_late++;
}

static void
say_what_was_held (Simulator *self, gint64 now_us)
{
  for (GList *at = self->held.head; at != NULL;)
    {
      GList *next = at->next;
      Late *late = at->data;

      if (late->due_us <= now_us)
        {
          if (late->site->back_us == 0)
            mqtt_link_publish (late->site->link, late->site->telemetry_topic, "application/json", late->time, late->report);
          g_queue_delete_link (&self->held, at);
          free_late (late);
        }
      at = next;
    }
}

static void
report (Simulator *self, Site *site, gint64 now_us)
{
  double hour = hour_of_day (self, now_us);
  double seconds = (double) (now_us - site->advanced_us) / G_USEC_PER_SEC;
  char time[32];

  site->advanced_us = now_us;
  site_model_advance (&site->model, hour, MIN (seconds, LONGEST_STEP_S) * self->speed / 3600.0, seconds);
  if (site->back_us != 0)
    return;                         /* life goes on, nobody hears of it */
  site_report_write (&site->model, &site->spot.place, hour, self->report);
  site_time_write (g_get_real_time (), time);
  if (site_random (&site->random) * 100.0 < self->late)
    hold (self, site, time, now_us);
  else
    mqtt_link_publish (site->link, site->telemetry_topic, "application/json", time, self->report);
}

static void
on_order (const MqttLinkMessage *message, gpointer user_data)
{
  Site *site = user_data;
  Simulator *self = site->simulator;
  double kw, seconds;
  const char *why;
  g_autofree char *line = NULL;

  if (site->back_us != 0)
    return;                         /* silent is silent */
  if (!site_order_read (message->payload, message->payload_len, site->model.plant.battery_kw, &kw, &seconds, &why))
    {
      g_string_printf (self->report, "{\"accepted\":false,\"why\":\"%s\"}", *why == 's' ? why : "not an order");
      mqtt_link_reply (site->link, message, "application/json", self->report);
      return;
    }
  self->n_orders++;
  site_model_order (&site->model, kw, seconds);
  site->due_us = 0;                 /* and says at once what became of it */
  g_string_assign (self->report, "{\"accepted\":true}");
  mqtt_link_reply (site->link, message, "application/json", self->report);
  line = g_strdup_printf ("does %+.1f kW for %.0f s", kw, seconds);
  say (self, site, line);
}

/* ---- What goes wrong ------------------------------------------------ */

static void
go_or_come_back (Simulator *self, Site *site, gint64 now_us)
{
  double mean_s = (SHORTEST_OUTAGE_S + LONGEST_OUTAGE_S) / 2.0;

  if (site->back_us != 0)
    {
      if (now_us < site->back_us)
        return;
      site->back_us = 0;
      mqtt_link_restore (site->link);
      say (self, site, "is back");
      return;
    }
  /* so often that the share asked for is away at any time */
  if (site_random (&site->random) >= self->outages / (100.0 - MIN (self->outages, 99.0)) / mean_s / self->rate)
    return;
  site->back_us = now_us + (gint64) ((SHORTEST_OUTAGE_S + (LONGEST_OUTAGE_S - SHORTEST_OUTAGE_S) * site_random (&site->random)) * G_USEC_PER_SEC);
  self->n_outages++;
  if (site_random (&site->random) < CUT_SHARE)
    {
      mqtt_link_cut (site->link);
      say (self, site, "lost its connection");
    }
  else
    say (self, site, "went silent");
}

/* ---- Time ----------------------------------------------------------- */

static gboolean
on_tick (gpointer user_data)
{
  Simulator *self = user_data;
  gint64 now_us = g_get_monotonic_time ();

  for (guint i = 0; i < self->sites->len; i++)
    {
      Site *site = g_ptr_array_index (self->sites, i);

      if (site->due_us > now_us)
        continue;
      site->due_us = MAX (site->due_us, now_us - (gint64) (G_USEC_PER_SEC / self->rate)) + (gint64) (G_USEC_PER_SEC / self->rate);
      go_or_come_back (self, site, now_us);
      report (self, site, now_us);
    }
  say_what_was_held (self, now_us);
  g_source_set_ready_time (self->tick, now_us + TICK_US);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs tick_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

static gboolean
on_end (gpointer user_data)
{
  g_main_loop_quit (((Simulator *) user_data)->loop);
  return G_SOURCE_CONTINUE;
}

/* ---- Program -------------------------------------------------------- */

static gboolean
read_options (Simulator *self, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "url", 'u', 0, G_OPTION_ARG_STRING, &self->url, "Where the bus listens (default mqtt://127.0.0.1:1883)", "URL" },
    { "host", 'h', 0, G_OPTION_ARG_STRING, &self->host, "Host, instead of --url", "HOST" },
    { "port", 'p', 0, G_OPTION_ARG_INT, &self->port, "Port, instead of --url", "PORT" },
    { "sites", 'n', 0, G_OPTION_ARG_INT, &self->n_sites, "Sites of the grid, 1 to 20000 (default 200)", "N" },
    { "first", 0, 0, G_OPTION_ARG_INT, &self->first, "The first one that this program is (default 0)", "INDEX" },
    { "count", 0, 0, G_OPTION_ARG_INT, &self->count, "How many of them this program is (default: the rest)", "N" },
    { "rate", 'r', 0, G_OPTION_ARG_DOUBLE, &self->rate, "Reports of a site in a second, 0.01 to 20 (default 1)", "HZ" },
    { "speed", 's', 0, G_OPTION_ARG_DOUBLE, &self->speed, "Seconds of the day in a second, 1 to 3600 (default 120)", "FACTOR" },
    { "seed", 0, 0, G_OPTION_ARG_INT, &self->seed, "Which weather, people and mishaps (default 1)", "N" },
    { "outages", 0, 0, G_OPTION_ARG_DOUBLE, &self->outages, "Sites that are away at any time, 0 to 90 (default 3)", "PERCENT" },
    { "late", 0, 0, G_OPTION_ARG_DOUBLE, &self->late, "Reports that come late, 0 to 100 (default 2)", "PERCENT" },
    { "duration", 0, 0, G_OPTION_ARG_DOUBLE, &self->duration_s, "End after this time", "SECONDS" },
    { "exit-with-parent", 0, 0, G_OPTION_ARG_NONE, &self->is_bound_to_parent, "End when the program that started this one ends", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->is_quiet, "Say nothing", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) options = g_option_context_new ("- be a power plant of many sites, over MQTT");
  g_autoptr (GUri) uri = NULL;

  *self = (Simulator) { .n_sites = 200, .count = -1, .rate = 1.0, .speed = 120.0, .seed = 1, .outages = 3.0, .late = 2.0 };
  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, argc, argv, error))
    return FALSE;
  if (self->url != NULL)
    {
      uri = g_uri_parse (self->url, G_URI_FLAGS_NONE, error);
      if (uri == NULL)
        return FALSE;
      if (g_strcmp0 (g_uri_get_scheme (uri), "mqtt") != 0 || g_uri_get_host (uri) == NULL)
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--url %s: must be mqtt://HOST[:PORT]", self->url);
          return FALSE;
        }
      g_free (self->host);
      self->host = g_strdup (g_uri_get_host (uri));
      if (g_uri_get_port (uri) > 0)
        self->port = g_uri_get_port (uri);
    }
  if (self->host == NULL)
    self->host = g_strdup ("127.0.0.1");
  if (self->port == 0)
    self->port = 1883;
  if (self->count < 0)
    self->count = self->n_sites - self->first;

  if (*argc > 1 || self->port < 1 || self->port > 65535 || self->n_sites < 1 || self->n_sites > MAX_SITES || self->first < 0
      || self->count < 1 || self->first + self->count > self->n_sites || !(self->rate >= 0.01 && self->rate <= 20.0)
      || !(self->speed >= 1.0 && self->speed <= 3600.0) || !(self->outages >= 0.0 && self->outages <= 90.0)
      || !(self->late >= 0.0 && self->late <= 100.0) || !(self->duration_s >= 0.0 && self->duration_s < 1e9))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "argument out of range; see --help");
      return FALSE;
    }
  return TRUE;
}

static void
free_site (gpointer data)
{
  Site *site = data;

  mqtt_link_free (site->link);
  g_free (site->filters[0]);
  g_free (site->link_topic);
  g_free (site->telemetry_topic);
  g_free (site->name);
  g_free (site);
}

static void
add_site (Simulator *self, guint index)
{
  Site *site = g_new0 (Site, 1);
  g_autofree char *client_id = NULL;

  site->simulator = self;
  site_map_spot (index, (guint) self->n_sites, &site->spot);
  site->name = g_strdup_printf ("%s/f%u/s%02u", site->spot.region, site->spot.feeder, site->spot.number);
  site->telemetry_topic = g_strdup_printf ("grid/%s/telemetry", site->name);
  site->link_topic = g_strdup_printf ("grid/%s/link", site->name);
  site->filters[0] = g_strdup_printf ("$twin/inbox/site/%s/dispatch", site->name);
  site->random = site_seed ((guint64) self->seed + 1000003, index);
  site_model_start (&site->model, site->spot.kind, site_seed ((guint64) self->seed, index), FIRST_HOUR);
  site->advanced_us = self->started_us;
  site->due_us = self->started_us + (gint64) (site_random (&site->random) / self->rate * G_USEC_PER_SEC);
  client_id = g_strdelimit (g_strdup_printf ("site-%s", site->name), "/", '-');
  site->link = mqtt_link_new (&(MqttLinkOptions) { .host = self->host, .port = (guint) self->port, .client_id = client_id,
                                                   .filters = (const char *const *) site->filters, .will_topic = site->link_topic,
                                                   .will_payload = "offline", .received = on_order, .user_data = site });
  g_ptr_array_add (self->sites, site);
}

static gboolean
on_waited_enough (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

static gboolean
is_waiting (Simulator *self)
{
  for (guint i = 0; i < self->sites->len; i++)
    if (mqtt_link_is_waiting (((Site *) g_ptr_array_index (self->sites, i))->link))
      return TRUE;
  return FALSE;
}

/* What was sent is not lost because the program ends. */
static void
wait_for_acknowledgements (Simulator *self)
{
  gboolean is_enough = FALSE;
  guint timeout = g_timeout_add (LAST_ACKNOWLEDGEMENT_MS, on_waited_enough, &is_enough);

  g_source_destroy (self->tick);
  while (!is_enough && is_waiting (self))
    g_main_context_iteration (NULL, TRUE);
  if (!is_enough)
    g_source_remove (timeout);
}

static void
run (Simulator *self)
{
  self->loop = g_main_loop_new (NULL, FALSE);
  self->report = g_string_sized_new (512);
  self->started_us = g_get_monotonic_time ();
  self->sites = g_ptr_array_new_with_free_func (free_site);
  for (int i = 0; i < self->count; i++)
    add_site (self, (guint) (self->first + i));

  self->tick = g_source_new (&tick_funcs, sizeof (GSource));
  g_source_set_static_name (self->tick, "site-tick");
  g_source_set_callback (self->tick, on_tick, self, NULL);
  g_source_set_ready_time (self->tick, self->started_us);
  g_source_attach (self->tick, NULL);
  g_unix_signal_add (SIGTERM, on_end, self);
  g_unix_signal_add (SIGINT, on_end, self);
  if (self->duration_s > 0.0)
    g_timeout_add ((guint) MIN (self->duration_s * 1000.0, (double) G_MAXUINT), on_end, self);
  g_main_loop_run (self->loop);
  wait_for_acknowledgements (self);
}

static void
summarise (Simulator *self)
{
  MqttLinkCounts all = { 0 };

  for (guint i = 0; i < self->sites->len; i++)
    {
      MqttLinkCounts counts = mqtt_link_get_counts (((Site *) g_ptr_array_index (self->sites, i))->link);

      all.n_published += counts.n_published;
      all.n_acknowledged += counts.n_acknowledged;
      all.n_dropped += counts.n_dropped;
      all.n_connects += counts.n_connects;
    }
  g_print ("%u sites: %" G_GUINT64_FORMAT " published, %" G_GUINT64_FORMAT " acknowledged, %" G_GUINT64_FORMAT " dropped, %" G_GUINT64_FORMAT
           " connections, %" G_GUINT64_FORMAT " outages, %" G_GUINT64_FORMAT " late, %" G_GUINT64_FORMAT " orders\n",
           self->sites->len, all.n_published, all.n_acknowledged, all.n_dropped, all.n_connects, self->n_outages, self->n_late, self->n_orders);
}

static void
clear (Simulator *self)
{
  if (self->tick != NULL)
    g_source_destroy (self->tick);
  g_clear_pointer (&self->tick, g_source_unref);
  g_queue_clear_full (&self->held, free_late);
  g_clear_pointer (&self->sites, g_ptr_array_unref);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  if (self->report != NULL)
    g_string_free (self->report, TRUE);
  g_free (self->url);
  g_free (self->host);
}

int
main (int argc, char **argv)
{
  Simulator self = { 0 };
  g_autoptr (GError) error = NULL;
  pid_t parent = getppid ();

  if (!read_options (&self, &argc, &argv, &error))
    {
      g_printerr ("site-simulator: %s\n", error->message);
      clear (&self);
      return 2;
    }
  if (self.is_bound_to_parent && (prctl (PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid () != parent))
    return 0;

  mosquitto_lib_init ();
  run (&self);
  if (!self.is_quiet)
    summarise (&self);
  clear (&self);
  mosquitto_lib_cleanup ();
  return 0;
}
