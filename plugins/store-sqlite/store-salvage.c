/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes a sound store of a damaged one. The damaged files are kept beside it under another name; nothing is deleted.
 * If the order of the queues can still be read, exactly what waits is taken over; otherwise every message found,
 * into every queue it was appended to, so that some may come twice and none is lost for want of an index. */

#include "store-salvage.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store-check.h"
#include "store-pages.h"
#include "store-schema.h"

#define NAMED_MAX 100   /* lost messages told one by one; the rest as a number */

enum {
  ADD_MESSAGE,
  ADD_ENTRY,
  ADD_QUEUE,
  ADD_QUEUE_COPY,
  ADD_VALUE,
  HAS_MESSAGE,
  N_STATEMENTS
};

static const char *const statement_sql[N_STATEMENTS] = {
  [ADD_MESSAGE] = "INSERT OR IGNORE INTO message (position, record) VALUES (?1, ?2)",
  [ADD_ENTRY] = "INSERT OR IGNORE INTO entry (queue, position, size, time_s, shared, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
  [ADD_QUEUE] = "REPLACE INTO queue (id, record) VALUES (?1, ?2)",
  [ADD_QUEUE_COPY] = "REPLACE INTO queue_copy (id, record) VALUES (?1, ?2)",
  [ADD_VALUE] = "REPLACE INTO value (space, key, record) VALUES (?1, ?2, ?3)",
  [HAS_MESSAGE] = "SELECT 1 FROM message WHERE position = ?1",
};

typedef struct {
  sqlite3 *to;
  sqlite3_stmt *statements[N_STATEMENTS];
  sqlite3 *from;             /* the newest pages as a database */
  sqlite3_stmt *waits;       /* of @from; NULL: the order of the queues is lost */
  guint64 from_position;     /* up to which @from knows what waits */
  GByteArray *record;
  GHashTable *ages;          /* what names a queue or a value -> number of its commit */
  StoreWitness at;
  guint64 n_messages;
  HawserStoreProblemFunc problem;
  gpointer data;
  int rc;
} Salvage;

G_GNUC_PRINTF (3, 4) static void
tell (Salvage *self, guint64 position, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  self->problem (self->data, position, text);
}

static void
run (Salvage *self, guint statement)
{
  int rc = sqlite3_step (self->statements[statement]);

  sqlite3_reset (self->statements[statement]);
  if (rc != SQLITE_DONE && self->rc == SQLITE_OK)
    self->rc = rc;
}

static gboolean
still_waits (Salvage *self, guint32 queue, guint64 position)
{
  gboolean waits;

  if (self->waits == NULL || position > self->from_position)
    return TRUE;
  sqlite3_bind_int64 (self->waits, 1, queue);
  sqlite3_bind_int64 (self->waits, 2, (gint64) position);
  waits = sqlite3_step (self->waits) == SQLITE_ROW;
  sqlite3_reset (self->waits);
  return waits;
}

static void
add_entry (Salvage *self, const StoreRecord *message, guint32 queue, gboolean is_shared)
{
  sqlite3_stmt *statement = self->statements[ADD_ENTRY];

  sqlite3_bind_int64 (statement, 1, queue);
  sqlite3_bind_int64 (statement, 2, (gint64) message->position);
  sqlite3_bind_int64 (statement, 3, message->size);
  sqlite3_bind_int64 (statement, 4, message->time_s);
  sqlite3_bind_int (statement, 5, is_shared);
  sqlite3_bind_int64 (statement, 6, store_entry_check (queue, message->position, message->size, message->time_s, is_shared));
  run (self, ADD_ENTRY);
}

static void
add_message (Salvage *self, const StoreRecord *message)
{
  g_autofree guint32 *queues = g_new (guint32, MAX (message->n_queues, 1));
  HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = message->position, .size = message->size, .time_s = message->time_s,
                       .queues = queues, .data = message->data, .len = message->len };

  self->at.last_position = MAX (self->at.last_position, message->position);
  for (guint i = 0; i < message->n_queues; i++)
    if (still_waits (self, store_record_get_queue (message, i), message->position))
      queues[op.n_queues++] = store_record_get_queue (message, i);
  if (op.n_queues == 0)
    return;
  store_record_write_message (self->record, self->at.key, &op);
  sqlite3_bind_int64 (self->statements[ADD_MESSAGE], 1, (gint64) message->position);
  sqlite3_bind_blob (self->statements[ADD_MESSAGE], 2, self->record->data, (int) self->record->len, SQLITE_STATIC);
  run (self, ADD_MESSAGE);
  if (sqlite3_changes (self->to) == 0)
    return;
  self->n_messages++;
  for (guint i = 0; i < op.n_queues; i++)
    add_entry (self, message, queues[i], op.n_queues > 1);
}

/* Of several states of one queue or value the latest is meant. */
static gboolean
is_newest (Salvage *self, char *name, guint64 age)
{
  g_autofree char *owned = name;
  guint64 *known = g_hash_table_lookup (self->ages, name);

  if (known != NULL && *known >= age)
    return FALSE;
  if (known == NULL)
    {
      known = g_new (guint64, 1);
      g_hash_table_insert (self->ages, g_steal_pointer (&owned), known);
    }
  *known = age;
  return TRUE;
}

static void
add_queue (Salvage *self, const StoreRecord *queue)
{
  g_autofree char *id = g_strndup (queue->key, queue->key_len);
  HawserStoreOp op = { .kind = HAWSER_STORE_ADD_QUEUE, .queue = queue->queue, .key = id, .data = queue->data, .len = queue->len };

  if (!is_newest (self, g_strdup_printf ("queue %u", queue->queue), queue->position))
    return;
  store_record_write_queue (self->record, self->at.key, &op, queue->position);
  for (guint i = ADD_QUEUE; i <= ADD_QUEUE_COPY; i++)
    {
      sqlite3_bind_int64 (self->statements[i], 1, queue->queue);
      sqlite3_bind_blob (self->statements[i], 2, self->record->data, (int) self->record->len, SQLITE_STATIC);
      run (self, i);
    }
}

static void
add_value (Salvage *self, const StoreRecord *value)
{
  g_autofree char *space = g_strndup (value->space, value->space_len), *key = g_strndup (value->key, value->key_len);
  HawserStoreOp op = { .kind = HAWSER_STORE_PUT, .space = space, .key = key, .revision = value->revision, .data = value->data,
                       .len = value->len };
  sqlite3_stmt *statement = self->statements[ADD_VALUE];

  if (!is_newest (self, g_strdup_printf ("%zu %s %s", strlen (space), space, key), value->position))
    return;
  store_record_write_value (self->record, self->at.key, &op, value->position);
  sqlite3_bind_text (statement, 1, space, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, key, -1, SQLITE_STATIC);
  sqlite3_bind_blob (statement, 3, self->record->data, (int) self->record->len, SQLITE_STATIC);
  run (self, ADD_VALUE);
}

static void
on_record (gpointer data, const StoreRecord *record)
{
  Salvage *self = data;

  switch (record->kind)
    {
    case STORE_RECORD_MESSAGE:
      if (record->position > 0 && record->position <= G_MAXINT64)
        add_message (self, record);
      break;
    case STORE_RECORD_QUEUE:
      add_queue (self, record);
      break;
    case STORE_RECORD_VALUE:
      add_value (self, record);
      break;
    case STORE_RECORD_STATE:
      self->at.n_commits = MAX (self->at.n_commits, record->n_commits);
      self->at.last_position = MAX (self->at.last_position, record->position);
      break;
    default:
      break;
    }
}

/* What the old order names and no page holds any more. */
static void
tell_missing (Salvage *self)
{
  sqlite3_stmt *entries = NULL;
  guint64 n_lost = 0;
  int rc;

  if (self->waits == NULL)
    return;
  rc = sqlite3_prepare_v2 (self->from, "SELECT queue, position FROM entry ORDER BY queue, position", -1, &entries, NULL);
  while (rc == SQLITE_OK && sqlite3_step (entries) == SQLITE_ROW)
    {
      guint64 position = (guint64) sqlite3_column_int64 (entries, 1);

      sqlite3_bind_int64 (self->statements[HAS_MESSAGE], 1, (gint64) position);
      if (sqlite3_step (self->statements[HAS_MESSAGE]) != SQLITE_ROW && ++n_lost <= NAMED_MAX)
        tell (self, position, "message %" G_GUINT64_FORMAT " of queue %u is lost", position, (guint) sqlite3_column_int64 (entries, 0));
      sqlite3_reset (self->statements[HAS_MESSAGE]);
    }
  sqlite3_finalize (entries);
  if (n_lost > NAMED_MAX)
    tell (self, 0, "%" G_GUINT64_FORMAT " more messages are lost", n_lost - NAMED_MAX);
}

/* Messages of a queue that nobody knows any more are kept, where a person can look at them. */
static void
set_orphans_aside (Salvage *self)
{
  static const char sql[] =
    "INSERT INTO damaged (found_s, position, reason, bytes)"
    " SELECT strftime('%s', 'now'), position, 'queue ' || queue || ' is unknown', record FROM entry JOIN message USING (position)"
    "  WHERE queue NOT IN (SELECT id FROM queue);"
    "DELETE FROM entry WHERE queue NOT IN (SELECT id FROM queue);"
    "DELETE FROM message WHERE position NOT IN (SELECT position FROM entry);";
  sqlite3_stmt *orphans = NULL;
  int rc = sqlite3_prepare_v2 (self->to, "SELECT queue, count(*) FROM entry WHERE queue NOT IN (SELECT id FROM queue) GROUP BY queue", -1, &orphans, NULL);

  while (rc == SQLITE_OK && sqlite3_step (orphans) == SQLITE_ROW)
    tell (self, 0, "queue %u is lost; its %u messages were set aside in table 'damaged'", (guint) sqlite3_column_int64 (orphans, 0),
          (guint) sqlite3_column_int64 (orphans, 1));
  sqlite3_finalize (orphans);
  if (self->rc == SQLITE_OK)
    self->rc = rc != SQLITE_OK ? rc : sqlite3_exec (self->to, sql, NULL, NULL, NULL);
}

static void
put_state (Salvage *self)
{
  sqlite3_stmt *statement = NULL;

  if (self->rc == SQLITE_OK)
    self->rc = sqlite3_prepare_v2 (self->to, "REPLACE INTO state (id, record) VALUES (1, ?1)", -1, &statement, NULL);
  if (self->rc != SQLITE_OK)
    return;
  store_record_write_state (self->record, self->at.key, self->at.n_commits, self->at.last_position);
  sqlite3_bind_blob (statement, 1, self->record->data, (int) self->record->len, SQLITE_STATIC);
  if (sqlite3_step (statement) != SQLITE_DONE)
    self->rc = sqlite3_errcode (self->to);
  sqlite3_finalize (statement);
}

static void
fill (Salvage *self, StorePages *pages)
{
  for (guint i = 0; i < N_STATEMENTS && self->rc == SQLITE_OK; i++)
    self->rc = sqlite3_prepare_v2 (self->to, statement_sql[i], -1, &self->statements[i], NULL);
  if (self->rc == SQLITE_OK)
    self->rc = sqlite3_exec (self->to, "BEGIN", NULL, NULL, NULL);
  if (self->rc != SQLITE_OK)
    return;
  store_pages_foreach (pages, self->at.key, on_record, self);
  tell_missing (self);
  set_orphans_aside (self);
  put_state (self);
  for (guint i = 0; i < N_STATEMENTS; i++)
    g_clear_pointer (&self->statements[i], sqlite3_finalize);
  if (self->rc == SQLITE_OK)
    self->rc = sqlite3_exec (self->to, "COMMIT", NULL, NULL, NULL);
}

/* The old order of the queues, if it can be trusted to the last row. */
static void
look_at_old_order (Salvage *self, const char *image)
{
  sqlite3_stmt *statement = NULL;
  StoreRecord state;

  if (sqlite3_open_v2 (image, &self->from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK
      || !store_is_sound (self->from, self->at.key)
      || sqlite3_prepare_v2 (self->from, "SELECT record FROM state WHERE id = 1", -1, &statement, NULL) != SQLITE_OK)
    return;
  if (sqlite3_step (statement) == SQLITE_ROW
      && store_record_read (sqlite3_column_blob (statement, 0), (gsize) sqlite3_column_bytes (statement, 0), 0, &state)
      && state.kind == STORE_RECORD_STATE
      && sqlite3_prepare_v2 (self->from, "SELECT 1 FROM entry WHERE queue = ?1 AND position = ?2", -1, &self->waits, NULL) == SQLITE_OK)
    {
      self->from_position = state.position;
      if (state.n_commits < self->at.n_commits)
        tell (self, 0, "the last %" G_GUINT64_FORMAT " commits are missing; positions after %" G_GUINT64_FORMAT " up to %" G_GUINT64_FORMAT
              " may be lost, and acknowledged messages may come again", self->at.n_commits - state.n_commits, state.position, self->at.last_position);
    }
  sqlite3_finalize (statement);
}

static gboolean
fail (const char *path, const char *doing, const char *why, GError **error)
{
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_CORRUPT, "store '%s' is damaged, and %s failed: %s; its files are as they were", path, doing, why);
  return FALSE;
}

/* A second name for the old files, before the first one is given to the new. */
static gboolean
keep_old (const char *path, char **out_kept, GError **error)
{
  g_autoptr(GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y%m%dT%H%M%S");
  g_autofree char *kept = NULL, *log = g_strconcat (path, "-wal", NULL), *kept_log = NULL;

  for (guint n = 0; kept == NULL || (g_file_test (kept, G_FILE_TEST_EXISTS) && n < 1000); n++)
    {
      g_free (kept);
      kept = g_strdup_printf ("%s-damaged-%s.%u", path, time, n);
    }
  kept_log = g_strconcat (kept, "-wal", NULL);
  if ((link (path, kept) != 0 && errno != ENOENT) || (link (log, kept_log) != 0 && errno != ENOENT))
    return fail (path, "keeping the damaged files", g_strerror (errno), error);
  *out_kept = g_steal_pointer (&kept);
  return TRUE;
}

gboolean
store_salvage_finish (const char *path, GError **error)
{
  g_autofree char *ready = g_strconcat (path, "-salvaged", NULL), *log = g_strconcat (path, "-wal", NULL);

  if (!g_file_test (ready, G_FILE_TEST_EXISTS))
    return TRUE;
  /* the old log must not be played into the new file */
  if ((unlink (log) != 0 && errno != ENOENT) || !store_file_replace (ready, path))
    return fail (path, "putting the salvaged file in place", g_strerror (errno), error);
  return TRUE;
}

static gboolean
put_in_place (const char *path, const char *fresh, char **out_kept, GError **error)
{
  g_autofree char *ready = g_strconcat (path, "-salvaged", NULL);

  if (!keep_old (path, out_kept, error))
    return FALSE;
  if (!store_file_replace (fresh, ready))
    return fail (path, "naming the salvaged file", g_strerror (errno), error);
  return store_salvage_finish (path, error);
}

gboolean
store_salvage (const char *path, StoreWitness witness, HawserStoreProblemFunc problem, gpointer data, GError **error)
{
  g_autofree char *fresh = g_strconcat (path, "-new", NULL), *image = g_strconcat (path, "-image", NULL), *kept = NULL;
  g_autoptr(StorePages) pages = store_pages_new (path);
  Salvage self = { .at = witness, .problem = problem, .data = data };
  gboolean has_order;

  if (self.at.key == 0)
    self.at.key = store_pages_get_key (pages);
  self.record = g_byte_array_new ();
  self.ages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (store_pages_write (pages, image))
    look_at_old_order (&self, image);
  self.rc = store_database_make (fresh, &self.at, &self.to);
  if (self.rc == SQLITE_OK)
    fill (&self, pages);
  has_order = self.waits != NULL;
  sqlite3_finalize (self.waits);
  sqlite3_close (self.from);
  sqlite3_close (self.to);
  g_byte_array_unref (self.record);
  g_hash_table_unref (self.ages);
  (void) unlink (image);
  if (self.rc != SQLITE_OK)
    return fail (path, "salvaging it", sqlite3_errstr (self.rc), error);
  if (!put_in_place (path, fresh, &kept, error))
    return FALSE;
  tell (&self, 0, "%" G_GUINT64_FORMAT " messages were taken over%s; the damaged files are kept as '%s'", self.n_messages,
        has_order ? "" : ", some of which may come twice", kept);
  return TRUE;
}
