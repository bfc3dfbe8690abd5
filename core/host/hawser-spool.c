/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The spool as its users see it: queues of messages on the disk and values by key, for durable subscriptions and sinks
 * of all protocols. Every call takes a lock for a moment, notes what is wanted and returns; the writer
 * (hawser-spool-writer.c) makes it so, and what it finished comes back on the context that made the spool, all of a
 * commit in one wake-up. What waits in a queue is known in memory (hawser-spool-queue.c), so depths are exact at once. */

#include "hawser-spool-private.h"

#include "hawser-error.h"

#define BATCH_MAX_MESSAGES 4096                /* a transaction stays below some ten milliseconds */
#define BATCH_MAX_BYTES (4 * 1024 * 1024)
#define BATCH_MAX_CHANGES 16384

G_DEFINE_FINAL_TYPE (HawserSpool, hawser_spool, G_TYPE_OBJECT)

void
spool_wake_writer (HawserSpool *self)
{
  if (self->is_waiting)
    {
      self->is_waiting = FALSE;
      g_cond_signal (&self->wake);
    }
}

void
spool_wake_owner (HawserSpool *self)
{
  if (!self->is_woken && self->source != NULL)
    {
      self->is_woken = TRUE;
      g_source_set_ready_time (self->source, 0);
    }
}

guint32
spool_now_s (HawserSpool *self)
{
  return (guint32) ((g_get_monotonic_time () + self->wall_minus_monotonic_us) / G_USEC_PER_SEC);
}

static void
finish_puts (SpoolBatch *batch)
{
  for (guint i = 0; i < batch->changes->len; i++)
    {
      SpoolPut *put = g_array_index (batch->changes, SpoolChange, i).put;

      if (put != NULL && put->done != NULL)
        put->done (put->data, batch->error == NULL && put->error == NULL, put->error != NULL ? put->error : batch->error);
    }
}

static void
finish_batch (SpoolBatch *batch)
{
  for (guint i = 0; i < batch->appends->len; i++)
    {
      const SpoolAppend *append = &g_array_index (batch->appends, SpoolAppend, i);

      if (append->done != NULL)
        append->done (append->data, batch->error == NULL, batch->error);
    }
  finish_puts (batch);
  for (guint i = 0; batch->flushes != NULL && i < batch->flushes->len; i++)
    {
      GTask *task = g_ptr_array_index (batch->flushes, i);

      if (batch->error != NULL)
        g_task_return_error (task, g_error_copy (batch->error));
      else
        g_task_return_boolean (task, TRUE);
    }
  spool_batch_free (batch);
}

static void
finish_read (SpoolRequest *read)
{
  if (read->got != NULL)
    read->got (read->data, read->value, read->revision, read->error);
  else
    read->func (read->data, (const HawserSpoolEntry *) read->entries->data, read->entries->len, read->error);
  spool_request_free (read);
}

/* Everything that the writer has finished since the last time, in its order. */
static void
finish_all (HawserSpool *self)
{
  HawserSpoolProblemFunc problem;
  gpointer problem_data;
  SpoolBatch *batch;
  SpoolRequest *read;
  g_autoptr(GPtrArray) problems = NULL;

  g_mutex_lock (&self->lock);
  self->is_woken = FALSE;
  batch = g_steal_pointer (&self->done_head);
  self->done_tail = NULL;
  read = g_steal_pointer (&self->read_head);
  self->read_tail = NULL;
  problem = self->problem;
  problem_data = self->problem_data;
  if (problem != NULL && self->problems->len > 0)
    {
      problems = self->problems;
      self->problems = g_ptr_array_new_with_free_func (g_free);
    }
  g_mutex_unlock (&self->lock);

  for (guint i = 0; problems != NULL && i < problems->len; i++)
    problem (problem_data, g_ptr_array_index (problems, i));
  while (batch != NULL)
    {
      SpoolBatch *next = batch->next;

      finish_batch (batch);
      batch = next;
    }
  while (read != NULL)
    {
      SpoolRequest *next = read->next;

      finish_read (read);
      read = next;
    }
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  return callback (data);
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

static gboolean
on_ready (gpointer data)
{
  HawserSpool *self = g_object_ref (data);

  g_source_set_ready_time (self->source, -1);
  finish_all (self);
  g_object_unref (self);
  return G_SOURCE_CONTINUE;
}

/* With the lock held: the batch that takes the next thing; what was full is left to the writer. */
SpoolBatch *
spool_open_batch (HawserSpool *self)
{
  SpoolBatch *batch = self->pending_tail;

  if (batch != NULL && (batch == self->held || (batch->appends->len < BATCH_MAX_MESSAGES && batch->n_bytes < BATCH_MAX_BYTES &&
                                                batch->changes->len < BATCH_MAX_CHANGES)))
    {
      self->held = self->n_holds > 0 ? batch : NULL;
      return batch;
    }
  batch = spool_batch_new (++self->last_serial);
  batch->first_position = self->last_position + 1;
  self->held = self->n_holds > 0 ? batch : NULL;
  if (self->pending_tail != NULL)
    self->pending_tail->next = batch;
  else
    self->pending_head = batch;
  self->pending_tail = batch;
  if (!self->is_dozing)
    spool_wake_writer (self);
  return batch;
}

/* The same, for what somebody waits for. */
SpoolBatch *
spool_open_urgent_batch (HawserSpool *self)
{
  SpoolBatch *batch = spool_open_batch (self);

  if (!batch->is_urgent)
    {
      batch->is_urgent = TRUE;
      spool_wake_writer (self);
    }
  return batch;
}

void
spool_add_change (HawserSpool *self, SpoolChange *change)
{
  g_array_append_vals (spool_open_urgent_batch (self)->changes, change, 1);
}

/* Something that cannot be done: its caller hears of it the same way as of success. */
void
spool_refuse (HawserSpool *self, HawserSpoolDone done, gpointer data, const GError *error)
{
  SpoolBatch *batch;
  SpoolChange change = { .kind = HAWSER_STORE_PUT };

  if (done == NULL)
    return;
  change.put = g_new0 (SpoolPut, 1);
  change.put->done = done;
  change.put->data = data;
  batch = spool_batch_new (0);
  batch->error = g_error_copy (error);
  g_array_append_val (batch->changes, change);
  if (self->done_tail != NULL)
    self->done_tail->next = batch;
  else
    self->done_head = batch;
  self->done_tail = batch;
  spool_wake_owner (self);
}

/* With the lock held: FALSE and @error if nothing more is taken. */
gboolean
spool_require_open (HawserSpool *self, GError **error)
{
  if (!self->is_closing)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "spool '%s' is closed", self->path);
  return FALSE;
}

void
spool_add_request (HawserSpool *self, SpoolRequest *request)
{
  /* acknowledgements that wait for company change nothing that can be read: what has left is left out anyway */
  request->serial = self->pending_tail != NULL && !self->pending_tail->is_urgent ? self->last_serial - 1 : self->last_serial;
  if (self->requests_tail != NULL)
    self->requests_tail->next = request;
  else
    self->requests_head = request;
  self->requests_tail = request;
  spool_wake_writer (self);
}

/**
 * hawser_spool_flush_async: (skip)
 * @self: a spool
 * @cancellable: (nullable): to stop waiting; what was begun goes on
 * @callback: (scope async): called when everything asked for before this call is on the disk
 * @data: for @callback
 *
 * Context: the spool's context.
 * Since: 0.1
 */
void
hawser_spool_flush_async (HawserSpool *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, cancellable, callback, data);
  SpoolBatch *batch;
  GError *error = NULL;

  g_task_set_source_tag (task, hawser_spool_flush_async);
  g_task_set_name (task, "hawser_spool_flush");
  g_mutex_lock (&self->lock);
  if (spool_require_open (self, &error))
    {
      batch = spool_open_urgent_batch (self);
      if (batch->flushes == NULL)
        batch->flushes = g_ptr_array_new_with_free_func (g_object_unref);
      g_ptr_array_add (batch->flushes, task);
    }
  g_mutex_unlock (&self->lock);
  if (error != NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
    }
}

/**
 * hawser_spool_flush_finish: (skip)
 * @self: a spool
 * @result: what the callback was given
 * @error: return location
 *
 * Returns: %TRUE if everything is on the disk
 * Since: 0.1
 */
gboolean
hawser_spool_flush_finish (HawserSpool *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * hawser_spool_set_limits: (skip)
 * @self: a spool
 * @max_messages: most messages over all queues; 0: no limit
 * @max_bytes: most bytes over all queues; 0: no limit
 *
 * Appends beyond are refused with %HAWSER_ERROR_QUOTA. A message in two queues counts twice.
 *
 * Context: any thread.
 * Since: 0.1
 */
void
hawser_spool_set_limits (HawserSpool *self, guint64 max_messages, guint64 max_bytes)
{
  g_mutex_lock (&self->lock);
  self->max_messages = max_messages != 0 ? max_messages : G_MAXUINT64;
  self->max_bytes = max_bytes != 0 ? max_bytes : G_MAXUINT64;
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_set_problem_func: (skip)
 * @self: a spool
 * @func: (nullable) (scope forever): called on the spool's context with one line for each thing found damaged or failing
 * @data: for @func
 *
 * What was found before a function was set is told to the first one.
 *
 * Context: the spool's context.
 * Since: 0.1
 */
void
hawser_spool_set_problem_func (HawserSpool *self, HawserSpoolProblemFunc func, gpointer data)
{
  g_mutex_lock (&self->lock);
  self->problem = func;
  self->problem_data = data;
  if (self->problems->len > 0)
    spool_wake_owner (self);
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_get_stats: (skip)
 * @self: a spool
 * @out_stats: (out caller-allocates): counters since the spool was opened; the size on the disk is at most a second old
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_get_stats (HawserSpool *self, HawserSpoolStats *out_stats)
{
  g_mutex_lock (&self->lock);
  *out_stats = self->stats;
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_get_line_offset_us: (skip)
 * @self: a spool
 *
 * Times that must mean something after a restart are stored on a line of time that follows no jump of the wall clock.
 *
 * Context: any thread.
 *
 * Returns: what to add to monotonic time for it, in microseconds
 * Since: 0.1
 */
gint64
hawser_spool_get_line_offset_us (HawserSpool *self)
{
  return self->wall_minus_monotonic_us;
}

static void
fail_pending (HawserSpool *self)
{
  g_mutex_lock (&self->lock);
  while (self->pending_head != NULL)
    {
      SpoolBatch *batch = self->pending_head;

      self->pending_head = batch->next;
      batch->next = NULL;
      batch->error = g_error_new (HAWSER_ERROR, HAWSER_ERROR_CLOSED, "spool '%s' was closed before this was written", self->path);
      if (self->done_tail != NULL)
        self->done_tail->next = batch;
      else
        self->done_head = batch;
      self->done_tail = batch;
    }
  self->pending_tail = NULL;
  while (self->requests_head != NULL)
    {
      SpoolRequest *request = self->requests_head;

      self->requests_head = request->next;
      request->next = NULL;
      if (request->call != NULL)
        {
          *request->is_called = TRUE;
          spool_request_free (request);
          continue;
        }
      request->entries = g_array_new (FALSE, FALSE, sizeof (HawserSpoolEntry));
      request->error = g_error_new (HAWSER_ERROR, HAWSER_ERROR_CLOSED, "spool '%s' was closed before this was read", self->path);
      if (self->read_tail != NULL)
        self->read_tail->next = request;
      else
        self->read_head = request;
      self->read_tail = request;
    }
  self->requests_tail = NULL;
  g_cond_broadcast (&self->called);
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_close: (skip)
 * @self: a spool
 * @drain_us: how long what was asked for may still take, in microseconds; 0: only the commit that is running
 *
 * Ends it: no more is taken, what was asked for is made until the time is up, the rest fails with
 * %HAWSER_ERROR_CLOSED. Every outstanding callback runs before this returns, and none after it. The thread is gone then
 * and the store closed. Closing twice does nothing.
 *
 * Context: the spool's context; blocks.
 * Since: 0.1
 */
void
hawser_spool_close (HawserSpool *self, gint64 drain_us)
{
  g_mutex_lock (&self->lock);
  if (self->is_closing)
    {
      g_mutex_unlock (&self->lock);
      return;
    }
  self->is_closing = TRUE;
  self->close_at_us = g_get_monotonic_time () + MAX (drain_us, 0);
  g_cond_signal (&self->wake);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->thread, g_thread_join);
  fail_pending (self);
  finish_all (self);
  g_mutex_lock (&self->lock);
  self->is_closed = TRUE;
  self->stats.state = HAWSER_SPOOL_CLOSED;
  g_mutex_unlock (&self->lock);
  finish_all (self);
}

/**
 * hawser_spool_new: (skip)
 * @store: (transfer none): what keeps it, closed; it is the spool's alone from now on
 * @path: file name in the encoding of the file system; its folder exists
 * @sync: when a commit is on the disk
 * @interval_us: with %HAWSER_SPOOL_SYNC_INTERVAL, how long an acknowledged message may be off the disk, in microseconds
 * @error: return location
 *
 * Opens a spool, recovers what is in it, and starts its writer, the only thread it has; hawser_spool_close() ends it.
 * What was damaged is told to the problem function; hawser_spool_foreach_queue() shows what was recovered.
 *
 * Errors: those of hawser_store_open().
 * Context: belongs to the thread-default context; blocks until the store is open.
 *
 * Returns: (transfer full) (nullable): the spool
 * Since: 0.1
 */
HawserSpool *
hawser_spool_new (HawserStore *store, const char *path, HawserSpoolSync sync, gint64 interval_us, GError **error)
{
  HawserSpool *self;

  g_return_val_if_fail (HAWSER_IS_STORE (store), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  self = g_object_new (HAWSER_TYPE_SPOOL, NULL);
  self->store = g_object_ref (store);
  self->path = g_strdup (path);
  self->sync = sync;
  self->interval_us = MAX (interval_us, 1000);
  self->context = g_main_context_ref_thread_default ();
  self->source = g_source_new (&source_funcs, sizeof (GSource));
  g_source_set_static_name (self->source, "hawser-spool");
  g_source_set_callback (self->source, on_ready, self, NULL);
  g_source_attach (self->source, self->context);
  self->thread = g_thread_new ("hawser-spool", spool_writer_run, self);

  g_mutex_lock (&self->lock);
  while (!self->is_opened)
    g_cond_wait (&self->called, &self->lock);
  g_mutex_unlock (&self->lock);
  if (self->open_error == NULL)
    return self;
  g_propagate_error (error, g_steal_pointer (&self->open_error));
  g_object_unref (self);
  return NULL;
}

static void
on_check_problem (gpointer data, guint64 position, const char *text)
{
  gpointer *pair = data;

  (*(HawserSpoolProblemFunc *) pair[0]) (pair[1], text);
}

/**
 * hawser_spool_check: (skip)
 * @store: what keeps it, closed
 * @path: file name
 * @problem: (scope call): called with one line for each thing that is damaged
 * @data: for @problem
 * @out_n_damaged: (out): how many there were
 * @error: return location
 *
 * Opens a spool nobody uses, which recovers it, reads every record and closes it.
 *
 * Errors: those of hawser_store_open().
 * Context: any thread; blocks for as long as reading it all takes.
 *
 * Returns: %FALSE if it could not be checked
 * Since: 0.1
 */
gboolean
hawser_spool_check (HawserStore *store, const char *path, HawserSpoolProblemFunc problem, gpointer data, guint64 *out_n_damaged, GError **error)
{
  gpointer pair[2] = { &problem, data };
  HawserStoreInfo info;
  gboolean is_done;

  if (!hawser_store_open (store, path, on_check_problem, pair, error))
    return FALSE;
  is_done = hawser_store_check (store, error);
  hawser_store_get_info (store, &info);
  hawser_store_close (store);
  if (is_done)
    *out_n_damaged = info.n_damaged;
  return is_done;
}

static void
finalize (GObject *object)
{
  HawserSpool *self = HAWSER_SPOOL (object);

  hawser_spool_close (self, 0);
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_object (&self->store);
  g_clear_error (&self->open_error);
  g_hash_table_unref (self->queues);
  g_array_unref (self->ops);
  g_ptr_array_unref (self->stored);
  g_array_unref (self->carried);
  g_ptr_array_unref (self->problems);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->wake);
  g_cond_clear (&self->called);
  g_free (self->path);
  G_OBJECT_CLASS (hawser_spool_parent_class)->finalize (object);
}

static void
hawser_spool_class_init (HawserSpoolClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_spool_init (HawserSpool *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->wake);
  g_cond_init (&self->called);
  self->queues = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) spool_queue_free);
  self->ops = g_array_new (FALSE, FALSE, sizeof (HawserStoreOp));
  self->stored = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->carried = g_array_new (FALSE, FALSE, sizeof (SpoolChange));
  g_array_set_clear_func (self->carried, spool_change_clear);
  self->problems = g_ptr_array_new_with_free_func (g_free);
  self->max_messages = self->max_bytes = G_MAXUINT64;
}
