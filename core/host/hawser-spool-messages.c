/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages of the spool: put into queues, taken out, read. What leaves before it was written is never written, and
 * neighbours that leave together are one change. Any thread, see hawser-spool.c. */

#include "hawser-spool-private.h"

#include "hawser-error.h"
#include "hawser-message-raw.h"

/* With the lock held. */
static gboolean
require_room (HawserSpool *self, gsize size, guint n_queues, GError **error)
{
  if (!spool_require_open (self, error))
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
      spool_refuse (self, done, data, error);
      g_mutex_unlock (&self->lock);
      return 0;
    }
  batch = spool_open_urgent_batch (self);
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

/**
 * hawser_spool_hold: (skip)
 * @self: a spool
 *
 * What is asked for from now to hawser_spool_release() is one transaction: after a crash all of it is there, or nothing.
 * Short and on one thread: the writer waits for it. Within a hold another one may begin and end.
 *
 * Context: any thread, but one at a time.
 * Since: 0.1
 */
void
hawser_spool_hold (HawserSpool *self)
{
  g_mutex_lock (&self->lock);
  if (self->n_holds++ == 0)
    self->held = NULL;
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_release: (skip)
 * @self: a spool
 *
 * Ends what hawser_spool_hold() began.
 *
 * Context: the thread that held it.
 * Since: 0.1
 */
void
hawser_spool_release (HawserSpool *self)
{
  g_mutex_lock (&self->lock);
  g_assert (self->n_holds > 0);
  if (--self->n_holds == 0)
    self->held = NULL;
  if (self->n_holds == 0 && self->waits_held)
    {
      self->waits_held = FALSE;
      g_cond_signal (&self->wake);
    }
  g_mutex_unlock (&self->lock);
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
  SpoolBatch *batch = spool_open_batch (self);
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
  if (spool_require_open (self, &request->error))
    spool_add_request (self, request);
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
