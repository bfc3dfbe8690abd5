/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is the file as it was written? The quick form runs at each start: SQLite's own look at the structure, then our
 * checksums of queues and their order; messages and values are checked when they are read. The full form is
 * `hawser spool check`. */

#include "store-check.h"

#include <string.h>

#include "store-record.h"

/* The first column of the first row. */
static char *
ask (sqlite3 *db, const char *sql)
{
  sqlite3_stmt *statement = NULL;
  char *answer = NULL;

  if (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step (statement) == SQLITE_ROW)
    answer = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  return answer;
}

gboolean
store_are_entries_sound (sqlite3 *db)
{
  sqlite3_stmt *statement = NULL;
  int rc = sqlite3_prepare_v2 (db, "SELECT queue, position, size, time_s, shared, crc FROM entry ORDER BY queue, position", -1, &statement, NULL);

  while (rc == SQLITE_OK && (rc = sqlite3_step (statement)) == SQLITE_ROW)
    rc = store_entry_check ((guint32) sqlite3_column_int64 (statement, 0), (guint64) sqlite3_column_int64 (statement, 1),
                            (guint32) sqlite3_column_int64 (statement, 2), (guint32) sqlite3_column_int64 (statement, 3),
                            sqlite3_column_int (statement, 4) != 0)
                 == (guint32) sqlite3_column_int64 (statement, 5)
           ? SQLITE_OK : SQLITE_CORRUPT;
  sqlite3_finalize (statement);
  return rc == SQLITE_DONE;
}

/* @sql gives an id, or NULL, and a record. */
static gboolean
are_records_sound (sqlite3 *db, guint32 key, const char *sql, StoreRecordKind kind)
{
  sqlite3_stmt *statement = NULL;
  int rc = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

  while (rc == SQLITE_OK && (rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      StoreRecord record;

      rc = SQLITE_OK;
      if (!store_record_read (sqlite3_column_blob (statement, 1), (gsize) sqlite3_column_bytes (statement, 1), key, &record) || record.kind != kind
          || (kind == STORE_RECORD_QUEUE && (gint64) record.queue != sqlite3_column_int64 (statement, 0)))
        rc = SQLITE_CORRUPT;
    }
  sqlite3_finalize (statement);
  return rc == SQLITE_DONE;
}

gboolean
store_is_sound (sqlite3 *db, guint32 key)
{
  g_autofree char *structure = ask (db, "PRAGMA quick_check(1)");

  return g_strcmp0 (structure, "ok") == 0
         && store_are_entries_sound (db)
         && are_records_sound (db, key, "SELECT id, record FROM queue", STORE_RECORD_QUEUE)
         && are_records_sound (db, key, "SELECT id, record FROM queue_copy", STORE_RECORD_QUEUE);
}

G_GNUC_PRINTF (4, 5) static void
tell (HawserStoreProblemFunc problem, gpointer data, guint64 position, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  problem (data, position, text);
}

static int
check_messages (sqlite3 *db, guint32 key, HawserStoreProblemFunc problem, gpointer data)
{
  sqlite3_stmt *statement = NULL;
  int rc = sqlite3_prepare_v2 (db, "SELECT position, record FROM message", -1, &statement, NULL);

  while (rc == SQLITE_OK && (rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      guint64 position = (guint64) sqlite3_column_int64 (statement, 0);
      StoreRecord record;

      rc = SQLITE_OK;
      if (!store_record_read (sqlite3_column_blob (statement, 1), (gsize) sqlite3_column_bytes (statement, 1), key, &record)
          || record.kind != STORE_RECORD_MESSAGE || record.position != position)
        tell (problem, data, position, "message %" G_GUINT64_FORMAT " fails its checksum", position);
    }
  sqlite3_finalize (statement);
  return rc;
}

/* Rows of @sql are positions that have no partner. */
static int
check_partners (sqlite3 *db, const char *sql, const char *what, HawserStoreProblemFunc problem, gpointer data)
{
  sqlite3_stmt *statement = NULL;
  int rc = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

  while (rc == SQLITE_OK && (rc = sqlite3_step (statement)) == SQLITE_ROW)
    {
      guint64 position = (guint64) sqlite3_column_int64 (statement, 0);

      rc = SQLITE_OK;
      tell (problem, data, position, "message %" G_GUINT64_FORMAT " %s", position, what);
    }
  sqlite3_finalize (statement);
  return rc;
}

gboolean
store_check_all (sqlite3 *db, guint32 key, HawserStoreProblemFunc problem, gpointer data, GError **error)
{
  g_autofree char *structure = ask (db, "PRAGMA integrity_check(1)");
  int rc;

  if (g_strcmp0 (structure, "ok") != 0)
    tell (problem, data, 0, "structure of the file: %s", structure != NULL ? structure : "unreadable");
  if (!store_are_entries_sound (db))
    tell (problem, data, 0, "the order of the queues is damaged");
  if (!are_records_sound (db, key, "SELECT id, record FROM queue", STORE_RECORD_QUEUE))
    tell (problem, data, 0, "a queue is damaged");
  if (!are_records_sound (db, key, "SELECT NULL, record FROM value", STORE_RECORD_VALUE))
    tell (problem, data, 0, "a value is damaged");
  rc = check_messages (db, key, problem, data);
  if (rc == SQLITE_DONE)
    rc = check_partners (db, "SELECT DISTINCT position FROM entry EXCEPT SELECT position FROM message", "is missing", problem, data);
  if (rc == SQLITE_DONE)
    rc = check_partners (db, "SELECT position FROM message EXCEPT SELECT position FROM entry", "is in no queue", problem, data);
  if (rc == SQLITE_DONE)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, (rc & 0xff) == SQLITE_CORRUPT ? HAWSER_ERROR_CORRUPT : HAWSER_ERROR_UNAVAILABLE, "store: checking: %s",
               sqlite3_errstr (rc));
  return FALSE;
}

gboolean
store_vacuum_step (sqlite3 *db)
{
  g_autofree char *free_text = ask (db, "PRAGMA freelist_count"), *all_text = ask (db, "PRAGMA page_count");
  guint64 n_free = free_text != NULL ? g_ascii_strtoull (free_text, NULL, 10) : 0;
  guint64 n_all = all_text != NULL ? g_ascii_strtoull (all_text, NULL, 10) : 0;

  /* below 4 MiB it is not worth the writing; free pages are used again before the file grows */
  if (n_free < 1024 || n_free < n_all / 4)
    return FALSE;
  return sqlite3_exec (db, "PRAGMA incremental_vacuum(1024)", NULL, NULL, NULL) == SQLITE_OK && n_free > 2048;
}
