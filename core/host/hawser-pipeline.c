/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pipeline: one receiver of the bus for what comes in, stages, one publisher for what goes out to other topics. A stage takes a
 * message only if it has room, and the last one gives one only if the bus took the last: so a slow stage or destination fills what is
 * before it, up to the receiver's queue, whose policy says what happens then: drop, refuse the publisher or stop reading from him. Made by the
 * daemon from a [pipeline] group, or by an application. Runs on the lane of its bus; publishes at the end of a turn, never inside
 * somebody's publish call. What the stages do is in hawser-stage.c. */

#include "hawser-pipeline.h"
#include "hawser-pipeline-statistics.h"

#include <string.h>

#include "hawser-backoff.h"
#include "hawser-bus-private.h"
#include "hawser-error.h"
#include "hawser-message-builder.h"
#include "hawser-message-private.h"
#include "hawser-notifier-private.h"
#include "hawser-param-spec.h"
#include "hawser-setting.h"
#include "hawser-stage-private.h"
#include "hawser-template.h"
#include "hawser-topic-filter.h"
#include "hawser-topic-name.h"

#define MAX_STAGES 16
#define MAX_PASSED 16                      /* pipelines of one message: a longer chain is a circle */
#define MAX_LAST_ROUNDS 10000          /* of up to 64 messages each: all keys of windows, several times over */
#define MAX_ROUNDS 16                      /* through the stages in a turn; then others have theirs */
#define N_LEVELS 9                         /* of the topic that `to` may name: {1} to {9} */
#define RETRY_US (10 * 1000)
#define RETRY_MAXIMUM_US G_USEC_PER_SEC

struct _HawserPipeline {
  GObject parent_instance;
  HawserBus *bus;
  HawserLane *lane;
  char *name;
  char *source;                  /* of what it publishes */

  /* settings */
  char **from;
  char *to;
  char **stage_texts;
  guint max_queued;
  guint64 max_queued_bytes;
  HawserOverflow on_overflow;
  guint max_in_flight;
  gboolean retain;

  HawserReceiver *receiver;
  HawserPublisher *publisher;
  HawserHold *hold;
  HawserTemplate *template;
  GPtrArray *stages;             /* of HawserStage */
  HawserDirty dirty;
  HawserTimer timer;             /* of the stages */
  HawserTimer retry_timer;
  HawserBackoff backoff;
  HawserNotifier notifier;
  GQueue arrived;                /* of HawserMessage: in front of the first stage */
  HawserMessage *held;           /* the bus would not have it now; tried again when the timer says */
  guint n_in_flight;             /* published, and not on the disk yet */
  gboolean is_ending;        /* nothing waits for time any more */
  gboolean is_started;
  gboolean is_dirty;
  gboolean is_busy;              /* the receiver waits for hawser_receiver_resume() */
  gboolean is_running;
  char *last_error;
  HawserPipelineStatistics statistics;
};

enum {
  PROP_0,
  PROP_BUS,
  PROP_NAME,
  PROP_DEPTH,
  PROP_N_RECEIVED,
  PROP_N_PUBLISHED,
  PROP_WAITING,
  PROP_LAST_ERROR,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserPipeline, hawser_pipeline, G_TYPE_OBJECT)

static void
free_message (gpointer message)
{
  hawser_message_unref (message);
}

static void
free_stage (gpointer stage)
{
  hawser_stage_free (stage);
}

static HawserStageTime
get_time (HawserPipeline *self)
{
  HawserClock *clock = hawser_lane_get_clock (self->lane);

  return (HawserStageTime) { hawser_clock_get_monotonic_us (clock), hawser_clock_get_wall_us (clock), self->is_ending };
}

static void
set_error (HawserPipeline *self, const char *text)
{
  char *copy = g_strdup (text);

  g_free (self->last_error);
  self->last_error = copy;
}

/* ---- Circles ---- */

/* Whether it passed here before, or so many pipelines that it goes round. */
static gboolean
went_round (HawserPipeline *self, HawserMessage *message)
{
  HawserProperty property;
  gsize position = 0, len = strlen (self->name);
  guint n_passed = 0;

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    {
      if (property.kind != HAWSER_PROPERTY_USER || property.name_len != strlen (HAWSER_PIPELINE_PROPERTY) ||
          memcmp (property.name, HAWSER_PIPELINE_PROPERTY, property.name_len) != 0)
        continue;
      if (++n_passed >= MAX_PASSED || (property.value_len == len && memcmp (property.value, self->name, len) == 0))
        return TRUE;
    }
  return FALSE;
}

/* ---- What goes out ---- */

/* One field of `to`: the topic or a level of it as it is; anything else as one level. */
static void
append_field (GString *out, const char *field, const char *value, gpointer data)
{
  HawserMessage *message = data;
  g_auto (GStrv) levels = NULL;

  if (strcmp (field, "topic") == 0)
    {
      g_string_append (out, hawser_message_get_topic (message));
      return;
    }
  if (value == NULL && field[1] == '\0' && g_ascii_isdigit (*field))
    {
      levels = g_strsplit (hawser_message_get_topic (message), "/", N_LEVELS + 1);
      value = (guint) (*field - '0') <= g_strv_length (levels) ? levels[*field - '1'] : NULL;
    }
  if (value == NULL || *value == '\0')
    value = "_";
  for (; *value != '\0'; value++)
    g_string_append_c (out, strchr ("/+#", *value) != NULL ? '_' : *value);
}

/* NULL: its topic would be none. */
static HawserMessage *
make_outgoing (HawserPipeline *self, HawserMessage *message)
{
  g_autoptr (GString) topic = g_string_new (NULL);
  g_autoptr (HawserMessageBuilder) builder = NULL;
  g_autoptr (GError) error = NULL;

  hawser_template_expand (self->template, message, append_field, message, topic);
  if (*topic->str == '$' || !hawser_topic_name_is_valid (topic->str, (gssize) topic->len, &error))
    {
      set_error (self, error != NULL ? error->message : "topics that begin with $ are the bus's own");
      return NULL;
    }
  builder = hawser_message_builder_new_from (message);
  hawser_message_builder_set_topic (builder, topic->str);
  hawser_message_builder_set_retain (builder, self->retain);
  hawser_message_builder_add_property (builder, HAWSER_PIPELINE_PROPERTY, self->name);
  return hawser_message_builder_build (builder);
}

static void
wake (HawserPipeline *self)
{
  if (self->is_dirty || !self->is_started)
    return;
  self->is_dirty = TRUE;
  hawser_lane_mark_dirty (self->lane, &self->dirty);
}

static void
on_released (gpointer data)
{
  wake (data);
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  HawserPipeline *self = data;

  self->n_in_flight--;
  if (result == HAWSER_RESULT_OK)
    self->statistics.n_published++;
  else
    self->statistics.n_refused++;
  wake (self);
}

static void
on_retry (HawserTimer *timer)
{
  wake ((HawserPipeline *) ((char *) timer - G_STRUCT_OFFSET (HawserPipeline, retry_timer)));
}

static gboolean
may_publish (HawserPipeline *self)
{
  return self->held == NULL && !hawser_hold_is_held (self->hold) && self->n_in_flight < self->max_in_flight;
}

/* @message: (transfer full). What is refused for now is held, and everything before it. */
static void
publish (HawserPipeline *self, HawserMessage *message)
{
  HawserMessage *kept = hawser_message_ref (message);
  int result = hawser_bus_route (self->bus, self->publisher, message, on_published, self, 0, FALSE);

  if (result == HAWSER_RESULT_OK)
    self->statistics.n_published++;
  else if (result == HAWSER_RESULT_PENDING)
    self->n_in_flight++;
  else
    {
      set_error (self, hawser_bus_get_last_refusal (self->bus));
      if (result == HAWSER_ERROR_QUOTA || result == HAWSER_ERROR_UNAVAILABLE)
        {
          self->held = kept;
          hawser_timer_arm (&self->retry_timer, self->lane, get_time (self).now_us + RETRY_US + hawser_backoff_fail (&self->backoff), on_retry);
          return;
        }
      self->statistics.n_refused++;
    }
  hawser_backoff_reset (&self->backoff);
  hawser_message_unref (kept);
}

static void
publish_held (HawserPipeline *self)
{
  if (self->held == NULL || hawser_timer_is_armed (&self->retry_timer) || hawser_hold_is_held (self->hold))
    return;
  publish (self, g_steal_pointer (&self->held));
}

/* ---- The way through ---- */

/* (transfer full) (nullable): what stands before stage @index; before the first, what arrived. */
static HawserMessage *
take_before (HawserPipeline *self, guint index, const HawserStageTime *time)
{
  return index == 0 ? g_queue_pop_head (&self->arrived) : hawser_stage_pop (self->stages->pdata[index - 1], time);
}

/* From the end to the beginning, so that a message leaves room for the next one. TRUE: something moved. */
static gboolean
move_all (HawserPipeline *self, const HawserStageTime *time)
{
  gboolean moved = FALSE;

  publish_held (self);
  for (guint i = self->stages->len + 1; i-- > 0;)
    while (i == self->stages->len ? may_publish (self) : hawser_stage_accepts (self->stages->pdata[i]))
      {
        g_autoptr (HawserMessage) message = take_before (self, i, time), outgoing = NULL;

        if (message == NULL)
          break;
        moved = TRUE;
        if (i < self->stages->len)
          hawser_stage_push (self->stages->pdata[i], message, time);
        else if ((outgoing = make_outgoing (self, message)) != NULL)
          publish (self, g_steal_pointer (&outgoing));
        else
          self->statistics.n_refused++;
      }
  return moved;
}

static void
on_due (HawserTimer *timer)
{
  wake ((HawserPipeline *) ((char *) timer - G_STRUCT_OFFSET (HawserPipeline, timer)));
}

static void
arm_timer (HawserPipeline *self, const HawserStageTime *time)
{
  gint64 next_us = -1;

  for (guint i = 0; i < self->stages->len; i++)
    {
      gint64 due_us = hawser_stage_next_us (self->stages->pdata[i], time);

      /* what is due already waits for room, and room wakes us */
      if (due_us > time->now_us && (next_us < 0 || due_us < next_us))
        next_us = due_us;
    }
  hawser_timer_disarm (&self->timer);
  if (next_us >= 0)
    hawser_timer_arm (&self->timer, self->lane, next_us, on_due);
}

static void
run (HawserPipeline *self)
{
  HawserStageTime time = get_time (self);
  guint n = 0;

  if (self->is_running || !self->is_started)
    return;
  self->is_running = TRUE;
  for (; n < MAX_ROUNDS && move_all (self, &time) && self->receiver != NULL; n++)
    if (self->is_busy && self->arrived.length < HAWSER_STAGE_BUFFER)
      {
        self->is_busy = FALSE;
        hawser_receiver_resume (self->receiver); /* deliver() follows */
      }
  self->is_running = FALSE;
  if (!self->is_started)
    return;
  arm_timer (self, &time);
  hawser_notifier_changed (&self->notifier);
  if (n == MAX_ROUNDS)
    wake (self);
}

static void
flush (HawserDirty *dirty)
{
  HawserPipeline *self = (HawserPipeline *) ((char *) dirty - G_STRUCT_OFFSET (HawserPipeline, dirty));

  g_object_ref (self); /* a subscriber may drop the last reference of others */
  self->is_dirty = FALSE;
  run (self);
  g_object_unref (self);
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HawserPipeline *self = data;

  if (self->arrived.length >= HAWSER_STAGE_BUFFER)
    {
      self->is_busy = TRUE;
      return HAWSER_DELIVER_BUSY;
    }
  self->statistics.n_received++;
  if (went_round (self, delivery->message))
    self->statistics.n_looped++;
  else
    g_queue_push_tail (&self->arrived, hawser_message_ref (delivery->message));
  wake (self);
  return HAWSER_DELIVER_DONE;
}

static void
note_lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  ((HawserPipeline *) data)->statistics.n_overflow += n;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((HawserPipeline *) data)->receiver = NULL;
}

static const HawserReceiverFuncs receiver_funcs = { .deliver = deliver, .lost = note_lost, .ended = on_ended };

/* ---- Settings ---- */

static gboolean
parse_stages (HawserPipeline *self, GError **error)
{
  g_ptr_array_set_size (self->stages, 0);
  for (guint i = 0; self->stage_texts != NULL && self->stage_texts[i] != NULL; i++)
    {
      HawserStage *stage = i < MAX_STAGES ? hawser_stage_new (self->stage_texts[i], error) : NULL;

      if (i == MAX_STAGES)
        g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "more than %d", MAX_STAGES);
      if (stage == NULL)
        {
          g_prefix_error (error, "stages: ");
          return FALSE;
        }
      g_ptr_array_add (self->stages, stage);
    }
  return TRUE;
}

/* A name without fields is checked as it is, and must not feed the pipeline itself. */
static gboolean
check_to (HawserPipeline *self, GError **error)
{
  if (strchr (self->to, '{') != NULL)
    return TRUE;
  if (*self->to == '$' || !hawser_topic_name_is_valid (self->to, -1, error))
    {
      if (*self->to == '$')
        g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "to: topics that begin with $ are the bus's own");
      else
        g_prefix_error (error, "to: ");
      return FALSE;
    }
  for (guint i = 0; self->from[i] != NULL; i++)
    {
      g_autoptr (HawserTopicFilter) filter = hawser_topic_filter_new (self->from[i], NULL);

      if (filter != NULL && hawser_topic_filter_matches (filter, self->to))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "to: '%s' is one of its own topics, '%s'", self->to, self->from[i]);
          return FALSE;
        }
    }
  return TRUE;
}

/**
 * hawser_pipeline_check:
 * @self: a pipeline that is not started
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID for a setting.
 * Context: that of the bus.
 *
 * Returns: whether its settings can be used
 * Since: 0.1
 */
gboolean
hawser_pipeline_check (HawserPipeline *self, GError **error)
{
  static const char * const levels[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL };

  g_return_val_if_fail (HAWSER_IS_PIPELINE (self) && !self->is_started, FALSE);

  if (self->from == NULL || self->from[0] == NULL || self->to == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s is missing", self->to == NULL ? "to" : "from");
      return FALSE;
    }
  for (guint i = 0; self->from[i] != NULL; i++)
    {
      g_autoptr (HawserTopicFilter) filter = hawser_topic_filter_new (self->from[i], error);

      if (filter == NULL)
        {
          g_prefix_error (error, "from: ");
          return FALSE;
        }
    }
  g_clear_pointer (&self->template, hawser_template_free);
  self->template = hawser_template_new (self->to, levels, error);
  if (self->template == NULL)
    {
      g_prefix_error (error, "to: ");
      return FALSE;
    }
  return check_to (self, error) && parse_stages (self, error);
}

/* ---- Life ---- */

static gboolean
attach (HawserPipeline *self, GError **error)
{
  const HawserQueueLimits limits = {
    .max_messages = self->max_queued, .max_bytes = self->max_queued_bytes, .overflow = self->on_overflow,
  };
  const HawserSubscribeOptions options = { .qos = HAWSER_QOS_EXACTLY_ONCE, .retain_handling = 2 };

  self->receiver = hawser_receiver_new (self->bus, NULL, 0, &limits);
  hawser_receiver_attach (self->receiver, NULL, &receiver_funcs, self);
  for (guint i = 0; self->from[i] != NULL; i++)
    {
      int result = hawser_receiver_subscribe (self->receiver, self->from[i], strlen (self->from[i]), &options);

      if (result != HAWSER_RESULT_OK)
        {
          g_set_error (error, HAWSER_ERROR, result, "subscribing to '%s' was refused: %s", self->from[i], hawser_bus_get_last_refusal (self->bus));
          hawser_receiver_remove (self->receiver);
          self->receiver = NULL;
          return FALSE;
        }
    }
  return TRUE;
}

/**
 * hawser_pipeline_start:
 * @self: a pipeline
 * @error: return location
 *
 * Takes messages from now on. A second call does nothing.
 *
 * Errors: %HAWSER_ERROR_INVALID for a setting, those of subscribing.
 * Context: that of the bus.
 *
 * Returns: whether it runs
 * Since: 0.1
 */
gboolean
hawser_pipeline_start (HawserPipeline *self, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_PIPELINE (self), FALSE);

  if (self->is_started)
    return TRUE;
  if (!hawser_pipeline_check (self, error) || !attach (self, error))
    {
      g_prefix_error (error, "pipeline '%s': ", self->name);
      return FALSE;
    }
  self->publisher = hawser_publisher_new (self->bus, NULL, self->source);
  self->hold = hawser_hold_new (on_released, self);
  self->publisher->hold = self->hold;
  self->dirty.flush = flush;
  self->is_busy = FALSE;
  self->is_started = TRUE;
  self->is_ending = FALSE;
  hawser_backoff_init (&self->backoff, RETRY_US, RETRY_MAXIMUM_US, 0);
  hawser_roster_add (&self->bus->pipelines, self);
  return TRUE;
}

/**
 * hawser_pipeline_finish:
 * @self: a pipeline
 *
 * Nothing more will come: what its windows hold is told, with `"partial":true`, and what waits for its time goes on at once, as far
 * as there is room for it. From here on nothing waits for time in it.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_pipeline_finish (HawserPipeline *self)
{
  HawserStageTime time;
  guint n = 0;

  g_return_if_fail (HAWSER_IS_PIPELINE (self));
  if (!self->is_started)
    return;
  self->is_ending = TRUE;
  if (self->is_running)
    return;
  time = get_time (self);
  self->is_running = TRUE;
  while (n++ < MAX_LAST_ROUNDS && move_all (self, &time))
    continue;
  self->is_running = FALSE;
  wake (self);
}

/**
 * hawser_pipeline_stop:
 * @self: a pipeline
 *
 * Stops now. What waits in it, and what its windows hold, is gone, and a line in the log says how many; hawser_pipeline_finish()
 * sends them on.
 *
 * Context: that of the bus.
 *
 * Since: 0.1
 */
void
hawser_pipeline_stop (HawserPipeline *self)
{
  HawserReceiver *receiver = g_steal_pointer (&self->receiver);

  if (!self->is_started)
    return;
  if (hawser_pipeline_get_depth (self) > 0)
    g_message ("pipeline '%s': %" G_GUINT64_FORMAT " messages and windows in it are lost", self->name, hawser_pipeline_get_depth (self));
  self->is_started = FALSE;
  hawser_timer_disarm (&self->timer);
  hawser_timer_disarm (&self->retry_timer);
  if (self->is_dirty)
    hawser_lane_unmark_dirty (self->lane, &self->dirty);
  self->is_dirty = FALSE;
  if (receiver != NULL)
    hawser_receiver_remove (receiver);
  g_clear_pointer (&self->publisher, hawser_publisher_free);
  hawser_hold_forget (self->hold);
  g_clear_object (&self->hold);
  self->n_in_flight = 0;
  g_clear_pointer (&self->held, hawser_message_unref);
  g_queue_clear_full (&self->arrived, free_message);
  g_ptr_array_set_size (self->stages, 0);
  hawser_roster_remove (&self->bus->pipelines, self);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserPipeline *self = HAWSER_PIPELINE (object);

  switch (id)
    {
    case PROP_BUS: g_value_set_object (value, self->bus); break;
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_DEPTH: g_value_set_uint64 (value, hawser_pipeline_get_depth (self)); break;
    case PROP_N_RECEIVED: g_value_set_uint64 (value, self->statistics.n_received); break;
    case PROP_N_PUBLISHED: g_value_set_uint64 (value, self->statistics.n_published); break;
    case PROP_WAITING: g_value_set_boolean (value, hawser_pipeline_is_waiting (self)); break;
    case PROP_LAST_ERROR: g_value_set_string (value, self->last_error); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserPipeline *self = HAWSER_PIPELINE (object);

  switch (id)
    {
    case PROP_BUS: self->bus = g_value_dup_object (value); break;
    case PROP_NAME: self->name = g_value_dup_string (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
constructed (GObject *object)
{
  HawserPipeline *self = HAWSER_PIPELINE (object);

  G_OBJECT_CLASS (hawser_pipeline_parent_class)->constructed (object);
  self->lane = hawser_lane_ref (hawser_bus_get_lane (self->bus));
  self->source = g_strconcat ("/pipeline/", self->name, NULL);
  hawser_notifier_init (&self->notifier, self, self->lane, props + PROP_DEPTH, N_PROPS - PROP_DEPTH);
}

static void
dispose (GObject *object)
{
  HawserPipeline *self = HAWSER_PIPELINE (object);

  hawser_pipeline_stop (self);
  hawser_notifier_clear (&self->notifier);
  G_OBJECT_CLASS (hawser_pipeline_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserPipeline *self = HAWSER_PIPELINE (object);

  g_ptr_array_unref (self->stages);
  g_clear_pointer (&self->template, hawser_template_free);
  g_free (self->last_error);
  g_free (self->source);
  g_free (self->name);
  g_clear_pointer (&self->lane, hawser_lane_unref);
  g_clear_object (&self->bus);
  G_OBJECT_CLASS (hawser_pipeline_parent_class)->finalize (object);
}

static void
install_settings (HawserPipelineClass *klass)
{
  const GParamFlags setting = HAWSER_SETTING_FLAGS;

  HAWSER_SETTING (klass, HawserPipeline, from, g_param_spec_boxed ("from", NULL, "Topics and filters that it takes messages from", G_TYPE_STRV, setting));
  HAWSER_SETTING (klass, HawserPipeline, to,
    g_param_spec_string ("to", NULL, "Topic that it publishes to; {topic}, {1} to {9} for a level of it, and other fields of the message", NULL, setting));
  HAWSER_SETTING (klass, HawserPipeline, stage_texts,
    g_param_spec_boxed ("stages", NULL, "What is done on the way, in this order: filter, map, window, throttle, conflate; default: nothing", G_TYPE_STRV, setting));
  HAWSER_SETTING (klass, HawserPipeline, max_queued,
    g_param_spec_uint ("max-queued", NULL, "Most messages that wait in front of it", 1, G_MAXUINT32, 10000, setting));
  HAWSER_SETTING (klass, HawserPipeline, max_queued_bytes,
    hawser_param_spec_size ("max-queued-bytes", "Most bytes that wait in front of it", 1024, G_MAXUINT64, 16 * 1024 * 1024, setting));
  HAWSER_SETTING (klass, HawserPipeline, on_overflow,
    g_param_spec_enum ("on-overflow", NULL, "What happens to a message when they do", HAWSER_TYPE_OVERFLOW, HAWSER_OVERFLOW_DROP_OLDEST, setting));
  HAWSER_SETTING (klass, HawserPipeline, max_in_flight,
    g_param_spec_uint ("max-in-flight", NULL, "Messages published and not committed to the disk", 1, 65535, 1000, setting));
  HAWSER_SETTING (klass, HawserPipeline, retain,
    g_param_spec_boolean ("retain", NULL, "Whether what it publishes is kept as the last value of its topic", FALSE, setting));
}

static void
hawser_pipeline_class_init (HawserPipelineClass *klass)
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
  props[PROP_NAME] = g_param_spec_string ("name", NULL, "Name of the pipeline", NULL, fixed);
  props[PROP_DEPTH] = g_param_spec_uint64 ("depth", NULL, "Messages that wait in front of it and in it", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_RECEIVED] = g_param_spec_uint64 ("n-received", NULL, "Messages taken from its topics", 0, G_MAXUINT64, 0, shown);
  props[PROP_N_PUBLISHED] = g_param_spec_uint64 ("n-published", NULL, "Messages that the bus has from it", 0, G_MAXUINT64, 0, shown);
  props[PROP_WAITING] = g_param_spec_boolean ("waiting", NULL, "Whether it waits for a destination that is full or slow", FALSE, shown);
  props[PROP_LAST_ERROR] = g_param_spec_string ("last-error", NULL, "The last refusal, in one line", NULL, shown);
  g_object_class_install_properties (object_class, N_PROPS, props);
  install_settings (klass);
}

static void
hawser_pipeline_init (HawserPipeline *self)
{
  self->stages = g_ptr_array_new_with_free_func (free_stage);
}

/**
 * hawser_pipeline_new:
 * @bus: the bus to take messages from and to publish to
 * @name: a name for listings and for the messages that pass it, unique among the pipelines of @bus, UTF-8
 *
 * The other settings are properties; they count from the next hawser_pipeline_start() on.
 *
 * Context: that of @bus.
 *
 * Returns: (transfer full): a pipeline that is not started
 * Since: 0.1
 */
HawserPipeline *
hawser_pipeline_new (HawserBus *bus, const char *name)
{
  g_return_val_if_fail (HAWSER_IS_BUS (bus) && name != NULL, NULL);
  return g_object_new (HAWSER_TYPE_PIPELINE, "bus", bus, "name", name, NULL);
}

/* ---- Looking ---- */

/**
 * hawser_pipeline_get_name:
 * @self: a pipeline
 *
 * Returns: its name
 * Since: 0.1
 */
const char *
hawser_pipeline_get_name (HawserPipeline *self)
{
  return self->name;
}

/**
 * hawser_pipeline_get_bus:
 * @self: a pipeline
 *
 * Returns: (transfer none): its bus
 * Since: 0.1
 */
HawserBus *
hawser_pipeline_get_bus (HawserPipeline *self)
{
  return self->bus;
}

/**
 * hawser_pipeline_is_waiting:
 * @self: a pipeline
 *
 * Returns: whether it has something to publish and a destination is full or slow
 * Since: 0.1
 */
gboolean
hawser_pipeline_is_waiting (HawserPipeline *self)
{
  return self->is_started && !may_publish (self);
}

/**
 * hawser_pipeline_get_depth:
 * @self: a pipeline
 *
 * Returns: messages that wait in front of it and in it, open windows among them
 * Since: 0.1
 */
guint64
hawser_pipeline_get_depth (HawserPipeline *self)
{
  guint64 depth = self->arrived.length + (self->held != NULL) + self->n_in_flight;

  for (guint i = 0; i < self->stages->len; i++)
    depth += hawser_stage_get_n_waiting (self->stages->pdata[i]);
  return depth + (self->receiver != NULL ? hawser_receiver_get_n_queued (self->receiver) : 0);
}

/**
 * hawser_pipeline_get_last_error:
 * @self: a pipeline
 *
 * Returns: (nullable): why the bus refused a message last, in one line
 * Since: 0.1
 */
const char *
hawser_pipeline_get_last_error (HawserPipeline *self)
{
  return self->last_error;
}

void
hawser_pipeline_get_statistics (HawserPipeline *self, HawserPipelineStatistics *out_statistics)
{
  *out_statistics = self->statistics;
  if (self->receiver != NULL)
    out_statistics->n_overflow += self->receiver->n_lost_untold;
  for (guint i = 0; i < self->stages->len; i++)
    {
      HawserStageStatistics stage;

      hawser_stage_get_statistics (self->stages->pdata[i], &stage);
      out_statistics->n_filtered += stage.n_filtered;
      out_statistics->n_unusable += stage.n_unusable;
      out_statistics->n_combined += stage.n_combined;
      out_statistics->n_limited += stage.n_limited;
      out_statistics->n_overflow += stage.n_overflow;
    }
}

static void
add_number (GVariantBuilder *builder, const char *name, guint64 value)
{
  g_variant_builder_add (builder, "{sv}", name, g_variant_new_uint64 (value));
}

/**
 * hawser_pipeline_dup_statistics:
 * @self: a pipeline
 *
 * What became of messages since it was made, `a{sv}` of `t`: `received`, `published`, `filtered`, `unusable`, `combined`, `limited`, `overflow`,
 * `looped`, `refused`, `depth`; and `stages`, an `aa{sv}` with the `text`, `in`, `out` and `waiting` of each since it was started.
 *
 * Context: that of the bus.
 *
 * Returns: (transfer full): the numbers
 * Since: 0.1
 */
GVariant *
hawser_pipeline_dup_statistics (HawserPipeline *self)
{
  HawserPipelineStatistics all;
  GVariantBuilder builder, stages;

  hawser_pipeline_get_statistics (self, &all);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_number (&builder, "received", all.n_received);
  add_number (&builder, "published", all.n_published);
  add_number (&builder, "filtered", all.n_filtered);
  add_number (&builder, "unusable", all.n_unusable);
  add_number (&builder, "combined", all.n_combined);
  add_number (&builder, "limited", all.n_limited);
  add_number (&builder, "overflow", all.n_overflow);
  add_number (&builder, "looped", all.n_looped);
  add_number (&builder, "refused", all.n_refused);
  add_number (&builder, "depth", hawser_pipeline_get_depth (self));
  g_variant_builder_init (&stages, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->stages->len; i++)
    {
      HawserStageStatistics one;
      GVariantBuilder stage;

      hawser_stage_get_statistics (self->stages->pdata[i], &one);
      g_variant_builder_init (&stage, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&stage, "{sv}", "text", g_variant_new_string (hawser_stage_get_text (self->stages->pdata[i])));
      add_number (&stage, "in", one.n_in);
      add_number (&stage, "out", one.n_out);
      add_number (&stage, "waiting", hawser_stage_get_n_waiting (self->stages->pdata[i]));
      g_variant_builder_add (&stages, "@a{sv}", g_variant_builder_end (&stage));
    }
  g_variant_builder_add (&builder, "{sv}", "stages", g_variant_builder_end (&stages));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}
