/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The spool as its users see it: queues of messages on the disk and values by key, for durable subscriptions and sinks
 * of all protocols. Every call takes a lock for a moment, notes what is wanted and returns; the writer
 * (hawser-spool-writer.c) makes it so, and what it finished comes back on the context that made the spool, all of a
 * commit in one wake-up. What waits in a queue is known in memory (hawser-spool-queue.c), so depths are exact at once. */

#include "hawser-spool-private.h"

#include "hawser-error.h"
#include "hawser-message-raw.h"

#include <string.h>

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
        put->done (put->data, batch->error == NULL, batch->error);
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
static SpoolBatch *
open_batch (HawserSpool *self)
{
  SpoolBatch *batch = self->pending_tail;

  if (batch != NULL && batch->appends->len < BATCH_MAX_MESSAGES && batch->n_bytes < BATCH_MAX_BYTES && batch->changes->len < BATCH_MAX_CHANGES)
    return batch;
  batch = spool_batch_new (++self->last_serial);
  batch->first_position = self->last_position + 1;
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
static SpoolBatch *
open_urgent_batch (HawserSpool *self)
{
  SpoolBatch *batch = open_batch (self);

  if (!batch->is_urgent)
    {
      batch->is_urgent = TRUE;
      spool_wake_writer (self);
    }
  return batch;
}

static void
add_change (HawserSpool *self, SpoolChange *change)
{
  g_array_append_vals (open_urgent_batch (self)->changes, change, 1);
}

/* Something that cannot be done: its caller hears of it the same way as of success. */
static void
refuse (HawserSpool *self, HawserSpoolDone done, gpointer data, const GError *error)
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
static gboolean
require_open (HawserSpool *self, GError **error)
{
  if (!self->is_closing)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "spool '%s' is closed", self->path);
  return FALSE;
}

static gboolean
require_room (HawserSpool *self, gsize size, guint n_queues, GError **error)
{
  if (!require_open (self, error))
    return FALSE;
  if (self->stats.depth + n_queues <= self->max_messages && self->stats.bytes + (guint64) size * n_queues <= self->max_bytes)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "spool '%s' holds as much as it may (%" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT " bytes)",
               self->path, self->stats.depth, self->stats.bytes);
  return FALSE;
}

/**
 * hawser_spool_append: (skip)
 * @self: a spool
 * @message: (transfer none): a message that was published
 * @queues: (array length=n_queues): numbers of queues, each once
 * @n_queues: 1..65535
 * @done: (nullable) (scope async): called on the spool's context after the commit, or after its failure
 * @data: for @done
 *
 * Puts a message into queues. It is kept once, until it has left the last of them. Nothing may be promised about it
 * before @done says so.
 *
 * Errors, to @done: %HAWSER_ERROR_QUOTA (the spool is at its limit), %HAWSER_ERROR_UNAVAILABLE (disk full or failing),
 *   %HAWSER_ERROR_CLOSED. The message is then in no queue.
 * Context: any thread; never waits for the disk.
 *
 * Returns: its position, rising from call to call and over restarts; 0 if it was refused at once
 * Since: 0.1
 */
guint64
hawser_spool_append (HawserSpool *self, HawserMessage *message, const guint32 *queues, guint n_queues, HawserSpoolDone done, gpointer data)
{
  gsize size = hawser_message_get_size (message);
  SpoolAppend append = { .message = message, .size = (guint32) MIN (size, G_MAXUINT32), .done = done, .data = data };
  g_autoptr(GError) error = NULL;
  SpoolBatch *batch;

  g_return_val_if_fail (n_queues >= 1 && n_queues <= G_MAXUINT16, 0);

  append.time_s = spool_now_s (self);
  g_mutex_lock (&self->lock);
  if (!require_room (self, size, n_queues, &error))
    {
      refuse (self, done, data, error);
      g_mutex_unlock (&self->lock);
      return 0;
    }
  batch = open_urgent_batch (self);
  append.position = ++self->last_position;
  if (batch->appends->len == 0)
    batch->first_position = append.position;
  append.is_many = n_queues > 1;
  if (append.is_many)
    append.queues.many = g_new (guint32, n_queues);
  for (guint i = 0; i < n_queues; i++)
    {
      SpoolQueue *queue = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queues[i]));

      if (queue == NULL)
        continue;
      if (append.is_many)
        append.queues.many[append.n_queues] = queues[i];
      else
        append.queues.one = queues[i];
      append.n_queues++;
      spool_queue_push (queue, append.position, append.size, append.time_s);
      self->stats.depth++;
      self->stats.bytes += append.size;
    }
  hawser_message_ref (message);
  g_array_append_val (batch->appends, append);
  batch->n_bytes += size;
  self->stats.n_appended++;
  self->stats.n_pending++;
  if (self->gather_to != 0 && batch->appends->len >= self->gather_to)
    {
      self->gather_to = 0;
      g_cond_signal (&self->wake);
    }
  g_mutex_unlock (&self->lock);
  return append.position;
}

/* An append that the writer has not taken yet loses the queue before it is written. */
static gboolean
take_back (HawserSpool *self, guint32 queue, guint64 position)
{
  SpoolBatch *batch = self->pending_tail;
  SpoolAppend *append;
  guint32 *queues;

  if (batch == NULL || batch->appends->len == 0 || position < batch->first_position)
    return FALSE;
  append = &g_array_index (batch->appends, SpoolAppend, position - batch->first_position);
  queues = append->is_many ? append->queues.many : &append->queues.one;
  for (guint i = 0; i < append->n_queues; i++)
    if (queues[i] == queue)
      {
        queues[i] = queues[--append->n_queues];
        if (append->n_queues == 0)
          self->stats.n_elided++;
        return TRUE;
      }
  return FALSE;
}

/* Nothing that still waits lies between @position and @slot. */
static gboolean
is_next (SpoolQueue *queue, gsize slot, guint64 position)
{
  while (slot-- > queue->head && queue->slots[slot].position > position)
    if (queue->slots[slot].time_s != 0)
      return FALSE;
  return TRUE;
}

/* One change for a run of neighbours: what lies between them in this queue has left before. */
static void
note_ack (HawserSpool *self, SpoolQueue *queue, guint64 position, gboolean is_run)
{
  SpoolBatch *batch = open_batch (self);
  SpoolChange change = { .kind = HAWSER_STORE_ACK, .queue = queue->queue, .position = position, .last = position };

  if (is_run && queue->ack_batch == batch->serial)
    {
      g_array_index (batch->changes, SpoolChange, queue->ack_change).last = position;
      return;
    }
  queue->ack_batch = batch->serial;
  queue->ack_change = batch->changes->len;
  g_array_append_val (batch->changes, change);
}

/* The position of the neighbour before @slot that still waits, or 0. */
static guint64
living_before (SpoolQueue *queue, gsize slot)
{
  while (slot-- > queue->head)
    if (queue->slots[slot].time_s != 0)
      return queue->slots[slot].position;
  return 0;
}

static void
ack_slot (HawserSpool *self, SpoolQueue *queue, gsize slot)
{
  guint64 position = queue->slots[slot].position;
  guint32 size = queue->slots[slot].size;
  gboolean is_run = FALSE;

  if (queue->slots[slot].time_s == 0)
    return;
  if (self->pending_tail != NULL && queue->ack_batch == self->pending_tail->serial)
    {
      guint64 last = g_array_index (self->pending_tail->changes, SpoolChange, queue->ack_change).last;

      is_run = position > last && is_next (queue, slot, last);
    }
  spool_queue_kill (queue, slot);
  self->stats.depth--;
  self->stats.bytes -= size;
  self->stats.n_acked++;
  if (!take_back (self, queue->queue, position))
    note_ack (self, queue, position, is_run);
}

/**
 * hawser_spool_ack: (skip)
 * @self: a spool
 * @queue: number of a queue
 * @position: of a message in it
 *
 * The receiver has the message for good: it leaves the queue. Repeating it, or naming what is not there, does nothing.
 *
 * Context: any thread; never waits for the disk. After a crash the message may come again.
 * Since: 0.1
 */
void
hawser_spool_ack (HawserSpool *self, guint32 queue, guint64 position)
{
  SpoolQueue *found;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queue));
  if (found != NULL && !self->is_closed)
    {
      gsize slot = spool_queue_find (found, position);

      if (slot < found->end && found->slots[slot].position == position)
        ack_slot (self, found, slot);
    }
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_ack_through: (skip)
 * @self: a spool
 * @queue: number of a queue
 * @position: of the last message that leaves
 *
 * Everything in the queue up to and including @position leaves it: also how the oldest are dropped.
 *
 * Context: any thread; never waits for the disk.
 *
 * Returns: how many messages left
 * Since: 0.1
 */
guint64
hawser_spool_ack_through (HawserSpool *self, guint32 queue, guint64 position)
{
  SpoolQueue *found;
  guint64 n = 0;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queue));
  /* the head is always alive, or the queue is empty */
  while (found != NULL && !self->is_closed && found->head < found->end && found->slots[found->head].position <= position)
    {
      ack_slot (self, found, found->head);
      n++;
    }
  g_mutex_unlock (&self->lock);
  return n;
}

/* With the lock held. */
static void
add_request (HawserSpool *self, SpoolRequest *request)
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
 * hawser_spool_read: (skip)
 * @self: a spool
 * @queue: number of a queue
 * @after_position: the last position already seen; 0 begins at the front
 * @max_messages: most messages wanted, at least 1
 * @max_bytes: most bytes wanted; one message is given even if it is larger
 * @func: (scope async): called once on the spool's context, with what was read, in order; the messages are its own only
 *   for the length of the call
 * @data: for @func
 *
 * Reads what waits, without taking it out. Sees everything appended before this call. Fewer than asked for means that
 * no more was there. A message found damaged is left out, counted and told to the problem function.
 *
 * Errors, to @func: %HAWSER_ERROR_UNAVAILABLE, %HAWSER_ERROR_CORRUPT, %HAWSER_ERROR_CLOSED.
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_read (HawserSpool *self, guint32 queue, guint64 after_position, guint max_messages, gsize max_bytes, HawserSpoolRead func, gpointer data)
{
  SpoolRequest *request = g_new0 (SpoolRequest, 1);

  g_return_if_fail (func != NULL && max_messages >= 1);

  request->queue = queue;
  request->after = after_position;
  request->max_messages = max_messages;
  request->max_bytes = max_bytes;
  request->func = func;
  request->data = data;
  g_mutex_lock (&self->lock);
  if (require_open (self, &request->error))
    add_request (self, request);
  else
    {
      request->entries = g_array_new (FALSE, FALSE, sizeof (HawserSpoolEntry));
      if (self->read_tail != NULL)
        self->read_tail->next = request;
      else
        self->read_head = request;
      self->read_tail = request;
      spool_wake_owner (self);
    }
  g_mutex_unlock (&self->lock);
}

static void
note_queue (HawserSpool *self, SpoolQueue *queue)
{
  SpoolChange change = { .kind = HAWSER_STORE_ADD_QUEUE, .queue = queue->queue };

  change.put = g_new0 (SpoolPut, 1);
  change.put->key = g_strdup (queue->id);
  change.put->value = g_bytes_ref (queue->meta);
  add_change (self, &change);
}

/* Numbers are never used twice, so that nothing left over from one queue can surface in another. */
static void
note_last_queue (HawserSpool *self)
{
  SpoolChange change = { .kind = HAWSER_STORE_PUT };
  guint32 last = GUINT32_TO_LE (self->last_queue);

  change.put = g_new0 (SpoolPut, 1);
  change.put->space = g_strdup ("hawser.spool");
  change.put->key = g_strdup ("last-queue");
  change.put->value = g_bytes_new (&last, sizeof last);
  add_change (self, &change);
}

/**
 * hawser_spool_add_queue: (skip)
 * @self: a spool
 * @id: what its owner knows it by, UTF-8
 * @meta: (nullable): whatever its owner wants back after a restart
 *
 * Makes a queue that survives restarts; it is on the disk with the next commit. Ids need not differ: that is the
 * owner's business.
 *
 * Context: any thread; never waits for the disk.
 *
 * Returns: its number, never used before or after for another queue; 0 if the spool is closed
 * Since: 0.1
 */
guint32
hawser_spool_add_queue (HawserSpool *self, const char *id, GBytes *meta)
{
  SpoolQueue *queue;
  guint32 number = 0;

  g_return_val_if_fail (id != NULL, 0);

  g_mutex_lock (&self->lock);
  if (!self->is_closing)
    {
      number = ++self->last_queue;
      queue = spool_queue_new (number, id, meta);
      g_hash_table_insert (self->queues, GUINT_TO_POINTER (number), queue);
      note_last_queue (self);
      note_queue (self, queue);
    }
  g_mutex_unlock (&self->lock);
  return number;
}

/**
 * hawser_spool_update_queue: (skip)
 * @self: a spool
 * @queue: its number
 * @meta: (nullable): what its owner wants back from now on
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_update_queue (HawserSpool *self, guint32 queue, GBytes *meta)
{
  SpoolQueue *found;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queue));
  if (found != NULL && !self->is_closing)
    {
      GBytes *old = found->meta;

      found->meta = meta != NULL ? g_bytes_ref (meta) : g_bytes_new (NULL, 0);
      g_bytes_unref (old);
      note_queue (self, found);
    }
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_remove_queue: (skip)
 * @self: a spool
 * @queue: its number
 *
 * Ends a queue, with all that waits in it.
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_remove_queue (HawserSpool *self, guint32 queue)
{
  SpoolChange change = { .kind = HAWSER_STORE_REMOVE_QUEUE, .queue = queue };
  SpoolQueue *found;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queue));
  if (found != NULL && !self->is_closing)
    {
      self->stats.depth -= found->n_live;
      self->stats.bytes -= found->n_bytes;
      g_hash_table_remove (self->queues, GUINT_TO_POINTER (queue));
      add_change (self, &change);
    }
  g_mutex_unlock (&self->lock);
}

static void
fill_info (HawserSpool *self, SpoolQueue *queue, HawserSpoolQueueInfo *info)
{
  *info = (HawserSpoolQueueInfo) { .queue = queue->queue, .id = queue->id, .meta = queue->meta, .depth = queue->n_live, .bytes = queue->n_bytes };
  if (queue->n_live == 0)
    return;
  info->first_position = queue->slots[queue->head].position;
  info->last_position = living_before (queue, queue->end);
  info->oldest_age_s = MAX ((gint64) spool_now_s (self) - queue->slots[queue->head].time_s, 0);
}

static int
compare_queues (gconstpointer a, gconstpointer b)
{
  const SpoolQueue *left = *(SpoolQueue *const *) a, *right = *(SpoolQueue *const *) b;

  return (left->queue > right->queue) - (left->queue < right->queue);
}

static void
info_clear (gpointer data)
{
  HawserSpoolQueueInfo *info = data;

  g_free ((char *) info->id);
  g_bytes_unref (info->meta);
}

/**
 * hawser_spool_foreach_queue: (skip)
 * @self: a spool
 * @func: (scope call): called for each queue in the order of their making
 * @data: for @func
 *
 * What is there: right after hawser_spool_new(), what was recovered.
 *
 * Context: any thread.
 * Since: 0.1
 */
void
hawser_spool_foreach_queue (HawserSpool *self, HawserSpoolQueueFunc func, gpointer data)
{
  g_autoptr(GPtrArray) queues = g_ptr_array_new ();
  g_autoptr(GArray) infos = g_array_new (FALSE, FALSE, sizeof (HawserSpoolQueueInfo));
  GHashTableIter iter;
  gpointer queue;

  g_array_set_clear_func (infos, info_clear);
  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->queues);
  while (g_hash_table_iter_next (&iter, NULL, &queue))
    g_ptr_array_add (queues, queue);
  g_ptr_array_sort (queues, compare_queues);
  for (guint i = 0; i < queues->len; i++)
    {
      HawserSpoolQueueInfo info;

      fill_info (self, g_ptr_array_index (queues, i), &info);
      info.id = g_strdup (info.id);
      g_bytes_ref (info.meta);
      g_array_append_val (infos, info);
    }
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < infos->len; i++)
    func (data, &g_array_index (infos, HawserSpoolQueueInfo, i));
}

/**
 * hawser_spool_get_queue_info: (skip)
 * @self: a spool
 * @queue: its number
 * @out_info: (out caller-allocates): depth, bytes, positions and age, exact at this moment; id and meta are not set
 *
 * Context: any thread.
 *
 * Returns: %FALSE if there is no such queue
 * Since: 0.1
 */
gboolean
hawser_spool_get_queue_info (HawserSpool *self, guint32 queue, HawserSpoolQueueInfo *out_info)
{
  SpoolQueue *found;

  g_mutex_lock (&self->lock);
  found = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queue));
  if (found != NULL)
    {
      fill_info (self, found, out_info);
      /* they belong to the spool, which may change them on another thread */
      out_info->id = NULL;
      out_info->meta = NULL;
    }
  g_mutex_unlock (&self->lock);
  return found != NULL;
}

static void
note_value (HawserSpool *self, HawserStoreOpKind kind, const char *space, const char *key, GBytes *value, HawserSpoolDone done, gpointer data)
{
  SpoolChange change = { .kind = kind };
  g_autoptr(GError) error = NULL;

  g_mutex_lock (&self->lock);
  if (!require_open (self, &error))
    refuse (self, done, data, error);
  else
    {
      change.put = g_new0 (SpoolPut, 1);
      change.put->space = g_strdup (space);
      change.put->key = g_strdup (key);
      change.put->value = value != NULL ? g_bytes_ref (value) : NULL;
      change.put->done = done;
      change.put->data = data;
      add_change (self, &change);
    }
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_put: (skip)
 * @self: a spool
 * @space: name of a set of values, at most 65535 bytes; those that begin with "hawser." are the core's
 * @key: name in the set, UTF-8
 * @value: its new value
 * @done: (nullable) (scope async): called on the spool's context after the commit
 * @data: for @done
 *
 * Keeps a value over restarts: a retained message, a session, a subscription.
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_put (HawserSpool *self, const char *space, const char *key, GBytes *value, HawserSpoolDone done, gpointer data)
{
  g_return_if_fail (space != NULL && key != NULL && value != NULL);

  note_value (self, HAWSER_STORE_PUT, space, key, value, done, data);
}

/**
 * hawser_spool_delete: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @key: name in the set
 * @done: (nullable) (scope async): called on the spool's context after the commit
 * @data: for @done
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_delete (HawserSpool *self, const char *space, const char *key, HawserSpoolDone done, gpointer data)
{
  g_return_if_fail (space != NULL && key != NULL);

  note_value (self, HAWSER_STORE_DELETE, space, key, NULL, done, data);
}

/* Has the writer call @func, and waits for it. */
static gboolean
call_writer (HawserSpool *self, void (*func) (HawserSpool *spool, gpointer data), gpointer data, GError **error)
{
  SpoolRequest *request = g_new0 (SpoolRequest, 1);
  gboolean is_called = FALSE;

  request->call = func;
  request->data = data;
  request->is_called = &is_called;
  g_mutex_lock (&self->lock);
  if (!require_open (self, error))
    {
      g_mutex_unlock (&self->lock);
      spool_request_free (request);
      return FALSE;
    }
  add_request (self, request);
  while (!is_called)
    g_cond_wait (&self->called, &self->lock);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

typedef struct {
  char *key;
  GBytes *value;
} Value;

static void
value_clear (gpointer data)
{
  Value *value = data;

  g_free (value->key);
  g_bytes_unref (value->value);
}

typedef struct {
  const char *space;
  GArray *values;
  GError *error;
} ReadValues;

static gboolean
on_value (gpointer data, const char *key, const guint8 *bytes, gsize len)
{
  Value value = { g_strdup (key), g_bytes_new (bytes, len) };

  g_array_append_val (((ReadValues *) data)->values, value);
  return TRUE;
}

static void
read_values (HawserSpool *self, gpointer data)
{
  ReadValues *reading = data;

  hawser_store_foreach_value (self->store, reading->space, on_value, reading, &reading->error);
}

/**
 * hawser_spool_foreach_value: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @func: (scope call): called for each value, by key
 * @data: for @func
 * @error: return location
 *
 * For start-up: it waits for the disk. Sees every value put before this call.
 *
 * Context: any thread; blocks.
 *
 * Returns: %FALSE if they could not be read
 * Since: 0.1
 */
gboolean
hawser_spool_foreach_value (HawserSpool *self, const char *space, HawserSpoolValueFunc func, gpointer data, GError **error)
{
  g_autoptr(GArray) values = g_array_new (FALSE, FALSE, sizeof (Value));
  ReadValues reading = { space, values, NULL };

  g_return_val_if_fail (space != NULL && func != NULL, FALSE);

  g_array_set_clear_func (values, value_clear);
  if (!call_writer (self, read_values, &reading, error))
    return FALSE;
  for (guint i = 0; i < values->len; i++)
    func (data, g_array_index (values, Value, i).key, g_array_index (values, Value, i).value);
  if (reading.error == NULL)
    return TRUE;
  g_propagate_error (error, reading.error);
  return FALSE;
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
  if (require_open (self, &error))
    {
      batch = open_urgent_batch (self);
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
