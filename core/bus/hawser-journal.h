/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a bus needs of a durable log. The spool (core/host) fills it; the bus stays free of disks. All calls on the
 * bus's lane; callbacks come there too, never from inside the call. */

#include "hawser-clock.h"
#include "hawser-message.h"

G_BEGIN_DECLS

typedef void (*HawserJournalDone)  (gpointer data, gboolean ok, const GError *error);
typedef struct {
  guint64 position;
  HawserMessage *message;
} HawserJournalEntry;
typedef void (*HawserJournalRead)  (gpointer data, const HawserJournalEntry *entries, guint n_entries, const GError *error);
typedef struct {
  guint32 queue;
  const char *id;
  GBytes *meta;
  guint64 depth, bytes, first_position, last_position;
} HawserJournalQueue;
typedef void (*HawserJournalQueueFunc) (gpointer data, const HawserJournalQueue *queue);
typedef void (*HawserJournalValueFunc) (gpointer data, const char *key, GBytes *value);

#define HAWSER_JOURNAL_ANY_REVISION G_MAXUINT64

typedef void (*HawserJournalGot)       (gpointer data, GBytes *value, guint64 revision, const GError *error);

typedef struct _HawserJournalFuncs {
  guint64  (*append)        (gpointer self, HawserMessage *message, const guint32 *queues, guint n_queues, HawserJournalDone done, gpointer data);
  void     (*ack)           (gpointer self, guint32 queue, guint64 position);
  void     (*read)          (gpointer self, guint32 queue, guint64 after_position, guint max_messages, gsize max_bytes, HawserJournalRead func, gpointer data);
  guint32  (*add_queue)     (gpointer self, const char *id, GBytes *meta);
  void     (*update_queue)  (gpointer self, guint32 queue, GBytes *meta);
  void     (*remove_queue)  (gpointer self, guint32 queue);
  void     (*foreach_queue) (gpointer self, HawserJournalQueueFunc func, gpointer data);
  gboolean (*get_queue)     (gpointer self, guint32 queue, HawserJournalQueue *out_queue);
  void     (*put)           (gpointer self, const char *space, const char *key, GBytes *value, HawserJournalDone done, gpointer data);
  void     (*remove)        (gpointer self, const char *space, const char *key, HawserJournalDone done, gpointer data);
  gboolean (*foreach_value) (gpointer self, const char *space, HawserJournalValueFunc func, gpointer data, GError **error);
  /* @done when all that was asked for before is on the disk, whatever the sync mode */
  void     (*flush)         (gpointer self, HawserJournalDone done, gpointer data);
  /* what to add to monotonic time for the line that stored times are on; NULL: that of the wall clock */
  gint64   (*get_line_offset_us) (gpointer self);
  /* all that is asked for between these is one transaction */
  void     (*hold)          (gpointer self);
  void     (*release)       (gpointer self);
  /* put under a condition: HAWSER_ERROR_CONFLICT to @done if the value has another revision (0: there is none), unless any will do; NULL removes */
  void     (*put_if)        (gpointer self, const char *space, const char *key, guint64 if_revision, guint64 revision, GBytes *value, HawserJournalDone done, gpointer data);
  void     (*get)           (gpointer self, const char *space, const char *key, HawserJournalGot func, gpointer data);
  void     (*clear)         (gpointer self, const char *space, HawserJournalDone done, gpointer data);
} HawserJournalFuncs;

/* A journal, or none: what the parts of a bus that store something have a pointer to. */
typedef struct {
  const HawserJournalFuncs *funcs;
  gpointer log;                      /* NULL: there is none, and nothing outlives the process */
  HawserClock *clock;                /* of the line of time where the log keeps none of its own */
} HawserJournal;

static inline gboolean
hawser_journal_exists (const HawserJournal *self)
{
  return self->log != NULL;
}

static inline guint64
hawser_journal_append (const HawserJournal *self, HawserMessage *message, const guint32 *queues, guint n_queues, HawserJournalDone done, gpointer data)
{
  return self->funcs->append (self->log, message, queues, n_queues, done, data);
}

static inline gboolean
hawser_journal_get_queue (const HawserJournal *self, guint32 queue, HawserJournalQueue *out_queue)
{
  return self->funcs->get_queue (self->log, queue, out_queue);
}

/* FALSE: there is no journal, and @done will not be called. The same for removing. */
gboolean hawser_journal_put                (const HawserJournal   *self,
                                            const char            *space,
                                            const char            *key,
                                            GBytes                *value,
                                            HawserJournalDone      done,
                                            gpointer               data);
gboolean hawser_journal_remove             (const HawserJournal   *self,
                                            const char            *space,
                                            const char            *key,
                                            HawserJournalDone      done,
                                            gpointer               data);
/* Every value of @space. Nothing where there is no journal. */
gboolean hawser_journal_foreach_value      (const HawserJournal   *self,
                                            const char            *space,
                                            HawserJournalValueFunc func,
                                            gpointer               data,
                                            GError               **error);
/* What to add to monotonic time for the line that stored times are on, which no jump of the clock moves. */
gint64   hawser_journal_get_line_offset_us (const HawserJournal   *self);
/* Now, on that line. */
gint64   hawser_journal_get_line_us        (const HawserJournal   *self);

struct _HawserBus;

/* Recovers durable receivers and retained values from the journal; before anybody connects. NULL takes it away. */
gboolean hawser_bus_set_journal (struct _HawserBus        *bus,
                                 const HawserJournalFuncs *funcs,
                                 gpointer                  journal,
                                 GError                  **error);

G_END_DECLS
