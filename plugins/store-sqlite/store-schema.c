/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the file is laid out and how it is opened. Source: SQLite file format, section 1.3 for the header fields. */

#include "store-schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store-record.h"

const char store_schema_sql[] =
  "CREATE TABLE state (id INTEGER PRIMARY KEY, record BLOB NOT NULL);"
  "CREATE TABLE queue (id INTEGER PRIMARY KEY, record BLOB NOT NULL);"
  "CREATE TABLE queue_copy (id INTEGER PRIMARY KEY, record BLOB NOT NULL);" /* on other pages: a queue is worth two */
  "CREATE TABLE message (position INTEGER PRIMARY KEY, record BLOB NOT NULL);"
  "CREATE TABLE entry (queue INTEGER NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL, time_s INTEGER NOT NULL,"
  " shared INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (queue, position)) WITHOUT ROWID;"
  "CREATE INDEX entry_shared ON entry (position) WHERE shared;"
  "CREATE TABLE value (space TEXT NOT NULL, key TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (space, key));"
  "CREATE TABLE damaged (id INTEGER PRIMARY KEY, found_s INTEGER NOT NULL, position INTEGER NOT NULL, reason TEXT NOT NULL, bytes BLOB);"
  "PRAGMA application_id = 1213682481;"
  "PRAGMA user_version = 2;";

G_STATIC_ASSERT (STORE_APPLICATION_ID == 1213682481 && STORE_SCHEMA_VERSION == 2);

static guint32
get_be32 (const guint8 *p)
{
  guint32 value;

  memcpy (&value, p, 4);
  return GUINT32_FROM_BE (value);
}

StoreFileKind
store_file_probe (const char *path, int *out_version)
{
  guint8 head[100];
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  gssize n;

  if (fd < 0)
    return errno == ENOENT ? STORE_FILE_ABSENT : STORE_FILE_FOREIGN;
  n = pread (fd, head, sizeof head, 0);
  close (fd);
  if (n == 0)
    return STORE_FILE_EMPTY;
  if (n < (gssize) sizeof head || memcmp (head, "SQLite format 3", 16) != 0 || get_be32 (head + 68) != STORE_APPLICATION_ID)
    return STORE_FILE_FOREIGN;
  *out_version = (int) get_be32 (head + 60);
  return *out_version > STORE_SCHEMA_VERSION ? STORE_FILE_NEWER : STORE_FILE_OURS;
}

int
store_database_open (const char *path, sqlite3 **out_db)
{
  /* exclusive before the first read: the log needs no shared memory then. secure_delete=FAST blanks what is deleted
   * as long as that costs no write of its own. Our own checkpoints (maintain) replace the automatic ones in idle times;
   * 4000 pages bound the log at 16 MiB in busy ones. Nothing here writes: a damaged log must stay as it is until it was
   * looked at. */
  static const char setup[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA secure_delete = FAST;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -8192;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA trusted_schema = OFF;"
    "BEGIN IMMEDIATE; COMMIT;";
  int rc = sqlite3_open_v2 (path, out_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

  if (rc != SQLITE_OK)
    return rc;
  sqlite3_busy_timeout (*out_db, 2000);
  sqlite3_db_config (*out_db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return sqlite3_exec (*out_db, setup, NULL, NULL, NULL);
}

int
store_database_upgrade (sqlite3 *db)
{
  int rc = sqlite3_exec (db, "PRAGMA user_version = 2", NULL, NULL, NULL);

  return rc == SQLITE_OK ? sqlite3_wal_checkpoint_v2 (db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) : rc;
}

int
store_database_create (const char *path)
{
  g_autofree char *fresh = g_strconcat (path, "-new", NULL);
  const StoreWitness at = { 0, 0, g_random_int () };
  sqlite3 *db = NULL;
  int rc = store_database_make (fresh, &at, &db);

  sqlite3_close (db);
  if (rc == SQLITE_OK && !store_file_replace (fresh, path))
    rc = SQLITE_IOERR;
  return rc;
}

int
store_database_make (const char *path, const StoreWitness *at, sqlite3 **out_db)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  sqlite3_stmt *statement = NULL;
  sqlite3 *db = NULL;
  int rc;

  (void) unlink (path);
  rc = sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_exec (db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL; BEGIN;", NULL, NULL, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_exec (db, store_schema_sql, NULL, NULL, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_prepare_v2 (db, "INSERT INTO state (id, record) VALUES (1, ?1)", -1, &statement, NULL);
  if (rc == SQLITE_OK)
    {
      store_record_write_state (record, at->key, at->n_commits, at->last_position);
      sqlite3_bind_blob (statement, 1, record->data, (int) record->len, SQLITE_STATIC);
      rc = sqlite3_step (statement) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode (db);
    }
  sqlite3_finalize (statement);
  if (rc == SQLITE_OK)
    rc = sqlite3_exec (db, "COMMIT;", NULL, NULL, NULL);
  *out_db = db;
  return rc;
}

gboolean
store_file_replace (const char *from, const char *to)
{
  g_autofree char *folder = g_path_get_dirname (to);
  gboolean is_done;
  int fd;

  if (rename (from, to) != 0)
    return FALSE;
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  is_done = fd >= 0 && fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return is_done;
}
