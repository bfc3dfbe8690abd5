/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sink runner: one passive, durable receiver of the bus, one sink, and everything between them that every sink needs:
 * settings, filter, batches, retries, circuit breaker, dead letters, pause and drain, figures. Made by the daemon from a
 * `[subscription]` group, or by an application. Runs on the lane of its bus. What happens to a batch is
 * hawser-sink-delivery.c; what a destination is, is the sink's. */

#include "hawser-sink-runner.h"
#include "hawser-sink-runner-private.h"

#include <string.h>

#include "hawser-bus-private.h"
#include "hawser-error.h"
#include "hawser-message-builder.h"
#include "hawser-message-raw.h"
#include "hawser-param-spec.h"
#include "hawser-topic-filter.h"
#include "hawser-topic-name.h"
#include "hawser-units.h"

#define MAX_GROUPS 256                   /* open keys: a topic or hour each; more wait in the queue */
#define WINDOW_OVERHEAD 256              /* bytes of a message besides its payload, as the batcher counts */

const gint64 hawser_sink_duration_bounds[HAWSER_SINK_N_DURATIONS - 1] = {
  1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000, 30000000,
};

G_DEFINE_FINAL_TYPE (HawserSinkRunner, hawser_sink_runner, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_BUS,
  PROP_NAME,
  PROP_SINK,
  PROP_STATE,
  PROP_BREAKER,
  PROP_DEPTH,
  PROP_N_WRITTEN,
  PROP_N_DEAD_LETTERS,
  PROP_LAST_ERROR,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static const GEnumValue state_values[] = {
  { HAWSER_SINK_STATE_STOPPED, "HAWSER_SINK_STATE_STOPPED", "stopped" },
  { HAWSER_SINK_STATE_RUNNING, "HAWSER_SINK_STATE_RUNNING", "running" },
  { HAWSER_SINK_STATE_FAILING, "HAWSER_SINK_STATE_FAILING", "failing" },
  { HAWSER_SINK_STATE_PAUSED, "HAWSER_SINK_STATE_PAUSED", "paused" },
  { HAWSER_SINK_STATE_DRAINING, "HAWSER_SINK_STATE_DRAINING", "draining" },
  { 0, NULL, NULL },
};

GType
hawser_sink_state_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserSinkState", state_values));
  return type;
}

/* ---- Properties ---- */

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserSinkRunner *self = HAWSER_SINK_RUNNER (object);

  switch (id)
    {
    case PROP_BUS: g_value_set_object (value, self->bus); break;
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_SINK: g_value_set_object (value, self->sink); break;
    case PROP_STATE: g_value_set_enum (value, hawser_sink_runner_get_state (self)); break;
    case PROP_BREAKER: g_value_set_enum (value, self->breaker.state); break;
    case PROP_DEPTH: g_value_set_uint64 (value, hawser_sink_runner_get_depth (self)); break;
    case PROP_N_WRITTEN: g_value_set_uint64 (value, self->statistics.n_written); break;
    case PROP_N_DEAD_LETTERS: g_value_set_uint64 (value, self->statistics.n_dead_letters); break;
    case PROP_LAST_ERROR: g_value_set_string (value, self->last_error); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserSinkRunner *self = HAWSER_SINK_RUNNER (object);

  switch (id)
    {
    case PROP_BUS: self->bus = g_value_dup_object (value); break;
    case PROP_NAME: self->name = g_value_dup_string (value); break;
    case PROP_SINK: self->sink = g_value_dup_object (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

void
hawser_sink_runner_changed (HawserSinkRunner *self)
{
  hawser_notifier_changed (&self->notifier);
}

void
hawser_sink_runner_set_error (HawserSinkRunner *self, const char *reason)
{
  char *copy = g_strdup (reason); /* it may be the last one */

  g_debug ("sink '%s': %s", self->name, reason);
  g_free (self->last_error);
  self->last_error = copy;
}

/* ---- Receiving ---- */

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HawserSinkRunner *self = data;
  HawserBatchEntry entry = {
    .message = delivery->message, .position = delivery->position, .taken_us = delivery->now_us,
    /* what was published before we started was given to somebody before: to us, in an earlier life */
    .is_repeated = delivery->is_redelivered || hawser_message_get_published_us (delivery->message) < self->started_us,
  };
  g_autofree char *key = NULL;
  HawserBatchGroup *group;

  if (self->filter != NULL && !hawser_message_filter_matches (self->filter, delivery->message))
    {
      self->statistics.n_taken++;
      self->statistics.n_filtered++;
      if (delivery->position != 0)
        hawser_receiver_discard (receiver, delivery->position);
      return HAWSER_DELIVER_DONE;
    }
  key = hawser_sink_dup_key (self->sink, delivery->message);
  group = hawser_batcher_add (&self->batcher, key, &entry);
  if (group == NULL)
    {
      self->is_busy = TRUE;
      self->has_room = FALSE;
      hawser_sink_delivery_post_pump (self);
      return HAWSER_DELIVER_BUSY;
    }
  self->statistics.n_taken++;
  if (hawser_batch_group_get_n (group) == 1 || hawser_batcher_is_ready (&self->batcher, group, delivery->now_us))
    hawser_sink_delivery_post_pump (self);
  return HAWSER_DELIVER_DONE;
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  HawserSinkRunner *self = data;

  self->receiver = NULL;
  hawser_sink_runner_set_error (self, hawser_error_to_nick (reason));
  hawser_sink_runner_stop (self);
}

static gboolean
redrive (HawserReceiver *receiver, gpointer data, guint64 *out_n)
{
  HawserSinkRunner *self = data;

  if (self->letters == NULL)
    return FALSE;
  *out_n = hawser_dead_letters_redrive (self->letters, receiver);
  return TRUE;
}

static const HawserReceiverFuncs receiver_funcs = { .deliver = deliver, .ended = ended, .redrive = redrive };

/* ---- Life ---- */

static gboolean
stop_sink (gpointer sink)
{
  hawser_sink_stop (sink);
  return G_SOURCE_REMOVE;
}

/* Whoever drops a runner without stopping it may be a garbage collector, inside of which no script may be called. */
static void
stop_sink_later (HawserSinkRunner *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, stop_sink, g_object_ref (self->sink), g_object_unref);
  g_source_attach (source, hawser_lane_get_context (self->lane));
}

/* Nothing is written from here on; the sink is to be told. */
static void
halt (HawserSinkRunner *self)
{
  self->is_started = FALSE;
  hawser_roster_remove (&self->bus->sinks, self);
  hawser_timer_disarm (&self->timer);
  hawser_sink_delivery_abandon (self);
  g_clear_pointer (&self->letters, hawser_dead_letters_free);
  if (self->receiver != NULL)
    hawser_receiver_detach (self->receiver, G_MAXUINT32);
  self->receiver = NULL; /* nobody tells us of its end from here on, such as when the bus closes */
}

static void
dispose (GObject *object)
{
  HawserSinkRunner *self = HAWSER_SINK_RUNNER (object);

  if (self->is_started)
    {
      halt (self);
      stop_sink_later (self);
    }
  hawser_timer_disarm (&self->timer);
  hawser_notifier_clear (&self->notifier);
  G_OBJECT_CLASS (hawser_sink_runner_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserSinkRunner *self = HAWSER_SINK_RUNNER (object);

  if (self->batcher.groups != NULL)
    hawser_batcher_clear (&self->batcher);
  g_clear_pointer (&self->filter, hawser_message_filter_free);
  g_clear_pointer (&self->lane, hawser_lane_unref);
  g_clear_object (&self->sink);
  g_clear_object (&self->bus);
  g_free (self->name);
  g_free (self->last_error);
  G_OBJECT_CLASS (hawser_sink_runner_parent_class)->finalize (object);
}

static void
constructed (GObject *object)
{
  HawserSinkRunner *self = HAWSER_SINK_RUNNER (object);

  G_OBJECT_CLASS (hawser_sink_runner_parent_class)->constructed (object);
  self->lane = hawser_lane_ref (hawser_bus_get_lane (self->bus));
  hawser_notifier_init (&self->notifier, self, self->lane, &props[PROP_STATE], N_PROPS - PROP_STATE);
}

static void
hawser_sink_runner_class_init (HawserSinkRunnerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags fixed = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;
  const GParamFlags shown = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = get_property;
  object_class->set_property = set_property;
  object_class->constructed = constructed;
  object_class->dispose = dispose;
  object_class->finalize = finalize;

  props[PROP_BUS] = g_param_spec_object ("bus", NULL, "The bus", HAWSER_TYPE_BUS, fixed);
  props[PROP_NAME] = g_param_spec_string ("name", NULL, "Name of the subscription", NULL, fixed);
  props[PROP_SINK] = g_param_spec_object ("sink", NULL, "What writes", HAWSER_TYPE_SINK, fixed);
  props[PROP_STATE] = g_param_spec_enum ("state", NULL, "What it is doing", HAWSER_TYPE_SINK_STATE, HAWSER_SINK_STATE_STOPPED, shown);
  props[PROP_BREAKER] = g_param_spec_enum ("breaker", NULL, "Whether the destination is being spared", HAWSER_TYPE_BREAKER_STATE,
                                           HAWSER_BREAKER_CLOSED, shown);
  props[PROP_DEPTH] = g_param_spec_uint64 ("depth", NULL, "Messages that wait to be written", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_WRITTEN] = g_param_spec_uint64 ("n-written", NULL, "Messages safe at the destination", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_DEAD_LETTERS] = g_param_spec_uint64 ("n-dead-letters", NULL, "Messages given to the dead letters", 0, G_MAXUINT64,
                                                    0, shown);
  props[PROP_LAST_ERROR] = g_param_spec_string ("last-error", NULL, "The last failure, in one line", NULL, shown);
  g_object_class_install_properties (object_class, N_PROPS, props);
  hawser_sink_settings_install (object_class);
}

static void
hawser_sink_runner_init (HawserSinkRunner *self)
{
}

/**
 * hawser_sink_runner_new:
 * @bus: the bus to take messages from
 * @name: name of the subscription, unique among the sinks of @bus, UTF-8
 * @sink: the sink, its properties set
 * @topic: filter of the topics to write
 *
 * The other settings are properties; they count from the next hawser_sink_runner_start() on.
 *
 * Context: that of @bus.
 *
 * Returns: (transfer full): a runner that is stopped
 * Since: 0.1
 */
HawserSinkRunner *
hawser_sink_runner_new (HawserBus *bus, const char *name, HawserSink *sink, const char *topic)
{
  g_return_val_if_fail (HAWSER_IS_BUS (bus) && HAWSER_IS_SINK (sink) && name != NULL && topic != NULL, NULL);
  return g_object_new (HAWSER_TYPE_SINK_RUNNER, "bus", bus, "name", name, "sink", sink, "topic", topic, NULL);
}

static gboolean
check_settings (HawserSinkRunner *self, GError **error)
{
  const HawserSinkSettings *settings = &self->settings;
  g_autoptr (HawserTopicFilter) topics = hawser_topic_filter_new (settings->topic != NULL ? settings->topic : "", error);

  if (topics == NULL)
    return FALSE;
  if (settings->retry_maximum < settings->retry_initial)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "retry-maximum is below retry-initial");
      return FALSE;
    }
  if (settings->dead_letter == NULL)
    return TRUE;
  if (!hawser_topic_name_is_valid (settings->dead_letter, -1, error))
    return FALSE;
  if (hawser_topic_filter_matches (topics, settings->dead_letter))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                   "dead-letter topic '%s' matches the topic '%s' itself: a dead letter would come back", settings->dead_letter,
                   settings->topic);
      return FALSE;
    }
  return TRUE;
}

static void
prepare_batcher (HawserSinkRunner *self)
{
  const HawserSinkSettings *settings = &self->settings;
  guint most = hawser_sink_get_max_batch (self->sink);
  HawserBatchLimits limits = {
    .max_count = most > 0 ? MIN (most, settings->batch_count) : settings->batch_count,
    .max_bytes = settings->batch_size,
    .max_age_us = settings->batch_age,
    .max_groups = MAX_GROUPS,
  };

  /* a batch that fills while the others are under way; small batches still leave room to keep a destination busy */
  limits.window_count = MAX (limits.max_count, 64) * (settings->max_in_flight + 1);
  limits.window_bytes = settings->batch_size * (settings->max_in_flight + 1) + (guint64) limits.window_count * WINDOW_OVERHEAD;
  if (self->batcher.groups != NULL)
    hawser_batcher_clear (&self->batcher);
  hawser_batcher_init (&self->batcher, &limits);
}

static gboolean
attach (HawserSinkRunner *self, GError **error)
{
  const HawserSinkSettings *settings = &self->settings;
  HawserQueueLimits limits = {
    .max_messages = settings->max_queued, .max_bytes = settings->spool_limit, .max_age_us = hawser_sink_settings_get_max_age (settings),
    .overflow = settings->on_overflow,
  };
  HawserSubscribeOptions options = { .qos = 2, .retain_as_published = TRUE, .retain_handling = 2 };
  HawserSubscriptionTerms terms = { .description = settings->description, .spool_rate = settings->spool_rate };
  int result;

  if (settings->expires != NULL && !hawser_date_parse (settings->expires, &terms.expires_us, error))
    return FALSE;
  self->receiver = hawser_receiver_new (self->bus, self->name,
                                        HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PASSIVE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED,
                                        &limits);
  result = hawser_receiver_subscribe (self->receiver, settings->topic, strlen (settings->topic), &options);
  if (result != HAWSER_RESULT_OK)
    {
      g_set_error (error, HAWSER_ERROR, result, "subscribing to '%s' was refused: %s", settings->topic,
                   hawser_error_to_nick ((HawserError) result));
      self->receiver = NULL;
      return FALSE;
    }
  hawser_receiver_set_terms (self->receiver, &terms, NULL); /* the rule is ours: what it leaves out is counted */
  hawser_receiver_attach (self->receiver, NULL, &receiver_funcs, self);
  if (settings->dead_letter != NULL)
    self->letters = hawser_dead_letters_new (self->bus, self->name);
  return TRUE;
}

static gboolean
prepare (HawserSinkRunner *self, GError **error)
{
  if (self->n_in_flight > 0)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "a write from before it was stopped is still under way");
      return FALSE;
    }
  g_clear_pointer (&self->filter, hawser_message_filter_free);
  if (!check_settings (self, error))
    return FALSE;
  if (self->settings.filter != NULL)
    {
      self->filter = hawser_message_filter_new (self->settings.filter, error);
      if (self->filter == NULL)
        return FALSE;
    }
  return hawser_sink_start (self->sink, error);
}

/**
 * hawser_sink_runner_start:
 * @self: a runner
 * @error: return location
 *
 * Starts the sink and takes messages from now on, those first that wait in the spool from before.
 *
 * Errors: %HAWSER_ERROR_INVALID for a setting, and those of the sink; %HAWSER_ERROR_UNAVAILABLE when a write from before it
 *   was stopped is still under way.
 * Context: that of the bus.
 *
 * Returns: whether it runs
 * Since: 0.1
 */
gboolean
hawser_sink_runner_start (HawserSinkRunner *self, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_SINK_RUNNER (self), FALSE);

  if (self->is_started)
    return TRUE;
  if (!prepare (self, error))
    {
      g_prefix_error (error, "sink '%s': ", self->name);
      return FALSE;
    }
  prepare_batcher (self);
  self->breaker = (HawserBreaker) { .threshold = self->settings.breaker_failures, .n_opened = self->breaker.n_opened };
  self->next_seed = self->settings.jitter_seed;
  self->not_before_us = 0;
  self->is_draining = self->is_drain_failed = self->is_failing = self->is_busy = self->is_paused = FALSE;
  self->started_us = hawser_lane_get_now_us (self->lane);
  self->is_started = TRUE;
  if (!attach (self, error))
    {
      self->is_started = FALSE;
      hawser_sink_stop (self->sink);
      g_prefix_error (error, "sink '%s': ", self->name);
      return FALSE;
    }
  hawser_roster_add (&self->bus->sinks, self);
  hawser_sink_runner_changed (self);
  return TRUE;
}

/**
 * hawser_sink_runner_stop:
 * @self: a runner
 *
 * Stops now: writes under way are cancelled, and what is not safe stays in the spool for the next start.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_stop (HawserSinkRunner *self)
{
  g_autoptr (GTask) drain = NULL;

  g_return_if_fail (HAWSER_IS_SINK_RUNNER (self));
  if (!self->is_started)
    return;
  drain = g_steal_pointer (&self->drain);
  halt (self);
  hawser_sink_stop (self->sink);
  hawser_sink_runner_changed (self);
  if (drain != NULL)
    g_task_return_new_error (drain, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "sink '%s': it was stopped while it drained", self->name);
}

/**
 * hawser_sink_runner_reopen:
 * @self: a runner
 *
 * Tells the sink that files it holds open were moved, as a log rotation does: it lets go of them, and the next write
 * opens its destination by name. Does nothing when the runner is stopped or the sink holds nothing open.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_reopen (HawserSinkRunner *self)
{
  g_return_if_fail (HAWSER_IS_SINK_RUNNER (self));

  if (self->is_started)
    hawser_sink_reopen (self->sink);
}

/* Called by the pump: is there anything left to write? */
void
hawser_sink_runner_finish_drain (HawserSinkRunner *self)
{
  g_autoptr (GTask) task = NULL;
  guint64 n_left = hawser_sink_runner_get_depth (self);

  if (!self->is_draining || self->n_in_flight > 0 || self->drain == NULL)
    return;
  if (!self->is_drain_failed && !self->is_paused && n_left > 0 && !g_cancellable_is_cancelled (g_task_get_cancellable (self->drain)))
    return;
  task = g_steal_pointer (&self->drain);
  hawser_sink_runner_stop (self);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (n_left == 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE,
                             "sink '%s': %" G_GUINT64_FORMAT " messages stay in the spool: %s", self->name, n_left,
                             self->last_error != NULL ? self->last_error : "it was paused");
}

static void
stop_drained (gpointer data)
{
  g_autoptr (HawserSinkRunner) self = data;

  if (self->drain != NULL)
    {
      g_autoptr (GTask) task = g_steal_pointer (&self->drain);

      hawser_sink_runner_stop (self);
      g_task_return_error_if_cancelled (task);
    }
}

static void
on_drain_cancelled (GCancellable *cancellable, gpointer data)
{
  HawserSinkRunner *self = data;

  hawser_lane_post (self->lane, stop_drained, g_object_ref (self));
}

/**
 * hawser_sink_runner_drain_async:
 * @self: a runner
 * @cancellable: (nullable): stops at once
 * @callback: (scope async): called when it has stopped
 * @user_data: data for @callback
 *
 * Writes what is queued, full batches or not, then stops. It does not wait for a destination that fails: after the first
 * failed attempt the rest stays in the spool.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_drain_async (HawserSinkRunner *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, hawser_sink_runner_drain_async);
  g_task_set_name (task, "hawser sink drain");
  if (!self->is_started)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  if (self->drain != NULL)
    {
      g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "sink '%s': it drains already", self->name);
      return;
    }
  self->drain = g_steal_pointer (&task);
  self->is_draining = TRUE;
  /* a destination that is known to fail gets one more chance, not a long one */
  self->is_drain_failed = self->n_waiting > 0 && self->n_in_flight == 0;
  if (cancellable != NULL)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_drain_cancelled), self, 0);
  hawser_sink_delivery_post_pump (self);
}

/**
 * hawser_sink_runner_drain_finish:
 * @self: a runner
 * @result: what the callback got
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_UNAVAILABLE when messages stay in the spool; %G_IO_ERROR_CANCELLED.
 *
 * Returns: whether everything was written
 * Since: 0.1
 */
gboolean
hawser_sink_runner_drain_finish (HawserSinkRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * hawser_sink_runner_pause:
 * @self: a runner
 *
 * No write begins from now on; those under way end. Messages wait.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_pause (HawserSinkRunner *self)
{
  self->is_paused = TRUE;
  hawser_sink_runner_changed (self);
}

/**
 * hawser_sink_runner_resume:
 * @self: a runner
 *
 * Ends a pause, also one that the destination asked for; waiting retries are due at once.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_resume (HawserSinkRunner *self)
{
  self->is_paused = FALSE;
  self->not_before_us = 0;
  hawser_sink_delivery_hurry (self);
  if (self->is_started)
    hawser_sink_delivery_post_pump (self);
}

/**
 * hawser_sink_runner_flush:
 * @self: a runner
 *
 * Writes what is waiting for more messages now.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_flush (HawserSinkRunner *self)
{
  if (!self->is_started)
    return;
  for (GList *l = self->batcher.order.head; l != NULL; l = l->next)
    ((HawserBatchGroup *) l->data)->is_forced = TRUE;
  hawser_sink_delivery_post_pump (self);
}

/* ---- Test ---- */

static void
on_test_answered (HawserSinkWrite *write, gpointer data)
{
  g_autoptr (GTask) task = data;
  const HawserSinkOutcome *outcome = hawser_sink_write_get_outcome (write);

  if (outcome->result == HAWSER_SINK_DONE)
    g_task_return_pointer (task, g_strdup (outcome->answer != NULL ? outcome->answer : "ok"), g_free);
  else
    g_task_return_new_error (task, HAWSER_ERROR,
                             outcome->result == HAWSER_SINK_TEMPORARY ? HAWSER_ERROR_UNAVAILABLE : HAWSER_ERROR_INVALID,
                             "%s", outcome->reason);
}

/**
 * hawser_sink_runner_test_async:
 * @self: a runner that was started
 * @cancellable: (nullable): gives up
 * @callback: (scope async): called with the answer
 * @user_data: data for @callback
 *
 * Writes one probe, a message of topic `hawser/sink-test` with a JSON payload, past all queues, retries and the breaker.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_sink_runner_test_async (HawserSinkRunner *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("hawser/sink-test");
  g_autoptr (HawserMessage) probe = NULL;
  g_autoptr (HawserBatch) batch = hawser_batch_new ();
  g_autoptr (HawserSinkWrite) write = NULL;
  g_autofree char *key = NULL;
  g_autofree char *id = g_uuid_string_random ();

  g_task_set_source_tag (task, hawser_sink_runner_test_async);
  g_task_set_name (task, "hawser sink test");
  if (!self->is_started)
    {
      g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "sink '%s': it is stopped", self->name);
      return;
    }
  hawser_message_builder_set_text (builder, "{\"test\":true}");
  hawser_message_builder_set_content_type (builder, "application/json");
  hawser_message_builder_set_id (builder, id);
  hawser_message_builder_set_time_us (builder, hawser_clock_get_wall_us (hawser_bus_get_clock (self->bus)));
  probe = hawser_message_builder_build (builder);
  hawser_batch_add (batch, probe);
  key = hawser_sink_dup_key (self->sink, probe);
  write = hawser_sink_write_new (batch, key, 1, 0, on_test_answered, g_object_ref (task));
  if (cancellable != NULL)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (g_cancellable_cancel), hawser_sink_write_get_cancellable (write),
                             G_CONNECT_SWAPPED);
  hawser_sink_write (self->sink, write);
}

/**
 * hawser_sink_runner_test_finish:
 * @self: a runner
 * @result: what the callback got
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_UNAVAILABLE and %HAWSER_ERROR_INVALID with the destination's words.
 *
 * Returns: (transfer full): what the destination said, such as `204 No Content`
 * Since: 0.1
 */
char *
hawser_sink_runner_test_finish (HawserSinkRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- Figures ---- */

/**
 * hawser_sink_runner_get_name:
 * @self: a runner
 *
 * Returns: the name of the subscription
 * Since: 0.1
 */
const char *
hawser_sink_runner_get_name (HawserSinkRunner *self)
{
  return self->name;
}

/**
 * hawser_sink_runner_get_sink:
 * @self: a runner
 *
 * Returns: (transfer none): the sink
 * Since: 0.1
 */
HawserSink *
hawser_sink_runner_get_sink (HawserSinkRunner *self)
{
  return self->sink;
}

/**
 * hawser_sink_runner_get_state:
 * @self: a runner
 *
 * Returns: what it is doing
 * Since: 0.1
 */
HawserSinkState
hawser_sink_runner_get_state (HawserSinkRunner *self)
{
  if (!self->is_started)
    return HAWSER_SINK_STATE_STOPPED;
  if (self->is_draining)
    return HAWSER_SINK_STATE_DRAINING;
  if (self->is_paused)
    return HAWSER_SINK_STATE_PAUSED;
  return self->is_failing ? HAWSER_SINK_STATE_FAILING : HAWSER_SINK_STATE_RUNNING;
}

/**
 * hawser_sink_runner_get_breaker:
 * @self: a runner
 *
 * Returns: whether the destination is being spared
 * Since: 0.1
 */
HawserBreakerState
hawser_sink_runner_get_breaker (HawserSinkRunner *self)
{
  return self->breaker.state;
}

/**
 * hawser_sink_runner_get_depth:
 * @self: a runner
 *
 * Returns: messages that wait to be written, in memory and in the spool
 * Since: 0.1
 */
guint64
hawser_sink_runner_get_depth (HawserSinkRunner *self)
{
  HawserReceiver *receiver = hawser_bus_find_receiver (self->bus, self->name);
  guint64 n_queued = receiver != NULL ? hawser_receiver_get_n_queued (receiver) : 0;

  return MAX (n_queued, self->batcher.n_entries);
}

/**
 * hawser_sink_runner_get_oldest_age_us:
 * @self: a runner
 *
 * Returns: microseconds since the oldest message in memory was published, 0 if there is none
 * Since: 0.1
 */
gint64
hawser_sink_runner_get_oldest_age_us (HawserSinkRunner *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->lane), oldest_us = now_us;

  for (GList *l = self->batcher.order.head; l != NULL; l = l->next)
    if (hawser_batch_group_get_n (l->data) > 0)
      oldest_us = MIN (oldest_us, hawser_message_get_published_us (hawser_batch_group_get (l->data, 0)->message));
  return now_us - oldest_us;
}

/**
 * hawser_sink_runner_get_last_error:
 * @self: a runner
 *
 * Returns: (nullable): the last failure in one line; stays after a success
 * Since: 0.1
 */
const char *
hawser_sink_runner_get_last_error (HawserSinkRunner *self)
{
  return self->last_error;
}

void
hawser_sink_runner_get_statistics (HawserSinkRunner *self, HawserSinkStatistics *out_statistics)
{
  *out_statistics = self->statistics;
  out_statistics->n_in_memory = self->batcher.n_entries;
  out_statistics->n_opened = self->breaker.n_opened;
}
