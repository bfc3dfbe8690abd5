/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The spool's one thread: it alone calls the store. It takes whatever came together while the last commit ran, makes
 * one transaction of it, and hands the whole batch to the owner's context in one wake-up; then it reads for those who
 * asked. It sleeps without a timer when there is nothing to do, to sync or to tidy. */

#include "hawser-spool-private.h"

#include "hawser-error.h"
#include "hawser-message-private.h"

#include <string.h>

#define TIDY_AFTER_US (1 * G_USEC_PER_SEC)    /* quiet for so long: fold the log into the file */
#define RETRY_AFTER_US (1 * G_USEC_PER_SEC)   /* try a failing disk again, when nobody else does */
#define QUIET_AFTER_US (60 * G_USEC_PER_SEC)  /* a failure of the disk is news again when there was none for so long */
#define LAZY_US (20 * 1000)                   /* longest that acknowledgements alone wait for company */
#define GATHER_MAX_US 1000                    /* longest wait for more to commit at once */
#define GATHER_MAX_MESSAGES 1024              /* as many are worth a commit without waiting */
#define MAX_CONFLICTS 3                       /* others who write while stale writes are looked for */
#define SIZE_EVERY_US (1 * G_USEC_PER_SEC)    /* how old the size in the statistics may get while there is traffic */
#define CLOCK_EVERY_US (60 * G_USEC_PER_SEC)  /* how old the stored line of time may get while there is traffic */

SpoolBatch *
spool_batch_new (guint64 serial)
{
  SpoolBatch *self = g_new0 (SpoolBatch, 1);

  self->serial = serial;
  self->appends = g_array_new (FALSE, FALSE, sizeof (SpoolAppend));
  self->changes = g_array_new (FALSE, FALSE, sizeof (SpoolChange));
  return self;
}

static void
put_free (SpoolPut *put)
{
  if (put == NULL)
    return;
  g_free (put->space);
  g_free (put->key);
  g_clear_pointer (&put->value, g_bytes_unref);
  g_clear_error (&put->error);
  g_free (put);
}

void
spool_change_clear (gpointer change)
{
  g_clear_pointer (&((SpoolChange *) change)->put, put_free);
}

void
spool_batch_free (SpoolBatch *self)
{
  for (guint i = 0; i < self->appends->len; i++)
    {
      SpoolAppend *append = &g_array_index (self->appends, SpoolAppend, i);

      hawser_message_unref (append->message);
      if (append->is_many)
        g_free (append->queues.many);
    }
  for (guint i = 0; i < self->changes->len; i++)
    spool_change_clear (&g_array_index (self->changes, SpoolChange, i));
  g_array_unref (self->appends);
  g_array_unref (self->changes);
  g_clear_pointer (&self->flushes, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

void
spool_request_free (SpoolRequest *self)
{
  if (self->entries != NULL)
    for (guint i = 0; i < self->entries->len; i++)
      hawser_message_unref (g_array_index (self->entries, HawserSpoolEntry, i).message);
  g_clear_pointer (&self->entries, g_array_unref);
  g_clear_pointer (&self->value, g_bytes_unref);
  g_free (self->space);
  g_free (self->key);
  g_clear_error (&self->error);
  g_free (self);
}

static void
on_problem (gpointer data, guint64 position, const char *text)
{
  HawserSpool *self = data;

  g_mutex_lock (&self->lock);
  self->stats.n_damaged++;
  g_ptr_array_add (self->problems, g_strdup (text));
  spool_wake_owner (self);
  g_mutex_unlock (&self->lock);
}

static gboolean
on_queue (gpointer data, guint32 number, const char *id, const guint8 *meta, gsize meta_len)
{
  HawserSpool *self = data;
  g_autoptr(GBytes) bytes = g_bytes_new (meta, meta_len);

  g_hash_table_insert (self->queues, GUINT_TO_POINTER (number), spool_queue_new (number, id, bytes));
  self->last_queue = MAX (self->last_queue, number);
  return TRUE;
}

typedef struct {
  HawserSpool *spool;
  SpoolQueue *queue;
} Loading;

static gboolean
on_entry (gpointer data, guint32 number, guint64 position, guint32 size, guint32 time_s)
{
  Loading *loading = data;

  if (loading->queue == NULL || loading->queue->queue != number)
    loading->queue = g_hash_table_lookup (loading->spool->queues, GUINT_TO_POINTER (number));
  if (loading->queue != NULL)
    {
      spool_queue_push (loading->queue, position, size, time_s);
      loading->spool->stats.depth++;
      loading->spool->stats.bytes += size;
    }
  loading->spool->last_position = MAX (loading->spool->last_position, position);
  return TRUE;
}

static gboolean
on_clock (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  GBytes **stored = data;

  if (strcmp (key, "line") == 0 && *stored == NULL)
    *stored = g_bytes_new (value, value_len);
  return TRUE;
}

static gboolean
load_last_queue (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  HawserSpool *self = data;
  guint32 last;

  if (strcmp (key, "last-queue") == 0 && value_len == sizeof last)
    {
      memcpy (&last, value, sizeof last);
      self->last_queue = MAX (self->last_queue, GUINT32_FROM_LE (last));
    }
  return TRUE;
}

static gboolean
open_store (HawserSpool *self, GError **error)
{
  g_autoptr(GBytes) stored_clock = NULL;
  SpoolTimeReading now = spool_time_read ();
  Loading loading = { self, NULL };
  HawserStoreInfo info;

  if (!hawser_store_open (self->store, self->path, on_problem, self, error))
    return FALSE;
  if (!hawser_store_foreach_queue (self->store, on_queue, self, error)
      || !hawser_store_foreach_value (self->store, "hawser.spool", load_last_queue, self, error)
      || !hawser_store_foreach_value (self->store, "hawser.spool", on_clock, &stored_clock, error)
      || !hawser_store_foreach_entry (self->store, on_entry, &loading, error))
    {
      hawser_store_close (self->store);
      return FALSE;
    }
  hawser_store_get_info (self->store, &info);
  self->last_position = self->committed_position = MAX (self->last_position, info.last_position);
  self->wall_minus_monotonic_us = spool_time_rebase (stored_clock, &now);
  self->synced_us = now.monotonic_us;
  return TRUE;
}

static void
note_size (HawserSpool *self, gint64 now_us)
{
  HawserStoreInfo info;

  self->sized_us = now_us;
  hawser_store_get_info (self->store, &info);
  g_mutex_lock (&self->lock);
  self->stats.n_bytes_on_disk = info.n_bytes;
  g_mutex_unlock (&self->lock);
}

static void
add_append (HawserSpool *self, const SpoolAppend *append)
{
  HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = append->position, .size = append->size, .time_s = append->time_s };

  if (append->n_queues > 0)
    {
      GBytes *stored = hawser_message_store (append->message, self->wall_minus_monotonic_us);

      g_ptr_array_add (self->stored, stored);
      op.queues = append->is_many ? append->queues.many : &append->queues.one;
      op.n_queues = append->n_queues;
      op.data = g_bytes_get_data (stored, &op.len);
    }
  g_array_append_val (self->ops, op);
}

static void
add_change (HawserSpool *self, const SpoolChange *change)
{
  HawserStoreOp op = { .kind = change->kind, .queue = change->queue, .position = change->position, .last = change->last };

  if (change->put != NULL)
    {
      if (change->put->error != NULL)
        return;
      op.space = change->put->space;
      op.key = change->put->key;
      op.is_conditional = change->put->is_conditional;
      op.if_revision = change->put->if_revision;
      op.revision = change->put->revision;
      if (change->put->value != NULL)
        op.data = g_bytes_get_data (change->put->value, &op.len);
    }
  g_array_append_val (self->ops, op);
}

static void
add_clock (HawserSpool *self, gint64 now_us, GBytes **out_value)
{
  if (self->clock_us != 0 && now_us - self->clock_us < CLOCK_EVERY_US)
    return;
  {
    SpoolTimeReading now = spool_time_read ();
    HawserStoreOp op = { .kind = HAWSER_STORE_PUT, .space = "hawser.spool", .key = "line" };

    *out_value = spool_time_store (&now, self->wall_minus_monotonic_us);
    op.data = g_bytes_get_data (*out_value, &op.len);
    g_array_append_val (self->ops, op);
    self->clock_us = now_us;
  }
}

static void
add_changes (HawserSpool *self, const GArray *changes, gboolean acks)
{
  for (guint i = 0; i < changes->len; i++)
    {
      const SpoolChange *change = &g_array_index (changes, SpoolChange, i);

      if ((change->kind == HAWSER_STORE_ACK) == acks)
        add_change (self, change);
    }
}

/* Acknowledgements come first: they make the room that the appends take, and never mean one of them (take_back()). */
static void
build_ops (HawserSpool *self, const SpoolBatch *batch)
{
  guint n = batch->appends->len;

  g_array_set_size (self->ops, 0);
  g_ptr_array_set_size (self->stored, 0);
  add_changes (self, self->carried, TRUE);
  add_changes (self, self->carried, FALSE);
  add_changes (self, batch->changes, TRUE);
  for (guint i = 0; i < n; i++)
    {
      const SpoolAppend *append = &g_array_index (batch->appends, SpoolAppend, i);

      /* of those that have left already only the last position is worth remembering */
      if (append->n_queues > 0 || i == n - 1)
        add_append (self, append);
    }
  add_changes (self, batch->changes, FALSE);
}

static gboolean
must_sync (HawserSpool *self, const SpoolBatch *batch, gint64 now_us)
{
  if (self->sync == HAWSER_SPOOL_SYNC_ALWAYS || batch->flushes != NULL)
    return TRUE;
  return self->sync == HAWSER_SPOOL_SYNC_INTERVAL && now_us - self->synced_us >= self->interval_us;
}

/* One transaction; FALSE and @error if it is not known to be there. */
static gboolean
apply (HawserSpool *self, gboolean sync, GError **error)
{
  g_autoptr(GBytes) clock = NULL;
  gint64 began_us = g_get_monotonic_time (), took_us;
  gint64 clock_us = self->clock_us;
  gboolean is_done;

  if (self->ops->len > 0)
    add_clock (self, began_us, &clock);
  else if (!self->is_unsynced)
    return TRUE;
  is_done = hawser_store_apply (self->store, (const HawserStoreOp *) self->ops->data, self->ops->len, sync, error);
  took_us = g_get_monotonic_time () - began_us;
  if (!is_done)
    {
      self->clock_us = clock_us;
      return FALSE;
    }
  self->is_unsynced = !sync;
  self->is_untidy = TRUE;
  if (sync)
    self->synced_us = began_us + took_us;
  g_mutex_lock (&self->lock);
  self->stats.n_commits++;
  self->stats.commit_us_total += (guint64) took_us;
  self->stats.commit_us_max = MAX (self->stats.commit_us_max, (guint64) took_us);
  g_mutex_unlock (&self->lock);
  if (began_us + took_us - self->sized_us >= SIZE_EVERY_US)
    note_size (self, began_us + took_us);
  return TRUE;
}

static void
carry (HawserSpool *self, guint32 queue, guint64 first, guint64 last)
{
  SpoolChange undo = { .kind = HAWSER_STORE_ACK, .queue = queue, .position = first, .last = last };

  g_array_append_val (self->carried, undo);
}

/* What was appended is taken back, also on the disk, where it may or may not have arrived; what has nobody to be told
 * of its failure (acknowledgements, queues) is carried over to the next transaction. */
static void
undo (HawserSpool *self, SpoolBatch *batch)
{
  g_autoptr(GHashTable) touched = g_hash_table_new (NULL, NULL);
  guint64 last = batch->first_position + batch->appends->len - 1;
  GHashTableIter iter;
  gpointer number;

  for (guint i = 0; i < batch->appends->len; i++)
    {
      SpoolAppend *append = &g_array_index (batch->appends, SpoolAppend, i);
      const guint32 *queues = append->is_many ? append->queues.many : &append->queues.one;

      for (guint j = 0; j < append->n_queues; j++)
        {
          SpoolQueue *queue = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (queues[j]));
          gsize slot = queue != NULL ? spool_queue_find (queue, append->position) : 0;

          g_hash_table_add (touched, GUINT_TO_POINTER (queues[j]));
          if (queue == NULL || slot == queue->end || queue->slots[slot].position != append->position)
            continue;
          if (spool_queue_kill (queue, slot))
            {
              self->stats.depth--;
              self->stats.bytes -= append->size;
            }
        }
      self->stats.n_failed++;
    }
  g_hash_table_iter_init (&iter, touched);
  while (g_hash_table_iter_next (&iter, &number, NULL))
    carry (self, GPOINTER_TO_UINT (number), batch->first_position, last);
  for (guint i = 0; i < batch->changes->len; i++)
    {
      SpoolChange *change = &g_array_index (batch->changes, SpoolChange, i);

      if (change->kind == HAWSER_STORE_PUT || change->kind == HAWSER_STORE_DELETE || change->kind == HAWSER_STORE_CLEAR)
        continue;
      g_array_append_val (self->carried, *change);
      change->put = NULL;
    }
}

static void
clear_carried (HawserSpool *self)
{
  g_array_set_size (self->carried, 0);
  self->retry_us = 0;
}

static void
set_state (HawserSpool *self, HawserSpoolState state)
{
  g_mutex_lock (&self->lock);
  self->stats.state = state;
  g_mutex_unlock (&self->lock);
}

/* Only what makes room, or mends: it must not wait for the next message. */
static void
apply_carried (HawserSpool *self)
{
  g_autoptr(GError) error = NULL;

  g_array_set_size (self->ops, 0);
  for (guint i = 0; i < self->carried->len; i++)
    add_change (self, &g_array_index (self->carried, SpoolChange, i));
  if (self->carried->len == 0)
    {
      /* nothing to change: ask the disk whether it works again */
      if (hawser_store_apply (self->store, NULL, 0, TRUE, &error))
        {
          set_state (self, HAWSER_SPOOL_OPEN);
          self->retry_us = 0;
          return;
        }
    }
  else if (apply (self, TRUE, &error))
    {
      clear_carried (self);
      set_state (self, HAWSER_SPOOL_OPEN);
      return;
    }
  self->retry_us = g_get_monotonic_time () + RETRY_AFTER_US;
}

/* With the lock held. Publishers are told each time; whoever minds the disk once, until it went well for a while. */
static void
tell_failure (HawserSpool *self, const GError *error)
{
  gint64 now_us = g_get_monotonic_time ();
  gboolean is_news = self->failed_us == 0 || now_us - self->failed_us > QUIET_AFTER_US;

  self->failed_us = now_us;
  if (!is_news)
    return;
  g_ptr_array_add (self->problems, g_strdup_printf ("messages could not be stored: %s", error->message));
  spool_wake_owner (self);
}

static void
fail_batch (HawserSpool *self, SpoolBatch *batch, GError *error)
{
  HawserStoreInfo info;

  hawser_store_get_info (self->store, &info);
  g_mutex_lock (&self->lock);
  tell_failure (self, error);
  self->stats.state = info.is_full ? HAWSER_SPOOL_FULL : HAWSER_SPOOL_FAILED;
  undo (self, batch);
  g_mutex_unlock (&self->lock);
  batch->error = error;
  self->retry_us = g_get_monotonic_time () + RETRY_AFTER_US;
  if (info.is_full)
    {
      apply_carried (self);
      set_state (self, HAWSER_SPOOL_FULL);
      if (self->retry_us == 0)
        self->retry_us = g_get_monotonic_time () + RETRY_AFTER_US;
    }
}

typedef struct {
  guint64 revision;
  gboolean is_there;
} Found;

static gboolean
on_found (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  *(Found *) data = (Found) { revision, TRUE };
  return TRUE;
}

#define FIELD_END '\001'   /* of names in the table below: in no space of ours */
#define SPACE_END '\002'

static gboolean
is_of_space (gpointer name, gpointer found, gpointer space)
{
  return g_str_has_prefix (name, space) && ((const char *) name)[strlen (space)] == FIELD_END;
}

/* What the value of @put has in the store once the changes before it are made. */
static Found *
find_value (HawserSpool *self, GHashTable *values, const SpoolPut *put, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s%c%s", put->space, FIELD_END, put->key), *space = g_strdup_printf ("%s%c", put->space, SPACE_END);
  Found *found = g_hash_table_lookup (values, name);

  if (found != NULL)
    return found;
  found = g_new0 (Found, 1);
  g_hash_table_insert (values, g_steal_pointer (&name), found);
  if (g_hash_table_contains (values, space))
    return found;
  return hawser_store_get_value (self->store, put->space, put->key, on_found, found, error) ? found : NULL;
}

/* Takes out of the batch what expects another revision than there is: it alone is refused. How many; -1 and @error if that
 * could not be read. */
static int
refuse_stale (HawserSpool *self, SpoolBatch *batch, GError **error)
{
  g_autoptr(GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  int n = 0;

  for (guint i = 0; i < batch->changes->len; i++)
    {
      const SpoolChange *change = &g_array_index (batch->changes, SpoolChange, i);
      SpoolPut *put = change->put;
      Found *found;

      if (change->kind == HAWSER_STORE_CLEAR)
        {
          g_hash_table_foreach_remove (values, is_of_space, put->space);
          g_hash_table_insert (values, g_strdup_printf ("%s%c", put->space, SPACE_END), g_new0 (Found, 1));
        }
      if ((change->kind != HAWSER_STORE_PUT && change->kind != HAWSER_STORE_DELETE) || put->error != NULL)
        continue;
      found = find_value (self, values, put, error);
      if (found == NULL)
        return -1;
      if (put->is_conditional && found->revision != put->if_revision && !(found->is_there && found->revision == 0))
        {
          put->error = g_error_new (HAWSER_ERROR, HAWSER_ERROR_CONFLICT, "value '%s' of '%s' has revision %" G_GUINT64_FORMAT " and not %" G_GUINT64_FORMAT,
                                    put->key, put->space, found->revision, put->if_revision);
          n++;
          continue;
        }
      *found = (Found) { change->kind == HAWSER_STORE_PUT ? put->revision : 0, change->kind == HAWSER_STORE_PUT };
    }
  return n;
}

/* One transaction of it all but what is stale. */
static gboolean
apply_batch (HawserSpool *self, SpoolBatch *batch, GError **error)
{
  gboolean sync = must_sync (self, batch, g_get_monotonic_time ());
  g_autoptr(GError) conflict = NULL;

  build_ops (self, batch);
  for (guint i = 0; !apply (self, sync, &conflict); i++)
    {
      if (!g_error_matches (conflict, HAWSER_ERROR, HAWSER_ERROR_CONFLICT) || i == MAX_CONFLICTS || refuse_stale (self, batch, NULL) <= 0)
        {
          g_propagate_error (error, g_steal_pointer (&conflict));
          return FALSE;
        }
      g_clear_error (&conflict);
      build_ops (self, batch);
    }
  return TRUE;
}

static void
commit (HawserSpool *self, SpoolBatch *batch)
{
  GError *error = NULL;

  if (!apply_batch (self, batch, &error))
    fail_batch (self, batch, error);
  else if (batch->appends->len > 0 || self->carried->len > 0)
    {
      clear_carried (self);
      set_state (self, HAWSER_SPOOL_OPEN);
    }
  g_ptr_array_set_size (self->stored, 0);

  g_mutex_lock (&self->lock);
  self->committed_serial = batch->serial;
  if (batch->appends->len > 0)
    self->committed_position = batch->first_position + batch->appends->len - 1;
  self->stats.n_pending -= batch->appends->len;
  /* counted before the owner hears of it and sends more */
  self->expected = batch->appends->len + (self->pending_head != NULL ? self->pending_head->appends->len : 0);
  if (self->done_tail != NULL)
    self->done_tail->next = batch;
  else
    self->done_head = batch;
  self->done_tail = batch;
  spool_wake_owner (self);
  g_mutex_unlock (&self->lock);
}

static gboolean
on_message (gpointer data, guint64 position, const guint8 *bytes, gsize len)
{
  SpoolRequest *request = data;
  HawserSpool *self = request->data;
  HawserSpoolEntry entry = { position, NULL };
  SpoolQueue *queue;
  gboolean is_live = FALSE;

  request->is_cut = request->entries->len >= request->max_messages || (request->entries->len > 0 && request->n_bytes + len > request->max_bytes);
  if (request->is_cut)
    return FALSE;
  g_mutex_lock (&self->lock);
  queue = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (request->queue));
  if (queue != NULL)
    {
      gsize slot = spool_queue_find (queue, position);

      is_live = slot < queue->end && queue->slots[slot].position == position && queue->slots[slot].time_s != 0;
    }
  g_mutex_unlock (&self->lock);
  request->seen = position;
  if (!is_live)
    return TRUE;
  entry.message = hawser_message_load (bytes, len, self->wall_minus_monotonic_us);
  if (entry.message == NULL)
    {
      /* sound, but of another making: out of the queue, and said */
      g_autofree char *text = g_strdup_printf ("message %" G_GUINT64_FORMAT " of queue %u cannot be understood and was dropped", position, request->queue);

      on_problem (self, position, text);
      hawser_spool_ack (self, request->queue, position);
      return TRUE;
    }
  g_array_append_val (request->entries, entry);
  request->n_bytes += len;
  return TRUE;
}

/* What should have been there and was not has been set aside by the store: it waits no longer. */
static void
drop_missing (HawserSpool *self, const SpoolRequest *request)
{
  SpoolQueue *queue = g_hash_table_lookup (self->queues, GUINT_TO_POINTER (request->queue));
  guint next = 0;

  if (queue == NULL || request->after >= request->seen)
    return;
  for (gsize i = spool_queue_find (queue, request->after + 1); i < queue->end && queue->slots[i].position <= request->seen;)
    {
      guint64 position = queue->slots[i].position;
      guint32 size = queue->slots[i].size;

      while (next < request->entries->len && g_array_index (request->entries, HawserSpoolEntry, next).position < position)
        next++;
      if ((next < request->entries->len && g_array_index (request->entries, HawserSpoolEntry, next).position == position)
          || !spool_queue_kill (queue, i))
        {
          i++;
          continue;
        }
      self->stats.depth--;
      self->stats.bytes -= size;
      i = spool_queue_find (queue, position + 1);
    }
}

void
spool_finish_request (HawserSpool *self, SpoolRequest *request)
{
  request->next = NULL;
  if (self->read_tail != NULL)
    self->read_tail->next = request;
  else
    self->read_head = request;
  self->read_tail = request;
  spool_wake_owner (self);
}

static void
read_queue (HawserSpool *self, SpoolRequest *request)
{
  gpointer user_data = request->data;

  request->entries = g_array_new (FALSE, FALSE, sizeof (HawserSpoolEntry));
  request->data = self;
  request->seen = request->after;
  if (request->after < G_MAXUINT64
      && hawser_store_read (self->store, request->queue, request->after + 1, on_message, request, &request->error) && !request->is_cut)
    request->seen = MAX (request->seen, self->committed_position);   /* written by this thread only */
  request->data = user_data;
  g_mutex_lock (&self->lock);
  if (request->error == NULL)
    drop_missing (self, request);
  spool_finish_request (self, request);
  g_mutex_unlock (&self->lock);
}

static gboolean
on_value (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  SpoolRequest *request = data;

  request->value = g_bytes_new (value, value_len);
  request->revision = revision;
  return TRUE;
}

static void
read_value (HawserSpool *self, SpoolRequest *request)
{
  (void) hawser_store_get_value (self->store, request->space, request->key, on_value, request, &request->error);
  g_mutex_lock (&self->lock);
  spool_finish_request (self, request);
  g_mutex_unlock (&self->lock);
}

static void
serve (HawserSpool *self, SpoolRequest *request)
{
  if (request->got != NULL)
    {
      read_value (self, request);
      return;
    }
  if (request->call == NULL)
    {
      read_queue (self, request);
      return;
    }
  request->call (self, request->data);
  g_mutex_lock (&self->lock);
  *request->is_called = TRUE;
  g_cond_broadcast (&self->called);
  g_mutex_unlock (&self->lock);
  spool_request_free (request);
}

/* With the lock held: the next request whose batch has been committed. */
static SpoolRequest *
take_request (HawserSpool *self)
{
  SpoolRequest *request = self->requests_head;

  if (request == NULL || request->serial > self->committed_serial)
    return NULL;
  self->requests_head = request->next;
  if (self->requests_head == NULL)
    self->requests_tail = NULL;
  return request;
}

/* With the lock held, before a batch is taken. Those who were told of the last commit send their next message within
 * moments; without waiting for them each commit would carry half of what is under way, and the disk would be paid twice.
 * An eighth of what the disk takes is little to lose, and one publisher that waits for each message never waits here. */
static void
gather (HawserSpool *self)
{
  gint64 deadline = g_get_monotonic_time () + MIN (self->commit_us / 8, GATHER_MAX_US);

  if (self->expected <= 1 || self->expected > GATHER_MAX_MESSAGES || self->pending_head != self->pending_tail
      || self->pending_head->appends->len >= self->expected || self->is_closing || self->requests_head != NULL)
    return;
  self->gather_to = self->expected;
  while (self->gather_to != 0 && !self->is_closing && g_cond_wait_until (&self->wake, &self->lock, deadline))
    ;
  self->gather_to = 0;
}

/* Acknowledgements alone are not worth a commit yet. */
static gboolean
can_wait (HawserSpool *self, SpoolBatch *batch)
{
  gint64 now_us;

  if (batch->is_urgent || batch != self->pending_tail || self->is_closing)
    return FALSE;
  now_us = g_get_monotonic_time ();
  if (batch->due_us == 0)
    batch->due_us = now_us + LAZY_US;
  return now_us < batch->due_us;
}

static SpoolBatch *
take_batch (HawserSpool *self)
{
  SpoolBatch *batch = self->pending_head;

  if (batch == NULL)
    return NULL;
  if (can_wait (self, batch))
    return NULL;
  gather (self);
  while (self->n_holds > 0)
    {
      self->waits_held = TRUE;
      g_cond_wait (&self->wake, &self->lock);
    }
  self->pending_head = batch->next;
  if (self->pending_head == NULL)
    self->pending_tail = NULL;
  batch->next = NULL;
  return batch;
}

/* When the writer must look up although nobody asked: 0 never. */
static gint64
next_deadline (HawserSpool *self, gint64 idle_since_us)
{
  gint64 deadline = 0;

  if (self->is_unsynced && self->sync == HAWSER_SPOOL_SYNC_INTERVAL)
    deadline = self->synced_us + self->interval_us;
  if (self->retry_us != 0 && (deadline == 0 || self->retry_us < deadline))
    deadline = self->retry_us;
  if (self->pending_head != NULL && (deadline == 0 || self->pending_head->due_us < deadline))
    deadline = self->pending_head->due_us;
  if (self->is_untidy && (deadline == 0 || idle_since_us + TIDY_AFTER_US < deadline))
    deadline = idle_since_us + TIDY_AFTER_US;
  return deadline;
}

static void
tidy (HawserSpool *self)
{
  g_autoptr(GError) error = NULL;

  self->is_untidy = hawser_store_maintain (self->store, &error);
  note_size (self, g_get_monotonic_time ());
  if (error != NULL)
    {
      g_mutex_lock (&self->lock);
      g_ptr_array_add (self->problems, g_strdup (error->message));
      spool_wake_owner (self);
      g_mutex_unlock (&self->lock);
    }
}

/* What is due without anybody asking. The lock is not held. */
static void
do_due_work (HawserSpool *self, gint64 idle_since_us)
{
  gint64 now_us = g_get_monotonic_time ();

  if (self->retry_us != 0 && now_us >= self->retry_us)
    apply_carried (self);
  if (self->is_unsynced && self->sync == HAWSER_SPOOL_SYNC_INTERVAL && now_us - self->synced_us >= self->interval_us)
    {
      g_autoptr(GError) error = NULL;

      g_array_set_size (self->ops, 0);
      self->synced_us = now_us;
      if (!apply (self, TRUE, &error))
        {
          set_state (self, HAWSER_SPOOL_FAILED);
          self->retry_us = now_us + RETRY_AFTER_US;
        }
    }
  if (self->is_untidy && now_us >= idle_since_us + TIDY_AFTER_US)
    tidy (self);
}

/* With the lock held, which is let go of while waiting. Right after work it dozes: it will look up by itself for
 * acknowledgements that come now, so that they need not wake it. */
static void
wait_for_work (HawserSpool *self, gint64 idle_since_us)
{
  gint64 deadline = next_deadline (self, idle_since_us), doze_until = idle_since_us + LAZY_US;
  gboolean is_woken = TRUE;

  self->is_dozing = g_get_monotonic_time () < doze_until;
  if (self->is_dozing && (deadline == 0 || doze_until < deadline))
    deadline = doze_until;
  self->is_waiting = TRUE;
  if (deadline == 0)
    g_cond_wait (&self->wake, &self->lock);
  else
    is_woken = g_cond_wait_until (&self->wake, &self->lock, deadline);
  self->is_waiting = FALSE;
  self->is_dozing = FALSE;
  if (is_woken)
    return;
  g_mutex_unlock (&self->lock);
  do_due_work (self, idle_since_us);
  g_mutex_lock (&self->lock);
}

static gboolean
must_stop (HawserSpool *self)
{
  if (!self->is_closing)
    return FALSE;
  return (self->pending_head == NULL && self->requests_head == NULL) || g_get_monotonic_time () >= self->close_at_us;
}

static void
work (HawserSpool *self)
{
  gint64 idle_since_us = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  while (!must_stop (self))
    {
      SpoolRequest *request = take_request (self);
      SpoolBatch *batch = request == NULL ? take_batch (self) : NULL;
      gint64 began_us;

      if (request == NULL && batch == NULL)
        {
          wait_for_work (self, idle_since_us);
          continue;
        }
      g_mutex_unlock (&self->lock);
      began_us = g_get_monotonic_time ();
      if (request != NULL)
        serve (self, request);
      else
        commit (self, batch);
      idle_since_us = g_get_monotonic_time ();
      g_mutex_lock (&self->lock);
      if (batch != NULL)
        self->commit_us = idle_since_us - began_us;
    }
  g_mutex_unlock (&self->lock);
  if (self->carried->len > 0)
    apply_carried (self);
  else if (self->is_unsynced)
    {
      g_autoptr(GError) error = NULL;

      g_array_set_size (self->ops, 0);
      (void) apply (self, TRUE, &error);
    }
}

gpointer
spool_writer_run (gpointer data)
{
  HawserSpool *self = data;
  GError *error = NULL;
  gboolean is_open = open_store (self, &error);

  g_mutex_lock (&self->lock);
  self->is_opened = TRUE;
  self->open_error = error;
  g_cond_broadcast (&self->called);
  g_mutex_unlock (&self->lock);
  if (is_open)
    {
      work (self);
      hawser_store_close (self->store);
    }
  return NULL;
}
