/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The queues of the spool: made, changed, removed, listed. What waits in one of them is hawser-spool-queue.c. Any
 * thread, see hawser-spool.c. */

#include "hawser-spool-private.h"

static void
note_queue (HawserSpool *self, SpoolQueue *queue)
{
  SpoolChange change = { .kind = HAWSER_STORE_ADD_QUEUE, .queue = queue->queue };

  change.put = g_new0 (SpoolPut, 1);
  change.put->key = g_strdup (queue->id);
  change.put->value = g_bytes_ref (queue->meta);
  spool_add_change (self, &change);
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
  spool_add_change (self, &change);
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
      spool_add_change (self, &change);
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
  info->last_position = spool_queue_living_before (queue, queue->end);
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
