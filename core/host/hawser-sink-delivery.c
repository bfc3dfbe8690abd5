/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to a batch: it is written, tried again, divided, given to the dead letters, and acknowledged to the bus
 * only when the destination (or the dead-letter topic) has it. Half of the sink runner, on its lane; settings, receiver
 * and life cycle are hawser-sink-runner.c, the cutting of batches is hawser-batcher.c. */

#include "hawser-sink-runner-private.h"

#include "hawser-lane-private.h"
#include "hawser-message-builder.h"
#include "hawser-message-raw.h"
#include "hawser-observer-raw.h"

#define MAX_RETRY_AFTER_US (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)  /* a destination may not silence us for ever */

/* The attempts to get one batch out of the way; hangs on its group until all of it is settled. */
typedef struct {
  HawserSinkRunner *runner;
  HawserBatchGroup *group;
  HawserBatch *batch;
  GCancellable *cancellable;   /* of the write under way; NULL: waits for retry_us, or is with the dead letters.
                                * The write is the sink's alone, so that we notice when it lets go of it */
  HawserTimer timeout;
  HawserBackoff backoff;
  guint n_attempts;
  gint64 began_us;
  gint64 retry_us;
  gboolean is_waiting;
  char *refusal;               /* not NULL: goes to the dead letters */
  guint n_letters;             /* under way */
  gboolean has_lost_letter;
} Attempt;

static void on_answered (HawserSinkWrite *write, gpointer data);

static void
set_waiting (Attempt *attempt, gboolean is_waiting)
{
  if (attempt->is_waiting == is_waiting)
    return;
  attempt->is_waiting = is_waiting;
  attempt->runner->n_waiting += is_waiting ? 1 : -1;
}

static void
attempt_free (Attempt *attempt)
{
  set_waiting (attempt, FALSE);
  hawser_timer_disarm (&attempt->timeout);
  attempt->group->owner_data = NULL;
  hawser_batch_unref (attempt->batch);
  g_clear_object (&attempt->cancellable);
  g_free (attempt->refusal);
  g_free (attempt);
}

/* @n messages from the front leave the spool: because they are where they belong, or because they never will be. */
static void
settle (HawserSinkRunner *self, HawserBatchGroup *group, guint n, gboolean is_safe)
{
  for (guint i = 0; i < n && self->receiver != NULL; i++)
    {
      guint64 position = hawser_batch_group_get (group, i)->position;

      if (position != 0 && is_safe)
        hawser_receiver_ack (self->receiver, position);
      else if (position != 0)
        hawser_receiver_discard (self->receiver, position);
    }
  hawser_batcher_release (&self->batcher, group, n);
  self->has_room = TRUE;
}

/* Messages whose time passed while they waited are not worth a write. */
static void
drop_expired (HawserSinkRunner *self, HawserBatchGroup *group, gint64 now_us)
{
  guint n = 0;

  while (n < hawser_batch_group_get_n (group)
         && hawser_message_get_remaining_s (hawser_batch_group_get (group, n)->message, now_us) == 0)
    n++;
  if (n == 0)
    return;
  self->statistics.n_expired += n;
  settle (self, group, n, FALSE);
}

static gboolean
can_start (HawserSinkRunner *self, gboolean is_due, gint64 now_us)
{
  if (self->is_paused || self->is_drain_failed || self->n_in_flight >= self->settings.max_in_flight || now_us < self->not_before_us)
    return FALSE;
  /* nobody waits for a retry when what opened the breaker went to the dead letters: then anybody may be the probe */
  return hawser_breaker_admits (&self->breaker, is_due || self->n_waiting == 0);
}

static void
on_timeout (HawserTimer *timer)
{
  Attempt *attempt = (Attempt *) ((char *) timer - G_STRUCT_OFFSET (Attempt, timeout));

  g_cancellable_cancel (attempt->cancellable);
}

static guint
count_repeated (HawserBatchGroup *group, guint n)
{
  guint i = 0;

  while (i < n && hawser_batch_group_get (group, i)->is_repeated)
    i++;
  return i;
}

static void
start_write (Attempt *attempt, gint64 now_us)
{
  HawserSinkRunner *self = attempt->runner;
  guint n = hawser_batch_get_size (attempt->batch);
  g_autoptr (HawserSinkWrite) write = NULL;
  gint64 called_us;

  set_waiting (attempt, FALSE);
  hawser_breaker_begin (&self->breaker);
  self->n_in_flight++;
  attempt->n_attempts++;
  attempt->began_us = now_us;
  if (attempt->n_attempts > 1)
    self->statistics.n_retries++;
  /* the runner lives until the answer is on the lane */
  write = hawser_sink_write_new (attempt->batch, attempt->group->key, attempt->n_attempts,
                                 attempt->n_attempts > 1 ? n : count_repeated (attempt->group, n), on_answered,
                                 g_object_ref (self));
  g_object_set_data (G_OBJECT (write), "hawser-attempt", attempt);
  attempt->cancellable = g_object_ref (hawser_sink_write_get_cancellable (write));
  if (self->settings.write_timeout > 0)
    hawser_timer_arm (&attempt->timeout, self->lane, now_us + self->settings.write_timeout, on_timeout);
  called_us = g_get_monotonic_time ();
  hawser_sink_write (self->sink, write);
  hawser_lane_judge_call (called_us, "sink", self->name, NULL);
}

static void
begin (HawserSinkRunner *self, HawserBatchGroup *group, gint64 now_us)
{
  Attempt *attempt = g_new0 (Attempt, 1);

  attempt->runner = self;
  attempt->group = group;
  attempt->batch = hawser_batcher_cut (&self->batcher, group);
  group->owner_data = attempt;
  hawser_backoff_init (&attempt->backoff, self->settings.retry_initial, self->settings.retry_maximum,
                       self->settings.jitter_seed != 0 ? self->next_seed++ : 0);
  start_write (attempt, now_us);
}

/* What is left of the batch after the front is safe. */
static void
keep_rest (Attempt *attempt, guint n_safe)
{
  HawserSinkRunner *self = attempt->runner;
  guint n_left = attempt->group->n_in_write - n_safe;

  settle (self, attempt->group, n_safe, TRUE);
  hawser_batch_unref (attempt->batch);
  attempt->batch = hawser_batch_new ();
  for (guint i = 0; i < n_left; i++)
    hawser_batch_add (attempt->batch, hawser_batch_group_get (attempt->group, i)->message);
}

static void
wait_for_retry (Attempt *attempt, gint64 retry_after_us, gint64 now_us)
{
  HawserSinkRunner *self = attempt->runner;
  gint64 pause_us = hawser_backoff_fail (&attempt->backoff);

  retry_after_us = MIN (retry_after_us, MAX_RETRY_AFTER_US);
  if (retry_after_us > 0)
    self->not_before_us = MAX (self->not_before_us, now_us + retry_after_us);
  attempt->retry_us = now_us + MAX (pause_us, retry_after_us);
  set_waiting (attempt, TRUE);
  if (self->is_draining)
    self->is_drain_failed = TRUE;
}

static void
finish (Attempt *attempt, gboolean is_safe)
{
  HawserSinkRunner *self = attempt->runner;
  HawserBatchGroup *group = attempt->group;
  guint n = group->n_in_write;

  attempt_free (attempt);
  settle (self, group, n, is_safe);
}

/* ---- Dead letters ---- */

static HawserMessage *
make_letter (Attempt *attempt, HawserMessage *message)
{
  HawserSinkRunner *self = attempt->runner;
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (message);
  g_autofree char *id = hawser_message_dup_id (message);
  char attempts[16];

  g_snprintf (attempts, sizeof attempts, "%u", attempt->n_attempts);
  hawser_message_builder_set_topic (builder, self->settings.dead_letter);
  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  hawser_message_builder_set_retain (builder, FALSE);
  hawser_message_builder_set_expiry_s (builder, 0);
  if (id != NULL)
    hawser_message_builder_set_id (builder, id);
  hawser_message_builder_add_property (builder, "reason", attempt->refusal);
  hawser_message_builder_add_property (builder, "attempts", attempts);
  hawser_message_builder_add_property (builder, "original-topic", hawser_message_get_topic (message));
  hawser_message_builder_add_property (builder, "subscription", self->name);
  return hawser_message_builder_build (builder);
}

/* One of a message's two ways is done: its letter is published, or it is kept to be driven again. @failure: (nullable) */
static void
take_letter (Attempt *attempt, const char *failure)
{
  g_autoptr (HawserSinkRunner) self = attempt->runner;

  if (failure != NULL)
    {
      g_autofree char *reason = g_strdup_printf ("dead letter to %s: %s", self->settings.dead_letter, failure);

      attempt->has_lost_letter = TRUE;
      hawser_sink_runner_set_error (self, reason);
    }
  if (--attempt->n_letters > 0)
    return;
  self->n_in_flight--;
  if (!self->is_started)
    {
      attempt_free (attempt);
      hawser_sink_delivery_abandon (self);
    }
  else if (attempt->has_lost_letter)
    wait_for_retry (attempt, 0, hawser_lane_get_now_us (self->lane));
  else
    {
      self->statistics.n_dead_letters += attempt->group->n_in_write;
      finish (attempt, FALSE);
    }
  hawser_sink_delivery_pump (self);
}

static void
on_letter_published (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  hawser_bus_publish_finish (HAWSER_BUS (source), result, &error);
  take_letter (data, error != NULL ? error->message : NULL);
}

static void
on_letter_kept (gpointer data, guint64 cookie, int result)
{
  take_letter (data, result != HAWSER_RESULT_OK ? hawser_error_to_nick ((HawserError) result) : NULL);
}

static void
publish_letters (Attempt *attempt)
{
  HawserSinkRunner *self = attempt->runner;
  guint n = hawser_batch_get_size (attempt->batch);

  set_waiting (attempt, FALSE);
  attempt->has_lost_letter = FALSE;
  attempt->n_letters = 2 * n;
  self->n_in_flight++;
  for (guint i = 0; i < n; i++)
    {
      HawserMessage *message = hawser_batch_get_message (attempt->batch, i);
      g_autoptr (HawserMessage) letter = make_letter (attempt, message);

      g_object_ref (self);
      hawser_bus_publish_async (self->bus, letter, NULL, on_letter_published, attempt);
      g_object_ref (self);
      if (hawser_dead_letters_keep (self->letters, message, on_letter_kept, attempt, 0) == HAWSER_RESULT_OK)
        take_letter (attempt, NULL); /* not the last: publishing answers later */
    }
}

static void
give_up (Attempt *attempt, const char *reason)
{
  HawserSinkRunner *self = attempt->runner;

  if (self->settings.dead_letter == NULL || self->letters == NULL)
    {
      self->statistics.n_given_up += attempt->group->n_in_write;
      finish (attempt, FALSE);
      return;
    }
  attempt->refusal = g_strdup (reason);
  publish_letters (attempt);
}

/* ---- Outcomes ---- */

static void
take_refusal (Attempt *attempt, const HawserSinkOutcome *outcome)
{
  HawserBatchGroup *group = attempt->group;

  if (group->n_in_write > 1)
    {
      group->n_singles = group->n_in_write;
      group->n_in_write = 0;
      attempt_free (attempt);
      return;
    }
  give_up (attempt, outcome->reason);
}

static void
take_failure (Attempt *attempt, const HawserSinkOutcome *outcome, gint64 now_us)
{
  HawserSinkRunner *self = attempt->runner;

  if (self->settings.max_attempts > 0 && attempt->n_attempts >= self->settings.max_attempts)
    {
      /* the pause is kept for the next batch: giving up is no reason to hurry */
      self->not_before_us = MAX (self->not_before_us, now_us + hawser_backoff_fail (&attempt->backoff));
      give_up (attempt, outcome->reason);
      return;
    }
  wait_for_retry (attempt, outcome->retry_after_us, now_us);
}

static void
record (HawserSinkRunner *self, Attempt *attempt, const HawserSinkOutcome *outcome, gint64 now_us)
{
  HawserSinkStatistics *statistics = &self->statistics;
  gint64 duration_us = now_us - attempt->began_us;
  guint bucket = 0;

  while (bucket < HAWSER_SINK_N_DURATIONS - 1 && duration_us > hawser_sink_duration_bounds[bucket])
    bucket++;
  statistics->durations[bucket]++;
  statistics->duration_us_total += duration_us;
  statistics->duration_us_max = MAX (statistics->duration_us_max, duration_us);
  statistics->n_writes++;
  statistics->n_written += outcome->n_safe;
  for (guint i = 0; i < outcome->n_safe; i++)
    {
      gsize len;

      hawser_message_get_data (hawser_batch_get_message (attempt->batch, i), &len);
      statistics->written_bytes += len;
    }
  if (outcome->result == HAWSER_SINK_DONE)
    statistics->n_succeeded++;
  else if (outcome->result == HAWSER_SINK_TEMPORARY)
    statistics->n_temporary++;
  else
    statistics->n_permanent++;
}

/* Observers of errors are told once for each run of messages of one topic. */
static void
note_failure (Attempt *attempt, const char *reason, const char *detail)
{
  HawserSinkRunner *self = attempt->runner;
  g_autofree char *source = g_strconcat ("sink/", self->name, NULL);
  const char *last = NULL;

  for (guint i = 0; i < hawser_batch_get_size (attempt->batch); i++)
    {
      const char *topic = hawser_message_get_topic (hawser_batch_get_message (attempt->batch, i));

      if (last == NULL || !g_str_equal (topic, last))
        hawser_bus_note_error (self->bus, topic, source, reason, detail);
      last = topic;
    }
}

static void
publish_replies (HawserSinkRunner *self, const HawserSinkOutcome *outcome)
{
  for (guint i = 0; outcome->replies != NULL && i < outcome->replies->len; i++)
    {
      g_autoptr (GError) error = NULL;

      if (hawser_bus_publish (self->bus, g_ptr_array_index (outcome->replies, i), &error))
        self->statistics.n_replies++;
      else
        hawser_sink_runner_set_error (self, error->message);
    }
}

static void
take_outcome (Attempt *attempt, const HawserSinkOutcome *outcome, gint64 now_us)
{
  HawserSinkRunner *self = attempt->runner;
  gboolean is_nothing = outcome->result == HAWSER_SINK_DONE && outcome->n_safe == 0;
  gboolean has_failed = outcome->result == HAWSER_SINK_TEMPORARY || is_nothing;

  hawser_breaker_end (&self->breaker, !has_failed);
  self->is_failing = outcome->result != HAWSER_SINK_DONE || is_nothing;
  if (outcome->reason != NULL)
    hawser_sink_runner_set_error (self, outcome->reason);
  if (outcome->n_safe >= attempt->group->n_in_write)
    {
      finish (attempt, TRUE);
      return;
    }
  if (outcome->n_safe > 0)
    keep_rest (attempt, outcome->n_safe);
  if (self->is_failing)
    note_failure (attempt, outcome->result == HAWSER_SINK_PERMANENT ? "sink-refused" : "sink-failed", outcome->reason);
  switch (outcome->result)
    {
    case HAWSER_SINK_DONE:
      if (is_nothing)
        hawser_sink_runner_set_error (self, "the sink said done, and that nothing is safe");
      if (is_nothing)
        wait_for_retry (attempt, 0, now_us);
      else
        {
          attempt->n_attempts = 0;
          hawser_backoff_reset (&attempt->backoff);
          attempt->retry_us = now_us;
          set_waiting (attempt, TRUE);
        }
      break;
    case HAWSER_SINK_TEMPORARY:
      take_failure (attempt, outcome, now_us);
      break;
    case HAWSER_SINK_PERMANENT:
      take_refusal (attempt, outcome);
      break;
    case HAWSER_SINK_GONE:
      self->is_paused = TRUE;
      wait_for_retry (attempt, 0, now_us);
      break;
    }
}

/* On the lane, after the answer. */
static void
settle_write (gpointer data)
{
  g_autoptr (HawserSinkWrite) write = data;
  Attempt *attempt = g_object_get_data (G_OBJECT (write), "hawser-attempt");
  g_autoptr (HawserSinkRunner) self = attempt->runner;
  const HawserSinkOutcome *outcome = hawser_sink_write_get_outcome (write);
  gint64 now_us = hawser_lane_get_now_us (self->lane);

  self->n_in_flight--;
  hawser_timer_disarm (&attempt->timeout);
  g_clear_object (&attempt->cancellable);
  record (self, attempt, outcome, now_us);
  publish_replies (self, outcome);
  if (self->is_started)
    take_outcome (attempt, outcome, now_us);
  else
    {
      /* stopped meanwhile: what is safe is acknowledged, the rest comes again from the spool */
      settle (self, attempt->group, outcome->n_safe, TRUE);
      attempt->group->n_in_write = 0;
      attempt_free (attempt);
      hawser_sink_delivery_abandon (self);
    }
  hawser_sink_delivery_pump (self);
}

static void
on_answered (HawserSinkWrite *write, gpointer data)
{
  HawserSinkRunner *self = data;

  hawser_lane_post (self->lane, settle_write, g_object_ref (write));
}

/* ---- The pump ---- */

static void
pump_group (HawserSinkRunner *self, HawserBatchGroup *group, gint64 now_us)
{
  Attempt *attempt = group->owner_data;

  if (attempt != NULL)
    {
      if (!attempt->is_waiting || now_us < attempt->retry_us)
        return;
      if (attempt->refusal != NULL)
        publish_letters (attempt);
      else if (can_start (self, TRUE, now_us))
        start_write (attempt, now_us);
      return;
    }
  if (self->is_draining)
    group->is_forced = TRUE;
  if (!hawser_batcher_is_ready (&self->batcher, group, now_us) || !can_start (self, FALSE, now_us))
    return;
  begin (self, group, now_us);
}

static gint64
next_due_us (HawserSinkRunner *self, gint64 now_us)
{
  gint64 next_us = self->not_before_us > now_us ? self->not_before_us : G_MAXINT64;

  for (GList *l = self->batcher.order.head; l != NULL; l = l->next)
    {
      HawserBatchGroup *group = l->data;
      Attempt *attempt = group->owner_data;
      gint64 due_us = attempt == NULL ? hawser_batcher_get_due_us (&self->batcher, group)
                                      : attempt->is_waiting ? attempt->retry_us : G_MAXINT64;

      /* what is due already waits for a place, and the end of a write calls the pump */
      if (due_us > now_us)
        next_us = MIN (next_us, due_us);
    }
  return next_us;
}

static void
on_due (HawserTimer *timer)
{
  hawser_sink_delivery_pump ((HawserSinkRunner *) ((char *) timer - G_STRUCT_OFFSET (HawserSinkRunner, timer)));
}

static void
drop_expired_everywhere (HawserSinkRunner *self, gint64 now_us)
{
  for (GList *l = self->batcher.order.head, *next; l != NULL; l = next)
    {
      HawserBatchGroup *group = l->data;

      next = l->next;
      if (group->owner_data == NULL)
        drop_expired (self, group, now_us);
    }
}

void
hawser_sink_delivery_pump (HawserSinkRunner *self)
{
  gint64 now_us, next_us;

  if (!self->is_started)
    return;
  now_us = hawser_lane_get_now_us (self->lane);
  drop_expired_everywhere (self, now_us);
  for (GList *l = self->batcher.order.head, *next; l != NULL; l = next)
    {
      next = l->next;
      pump_group (self, l->data, now_us);
    }
  next_us = next_due_us (self, now_us);
  if (next_us == G_MAXINT64)
    hawser_timer_disarm (&self->timer);
  else
    hawser_timer_arm (&self->timer, self->lane, next_us, on_due);
  if (self->is_busy && self->has_room && self->receiver != NULL)
    {
      self->is_busy = FALSE;
      hawser_receiver_resume (self->receiver);
    }
  hawser_sink_runner_changed (self);
  hawser_sink_runner_finish_drain (self);
}

static void
run_posted_pump (gpointer data)
{
  g_autoptr (HawserSinkRunner) self = data;

  self->is_pump_posted = FALSE;
  hawser_sink_delivery_pump (self);
}

void
hawser_sink_delivery_post_pump (HawserSinkRunner *self)
{
  if (self->is_pump_posted)
    return;
  self->is_pump_posted = TRUE;
  hawser_lane_post (self->lane, run_posted_pump, g_object_ref (self));
}

void
hawser_sink_delivery_hurry (HawserSinkRunner *self)
{
  for (GList *l = self->batcher.order.head; l != NULL; l = l->next)
    {
      Attempt *attempt = ((HawserBatchGroup *) l->data)->owner_data;

      if (attempt != NULL && attempt->is_waiting)
        attempt->retry_us = 0;
    }
}

void
hawser_sink_delivery_abandon (HawserSinkRunner *self)
{
  for (GList *l = self->batcher.order.head, *next; l != NULL; l = next)
    {
      HawserBatchGroup *group = l->data;
      Attempt *attempt = group->owner_data;
      guint n_keep = 0;

      next = l->next;
      if (attempt != NULL && attempt->cancellable != NULL)
        {
          /* its answer settles it */
          g_cancellable_cancel (attempt->cancellable);
          n_keep = group->n_in_write;
        }
      else if (attempt != NULL && attempt->n_letters > 0)
        n_keep = group->n_in_write;
      else if (attempt != NULL)
        attempt_free (attempt);
      if (n_keep == 0)
        hawser_batcher_release (&self->batcher, group, hawser_batch_group_get_n (group));
    }
}
