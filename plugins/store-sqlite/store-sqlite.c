/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store role on one SQLite file in WAL mode: the object, its transactions and its readers. The bytes of the records
 * are the business of store-record.c, the layout of store-schema.c, finding what is sound in a damaged file of
 * store-salvage.c, and the witness of commits of store-mark.c.
 *
 * Runs on one thread at a time, the spool's writer; blocks it. */

#include "store-sqlite.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "store-check.h"
#include "store-mark.h"
#include "store-record.h"
#include "store-room.h"
#include "store-salvage.h"
#include "store-schema.h"

typedef enum {
  STATEMENT_BEGIN,
  STATEMENT_COMMIT,
  STATEMENT_ROLLBACK,
  STATEMENT_PUT_STATE,
  STATEMENT_PUT_QUEUE,
  STATEMENT_PUT_QUEUE_COPY,
  STATEMENT_REMOVE_QUEUE,
  STATEMENT_REMOVE_QUEUE_COPY,
  STATEMENT_ADD_MESSAGE,
  STATEMENT_ADD_ENTRY,
  STATEMENT_REMOVE_ENTRY,
  STATEMENT_REMOVE_MESSAGE,
  STATEMENT_REMOVE_MESSAGES,
  STATEMENT_REMOVE_ENTRIES,
  STATEMENT_PUT_VALUE,
  STATEMENT_REMOVE_VALUE,
  STATEMENT_REMOVE_SPACE,
  STATEMENT_GET_VALUE,
  STATEMENT_ADD_DAMAGED,
  STATEMENT_REMOVE_SHARED_ENTRIES,
  STATEMENT_READ,
  STATEMENT_COUNT_VALUES,
  STATEMENT_FEW_VALUES,
  STATEMENT_MANY_VALUES,
  N_STATEMENTS
} Statement;

static const char *const statement_sql[N_STATEMENTS] = {
  [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
  [STATEMENT_COMMIT] = "COMMIT",
  [STATEMENT_ROLLBACK] = "ROLLBACK",
  [STATEMENT_PUT_STATE] = "REPLACE INTO state (id, record) VALUES (1, ?1)",
  [STATEMENT_PUT_QUEUE] = "REPLACE INTO queue (id, record) VALUES (?1, ?2)",
  [STATEMENT_PUT_QUEUE_COPY] = "REPLACE INTO queue_copy (id, record) VALUES (?1, ?2)",
  [STATEMENT_REMOVE_QUEUE] = "DELETE FROM queue WHERE id = ?1",
  [STATEMENT_REMOVE_QUEUE_COPY] = "DELETE FROM queue_copy WHERE id = ?1",
  [STATEMENT_ADD_MESSAGE] = "INSERT INTO message (position, record) VALUES (?1, ?2)",
  [STATEMENT_ADD_ENTRY] = "INSERT INTO entry (queue, position, size, time_s, shared, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
  [STATEMENT_REMOVE_ENTRY] = "DELETE FROM entry WHERE queue = ?1 AND position = ?2",
  [STATEMENT_REMOVE_MESSAGE] =
    "DELETE FROM message WHERE position = ?1"
    " AND NOT EXISTS (SELECT 1 FROM entry INDEXED BY entry_shared WHERE shared AND position = ?1)",
  /* before the entries go, so that they can say which messages are meant */
  [STATEMENT_REMOVE_MESSAGES] =
    "DELETE FROM message WHERE position IN (SELECT position FROM entry WHERE queue = ?1 AND position BETWEEN ?2 AND ?3)"
    " AND NOT EXISTS (SELECT 1 FROM entry e INDEXED BY entry_shared WHERE e.shared AND e.position = message.position AND e.queue <> ?1)",
  [STATEMENT_REMOVE_ENTRIES] = "DELETE FROM entry WHERE queue = ?1 AND position BETWEEN ?2 AND ?3",
  [STATEMENT_PUT_VALUE] = "INSERT INTO value (space, key, record) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET record = excluded.record",
  [STATEMENT_REMOVE_VALUE] = "DELETE FROM value WHERE space = ?1 AND key = ?2",
  [STATEMENT_REMOVE_SPACE] = "DELETE FROM value WHERE space = ?1",
  [STATEMENT_GET_VALUE] = "SELECT record FROM value WHERE space = ?1 AND key = ?2",
  [STATEMENT_ADD_DAMAGED] = "INSERT INTO damaged (found_s, position, reason, bytes) VALUES (?1, ?2, ?3, ?4)",
  [STATEMENT_REMOVE_SHARED_ENTRIES] = "DELETE FROM entry WHERE shared AND position = ?1",
  [STATEMENT_READ] =
    "SELECT e.position, m.record FROM entry e LEFT JOIN message m ON m.position = e.position"
    " WHERE e.queue = ?1 AND e.position >= ?2 ORDER BY e.position",
  /* two ways to read a space: by the index, where each record is somewhere else in the file, or the file from front to end */
  [STATEMENT_COUNT_VALUES] = "SELECT count(*), (SELECT max(rowid) FROM value) FROM value WHERE space = ?1",
  [STATEMENT_FEW_VALUES] = "SELECT key, record FROM value WHERE space = ?1",
  [STATEMENT_MANY_VALUES] = "SELECT key, record FROM value NOT INDEXED WHERE space = ?1",
};

struct _StoreSqlite {
  GObject parent_instance;

  char *path;                /* NULL: closed */
  StoreMark *mark;
  sqlite3 *db;               /* NULL while open: broken, opened again by the next change */
  sqlite3_stmt *statements[N_STATEMENTS];
  GByteArray *record;        /* scratch */
  HawserStoreProblemFunc problem;
  gpointer problem_data;
  StoreWitness at;           /* how far the commits went */
  guint64 n_damaged;
  guint max_pages;           /* property */
  StoreRoomFunc room_func;   /* NULL: the file system is asked */
  gpointer room_data;
  gboolean is_synced;        /* SQLite is set to sync each commit */
  gboolean is_full;
  gboolean is_stale;         /* the last change was refused for a revision */
};

enum {
  PROP_0,
  PROP_MAX_PAGES,
};

static void store_iface_init (HawserStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (StoreSqlite, store_sqlite, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (HAWSER_TYPE_STORE, store_iface_init))

G_GNUC_PRINTF (3, 4) static void
report (StoreSqlite *self, guint64 position, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  self->n_damaged++;
  self->problem (self->problem_data, position, text);
}

static void
on_problem (gpointer data, guint64 position, const char *text)
{
  report (data, position, "%s", text);
}

/* What the system said to the last failing call on the file or on its log; 0 if nothing is known. */
static int
get_system_errno (sqlite3 *db)
{
  sqlite3_file *log = NULL;
  int file_errno = 0, log_errno = 0;

  if (db == NULL)
    return 0;
  (void) sqlite3_file_control (db, "main", SQLITE_FCNTL_LAST_ERRNO, &file_errno);
  if (sqlite3_file_control (db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log != NULL && log->pMethods != NULL)
    (void) log->pMethods->xFileControl (log, SQLITE_FCNTL_LAST_ERRNO, &log_errno);
  return log_errno != 0 ? log_errno : file_errno;
}

static gboolean
is_out_of_room (int rc, int system_errno)
{
  return (rc & 0xff) == SQLITE_FULL
         || ((rc & 0xff) == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG));
}

/* Says what @rc means to the caller; FALSE for its return. */
static gboolean
fail (StoreSqlite *self, int rc, const char *doing, GError **error)
{
  int code = HAWSER_ERROR_UNAVAILABLE, system_errno = get_system_errno (self->db);

  switch (rc & 0xff)
    {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      code = HAWSER_ERROR_CORRUPT;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      code = HAWSER_ERROR_EXISTS;
      break;
    case SQLITE_TOOBIG:
      code = HAWSER_ERROR_TOO_LARGE;
      break;
    default:
      break;
    }
  self->is_full = is_out_of_room (rc, system_errno);
  if (self->is_full)
    g_set_error (error, HAWSER_ERROR, code, "store '%s': no room left on the disk while %s", self->path, doing);
  else
    g_set_error (error, HAWSER_ERROR, code, "store '%s': %s: %s%s%s", self->path, doing, sqlite3_errstr (rc),
                 (rc & 0xff) == SQLITE_IOERR && system_errno != 0 ? ": " : "",
                 (rc & 0xff) == SQLITE_IOERR && system_errno != 0 ? g_strerror (system_errno) : "");
  return FALSE;
}

/* One run of a statement that returns no row; its bindings are done. */
static int
run (StoreSqlite *self, Statement statement)
{
  int rc = sqlite3_step (self->statements[statement]), reset = sqlite3_reset (self->statements[statement]);

  return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static void
close_database (StoreSqlite *self)
{
  for (guint i = 0; i < N_STATEMENTS; i++)
    g_clear_pointer (&self->statements[i], sqlite3_finalize);
  g_clear_pointer (&self->db, sqlite3_close);
}

static int
prepare (StoreSqlite *self)
{
  int rc = SQLITE_OK;

  for (guint i = 0; i < N_STATEMENTS && rc == SQLITE_OK; i++)
    rc = sqlite3_prepare_v3 (self->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i], NULL);
  return rc;
}

static int
limit_pages (StoreSqlite *self)
{
  char sql[64];

  if (self->max_pages == 0)
    return SQLITE_OK;
  g_snprintf (sql, sizeof sql, "PRAGMA max_page_count = %u", self->max_pages);
  return sqlite3_exec (self->db, sql, NULL, NULL, NULL);
}

static int
load_state (StoreSqlite *self)
{
  sqlite3_stmt *statement = NULL;
  int rc = sqlite3_prepare_v2 (self->db, "SELECT record FROM state WHERE id = 1", -1, &statement, NULL);

  self->at = (StoreWitness) { 0 };
  if (rc == SQLITE_OK && (rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      const guint8 *bytes = sqlite3_column_blob (statement, 0);
      StoreRecord record;

      rc = SQLITE_DONE;
      if (!store_record_read (bytes, sqlite3_column_bytes (statement, 0), 0, &record) || record.kind != STORE_RECORD_STATE)
        rc = SQLITE_CORRUPT;
      else
        {
          self->at = (StoreWitness) { record.n_commits, record.position, record.store_key };
        }
    }
  sqlite3_finalize (statement);
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
open_database (StoreSqlite *self)
{
  int rc = store_database_open (self->path, &self->db);

  self->is_synced = TRUE;
  if (rc == SQLITE_OK)
    rc = limit_pages (self);
  if (rc == SQLITE_OK)
    rc = prepare (self);
  if (rc == SQLITE_OK)
    rc = load_state (self);
  return rc;
}

static gboolean
salvage (StoreSqlite *self, const char *reason, GError **error)
{
  int rc;

  report (self, 0, "store '%s': %s; keeping what is sound", self->path, reason);
  /* the log stays as it is */
  if (self->db != NULL)
    sqlite3_db_config (self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  close_database (self);
  if (!store_salvage (self->path, store_mark_get (self->mark), on_problem, self, error))
    return FALSE;
  rc = open_database (self);
  if (rc != SQLITE_OK || !store_is_sound (self->db, self->at.key))
    return fail (self, rc != SQLITE_OK ? rc : SQLITE_CORRUPT, "opening what was salvaged", error);
  return TRUE;
}

static gboolean
open_checked (StoreSqlite *self, GError **error)
{
  StoreWitness witness = store_mark_get (self->mark);
  int version = 0, rc;

  if (!store_salvage_finish (self->path, error))
    return FALSE;
  switch (store_file_probe (self->path, &version))
    {
    case STORE_FILE_NEWER:
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "store '%s' is of version %d; this program knows up to %d", self->path, version,
                   STORE_SCHEMA_VERSION);
      return FALSE;
    case STORE_FILE_FOREIGN:
      if (witness.n_commits > 0)
        return salvage (self, "the head of the file is damaged", error);
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s' is not a store", self->path);
      return FALSE;
    case STORE_FILE_EMPTY:
    case STORE_FILE_ABSENT:
      if (witness.n_commits > 0)
        return salvage (self, "the file is missing or empty", error);
      rc = store_database_create (self->path);
      if (rc != SQLITE_OK)
        return fail (self, rc, "creating it", error);
      break;
    case STORE_FILE_OURS:
      break;
    }
  rc = open_database (self);
  switch (rc & 0xff)
    {
    case SQLITE_OK:
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:      /* the tables are not those we made */
    case SQLITE_READONLY:   /* the format says it must not be written */
      return salvage (self, "the tables are damaged", error);
    default:
      return fail (self, rc, "opening it", error);
    }
  if (self->at.n_commits < witness.n_commits)
    return salvage (self, "the log ends before the last commit", error);
  if (!store_is_sound (self->db, self->at.key))
    return salvage (self, "the file is damaged", error);
  if (version == 1)
    rc = store_database_upgrade (self->db);
  return rc == SQLITE_OK || fail (self, rc, "raising its version", error);
}

static void
store_close (HawserStore *store)
{
  StoreSqlite *self = STORE_SQLITE (store);

  close_database (self);
  g_clear_pointer (&self->mark, store_mark_close);
  g_clear_pointer (&self->path, g_free);
}

static gboolean
store_open (HawserStore *store, const char *path, HawserStoreProblemFunc problem, gpointer problem_data, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  StoreWitness witness;

  g_return_val_if_fail (self->path == NULL, FALSE);

  self->mark = store_mark_open (path, error);
  if (self->mark == NULL)
    return FALSE;
  self->path = g_strdup (path);
  self->problem = problem;
  self->problem_data = problem_data;
  self->n_damaged = 0;
  if (!open_checked (self, error))
    {
      store_close (store);
      return FALSE;
    }
  witness = store_mark_get (self->mark);
  self->at.n_commits = MAX (self->at.n_commits, witness.n_commits);
  self->at.last_position = MAX (self->at.last_position, witness.last_position);
  if (store_mark_is_damaged (self->mark))
    report (self, 0, "store '%s': its mark is damaged; whether the log ends too early is unknown", self->path);
  store_mark_set (self->mark, &self->at);
  return TRUE;
}

/* After a failure of the disk the files are read anew, and what they say is written through before anything else is
 * promised: pages of the log that never reached the disk would look sound as long as they are in memory. */
static gboolean
reopen (StoreSqlite *self, GError **error)
{
  int rc;

  if (!open_checked (self, error))
    {
      close_database (self);
      return FALSE;
    }
  rc = sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  if (rc != SQLITE_OK)
    {
      fail (self, rc, "opening it again", error);
      close_database (self);
      return FALSE;
    }
  return TRUE;
}

static int
add_entry (StoreSqlite *self, const HawserStoreOp *op, guint32 queue)
{
  sqlite3_stmt *statement = self->statements[STATEMENT_ADD_ENTRY];
  gboolean is_shared = op->n_queues > 1;

  sqlite3_bind_int64 (statement, 1, queue);
  sqlite3_bind_int64 (statement, 2, (gint64) op->position);
  sqlite3_bind_int64 (statement, 3, op->size);
  sqlite3_bind_int64 (statement, 4, op->time_s);
  sqlite3_bind_int (statement, 5, is_shared);
  sqlite3_bind_int64 (statement, 6, store_entry_check (queue, op->position, op->size, op->time_s, is_shared));
  return run (self, STATEMENT_ADD_ENTRY);
}

#define LARGE_RECORD (1 << 20) /* bytes; a buffer of this size costs nothing that is seen, a new one for each smaller record would */

/* A record of a large payload is not kept until the next one comes: the buffer would hold twice its size for ever. */
static void
forget_large_record (StoreSqlite *self)
{
  if (self->record->len <= LARGE_RECORD)
    return;
  g_byte_array_unref (self->record);
  self->record = g_byte_array_new ();
}

static int
append (StoreSqlite *self, const HawserStoreOp *op)
{
  int rc = SQLITE_OK;

  self->at.last_position = MAX (self->at.last_position, op->position);
  if (op->n_queues == 0)
    return SQLITE_OK;
  if (op->n_queues > G_MAXUINT16 || op->len > G_MAXINT32 - 16 - 4 * (gsize) op->n_queues)
    return SQLITE_TOOBIG;
  store_record_write_message (self->record, self->at.key, op);
  sqlite3_bind_int64 (self->statements[STATEMENT_ADD_MESSAGE], 1, (gint64) op->position);
  sqlite3_bind_blob (self->statements[STATEMENT_ADD_MESSAGE], 2, self->record->data, (int) self->record->len, SQLITE_STATIC);
  rc = run (self, STATEMENT_ADD_MESSAGE);
  forget_large_record (self);
  for (guint i = 0; i < op->n_queues && rc == SQLITE_OK; i++)
    rc = add_entry (self, op, op->queues[i]);
  return rc;
}

static int
ack_one (StoreSqlite *self, guint32 queue, guint64 position)
{
  int rc;

  sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_ENTRY], 1, queue);
  sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_ENTRY], 2, (gint64) position);
  rc = run (self, STATEMENT_REMOVE_ENTRY);
  if (rc != SQLITE_OK || sqlite3_changes (self->db) == 0)
    return rc;
  sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_MESSAGE], 1, (gint64) position);
  return run (self, STATEMENT_REMOVE_MESSAGE);
}

static int
ack_range (StoreSqlite *self, guint32 queue, guint64 first, guint64 last)
{
  static const Statement steps[] = { STATEMENT_REMOVE_MESSAGES, STATEMENT_REMOVE_ENTRIES };
  int rc = SQLITE_OK;

  if (last < first || first > G_MAXINT64)
    return SQLITE_OK;
  if (first == last)
    return ack_one (self, queue, first);
  for (guint i = 0; i < G_N_ELEMENTS (steps) && rc == SQLITE_OK; i++)
    {
      sqlite3_bind_int64 (self->statements[steps[i]], 1, queue);
      sqlite3_bind_int64 (self->statements[steps[i]], 2, (gint64) first);
      sqlite3_bind_int64 (self->statements[steps[i]], 3, (gint64) MIN (last, G_MAXINT64));
      rc = run (self, steps[i]);
    }
  return rc;
}

static int
add_queue (StoreSqlite *self, const HawserStoreOp *op)
{
  static const Statement steps[] = { STATEMENT_PUT_QUEUE, STATEMENT_PUT_QUEUE_COPY };
  int rc = SQLITE_OK;

  store_record_write_queue (self->record, self->at.key, op, self->at.n_commits + 1);
  for (guint i = 0; i < G_N_ELEMENTS (steps) && rc == SQLITE_OK; i++)
    {
      sqlite3_bind_int64 (self->statements[steps[i]], 1, op->queue);
      sqlite3_bind_blob (self->statements[steps[i]], 2, self->record->data, (int) self->record->len, SQLITE_STATIC);
      rc = run (self, steps[i]);
    }
  return rc;
}

static int
remove_queue (StoreSqlite *self, guint32 queue)
{
  static const Statement steps[] = { STATEMENT_REMOVE_QUEUE, STATEMENT_REMOVE_QUEUE_COPY };
  int rc = ack_range (self, queue, 0, G_MAXINT64);

  for (guint i = 0; i < G_N_ELEMENTS (steps) && rc == SQLITE_OK; i++)
    {
      sqlite3_bind_int64 (self->statements[steps[i]], 1, queue);
      rc = run (self, steps[i]);
    }
  return rc;
}

static gboolean
is_text (const StoreRecord *record, const char *space, const char *key)
{
  return record->space_len == strlen (space) && memcmp (record->space, space, record->space_len) == 0 && record->key_len == strlen (key)
         && memcmp (record->key, key, record->key_len) == 0;
}

/* Steps to one value and leaves the statement there; @out_record is all zero if there is none, or a damaged one. */
static int
find_value (StoreSqlite *self, const char *space, const char *key, StoreRecord *out_record)
{
  sqlite3_stmt *statement = self->statements[STATEMENT_GET_VALUE];
  StoreRecord record;
  int rc;

  *out_record = (StoreRecord) { 0 };
  sqlite3_bind_text (statement, 1, space, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, key, -1, SQLITE_STATIC);
  rc = sqlite3_step (statement);
  if (rc != SQLITE_ROW)
    return rc;
  if (!store_record_read (sqlite3_column_blob (statement, 0), (gsize) sqlite3_column_bytes (statement, 0), self->at.key, &record)
      || record.kind != STORE_RECORD_VALUE || !is_text (&record, space, key))
    report (self, 0, "value '%s' of '%s' is damaged and left out", key, space);
  else
    *out_record = record;
  return rc;
}

/* SQLITE_CONSTRAINT if the value has another revision. */
static int
check_revision (StoreSqlite *self, const HawserStoreOp *op)
{
  StoreRecord record;
  guint64 revision;
  int rc = find_value (self, op->space, op->key, &record);

  revision = record.revision;
  sqlite3_reset (self->statements[STATEMENT_GET_VALUE]);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE)
    return rc;
  if (revision == op->if_revision || (rc == SQLITE_ROW && revision == 0)) /* one written without a revision is nobody's */
    return SQLITE_OK;
  self->is_stale = TRUE;
  return SQLITE_CONSTRAINT;
}

static int
put_value (StoreSqlite *self, const HawserStoreOp *op)
{
  sqlite3_stmt *statement = self->statements[STATEMENT_PUT_VALUE];
  int rc = op->is_conditional ? check_revision (self, op) : SQLITE_OK;

  if (rc != SQLITE_OK)
    return rc;
  if (strlen (op->space) > G_MAXUINT16 || op->len > G_MAXINT32 / 2 || strlen (op->key) > G_MAXINT32 / 4)
    return SQLITE_TOOBIG;
  store_record_write_value (self->record, self->at.key, op, self->at.n_commits + 1);
  sqlite3_bind_text (statement, 1, op->space, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, op->key, -1, SQLITE_STATIC);
  sqlite3_bind_blob (statement, 3, self->record->data, (int) self->record->len, SQLITE_STATIC);
  rc = run (self, STATEMENT_PUT_VALUE);
  forget_large_record (self);
  return rc;
}

static int
remove_value (StoreSqlite *self, const HawserStoreOp *op)
{
  int rc = op->is_conditional ? check_revision (self, op) : SQLITE_OK;

  if (rc != SQLITE_OK)
    return rc;
  sqlite3_bind_text (self->statements[STATEMENT_REMOVE_VALUE], 1, op->space, -1, SQLITE_STATIC);
  sqlite3_bind_text (self->statements[STATEMENT_REMOVE_VALUE], 2, op->key, -1, SQLITE_STATIC);
  return run (self, STATEMENT_REMOVE_VALUE);
}

static int
remove_space (StoreSqlite *self, const char *space)
{
  sqlite3_bind_text (self->statements[STATEMENT_REMOVE_SPACE], 1, space, -1, SQLITE_STATIC);
  return run (self, STATEMENT_REMOVE_SPACE);
}

static int
change (StoreSqlite *self, const HawserStoreOp *op)
{
  switch (op->kind)
    {
    case HAWSER_STORE_APPEND:
      return append (self, op);
    case HAWSER_STORE_ACK:
      return ack_range (self, op->queue, op->position, op->last);
    case HAWSER_STORE_ADD_QUEUE:
      return add_queue (self, op);
    case HAWSER_STORE_REMOVE_QUEUE:
      return remove_queue (self, op->queue);
    case HAWSER_STORE_PUT:
      return put_value (self, op);
    case HAWSER_STORE_DELETE:
      return remove_value (self, op);
    case HAWSER_STORE_CLEAR:
      return remove_space (self, op->space);
    default:
      return SQLITE_MISUSE;
    }
}

static int
put_state (StoreSqlite *self)
{
  store_record_write_state (self->record, self->at.key, self->at.n_commits + 1, self->at.last_position);
  sqlite3_bind_blob (self->statements[STATEMENT_PUT_STATE], 1, self->record->data, (int) self->record->len, SQLITE_STATIC);
  return run (self, STATEMENT_PUT_STATE);
}

/* In WAL mode FULL syncs the log at each commit, and with it all commits before; NORMAL only at checkpoints. */
static int
set_sync (StoreSqlite *self, gboolean sync)
{
  int rc;

  if (self->is_synced == sync)
    return SQLITE_OK;
  rc = sqlite3_exec (self->db, sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
  if (rc == SQLITE_OK)
    self->is_synced = sync;
  return rc;
}

static int
transact (StoreSqlite *self, const HawserStoreOp *ops, guint n_ops)
{
  int rc = run (self, STATEMENT_BEGIN);

  for (guint i = 0; i < n_ops && rc == SQLITE_OK; i++)
    rc = change (self, &ops[i]);
  if (rc == SQLITE_OK)
    rc = put_state (self);
  if (rc == SQLITE_OK)
    rc = run (self, STATEMENT_COMMIT);
  return rc;
}

static guint64
file_size (const char *path, const char *suffix)
{
  g_autofree char *name = g_strconcat (path, suffix, NULL);
  struct stat st;

  return stat (name, &st) == 0 ? (guint64) st.st_size : 0;
}

static gboolean
get_room (StoreSqlite *self, StoreRoom *out_room)
{
  return self->room_func != NULL ? self->room_func (self->path, out_room, self->room_data) : store_room_get (self->path, out_room);
}

static int
fold (StoreSqlite *self)
{
  return sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

/* Before the log eats what the file needs to take it in; afterwards there is as much room as there can be. FALSE: not enough. */
static gboolean
make_room (StoreSqlite *self, guint64 needed, gboolean *out_is_tight)
{
  guint64 log = file_size (self->path, "-wal");
  StoreRoom room;

  *out_is_tight = FALSE;
  if (!get_room (self, &room) || store_room_suffices (&room, log, needed))
    return TRUE;
  *out_is_tight = TRUE;
  if (log > 0 && (fold (self) != SQLITE_OK || !get_room (self, &room)))
    return FALSE;
  return store_room_suffices (&room, 0, needed);
}

static gboolean
store_apply (HawserStore *store, const HawserStoreOp *ops, guint n_ops, gboolean sync, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  guint64 needed = store_room_needed (ops, n_ops);
  gboolean is_tight;
  int rc;

  if (self->path == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "store is closed");
      return FALSE;
    }
  if (self->db == NULL && !reopen (self, error))
    return FALSE;
  if (!make_room (self, needed, &is_tight) && needed > 0)
    return fail (self, SQLITE_FULL, "writing", error);
  self->is_stale = FALSE;
  rc = set_sync (self, sync);
  if (rc == SQLITE_OK)
    rc = transact (self, ops, n_ops);
  if (rc == SQLITE_OK)
    {
      self->at.n_commits++;
      self->is_full = FALSE;
      store_mark_set (self->mark, &self->at);
      if (is_tight)
        (void) fold (self); /* so that the next one finds the log's room, whatever it is */
      return TRUE;
    }

  if (self->is_stale)
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT, "store '%s': a value has another revision than its writer knows", self->path);
  else
    fail (self, rc, "writing", error);
  if (!sqlite3_get_autocommit (self->db))
    (void) run (self, STATEMENT_ROLLBACK);
  /* a failure of the disk, or one in the middle of rolling back: nothing this connection believes may be trusted */
  if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || !sqlite3_get_autocommit (self->db))
    close_database (self);
  return FALSE;
}

static gboolean
require_database (StoreSqlite *self, GError **error)
{
  if (self->path == NULL)
    g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "store is closed");
  else if (self->db != NULL || reopen (self, error))
    return TRUE;
  return FALSE;
}

static gboolean
finish_reading (StoreSqlite *self, sqlite3_stmt *statement, int rc, GError **error)
{
  sqlite3_reset (statement);
  if (rc == SQLITE_DONE || rc == SQLITE_ROW)
    return TRUE;
  fail (self, rc, "reading", error);
  if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_IOERR)
    close_database (self);
  return FALSE;
}

static gboolean
store_foreach_queue (HawserStore *store, HawserStoreQueueFunc func, gpointer data, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  sqlite3_stmt *statement = NULL;
  gboolean is_done;
  int rc;

  if (!require_database (self, error))
    return FALSE;
  rc = sqlite3_prepare_v2 (self->db, "SELECT id, record FROM queue ORDER BY id", -1, &statement, NULL);
  while (rc == SQLITE_OK || rc == SQLITE_ROW)
    {
      StoreRecord record;

      rc = sqlite3_step (statement);
      if (rc != SQLITE_ROW)
        break;
      if (store_record_read (sqlite3_column_blob (statement, 1), sqlite3_column_bytes (statement, 1), self->at.key, &record)
          && record.kind == STORE_RECORD_QUEUE && record.queue == (guint64) sqlite3_column_int64 (statement, 0))
        {
          g_autofree char *id = g_strndup (record.key, record.key_len);

          if (!func (data, record.queue, id, record.data, record.len))
            break;
        }
    }
  is_done = finish_reading (self, statement, rc, error);
  sqlite3_finalize (statement);
  return is_done;
}

static gboolean
store_foreach_entry (HawserStore *store, HawserStoreEntryFunc func, gpointer data, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  sqlite3_stmt *statement = NULL;
  gboolean is_done;
  int rc;

  if (!require_database (self, error))
    return FALSE;
  rc = sqlite3_prepare_v2 (self->db, "SELECT queue, position, size, time_s FROM entry ORDER BY queue, position", -1, &statement, NULL);
  while (rc == SQLITE_OK && (rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      if (!func (data, (guint32) sqlite3_column_int64 (statement, 0), (guint64) sqlite3_column_int64 (statement, 1),
                 (guint32) sqlite3_column_int64 (statement, 2), (guint32) sqlite3_column_int64 (statement, 3)))
        break;
      rc = SQLITE_OK;
    }
  is_done = finish_reading (self, statement, rc, error);
  sqlite3_finalize (statement);
  return is_done;
}

/* Whether the values of @space are so many of all that reading all is quicker. */
static gboolean
are_many (StoreSqlite *self, const char *space)
{
  sqlite3_stmt *statement = self->statements[STATEMENT_COUNT_VALUES];
  gboolean is_many = FALSE;

  sqlite3_bind_text (statement, 1, space, -1, SQLITE_STATIC);
  if (sqlite3_step (statement) == SQLITE_ROW)
    is_many = sqlite3_column_int64 (statement, 0) > sqlite3_column_int64 (statement, 1) / 8;
  sqlite3_reset (statement);
  return is_many;
}

static gboolean
store_foreach_value (HawserStore *store, const char *space, HawserStoreValueFunc func, gpointer data, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  sqlite3_stmt *statement;
  int rc;

  if (!require_database (self, error))
    return FALSE;
  statement = self->statements[are_many (self, space) ? STATEMENT_MANY_VALUES : STATEMENT_FEW_VALUES];
  sqlite3_bind_text (statement, 1, space, -1, SQLITE_STATIC);
  while ((rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      const char *key = (const char *) sqlite3_column_text (statement, 0);
      StoreRecord record;

      if (!store_record_read (sqlite3_column_blob (statement, 1), sqlite3_column_bytes (statement, 1), self->at.key, &record)
          || record.kind != STORE_RECORD_VALUE || !is_text (&record, space, key))
        report (self, 0, "value '%s' of '%s' is damaged and left out", key, space);
      else if (!func (data, key, record.revision, record.data, record.len))
        break;
    }
  return finish_reading (self, statement, rc, error);
}

static gboolean
store_get_value (HawserStore *store, const char *space, const char *key, HawserStoreValueFunc func, gpointer data, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  StoreRecord record;
  int rc;

  if (!require_database (self, error))
    return FALSE;
  rc = find_value (self, space, key, &record);
  if (record.kind == STORE_RECORD_VALUE)
    (void) func (data, key, record.revision, record.data, record.len);
  return finish_reading (self, self->statements[STATEMENT_GET_VALUE], rc, error);
}

/* A message that cannot be read leaves its queues and is kept, as it is, in the table of the damaged. */
static int
set_aside (StoreSqlite *self, guint32 queue, guint64 position, GBytes *bytes)
{
  sqlite3_stmt *statement = self->statements[STATEMENT_ADD_DAMAGED];
  int rc = run (self, STATEMENT_BEGIN);

  sqlite3_bind_int64 (statement, 1, g_get_real_time () / G_USEC_PER_SEC);
  sqlite3_bind_int64 (statement, 2, (gint64) position);
  sqlite3_bind_text (statement, 3, bytes != NULL ? "checksum" : "missing", -1, SQLITE_STATIC);
  if (bytes != NULL)
    sqlite3_bind_blob (statement, 4, g_bytes_get_data (bytes, NULL), (int) g_bytes_get_size (bytes), SQLITE_STATIC);
  else
    sqlite3_bind_null (statement, 4);
  if (rc == SQLITE_OK)
    rc = run (self, STATEMENT_ADD_DAMAGED);
  sqlite3_clear_bindings (statement);
  if (rc == SQLITE_OK)
    {
      sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_SHARED_ENTRIES], 1, (gint64) position);
      rc = run (self, STATEMENT_REMOVE_SHARED_ENTRIES);
    }
  if (rc == SQLITE_OK)
    {
      sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_ENTRY], 1, queue);
      sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_ENTRY], 2, (gint64) position);
      rc = run (self, STATEMENT_REMOVE_ENTRY);
    }
  if (rc == SQLITE_OK)
    {
      sqlite3_bind_int64 (self->statements[STATEMENT_REMOVE_MESSAGE], 1, (gint64) position);
      rc = run (self, STATEMENT_REMOVE_MESSAGE);
    }
  if (rc == SQLITE_OK)
    rc = run (self, STATEMENT_COMMIT);
  if (rc != SQLITE_OK && !sqlite3_get_autocommit (self->db))
    (void) run (self, STATEMENT_ROLLBACK);
  return rc;
}

typedef struct {
  guint64 position;
  GBytes *bytes;   /* NULL: there is no such message */
} Damaged;

static void
damaged_clear (gpointer data)
{
  g_clear_pointer (&((Damaged *) data)->bytes, g_bytes_unref);
}

static gboolean
store_read (HawserStore *store, guint32 queue, guint64 first, HawserStoreMessageFunc func, gpointer data, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  g_autoptr(GArray) damaged = g_array_new (FALSE, FALSE, sizeof (Damaged));
  sqlite3_stmt *statement;
  int rc;

  if (!require_database (self, error))
    return FALSE;
  g_array_set_clear_func (damaged, damaged_clear);
  statement = self->statements[STATEMENT_READ];
  sqlite3_bind_int64 (statement, 1, queue);
  sqlite3_bind_int64 (statement, 2, (gint64) MIN (first, G_MAXINT64));
  while ((rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      guint64 position = (guint64) sqlite3_column_int64 (statement, 0);
      const guint8 *bytes = sqlite3_column_blob (statement, 1);
      gsize len = (gsize) sqlite3_column_bytes (statement, 1);
      StoreRecord record;

      if (!store_record_read (bytes, len, self->at.key, &record) || record.kind != STORE_RECORD_MESSAGE || record.position != position)
        {
          Damaged entry = { position, bytes != NULL ? g_bytes_new (bytes, len) : NULL };

          g_array_append_val (damaged, entry);
        }
      else if (!func (data, position, record.data, record.len))
        break;
    }
  if (!finish_reading (self, statement, rc, error))
    return FALSE;
  for (guint i = 0; i < damaged->len; i++)
    {
      const Damaged *entry = &g_array_index (damaged, Damaged, i);

      rc = set_aside (self, queue, entry->position, entry->bytes);
      report (self, entry->position, "message %" G_GUINT64_FORMAT " of queue %u %s%s", entry->position, queue,
              entry->bytes != NULL ? "fails its checksum" : "is missing",
              rc == SQLITE_OK ? " and was set aside in table 'damaged'" : " and could not be set aside");
    }
  return TRUE;
}

static gboolean
store_check (HawserStore *store, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);

  if (!require_database (self, error))
    return FALSE;
  return store_check_all (self->db, self->at.key, on_problem, self, error);
}

static void
store_get_info (HawserStore *store, HawserStoreInfo *out_info)
{
  StoreSqlite *self = STORE_SQLITE (store);

  if (self->path == NULL)
    return;
  *out_info = (HawserStoreInfo) {
    .schema_version = STORE_SCHEMA_VERSION, .last_position = self->at.last_position, .n_commits = self->at.n_commits,
    .n_damaged = self->n_damaged, .is_full = self->is_full,
    .n_bytes = file_size (self->path, "") + file_size (self->path, "-wal") + file_size (self->path, "-mark"),
  };
}

/* Folds the log into the file, then gives back free pages, 1000 (4 MiB) a step, once a quarter of the file is free. */
static gboolean
store_maintain (HawserStore *store, GError **error)
{
  StoreSqlite *self = STORE_SQLITE (store);
  int rc;

  if (self->db == NULL)
    return FALSE;
  rc = fold (self);
  if (rc != SQLITE_OK)
    return fail (self, rc, "folding the log into the file", error);
  return store_vacuum_step (self->db);
}

static void
finalize (GObject *object)
{
  StoreSqlite *self = STORE_SQLITE (object);

  store_close (HAWSER_STORE (self));
  g_byte_array_unref (self->record);
  G_OBJECT_CLASS (store_sqlite_parent_class)->finalize (object);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MAX_PAGES)
    g_value_set_uint (value, STORE_SQLITE (object)->max_pages);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MAX_PAGES)
    STORE_SQLITE (object)->max_pages = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
store_sqlite_class_init (StoreSqliteClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = finalize;
  object_class->get_property = get_property;
  object_class->set_property = set_property;
  g_object_class_install_property (object_class, PROP_MAX_PAGES,
                                   g_param_spec_uint ("max-pages", NULL, "most pages of 4096 bytes the file may grow to; 0: as the disk allows",
                                                      0, G_MAXINT32, 0, G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS));
}

static void
store_sqlite_init (StoreSqlite *self)
{
  self->record = g_byte_array_new ();
}

static void
store_iface_init (HawserStoreInterface *iface)
{
  iface->open = store_open;
  iface->close = store_close;
  iface->apply = store_apply;
  iface->foreach_queue = store_foreach_queue;
  iface->foreach_entry = store_foreach_entry;
  iface->foreach_value = store_foreach_value;
  iface->get_value = store_get_value;
  iface->read = store_read;
  iface->check = store_check;
  iface->get_info = store_get_info;
  iface->maintain = store_maintain;
}

StoreSqlite *
store_sqlite_new (void)
{
  return g_object_new (STORE_TYPE_SQLITE, NULL);
}

void
store_sqlite_set_room_func (StoreSqlite *self, StoreRoomFunc func, gpointer data)
{
  self->room_func = func;
  self->room_data = data;
}
