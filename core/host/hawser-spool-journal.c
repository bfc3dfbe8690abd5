/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Joins a spool to a bus: the bus asks for a journal (core/bus/hawser-journal.h), the spool is one. The structs of both
 * sides are alike by intention, checked below, so nothing is copied on the way. Context: the bus's, which is the
 * spool's too. */

#include "hawser-spool-journal.h"

#include <stddef.h>

#include "hawser-journal.h"
#include "hawser-spool-private.h"

G_STATIC_ASSERT (sizeof (HawserJournalEntry) == sizeof (HawserSpoolEntry));
G_STATIC_ASSERT (offsetof (HawserJournalEntry, message) == offsetof (HawserSpoolEntry, message));

static guint64
append (gpointer self, HawserMessage *message, const guint32 *queues, guint n_queues, HawserJournalDone done, gpointer data)
{
  return hawser_spool_append (self, message, queues, n_queues, done, data);
}

static void
ack (gpointer self, guint32 queue, guint64 position)
{
  hawser_spool_ack (self, queue, position);
}

static void
read_queue (gpointer self, guint32 queue, guint64 after_position, guint max_messages, gsize max_bytes, HawserJournalRead func, gpointer data)
{
  hawser_spool_read (self, queue, after_position, max_messages, max_bytes, (HawserSpoolRead) func, data);
}

static guint32
add_queue (gpointer self, const char *id, GBytes *meta)
{
  return hawser_spool_add_queue (self, id, meta);
}

static void
update_queue (gpointer self, guint32 queue, GBytes *meta)
{
  hawser_spool_update_queue (self, queue, meta);
}

static void
remove_queue (gpointer self, guint32 queue)
{
  hawser_spool_remove_queue (self, queue);
}

static HawserJournalQueue
convert (const HawserSpoolQueueInfo *info)
{
  return (HawserJournalQueue) {
    .queue = info->queue, .id = info->id, .meta = info->meta, .depth = info->depth, .bytes = info->bytes,
    .first_position = info->first_position, .last_position = info->last_position,
  };
}

typedef struct {
  HawserJournalQueueFunc func;
  gpointer data;
} EachQueue;

static void
each_queue (gpointer data, const HawserSpoolQueueInfo *info)
{
  EachQueue *each = data;
  HawserJournalQueue queue = convert (info);

  each->func (each->data, &queue);
}

static void
foreach_queue (gpointer self, HawserJournalQueueFunc func, gpointer data)
{
  EachQueue each = { func, data };

  hawser_spool_foreach_queue (self, each_queue, &each);
}

static gboolean
get_queue (gpointer self, guint32 queue, HawserJournalQueue *out_queue)
{
  HawserSpoolQueueInfo info;

  if (!hawser_spool_get_queue_info (self, queue, &info))
    return FALSE;
  *out_queue = convert (&info);
  return TRUE;
}

static void
put (gpointer self, const char *space, const char *key, GBytes *value, HawserJournalDone done, gpointer data)
{
  hawser_spool_put (self, space, key, value, done, data);
}

static void
remove_value (gpointer self, const char *space, const char *key, HawserJournalDone done, gpointer data)
{
  hawser_spool_delete (self, space, key, done, data);
}

static gboolean
foreach_value (gpointer self, const char *space, HawserJournalValueFunc func, gpointer data, GError **error)
{
  return hawser_spool_foreach_value (self, space, func, data, error);
}

typedef struct {
  HawserJournalDone done;
  gpointer data;
} Flush;

static void
on_flushed (GObject *spool, GAsyncResult *result, gpointer data)
{
  g_autofree Flush *flush = data;
  g_autoptr (GError) error = NULL;
  gboolean ok = hawser_spool_flush_finish (HAWSER_SPOOL (spool), result, &error);

  flush->done (flush->data, ok, error);
}

static void
flush_all (gpointer self, HawserJournalDone done, gpointer data)
{
  Flush *flush = g_new (Flush, 1);

  *flush = (Flush) { done, data };
  hawser_spool_flush_async (self, NULL, on_flushed, flush);
}

static gint64
get_line_offset_us (gpointer self)
{
  return hawser_spool_get_line_offset_us (self);
}

static void
hold (gpointer self)
{
  hawser_spool_hold (self);
}

static void
release (gpointer self)
{
  hawser_spool_release (self);
}

static void
put_if (gpointer self, const char *space, const char *key, guint64 if_revision, guint64 revision, GBytes *value, HawserJournalDone done, gpointer data)
{
  hawser_spool_put_if (self, space, key, if_revision, revision, value, done, data);
}

static void
get_value (gpointer self, const char *space, const char *key, HawserJournalGot func, gpointer data)
{
  hawser_spool_get (self, space, key, func, data);
}

static void
clear (gpointer self, const char *space, HawserJournalDone done, gpointer data)
{
  hawser_spool_clear (self, space, done, data);
}

static const HawserJournalFuncs funcs = {
  append, ack, read_queue, add_queue, update_queue, remove_queue, foreach_queue, get_queue, put, remove_value, foreach_value, flush_all,
  get_line_offset_us, hold, release, put_if, get_value, clear,
};

const HawserJournalFuncs *
hawser_spool_get_journal_funcs (void)
{
  return &funcs;
}

/* Recovers durable subscriptions and retained values; before any listener starts. NULL takes the spool away. The
 * caller keeps @spool alive until then. */
gboolean
hawser_bus_set_spool (HawserBus *bus, HawserSpool *spool, GError **error)
{
  return hawser_bus_set_journal (bus, &funcs, spool, error);
}
