/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store role on SQLite: the contract of the role, then what is its own: damage, room and housekeeping. */

#include <hawser/hawser.h>

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "contract-store.h"
#include "store-sqlite.h"

static const guint32 queue_one = 1;

typedef struct {
  char *dir;
  char *path;
  HawserStore *store;
  GPtrArray *problems;
  guint64 last_bad;
  guint n_read;
} Fixture;

static void
on_problem (gpointer data, guint64 position, const char *text)
{
  Fixture *fixture = data;

  g_ptr_array_add (fixture->problems, g_strdup (text));
  if (position > 0)
    fixture->last_bad = position;
  g_test_message ("%s", text);
}

static void
open_store (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  g_clear_object (&fixture->store);
  fixture->store = HAWSER_STORE (store_sqlite_new ());
  hawser_store_open (fixture->store, fixture->path, on_problem, fixture, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("hawser-sqlite-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "spool.db", NULL);
  fixture->problems = g_ptr_array_new_with_free_func (g_free);
  open_store (fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GDir) dir = g_dir_open (fixture->dir, 0, NULL);
  const char *name;

  g_clear_object (&fixture->store);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->dir, name, NULL);

      g_unlink (path);
    }
  g_rmdir (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
  g_ptr_array_unref (fixture->problems);
}

static void
append (Fixture *fixture, guint64 position, gsize size)
{
  g_autofree char *text = g_strnfill (size, (char) ('a' + position % 26));
  const HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = position, .queues = &queue_one, .n_queues = 1, .size = (guint32) size,
                             .time_s = 1, .data = (const guint8 *) text, .len = size };
  g_autoptr(GError) error = NULL;

  hawser_store_apply (fixture->store, &op, 1, TRUE, &error);
  g_assert_no_error (error);
}

static void
fill (Fixture *fixture, guint n, gsize size)
{
  const HawserStoreOp op = { .kind = HAWSER_STORE_ADD_QUEUE, .queue = 1, .key = "one" };

  g_assert_true (hawser_store_apply (fixture->store, &op, 1, TRUE, NULL));
  for (guint i = 1; i <= n; i++)
    append (fixture, i, size);
}

static gboolean
on_message (gpointer data, guint64 position, const guint8 *message, gsize len)
{
  ((Fixture *) data)->n_read++;
  return TRUE;
}

static guint
count (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  fixture->n_read = 0;
  hawser_store_read (fixture->store, 1, 0, on_message, fixture, &error);
  g_assert_no_error (error);
  return fixture->n_read;
}

/* On a closed store, as a person with a tool would. */
static void
run_sql (Fixture *fixture, const char *sql)
{
  sqlite3 *db;

  g_clear_object (&fixture->store);
  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

static void
overwrite (const char *path, gsize offset, gsize len)
{
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  memset (bytes + offset, 0x5a, MIN (len, size - offset));
  g_assert_true (g_file_set_contents (path, bytes, (gssize) size, NULL));
}

static void
damaged_message_is_set_aside_and_the_rest_is_read (Fixture *fixture, gconstpointer data)
{
  fill (fixture, 10, 100);
  run_sql (fixture, "UPDATE message SET record = substr(record, 1, 50) || x'00' || substr(record, 52) WHERE position = 4");
  open_store (fixture);
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_cmpuint (count (fixture), ==, 9);
  g_assert_cmpuint (fixture->problems->len, ==, 1);
  g_assert_cmpuint (fixture->last_bad, ==, 4);
  g_assert_cmpuint (count (fixture), ==, 9);
  g_assert_cmpuint (fixture->problems->len, ==, 1);
  run_sql (fixture, "CREATE TEMP TABLE t (n CHECK (n = 1)); INSERT INTO t SELECT count(*) FROM damaged WHERE position = 4 AND length(bytes) > 100");
}

static void
check_names_what_is_damaged (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  fill (fixture, 10, 100);
  g_assert_true (hawser_store_check (fixture->store, &error));
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  run_sql (fixture, "UPDATE message SET record = zeroblob(100) WHERE position = 7; DELETE FROM message WHERE position = 3;"
                    "DELETE FROM entry WHERE position = 5");
  open_store (fixture);
  g_assert_true (hawser_store_check (fixture->store, &error));
  g_assert_cmpuint (fixture->problems->len, ==, 3);
  g_assert_cmpstr (fixture->problems->pdata[0], ==, "message 7 fails its checksum");
  g_assert_cmpstr (fixture->problems->pdata[1], ==, "message 3 is missing");
  g_assert_cmpstr (fixture->problems->pdata[2], ==, "message 5 is in no queue");
}

static void
messages_of_any_size_survive_a_lost_head (Fixture *fixture, gconstpointer data)
{
  static const gsize sizes[] = { 10, 400, 489, 490, 3900, 3990, 4000, 4010, 4020, 4050, 4061, 4100, 8000, 8200, 20000, 300000 };

  fill (fixture, 1, 10);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    append (fixture, i + 2, sizes[i]);
  g_clear_object (&fixture->store);
  overwrite (fixture->path, 0, 4096);
  open_store (fixture);
  g_assert_cmpuint (fixture->problems->len, ==, 2);
  g_assert_cmpuint (count (fixture), ==, G_N_ELEMENTS (sizes) + 1);
  g_assert_true (hawser_store_check (fixture->store, NULL));
  g_assert_cmpuint (fixture->problems->len, ==, 2);
}

static void
one_lost_page_costs_what_was_on_it (Fixture *fixture, gconstpointer data)
{
  struct stat st;

  fill (fixture, 500, 200);
  g_clear_object (&fixture->store);
  g_assert_cmpint (stat (fixture->path, &st), ==, 0);
  overwrite (fixture->path, (gsize) st.st_size / 4096 / 2 * 4096, 4096);
  open_store (fixture);
  g_assert_cmpuint (fixture->problems->len, >, 0);
  g_assert_cmpuint (count (fixture), >=, 480);
}

static void
missing_file_is_told (Fixture *fixture, gconstpointer data)
{
  fill (fixture, 3, 10);
  g_clear_object (&fixture->store);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  open_store (fixture);
  g_assert_cmpuint (fixture->problems->len, >, 0);
  g_assert_cmpuint (count (fixture), ==, 0);
}

static void
interrupted_salvage_is_finished (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ready = g_strconcat (fixture->path, "-salvaged", NULL);

  fill (fixture, 5, 100);
  g_clear_object (&fixture->store);
  g_assert_cmpint (g_rename (fixture->path, ready), ==, 0);
  g_assert_true (g_file_set_contents (fixture->path, "the damaged one", -1, NULL));
  open_store (fixture);
  g_assert_cmpuint (count (fixture), ==, 5);
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_false (g_file_test (ready, G_FILE_TEST_EXISTS));
}

static void
damaged_queue_comes_back_from_its_copy (Fixture *fixture, gconstpointer data)
{
  fill (fixture, 5, 100);
  run_sql (fixture, "UPDATE queue SET record = zeroblob(20)");
  open_store (fixture);
  g_assert_cmpuint (fixture->problems->len, >, 0);
  g_assert_cmpuint (count (fixture), ==, 5);
  run_sql (fixture, "CREATE TEMP TABLE t (n CHECK (n = 1)); INSERT INTO t SELECT count(*) FROM queue WHERE length(record) > 20");
}

/* A payload that holds a record of another store must not become a message of this one. */
static void
payload_cannot_pose_as_a_record (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL), *bytes = NULL;
  Fixture second = { .dir = fixture->dir, .path = other, .problems = fixture->problems };
  HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = 2, .queues = &queue_one, .n_queues = 1 };
  gsize len;

  open_store (&second);
  fill (&second, 20, 50);
  g_clear_object (&second.store);
  g_assert_true (g_file_get_contents (other, &bytes, &len, NULL));

  fill (fixture, 1, 10);
  op.data = (const guint8 *) bytes;
  op.len = len;
  g_assert_true (hawser_store_apply (fixture->store, &op, 1, TRUE, NULL));
  g_clear_object (&fixture->store);
  overwrite (fixture->path, 0, 4096);
  open_store (fixture);
  g_assert_cmpuint (count (fixture), ==, 2);
}

static void
housekeeping_gives_the_disk_back (Fixture *fixture, gconstpointer data)
{
  const HawserStoreOp ack = { .kind = HAWSER_STORE_ACK, .queue = 1, .position = 0, .last = G_MAXUINT64 };
  HawserStoreInfo before, after;
  g_autoptr(GError) error = NULL;
  guint n_steps = 0;

  fill (fixture, 300, 50000);
  hawser_store_get_info (fixture->store, &before);
  g_assert_true (hawser_store_apply (fixture->store, &ack, 1, TRUE, NULL));
  while (hawser_store_maintain (fixture->store, &error))
    n_steps++;
  g_assert_no_error (error);
  g_assert_cmpuint (n_steps, <, 20);
  (void) hawser_store_maintain (fixture->store, &error);
  hawser_store_get_info (fixture->store, &after);
  g_assert_cmpuint (after.n_bytes, <, before.n_bytes / 3);
}

/* In a child, because the limit is for the whole process. */
static int
fill_small_disk (const char *path, Fixture *fixture)
{
  g_autoptr(HawserStore) store = HAWSER_STORE (store_sqlite_new ());
  g_autofree char *text = g_strnfill (5000, 'x');
  const HawserStoreOp queue = { .kind = HAWSER_STORE_ADD_QUEUE, .queue = 1, .key = "one" };
  const struct rlimit limit = { 300 * 1024, 300 * 1024 };
  guint64 position;
  HawserStoreInfo info;

  signal (SIGXFSZ, SIG_IGN);
  if (setrlimit (RLIMIT_FSIZE, &limit) != 0 || !hawser_store_open (store, path, on_problem, fixture, NULL)
      || !hawser_store_apply (store, &queue, 1, TRUE, NULL))
    return 1;
  for (position = 1; position < 1000; position++)
    {
      const HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = position, .queues = &queue_one, .n_queues = 1,
                                 .data = (const guint8 *) text, .len = 5000, .time_s = 1 };
      g_autoptr(GError) error = NULL;

      if (hawser_store_apply (store, &op, 1, TRUE, &error))
        continue;
      hawser_store_get_info (store, &info);
      if (!g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE))
        return 2;
      if (!info.is_full)
        return 3;
      break;
    }
  fixture->n_read = 0;
  if (!hawser_store_read (store, 1, 0, on_message, fixture, NULL) || fixture->n_read != position - 1)
    return 4;
  return position > 5 && position < 1000 ? 0 : 5;
}

static void
no_room_is_said_and_costs_nothing (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->dir, "small", NULL);
  int status;
  pid_t child = fork ();

  if (child == 0)
    _exit (fill_small_disk (path, fixture));
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

#define SMALL_DISK (8 << 20)

/* A disk on which nothing else is. */
static gboolean
get_small_room (const char *path, StoreRoom *out_room, gpointer data)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  gsize used = 0;
  GStatBuf st;

  used += g_stat (path, &st) == 0 ? (gsize) st.st_size : 0;
  used += g_stat (log, &st) == 0 ? (gsize) st.st_size : 0;
  g_assert_cmpuint (used, <=, SMALL_DISK);
  *out_room = (StoreRoom) { SMALL_DISK - used, SMALL_DISK };
  return TRUE;
}

static gboolean
try_append (Fixture *fixture, guint64 position)
{
  g_autofree char *text = g_strnfill (20000, 'x');
  const HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = position, .queues = &queue_one, .n_queues = 1, .size = 20000,
                             .time_s = 1, .data = (const guint8 *) text, .len = 20000 };
  g_autoptr(GError) error = NULL;

  if (hawser_store_apply (fixture->store, &op, 1, TRUE, &error))
    return TRUE;
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
  return FALSE;
}

static void
full_disk_takes_acknowledgements_and_then_messages (Fixture *fixture, gconstpointer data)
{
  guint64 position = 0, first = 1;

  fill (fixture, 0, 0);
  store_sqlite_set_room_func (STORE_SQLITE (fixture->store), get_small_room, NULL);
  for (guint round = 0; round < 3; round++)
    {
      HawserStoreInfo info;
      StoreRoom room;

      while (try_append (fixture, position + 1))
        position++;
      g_assert_cmpuint (position - first, >, 100);
      hawser_store_get_info (fixture->store, &info);
      g_assert_true (info.is_full);
      for (; first <= position; first++)
        {
          const HawserStoreOp ack = { .kind = HAWSER_STORE_ACK, .queue = 1, .position = first, .last = first };

          g_assert_true (hawser_store_apply (fixture->store, &ack, 1, TRUE, NULL));
          get_small_room (fixture->path, &room, NULL);
        }
      while (hawser_store_maintain (fixture->store, NULL))
        ;
    }
}

static HawserStore *
make (void)
{
  return HAWSER_STORE (store_sqlite_new ());
}

static guint32
read_version (Fixture *fixture)
{
  g_autofree char *bytes = NULL;
  gsize size;
  guint32 version;

  g_assert_true (g_file_get_contents (fixture->path, &bytes, &size, NULL));
  memcpy (&version, bytes + 60, 4); /* SQLite file format, 1.3.14 */
  return GUINT32_FROM_BE (version);
}

static void
file_of_version_1_is_taken_over (Fixture *fixture, gconstpointer data)
{
  fill (fixture, 10, 100);
  run_sql (fixture, "PRAGMA user_version = 1; PRAGMA wal_checkpoint (TRUNCATE)");
  g_assert_cmpuint (read_version (fixture), ==, 1);
  open_store (fixture);
  g_assert_cmpuint (count (fixture), ==, 10);
  g_assert_cmpuint (fixture->problems->len, ==, 0);
  g_assert_cmpuint (read_version (fixture), ==, 2); /* at once: an older program must not take it for its own */
}

static gboolean
note_revision (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  *(guint64 *) data = revision;
  return TRUE;
}

static void
revision_of_a_value_survives_a_lost_head (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = g_strnfill (20000, 'v');
  const HawserStoreOp ops[] = {
    { .kind = HAWSER_STORE_PUT, .space = "twins", .key = "small", .revision = 41, .data = (const guint8 *) text, .len = 100 },
    { .kind = HAWSER_STORE_PUT, .space = "twins", .key = "large", .revision = 42, .data = (const guint8 *) text, .len = 20000 },
  };
  guint64 revision = 0;

  g_assert_true (hawser_store_apply (fixture->store, ops, G_N_ELEMENTS (ops), TRUE, NULL));
  while (hawser_store_maintain (fixture->store, NULL))
    ;
  g_clear_object (&fixture->store);
  overwrite (fixture->path, 0, 100);
  open_store (fixture);
  g_assert_true (hawser_store_get_value (fixture->store, "twins", "small", note_revision, &revision, NULL));
  g_assert_cmpuint (revision, ==, 41);
  g_assert_true (hawser_store_get_value (fixture->store, "twins", "large", note_revision, &revision, NULL));
  g_assert_cmpuint (revision, ==, 42);
}

/* Pieces of this size are mapped each by itself, so that what is held is seen at once. */
static void
memory_of_a_large_message_is_given_back (Fixture *fixture, gconstpointer data)
{
  const gsize large = 48 << 20, allowed = 24 << 20;
  gsize before;

  fill (fixture, 1, 100);
  before = mallinfo2 ().hblkhd;
  append (fixture, 2, large);
  g_assert_cmpuint (mallinfo2 ().hblkhd, <, before + allowed);
  {
    g_autofree char *text = g_strnfill (large, 'v');
    const HawserStoreOp op = { .kind = HAWSER_STORE_PUT, .space = "retained", .key = "a", .data = (const guint8 *) text, .len = large };

    g_assert_true (hawser_store_apply (fixture->store, &op, 1, TRUE, NULL));
  }
  g_assert_cmpuint (mallinfo2 ().hblkhd, <, before + allowed);
}

#define FACT(function) { #function, function }

static const struct {
  const char *name;
  void (*run) (Fixture *, gconstpointer);
} facts[] = {
  FACT (damaged_message_is_set_aside_and_the_rest_is_read),
  FACT (check_names_what_is_damaged),
  FACT (messages_of_any_size_survive_a_lost_head),
  FACT (one_lost_page_costs_what_was_on_it),
  FACT (missing_file_is_told),
  FACT (file_of_version_1_is_taken_over),
  FACT (revision_of_a_value_survives_a_lost_head),
  FACT (interrupted_salvage_is_finished),
  FACT (damaged_queue_comes_back_from_its_copy),
  FACT (payload_cannot_pose_as_a_record),
  FACT (housekeeping_gives_the_disk_back),
  FACT (no_room_is_said_and_costs_nothing),
  FACT (full_disk_takes_acknowledgements_and_then_messages),
  FACT (memory_of_a_large_message_is_given_back),
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  contract_store_add ("sqlite", make);
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/store-sqlite/%s", facts[i].name);

      g_test_add (g_strdelimit (path, "_", '-'), Fixture, NULL, set_up, facts[i].run, tear_down);
    }
  return g_test_run ();
}
