/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sink role, and the one write that travels to a sink and back. The sink runner makes a HawserSinkWrite and calls
 * the sink on its lane; the sink answers it once, on any thread. A second answer is ignored, and a write that is let go
 * of without an answer counts as a temporary failure: a faulty sink can delay messages, not lose them. */

#include "hawser-sink.h"
#include "hawser-sink-private.h"

#include "hawser-error.h"
#include "hawser-message.h"

#define MAX_REPLIES 1000   /* of one write; a sink that gives more than a full batch of answers is at fault */

G_DEFINE_INTERFACE (HawserSink, hawser_sink, G_TYPE_OBJECT)

struct _HawserSinkWrite {
  GObject parent_instance;
  HawserBatch *batch;
  GCancellable *cancellable;
  char *key;
  guint attempt;
  guint n_repeated;
  gint is_answered;             /* atomic */
  HawserSinkOutcome outcome;    /* its replies and answer are the sink's until it has answered */
  HawserSinkAnswered answered;
  gpointer data;
};

G_DEFINE_FINAL_TYPE (HawserSinkWrite, hawser_sink_write, G_TYPE_OBJECT)

static void
answer (HawserSinkWrite *self, HawserSinkResult result, guint n_safe, const char *reason, gint64 retry_after_us)
{
  if (!g_atomic_int_compare_and_exchange (&self->is_answered, FALSE, TRUE))
    return;
  self->outcome.result = result;
  self->outcome.n_safe = MIN (n_safe, hawser_batch_get_size (self->batch));
  self->outcome.retry_after_us = MAX (retry_after_us, 0);
  if (result != HAWSER_SINK_DONE)
    self->outcome.reason = g_strdup (reason != NULL && *reason != '\0' ? reason : "the sink gave no reason");
  self->answered (self, self->data);
}

/* The last reference is gone; whoever answered held one, so nobody did. The object is brought back for the answer. */
static void
dispose (GObject *object)
{
  HawserSinkWrite *self = HAWSER_SINK_WRITE (object);

  if (!g_atomic_int_get (&self->is_answered) && self->answered != NULL)
    answer (self, HAWSER_SINK_TEMPORARY, 0, "the sink let go of a write without answering it", 0);
  G_OBJECT_CLASS (hawser_sink_write_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserSinkWrite *self = HAWSER_SINK_WRITE (object);

  hawser_batch_unref (self->batch);
  g_clear_object (&self->cancellable);
  g_free (self->key);
  g_free (self->outcome.reason);
  g_free (self->outcome.answer);
  g_clear_pointer (&self->outcome.replies, g_ptr_array_unref);
  G_OBJECT_CLASS (hawser_sink_write_parent_class)->finalize (object);
}

static void
hawser_sink_write_class_init (HawserSinkWriteClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = dispose;
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_sink_write_init (HawserSinkWrite *self)
{
  self->cancellable = g_cancellable_new ();
}

HawserSinkWrite *
hawser_sink_write_new (HawserBatch *batch, const char *key, guint attempt, guint n_repeated, HawserSinkAnswered answered,
                       gpointer data)
{
  HawserSinkWrite *self = g_object_new (HAWSER_TYPE_SINK_WRITE, NULL);

  self->batch = hawser_batch_ref (batch);
  self->key = g_strdup (key);
  self->attempt = attempt;
  self->n_repeated = n_repeated;
  self->answered = answered;
  self->data = data;
  return self;
}

const HawserSinkOutcome *
hawser_sink_write_get_outcome (HawserSinkWrite *self)
{
  g_return_val_if_fail (g_atomic_int_get (&self->is_answered), NULL);
  return &self->outcome;
}

/**
 * hawser_sink_write_get_batch:
 * @self: a write
 *
 * Context: any thread.
 *
 * Returns: (transfer none): the messages to write, in order; may be empty
 * Since: 0.1
 */
HawserBatch *
hawser_sink_write_get_batch (HawserSinkWrite *self)
{
  return self->batch;
}

/**
 * hawser_sink_write_get_cancellable:
 * @self: a write
 *
 * Cancelled when the runner stops or the write takes too long. A cancelled write must still be answered; what is not
 * reported safe then is written again later.
 *
 * Context: any thread.
 *
 * Returns: (transfer none): what to pass to blocking and asynchronous calls
 * Since: 0.1
 */
GCancellable *
hawser_sink_write_get_cancellable (HawserSinkWrite *self)
{
  return self->cancellable;
}

/**
 * hawser_sink_write_get_attempt:
 * @self: a write
 *
 * Context: any thread.
 *
 * Returns: 1 for the first attempt to write these messages, 2 for the next
 * Since: 0.1
 */
guint
hawser_sink_write_get_attempt (HawserSinkWrite *self)
{
  return self->attempt;
}

/**
 * hawser_sink_write_get_key:
 * @self: a write
 *
 * Context: any thread.
 *
 * Returns: (nullable): the key that all messages of this write have
 * Since: 0.1
 */
const char *
hawser_sink_write_get_key (HawserSinkWrite *self)
{
  return self->key;
}

/**
 * hawser_sink_write_get_n_repeated:
 * @self: a write
 *
 * Delivery is at least once: after a failure or the death of the process messages come again that may be at the
 * destination already. A sink that can tell leaves those out and reports them safe; the others write them again.
 *
 * Context: any thread.
 *
 * Returns: how many messages from the front may have been written before
 * Since: 0.1
 */
guint
hawser_sink_write_get_n_repeated (HawserSinkWrite *self)
{
  return self->n_repeated;
}

/**
 * hawser_sink_write_set_answer:
 * @self: a write that is not answered yet
 * @answer: (nullable): UTF-8, such as `204 No Content`
 *
 * Keeps what the destination said, for whoever tests the sink.
 *
 * Context: the thread that will answer.
 *
 * Since: 0.1
 */
void
hawser_sink_write_set_answer (HawserSinkWrite *self, const char *answer)
{
  g_return_if_fail (!g_atomic_int_get (&self->is_answered));
  g_free (self->outcome.answer);
  self->outcome.answer = g_strdup (answer);
}

/**
 * hawser_sink_write_add_reply:
 * @self: a write that is not answered yet
 * @reply: (transfer none): a message for the bus
 *
 * What the destination sent back. The runner publishes it when the write is answered; at most 1000 are kept.
 *
 * Context: the thread that will answer.
 *
 * Since: 0.1
 */
void
hawser_sink_write_add_reply (HawserSinkWrite *self, HawserMessage *reply)
{
  g_return_if_fail (!g_atomic_int_get (&self->is_answered));
  if (self->outcome.replies == NULL)
    self->outcome.replies = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_message_unref);
  if (self->outcome.replies->len < MAX_REPLIES)
    g_ptr_array_add (self->outcome.replies, hawser_message_ref (reply));
}

/**
 * hawser_sink_write_done:
 * @self: a write
 * @n_safe: how many messages from the front are safe at the destination; with fewer than all of them the rest is
 *   written again at once
 *
 * Answers the write. Only the first answer counts.
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_sink_write_done (HawserSinkWrite *self, guint n_safe)
{
  answer (self, HAWSER_SINK_DONE, n_safe, NULL, 0);
}

/**
 * hawser_sink_write_fail_temporary:
 * @self: a write
 * @n_safe: how many messages from the front are safe nevertheless
 * @reason: what failed, in one line without secrets
 * @retry_after_us: microseconds that the destination asked us to wait, 0 if it did not
 *
 * Answers the write: the rest is written again after a pause. Only the first answer counts.
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_sink_write_fail_temporary (HawserSinkWrite *self, guint n_safe, const char *reason, gint64 retry_after_us)
{
  answer (self, HAWSER_SINK_TEMPORARY, n_safe, reason, retry_after_us);
}

/**
 * hawser_sink_write_fail_permanent:
 * @self: a write
 * @n_safe: how many messages from the front are safe nevertheless
 * @reason: what is wrong, in one line without secrets
 *
 * Answers the write: the destination will never take the rest as it is. A batch of several is then written one by one,
 * so that only what is really refused goes to the dead letters. Only the first answer counts.
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_sink_write_fail_permanent (HawserSinkWrite *self, guint n_safe, const char *reason)
{
  answer (self, HAWSER_SINK_PERMANENT, n_safe, reason, 0);
}

/**
 * hawser_sink_write_fail_gone:
 * @self: a write
 * @n_safe: how many messages from the front are safe nevertheless
 * @reason: what the destination said, in one line without secrets
 *
 * Answers the write: the destination asked never to be written to again (HTTP 410). The runner pauses until somebody
 * resumes it; messages wait in the spool. Only the first answer counts.
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_sink_write_fail_gone (HawserSinkWrite *self, guint n_safe, const char *reason)
{
  answer (self, HAWSER_SINK_GONE, n_safe, reason, 0);
}

static void
hawser_sink_default_init (HawserSinkInterface *iface)
{
}

/* ---- Sinks that block ---- */

/* What is to be done for one sink, in order; at most one thread of the pool works on it. Freed with the sink. */
typedef struct {
  GMutex lock;
  GCond is_idle;         /* the last step was taken */
  GQueue steps;          /* of Step */
  gboolean is_running;
} Worker;

/* A write, or a call. */
typedef struct {
  HawserSinkWrite *write;
  void (*call) (HawserSink *self);
} Step;

static G_DEFINE_QUARK (hawser-sink-worker, worker)

static void
worker_free (gpointer data)
{
  Worker *self = data;

  g_mutex_clear (&self->lock);
  g_cond_clear (&self->is_idle);
  g_free (self);
}

static void
write_now (HawserSink *self, HawserSinkWrite *write)
{
  const guint size = hawser_batch_get_size (write->batch);
  g_autoptr (GError) error = NULL;
  guint n_safe = 0;

  if (size > 0 && !g_cancellable_set_error_if_cancelled (write->cancellable, &error))
    n_safe = HAWSER_SINK_GET_IFACE (self)->write_batch (self, write->batch, write->key, write->cancellable, &error);
  if (error == NULL)
    hawser_sink_write_done (write, n_safe);
  else if (g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_INVALID) || g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED)
           || g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE))
    hawser_sink_write_fail_permanent (write, n_safe, error->message);
  else if (g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED))
    hawser_sink_write_fail_gone (write, n_safe, error->message);
  else
    hawser_sink_write_fail_temporary (write, n_safe, error->message, 0);
}

static Step *
take_step (Worker *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Step *step = g_queue_pop_head (&self->steps);

  self->is_running = step != NULL;
  if (step == NULL)
    g_cond_broadcast (&self->is_idle);
  return step;
}

static void
run_steps (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Step *step;

  while ((step = take_step (data)) != NULL)
    {
      if (step->write != NULL)
        write_now (source, step->write);
      else
        step->call (source);
      g_clear_object (&step->write);
      g_free (step);
    }
  g_task_return_boolean (task, TRUE);
}

static void
add_step (HawserSink *self, HawserSinkWrite *write, void (*call) (HawserSink *self))
{
  Worker *worker = g_object_get_qdata (G_OBJECT (self), worker_quark ());
  Step *step = g_new0 (Step, 1);
  gboolean was_running;

  if (worker == NULL)
    {
      worker = g_new0 (Worker, 1);
      g_mutex_init (&worker->lock);
      g_cond_init (&worker->is_idle);
      g_object_set_qdata_full (G_OBJECT (self), worker_quark (), worker, worker_free);
    }
  step->write = write != NULL ? g_object_ref (write) : NULL;
  step->call = call;
  g_mutex_lock (&worker->lock);
  g_queue_push_tail (&worker->steps, step);
  was_running = worker->is_running;
  worker->is_running = TRUE;
  g_mutex_unlock (&worker->lock);
  if (!was_running)
    {
      g_autoptr (GTask) task = g_task_new (self, NULL, NULL, NULL);

      g_task_set_name (task, "hawser-sink-worker");
      g_task_set_task_data (task, worker, NULL);
      g_task_run_in_thread (task, run_steps); /* keeps the sink, and so the worker */
    }
}

/* On the thread that writes, if there is one. */
static void
call_in_turn (HawserSink *self, void (*call) (HawserSink *self))
{
  if (call != NULL && HAWSER_SINK_GET_IFACE (self)->write_batch != NULL)
    add_step (self, NULL, call);
  else if (call != NULL)
    call (self);
}

/* What was asked before is over: a stopped sink that starts again finds nobody at its files. */
static void
wait_for_steps (HawserSink *self)
{
  Worker *worker = g_object_get_qdata (G_OBJECT (self), worker_quark ());

  if (worker == NULL)
    return;
  g_mutex_lock (&worker->lock);
  while (worker->is_running)
    g_cond_wait (&worker->is_idle, &worker->lock);
  g_mutex_unlock (&worker->lock);
}

/* ---- Calling a sink ---- */

/**
 * hawser_sink_check:
 * @self: a sink whose properties are set
 * @error: return location
 *
 * Whether the settings fit together: what a property cannot say of itself, such as a destination of a kind that is not served. Nothing is
 * opened or made. An error that begins with the name of a property is about that one. A sink without this slot fits.
 *
 * Errors: %HAWSER_ERROR_INVALID.
 * Context: the one that made the sink.
 *
 * Returns: whether it could be started, as far as the settings say
 * Since: 0.1
 */
gboolean
hawser_sink_check (HawserSink *self, GError **error)
{
  HawserSinkInterface *iface = HAWSER_SINK_GET_IFACE (self);

  return iface->check == NULL || iface->check (self, error);
}

/**
 * hawser_sink_start:
 * @self: a sink whose properties are set
 * @error: return location
 *
 * A sink that was stopped starts again; if it writes on a thread of its own, what that thread still does is waited for.
 *
 * Errors: those of the sink; %HAWSER_ERROR_INVALID for settings that do not fit together.
 * Context: the one that made the sink.
 *
 * Returns: whether writes may follow
 * Since: 0.1
 */
gboolean
hawser_sink_start (HawserSink *self, GError **error)
{
  HawserSinkInterface *iface = HAWSER_SINK_GET_IFACE (self);

  wait_for_steps (self);
  return iface->start == NULL || iface->start (self, error);
}

/**
 * hawser_sink_write:
 * @self: a sink that was started
 * @write: what to write
 *
 * The outcome comes back through @write.
 *
 * Context: the one that made the sink.
 *
 * Since: 0.1
 */
void
hawser_sink_write (HawserSink *self, HawserSinkWrite *write)
{
  HawserSinkInterface *iface = HAWSER_SINK_GET_IFACE (self);

  g_return_if_fail (iface->write != NULL || iface->write_batch != NULL);
  if (iface->write != NULL)
    iface->write (self, write);
  else
    add_step (self, write, NULL);
}

/**
 * hawser_sink_stop:
 * @self: a sink
 *
 * Context: the one that made the sink.
 *
 * Since: 0.1
 */
void
hawser_sink_stop (HawserSink *self)
{
  call_in_turn (self, HAWSER_SINK_GET_IFACE (self)->stop);
}

/**
 * hawser_sink_dup_key:
 * @self: a sink that was started
 * @message: a message
 *
 * Context: the one that made the sink.
 *
 * Returns: (transfer full) (nullable): where @message goes; %NULL if the sink knows one place only
 * Since: 0.1
 */
char *
hawser_sink_dup_key (HawserSink *self, HawserMessage *message)
{
  HawserSinkInterface *iface = HAWSER_SINK_GET_IFACE (self);

  return iface->dup_key != NULL ? iface->dup_key (self, message) : NULL;
}

/**
 * hawser_sink_get_max_batch:
 * @self: a sink that was started
 *
 * Context: the one that made the sink.
 *
 * Returns: the most messages it takes in one write, 0 for any number
 * Since: 0.1
 */
guint
hawser_sink_get_max_batch (HawserSink *self)
{
  HawserSinkInterface *iface = HAWSER_SINK_GET_IFACE (self);

  return iface->get_max_batch != NULL ? iface->get_max_batch (self) : 0;
}

/**
 * hawser_sink_reopen:
 * @self: a sink that was started
 *
 * Tells a sink that files it holds open were moved or removed. Writes under way end where they began; those that follow
 * open their destination by name. Sinks that hold nothing open by name do nothing.
 *
 * Context: the one that made the sink.
 *
 * Since: 0.1
 */
void
hawser_sink_reopen (HawserSink *self)
{
  call_in_turn (self, HAWSER_SINK_GET_IFACE (self)->reopen);
}
