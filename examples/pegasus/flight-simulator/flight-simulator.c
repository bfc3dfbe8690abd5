/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pegasus-I without the balloon: three actors in one process on one main loop. The craft has sensors and a radio and no
 * network. The ground station and the chase vehicle each hear that radio, each with an MQTT connection of their own; they
 * publish what they hear and pass commands from their topics up to the craft. The physics is flight-model.c. */

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <mosquitto.h>

#include "flight-chase.h"
#include "flight-model.h"
#include "flight-radio.h"
#include "flight-telemetry.h"
#include "mqtt-link.h"

#define TELEMETRY_TYPE "application/json"
#define LOCATION_TYPE "application/senml+json"

#define COUNTDOWN_S 8             /* on the pad, of real time */
#define REST_S 12                 /* after landing, of real time, before the next flight */
#define REST_LONGEST_S 60         /* the same when the chase vehicle does not find the craft */
#define PREDICT_EVERY_US G_USEC_PER_SEC
#define LOCATE_EVERY 2            /* ticks */
#define MAX_TICKS_AT_ONCE 16      /* after a stall; older ones are skipped */
#define LAST_ACKNOWLEDGEMENT_MS 1000
#define N_REMEMBERED 16           /* command ids: each command arrives by way of both stations */
#define SAME_COMMAND_US (2 * G_USEC_PER_SEC)

/* A prairie town in Minnesota with its fields */
static const FlightSite launch_site = { 45.1219, -95.0433, 345.0 };
static const FlightWinds forecast = { 0.0, 1.0 };

typedef struct _Simulator Simulator;

/* The ground station or the chase vehicle: what both have. */
typedef struct {
  Simulator *simulator;
  const char *name;               /* "ground" or "chase" */
  const char *telemetry_topic;
  const char *command_topics[3];  /* indexed by FlightCommand */
  double antenna_m;
  double gain_db;
  FlightSite where;
  MqttLink *link;
} Station;

typedef struct {
  char id[FLIGHT_ID_MAX + 1];
  FlightCommand command;
  const char *via;
} CommandFrame;

struct _Simulator {
  /* options */
  char *url;
  char *host;
  int port;
  double rate;
  double speed;
  int seed;
  int radio_delay_ms;
  double radio_loss;
  gboolean is_once;
  gboolean is_bound_to_parent;
  double duration_s;
  gboolean is_quiet;

  GMainLoop *loop;
  FlightRadio *radio;
  GSource *tick;
  GString *json;
  guint64 n_flights;
  guint64 n_ticks;
  gint64 next_tick_us;
  gint64 last_step_us;

  /* craft */
  FlightModel model;
  FlightTelemetry telemetry;
  char remembered[N_REMEMBERED][FLIGHT_ID_MAX + 1];
  guint n_remembered;
  guint n_unnamed;
  gint64 commanded_us[2];         /* monotonic, of the last command without id, by FlightCommand */
  gint64 landed_us;

  /* the others */
  Station ground;
  Station chase;
  FlightChase vehicle;
  FlightSight sight;              /* what the chase vehicle knows */
  gboolean has_sight;
  FlightLanding landing;
  gint64 predicted_us;            /* 0: not yet on this flight */
};

/* ---- Craft ---------------------------------------------------------- */

static double
distance_to (Station *station, FlightModel *model)
{
  double lat, lon, east_m, north_m;

  flight_model_position (model, &lat, &lon);
  flight_offset (lat, lon, station->where.lat, station->where.lon, &east_m, &north_m);
  return hypot (hypot (east_m, north_m), model->altitude_m - model->site.elevation_m);
}

static double
rssi_at (Station *station, FlightModel *model)
{
  double craft_m = model->altitude_m - model->site.elevation_m + 1.0;

  return flight_radio_rssi (distance_to (station, model), flight_radio_horizon_m (craft_m, station->antenna_m), station->gain_db);
}

/* Each command comes twice, by ground and by chase: the first one counts. */
static gboolean
is_repeated (Simulator *self, const CommandFrame *frame)
{
  gint64 now_us = g_get_monotonic_time ();

  if (frame->id[0] == '\0')
    {
      gboolean repeated = self->commanded_us[frame->command] != 0 && now_us - self->commanded_us[frame->command] < SAME_COMMAND_US;

      self->commanded_us[frame->command] = now_us;
      return repeated;
    }
  for (gsize i = 0; i < N_REMEMBERED; i++)
    if (strcmp (self->remembered[i], frame->id) == 0)
      return TRUE;
  g_strlcpy (self->remembered[self->n_remembered++ % N_REMEMBERED], frame->id, sizeof self->remembered[0]);
  return FALSE;
}

static void
say (Simulator *self, const char *what)
{
  if (!self->is_quiet)
    g_print ("T+%02d:%02d:%02d %s at %.0f m\n", (int) self->model.elapsed_s / 3600, (int) self->model.elapsed_s / 60 % 60,
             (int) self->model.elapsed_s % 60, what, self->model.altitude_m);
}

static void
craft_heard (gconstpointer data, double rssi, gpointer user_data)
{
  Simulator *self = user_data;
  const CommandFrame *frame = data;
  FlightAck *ack = &self->telemetry.ack;
  g_autofree char *line = NULL;

  if (is_repeated (self, frame))
    return;
  ack->command = frame->command;
  ack->outcome = flight_model_command (&self->model, frame->command);
  ack->via = frame->via;
  if (frame->id[0] != '\0')
    g_strlcpy (ack->id, frame->id, sizeof ack->id);
  else
    g_snprintf (ack->id, sizeof ack->id, "%s-%u", frame->via, ++self->n_unnamed);
  line = g_strdup_printf ("command %s by way of %s %s", flight_command_name (frame->command), frame->via,
                          ack->outcome == FLIGHT_DONE ? "done" : "refused");
  say (self, line);
}

static void station_heard (gconstpointer data, double rssi, gpointer user_data);

static void
craft_sends (Simulator *self)
{
  FlightTelemetry *frame = &self->telemetry;

  flight_telemetry_read (frame, &self->model);
  frame->sequence++;
  frame->sent_us = g_get_real_time ();
  flight_radio_send (self->radio, frame, sizeof *frame, rssi_at (&self->ground, &self->model), station_heard, &self->ground);
  flight_radio_send (self->radio, frame, sizeof *frame, rssi_at (&self->chase, &self->model), station_heard, &self->chase);
}

static void
start_flight (Simulator *self)
{
  guint64 seed = (guint64) self->seed + self->n_flights++;

  flight_model_start (&self->model, &launch_site, seed, COUNTDOWN_S * self->speed);
  self->telemetry = (FlightTelemetry) { .flight = g_get_real_time () / G_USEC_PER_SEC };
  self->has_sight = FALSE;
  self->predicted_us = 0;
  self->landed_us = 0;
  flight_move (launch_site.lat, launch_site.lon, 150.0, -90.0, &self->vehicle.lat, &self->vehicle.lon);
  flight_chase_start (&self->vehicle, self->vehicle.lat, self->vehicle.lon);
  say (self, "on the pad");
}

/* ---- Ground station and chase vehicle ------------------------------- */

static void
station_heard (gconstpointer data, double rssi, gpointer user_data)
{
  Station *station = user_data;
  Simulator *self = station->simulator;
  const FlightTelemetry *frame = data;
  char time[32];

  flight_time_write (frame->sent_us, time);
  flight_telemetry_write (frame, station->name, &station->where, rssi, distance_to (station, &self->model), g_get_real_time (), self->json);
  mqtt_link_publish (station->link, station->telemetry_topic, TELEMETRY_TYPE, time, self->json);

  if (station == &self->chase)
    {
      self->sight = (FlightSight) { frame->phase, frame->lat, frame->lon, frame->altitude_m, frame->vertical_speed };
      self->has_sight = TRUE;
    }
}

static void
on_command (const MqttLinkMessage *message, gpointer user_data)
{
  Station *station = user_data;
  Simulator *self = station->simulator;
  CommandFrame frame = { .via = station->name };

  for (frame.command = 0; station->command_topics[frame.command] != NULL; frame.command++)
    if (strcmp (message->topic, station->command_topics[frame.command]) == 0)
      {
        if (message->id != NULL)
          g_strlcpy (frame.id, message->id, sizeof frame.id);
        flight_radio_send (self->radio, &frame, sizeof frame, rssi_at (station, &self->model), craft_heard, self);
        return;
      }
}

static void
chase_drives (Simulator *self, gint64 now_us, double seconds)
{
  if (self->has_sight && now_us - self->predicted_us >= PREDICT_EVERY_US)
    {
      self->predicted_us = now_us;
      self->landing = flight_predict_landing (&self->sight, &forecast, launch_site.elevation_m);
    }
  if (self->predicted_us != 0 && self->sight.phase != FLIGHT_READY)
    flight_chase_drive (&self->vehicle, self->landing.lat, self->landing.lon, self->sight.phase == FLIGHT_LANDED, seconds);
  self->chase.where.lat = self->vehicle.lat;
  self->chase.where.lon = self->vehicle.lon;
}

static void
chase_says_where_it_is (Simulator *self)
{
  gint64 now_us = g_get_real_time ();
  char time[32];

  flight_time_write (now_us, time);
  flight_location_write (&self->vehicle, self->predicted_us != 0 ? &self->landing : NULL, now_us, self->json);
  mqtt_link_publish (self->chase.link, "chase/location", LOCATION_TYPE, time, self->json);
}

/* ---- Time ----------------------------------------------------------- */

static void
end_flight_in_time (Simulator *self, gint64 now_us)
{
  gint64 rested_us;

  if (self->model.phase != FLIGHT_LANDED)
    return;
  if (self->landed_us == 0)
    self->landed_us = now_us;
  rested_us = now_us - self->landed_us;
  if (rested_us < REST_S * G_USEC_PER_SEC || (!self->vehicle.has_arrived && rested_us < REST_LONGEST_S * G_USEC_PER_SEC))
    return;
  if (self->is_once)
    g_main_loop_quit (self->loop);
  else
    start_flight (self);
}

static gboolean
on_tick (gpointer user_data)
{
  Simulator *self = user_data;
  gint64 now_us = g_get_monotonic_time ();
  gint64 period_us = (gint64) (G_USEC_PER_SEC / self->rate);
  double seconds = MIN ((double) (now_us - self->last_step_us) / G_USEC_PER_SEC, 1.0) * self->speed;
  FlightPhase before = self->model.phase;
  guint n_due = 0;

  while (self->next_tick_us <= now_us)
    {
      self->next_tick_us += period_us;
      n_due++;
    }
  n_due = CLAMP (n_due, 1, MAX_TICKS_AT_ONCE);
  self->last_step_us = now_us;

  for (guint i = 0; i < n_due; i++)
    {
      flight_model_advance (&self->model, seconds / n_due);
      chase_drives (self, now_us, seconds / n_due);
      craft_sends (self);
      if (self->n_ticks++ % LOCATE_EVERY == 0)
        chase_says_where_it_is (self);
    }
  if (self->model.phase != before)
    say (self, flight_phase_name (self->model.phase));
  end_flight_in_time (self, now_us);
  g_source_set_ready_time (self->tick, self->next_tick_us);
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
    { "rate", 'r', 0, G_OPTION_ARG_DOUBLE, &self->rate, "Telemetry frames a second, 0.1 to 1000 (default 10)", "HZ" },
    { "speed", 's', 0, G_OPTION_ARG_DOUBLE, &self->speed, "Flight seconds in a second, 0.1 to 1000 (default 30)", "FACTOR" },
    { "seed", 0, 0, G_OPTION_ARG_INT, &self->seed, "Which winds blow (default 1)", "N" },
    { "radio-delay", 0, 0, G_OPTION_ARG_INT, &self->radio_delay_ms, "Delay of the radio, each way, 0 to 60000 (default 0)", "MS" },
    { "radio-loss", 0, 0, G_OPTION_ARG_DOUBLE, &self->radio_loss, "Frames lost at any distance, 0 to 100 (default 0)", "PERCENT" },
    { "once", 0, 0, G_OPTION_ARG_NONE, &self->is_once, "End after one flight", NULL },
    { "duration", 0, 0, G_OPTION_ARG_DOUBLE, &self->duration_s, "End after this time", "SECONDS" },
    { "exit-with-parent", 0, 0, G_OPTION_ARG_NONE, &self->is_bound_to_parent, "End when the program that started this one ends", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->is_quiet, "Say nothing", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) options = g_option_context_new ("- fly Pegasus-I over MQTT");
  g_autoptr (GUri) uri = NULL;

  self->rate = 10.0;
  self->speed = 30.0;
  self->seed = 1;
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

  if (*argc > 1 || self->port < 1 || self->port > 65535 || !(self->rate >= 0.1 && self->rate <= 1000.0)
      || !(self->speed >= 0.1 && self->speed <= 1000.0) || self->radio_delay_ms < 0 || self->radio_delay_ms > 60000
      || !(self->radio_loss >= 0.0 && self->radio_loss <= 100.0) || !(self->duration_s >= 0.0 && self->duration_s < 1e9))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "argument out of range; see --help");
      return FALSE;
    }
  return TRUE;
}

static void
set_up_station (Simulator *self, Station *station, Station values)
{
  g_autofree char *client_id = g_strdup_printf ("pegasus-%s-%d", values.name, (int) getpid ());

  *station = values;
  station->simulator = self;
  station->where = launch_site;
  station->link = mqtt_link_new (&(MqttLinkOptions) { .host = self->host, .port = (guint) self->port, .client_id = client_id,
                                                      .filters = station->command_topics, .received = on_command, .user_data = station });
}

static gboolean
on_waited_enough (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* What was sent is not lost because the program ends. */
static void
wait_for_acknowledgements (Simulator *self)
{
  gboolean is_enough = FALSE;
  guint timeout = g_timeout_add (LAST_ACKNOWLEDGEMENT_MS, on_waited_enough, &is_enough);

  g_source_destroy (self->tick);
  while (!is_enough && (mqtt_link_is_waiting (self->ground.link) || mqtt_link_is_waiting (self->chase.link)))
    g_main_context_iteration (NULL, TRUE);
  if (!is_enough)
    g_source_remove (timeout);
}

static void
fly (Simulator *self)
{
  self->loop = g_main_loop_new (NULL, FALSE);
  self->json = g_string_sized_new (1024);
  self->radio = flight_radio_new ((guint) self->radio_delay_ms, self->radio_loss / 100.0, (guint64) self->seed);
  set_up_station (self, &self->ground,
                  (Station) { .name = "ground", .telemetry_topic = "craft/telemetry/ground", .antenna_m = 10.0, .gain_db = 12.0,
                              .command_topics = { "command/release/ground", "command/parachute/ground" } });
  set_up_station (self, &self->chase,
                  (Station) { .name = "chase", .telemetry_topic = "craft/telemetry/chase", .antenna_m = 2.0, .gain_db = 3.0,
                              .command_topics = { "command/release/chase", "command/parachute/chase" } });
  start_flight (self);

  self->tick = g_source_new (&tick_funcs, sizeof (GSource));
  g_source_set_static_name (self->tick, "flight-tick");
  g_source_set_callback (self->tick, on_tick, self, NULL);
  self->next_tick_us = self->last_step_us = g_get_monotonic_time ();
  g_source_set_ready_time (self->tick, self->next_tick_us);
  g_source_attach (self->tick, NULL);

  g_unix_signal_add (SIGTERM, on_end, self);
  g_unix_signal_add (SIGINT, on_end, self);
  if (self->duration_s > 0.0)
    g_timeout_add ((guint) MIN (self->duration_s * 1000.0, (double) G_MAXUINT), on_end, self);
  g_main_loop_run (self->loop);
  wait_for_acknowledgements (self);
}

static void
report (Station *station)
{
  MqttLinkCounts counts = mqtt_link_get_counts (station->link);

  g_print ("%s: %" G_GUINT64_FORMAT " published, %" G_GUINT64_FORMAT " acknowledged, %" G_GUINT64_FORMAT " dropped, %" G_GUINT64_FORMAT
           " connections\n", station->name, counts.n_published, counts.n_acknowledged, counts.n_dropped, counts.n_connects);
}

static void
clear (Simulator *self)
{
  if (self->tick != NULL)
    g_source_destroy (self->tick);
  g_clear_pointer (&self->tick, g_source_unref);
  g_clear_pointer (&self->radio, flight_radio_free);
  g_clear_pointer (&self->ground.link, mqtt_link_free);
  g_clear_pointer (&self->chase.link, mqtt_link_free);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  if (self->json != NULL)
    g_string_free (self->json, TRUE);
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
      g_printerr ("flight-simulator: %s\n", error->message);
      clear (&self);
      return 2;
    }
  if (self.is_bound_to_parent && (prctl (PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid () != parent))
    return 0;

  mosquitto_lib_init ();
  fly (&self);
  if (!self.is_quiet)
    {
      report (&self.ground);
      report (&self.chase);
    }
  clear (&self);
  mosquitto_lib_cleanup ();
  return 0;
}
