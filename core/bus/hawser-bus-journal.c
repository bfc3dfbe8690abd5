/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a bus has on disk, as a whole: everything that a journal gives back at the start, in its order; transactions; and the parts
 * that keep messages there for later. Each part knows its own values. Context: the bus's lane. */

#include "hawser-bus-private.h"

#include <string.h>

#include "hawser-author.h"
#include "hawser-group-private.h"

/* ---- After a restart ---- */

typedef struct {
  HawserBus *bus;
  gint64 offset_us;
  guint n_bad;
  GHashTable *origins;
} RecoverRetained;

static void
recover_retained (gpointer data, const char *key, GBytes *value)
{
  RecoverRetained *recover = data;
  HawserBus *self = recover->bus;
  g_autoptr (HawserMessage) message = hawser_author_load_message (recover->origins, g_bytes_get_data (value, NULL), g_bytes_get_size (value), recover->offset_us);

  if (message == NULL || strcmp (message->data, key) != 0)
    {
      recover->n_bad++;
      return;
    }
  if (self->topic_model != NULL && hawser_topic_table_find (&self->topics, key, message->topic_len) == NULL)
    {
      HawserTopicRecord *record = hawser_topic_table_add (&self->topics, key, message->topic_len);

      if (record != NULL)
        hawser_bus_model_add_topic (self, record);
    }
  hawser_topic_table_set_retained (&self->topics, NULL, key, message->topic_len, message);
  self->sequence = MAX (self->sequence, message->sequence);
}

static void
recover_queue (gpointer data, const HawserJournalQueue *queue)
{
  HawserBus *self = data;

  if (queue->meta != NULL && g_bytes_get_size (queue->meta) > 0)
    hawser_receiver_recover (self, queue);
}

static gboolean
declare_kept (gpointer data, HawserTopic *topic, GError **error)
{
  return hawser_bus_add_topic (data, topic, error);
}

gboolean
hawser_bus_set_journal (HawserBus *self, const HawserJournalFuncs *funcs, gpointer journal, GError **error)
{
  g_autoptr (GHashTable) origins = hawser_author_new_table ();
  RecoverRetained recover = { .bus = self, .origins = origins };

  self->journal.funcs = funcs;
  self->journal.log = journal;
  if (journal == NULL)
    return TRUE;
  recover.offset_us = hawser_journal_get_line_offset_us (&self->journal);
  if (!hawser_kept_topics_recover (self->kept_topics, declare_kept, self, error) || !hawser_bus_recover_kept_policies (self, error) ||
      !funcs->foreach_value (journal, "retained", recover_retained, &recover, error))
    return FALSE;
  if (recover.n_bad > 0)
    g_warning ("%u retained values could not be read and were left out", recover.n_bad);
  if (!hawser_history_recover (self->history, error))
    return FALSE;
  funcs->foreach_queue (journal, recover_queue, self);
  if (!hawser_bus_recover_terms (self, error))
    return FALSE;
  hawser_group_sweep (self);
  return hawser_bus_recover_kept_keys (self, error) && hawser_dedup_recover (self->dedup, error) && hawser_schedule_recover (self->schedule, error) &&
         hawser_farewells_recover (self->farewells, error);
}

/* ---- Transactions ---- */

gboolean
hawser_bus_has_spool (HawserBus *self)
{
  return hawser_journal_exists (&self->journal);
}

void
hawser_bus_hold (HawserBus *self)
{
  if (hawser_journal_exists (&self->journal))
    self->journal.funcs->hold (self->journal.log);
}

void
hawser_bus_release (HawserBus *self)
{
  if (hawser_journal_exists (&self->journal))
    self->journal.funcs->release (self->journal.log);
}

typedef struct {
  HawserDirty dirty;
  HawserBus *bus;
  HawserPublished done;
  gpointer data;
  guint64 cookie;
} Commit;

static void
on_flushed (gpointer data, gboolean ok, const GError *error)
{
  Commit *commit = data;

  commit->done (commit->data, commit->cookie, ok ? HAWSER_RESULT_OK : HAWSER_ERROR_UNAVAILABLE);
  g_object_unref (commit->bus);
  g_free (commit);
}

/* Receivers that were declared before are in the list before this: they have saved themselves. */
static void
flush_commit (HawserDirty *dirty)
{
  Commit *commit = (Commit *) dirty;

  if (hawser_journal_exists (&commit->bus->journal))
    commit->bus->journal.funcs->flush (commit->bus->journal.log, on_flushed, commit);
  else
    on_flushed (commit, TRUE, NULL);
}

void
hawser_bus_commit (HawserBus *self, HawserPublished done, gpointer data, guint64 cookie)
{
  Commit *commit = g_new0 (Commit, 1);

  *commit = (Commit) { { .flush = flush_commit }, g_object_ref (self), done, data, cookie };
  hawser_lane_mark_dirty (self->lane, &commit->dirty);
}

/* ---- Messages for later ---- */

static guint
get_history_limit (gpointer data, const char *topic)
{
  HawserBus *self = data;
  HawserLocalTopic *settings = hawser_topic_table_find_settings (&self->topics, topic, strlen (topic));

  return settings != NULL ? settings->history : 0;
}

void
hawser_bus_sweep_history (HawserBus *self)
{
  hawser_history_sweep (self->history, get_history_limit, self);
}

void
hawser_bus_foreach_scheduled (HawserBus *self, HawserScheduledFunc func, gpointer data)
{
  hawser_schedule_foreach (self->schedule, func, data);
}

gboolean
hawser_bus_cancel_scheduled (HawserBus *self, const char *id)
{
  return hawser_schedule_cancel (self->schedule, id);
}

gboolean
hawser_bus_publish_scheduled (gpointer bus, const char *id, HawserMessage *message)
{
  HawserBus *self = bus;
  HawserPublisher publisher = { .bus = self, .origin = message->origin, .is_schedule = TRUE };
  int result;

  if (self->is_closed)
    return FALSE;
  result = hawser_bus_route (self, &publisher, hawser_message_ref (message), NULL, NULL, 0, TRUE);
  if (result > 0)
    g_message ("scheduled message %s: %s", id, self->refusal.text);
  return TRUE;
}

void
hawser_bus_promise (HawserBus *bus, const char *key, const HawserPolicyContext *context, HawserMessage *message, gint64 delay_us)
{
  hawser_farewells_promise (bus->farewells, key, context, message, delay_us);
}

gboolean
hawser_bus_end_promise (HawserBus *bus, const char *key, gboolean is_kept)
{
  return hawser_farewells_end (bus->farewells, key, is_kept);
}

static void
ignore_published (gpointer data, guint64 cookie, int result)
{
}

void
hawser_bus_publish_farewell (gpointer bus, const HawserPolicyContext *context, HawserMessage *message)
{
  hawser_bus_publish_as (bus, context, NULL, message, ignore_published, NULL, 0);
}
