/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The spool on the SQLite store, by what its users see. */

#include <hawser/hawser.h>

#include "../../harness/waiting.h"
#include "hawser-spool-private.h"
#include "spool-fixture.h"
#include "store-sqlite.h"

#include <string.h>

#include <glib/gstdio.h>

typedef struct {
  GMainContext *context;
  char *dir;
  char *path;
  HawserSpool *spool;
  guint n_ok;
  guint n_failed;
  GString *text;       /* what was read */
  gboolean is_read;
  guint n_problems;
} Fixture;

static void
open_spool_with (Fixture *fixture, StoreSqlite *store, HawserSpoolSync sync)
{
  g_autoptr(GError) error = NULL;

  if (fixture->spool != NULL)
    hawser_spool_close (fixture->spool, 10 * G_USEC_PER_SEC);
  g_clear_object (&fixture->spool);
  fixture->spool = hawser_spool_new (HAWSER_STORE (store), fixture->path, sync, 50000, &error);
  g_assert_no_error (error);
}

static void
open_again (Fixture *fixture)
{
  g_autoptr(StoreSqlite) store = store_sqlite_new ();

  open_spool_with (fixture, store, HAWSER_SPOOL_SYNC_ALWAYS);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->context = g_main_context_new ();
  g_main_context_push_thread_default (fixture->context);
  fixture->dir = g_dir_make_tmp ("hawser-spool-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "spool.db", NULL);
  fixture->text = g_string_new (NULL);
  open_again (fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_spool_close (fixture->spool, 0);
  g_object_unref (fixture->spool);
  spool_fixture_remove (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
  g_string_free (fixture->text, TRUE);
  g_main_context_pop_thread_default (fixture->context);
  g_main_context_unref (fixture->context);
}

static void
on_done (gpointer data, gboolean ok, const GError *error)
{
  Fixture *fixture = data;

  g_assert_true (ok == (error == NULL));
  if (ok)
    fixture->n_ok++;
  else
    fixture->n_failed++;
}

static guint64
append (Fixture *fixture, const char *text, const guint32 *queues, guint n_queues)
{
  g_autoptr(HawserMessage) message = hawser_message_new_text ("test/spool", text);

  return hawser_spool_append (fixture->spool, message, queues, n_queues, on_done, fixture);
}

static void
wait_done (Fixture *fixture, guint n)
{
  while (fixture->n_ok + fixture->n_failed < n)
    g_main_context_iteration (fixture->context, TRUE);
}

static void
on_read (gpointer data, const HawserSpoolEntry *entries, guint n_entries, const GError *error)
{
  Fixture *fixture = data;

  for (guint i = 0; i < n_entries; i++)
    {
      g_autofree char *text = hawser_message_dup_text (entries[i].message);

      g_string_append_printf (fixture->text, "%" G_GUINT64_FORMAT ":%s ", entries[i].position, text);
    }
  if (error != NULL)
    g_string_append_printf (fixture->text, "error:%s ", hawser_error_to_nick (error->code));
  fixture->is_read = TRUE;
}

static const char *
read_text (Fixture *fixture, guint32 queue, guint64 after, guint max)
{
  g_string_truncate (fixture->text, 0);
  fixture->is_read = FALSE;
  hawser_spool_read (fixture->spool, queue, after, max, 1 << 20, on_read, fixture);
  while (!fixture->is_read)
    g_main_context_iteration (fixture->context, TRUE);
  return fixture->text->str;
}

static guint64
get_depth (Fixture *fixture, guint32 queue)
{
  HawserSpoolQueueInfo info;

  g_assert_true (hawser_spool_get_queue_info (fixture->spool, queue, &info));
  return info.depth;
}

static void
append_is_acknowledged_after_the_commit_only (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  HawserSpoolStats stats;

  g_assert_cmpuint (append (fixture, "a", &queue, 1), ==, 1);
  g_assert_cmpuint (fixture->n_ok, ==, 0);
  wait_done (fixture, 1);
  g_assert_cmpuint (fixture->n_ok, ==, 1);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpuint (stats.n_commits, >=, 1);
  g_assert_cmpuint (stats.n_pending, ==, 0);
}

static void
commits_are_grouped (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  HawserSpoolStats stats;

  for (guint i = 0; i < 1000; i++)
    append (fixture, "a", &queue, 1);
  wait_done (fixture, 1000);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpuint (stats.n_commits, <, 500);
  g_assert_cmpuint (stats.n_appended, ==, 1000);
}

static void
acknowledgement_rides_with_the_next_commit (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  HawserSpoolStats stats;

  for (guint i = 1; i <= 50; i++)
    {
      guint64 position = append (fixture, "a", &queue, 1);

      wait_done (fixture, i);
      hawser_spool_ack (fixture->spool, queue, position);
    }
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpuint (stats.n_commits, <, 75);
}

static guint64
get_n_commits (Fixture *fixture)
{
  HawserSpoolStats stats;

  hawser_spool_get_stats (fixture->spool, &stats);
  return stats.n_commits;
}

static void
acknowledgement_without_company_is_committed_soon (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  HawserSpoolStats before;

  append (fixture, "a", &queue, 1);
  wait_done (fixture, 1);
  hawser_spool_get_stats (fixture->spool, &before);
  hawser_spool_ack (fixture->spool, queue, 1);
  waiting_until (fixture->context, get_n_commits (fixture) > before.n_commits);
}

static void
reads_in_order_and_within_limits (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  append (fixture, "a", &queue, 1);
  append (fixture, "b", &queue, 1);
  append (fixture, "c", &queue, 1);
  g_assert_cmpstr (read_text (fixture, queue, 0, 10), ==, "1:a 2:b 3:c ");
  g_assert_cmpstr (read_text (fixture, queue, 0, 2), ==, "1:a 2:b ");
  g_assert_cmpstr (read_text (fixture, queue, 2, 10), ==, "3:c ");
  g_assert_cmpstr (read_text (fixture, queue, 3, 10), ==, "");
  g_assert_cmpstr (read_text (fixture, 99, 0, 10), ==, "");
}

static void
read_sees_everything_appended_before (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  for (guint i = 1; i <= 200; i++)
    {
      g_autofree char *expected = g_strdup_printf ("%u:x ", i);
      guint64 position = append (fixture, "x", &queue, 1);

      g_assert_cmpstr (read_text (fixture, queue, position - 1, 10), ==, expected);
    }
}

static void
depth_and_bytes_are_exact_at_once (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  HawserSpoolQueueInfo info;

  append (fixture, "a", &queue, 1);
  append (fixture, "bb", &queue, 1);
  g_assert_cmpuint (get_depth (fixture, queue), ==, 2);
  wait_done (fixture, 2);
  hawser_spool_ack (fixture->spool, queue, 1);
  hawser_spool_ack (fixture->spool, queue, 1);
  hawser_spool_ack (fixture->spool, queue, 77);
  g_assert_true (hawser_spool_get_queue_info (fixture->spool, queue, &info));
  g_assert_cmpuint (info.depth, ==, 1);
  g_assert_cmpuint (info.first_position, ==, 2);
  g_assert_cmpuint (info.last_position, ==, 2);
  open_again (fixture);
  g_assert_true (hawser_spool_get_queue_info (fixture->spool, queue, &info));
  g_assert_cmpuint (info.depth, ==, 1);
  g_assert_cmpuint (info.first_position, ==, 2);
}

static void
acked_message_does_not_come_back (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  for (guint i = 0; i < 10; i++)
    append (fixture, "x", &queue, 1);
  wait_done (fixture, 10);
  /* out of order, with a gap */
  hawser_spool_ack (fixture->spool, queue, 3);
  hawser_spool_ack (fixture->spool, queue, 4);
  hawser_spool_ack (fixture->spool, queue, 1);
  hawser_spool_ack (fixture->spool, queue, 6);
  hawser_spool_ack (fixture->spool, queue, 7);
  hawser_spool_ack (fixture->spool, queue, 9);
  open_again (fixture);
  g_assert_cmpstr (read_text (fixture, queue, 0, 10), ==, "2:x 5:x 8:x 10:x ");
}

static void
ack_through_drops_the_oldest (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  for (guint i = 0; i < 5; i++)
    append (fixture, "x", &queue, 1);
  wait_done (fixture, 3);
  hawser_spool_ack (fixture->spool, queue, 2);
  g_assert_cmpuint (hawser_spool_ack_through (fixture->spool, queue, 3), ==, 2);
  g_assert_cmpstr (read_text (fixture, queue, 0, 10), ==, "4:x 5:x ");
  open_again (fixture);
  g_assert_cmpstr (read_text (fixture, queue, 0, 10), ==, "4:x 5:x ");
}

static void
message_in_two_queues_leaves_each_by_itself (Fixture *fixture, gconstpointer data)
{
  guint32 queues[2] = { hawser_spool_add_queue (fixture->spool, "one", NULL), hawser_spool_add_queue (fixture->spool, "two", NULL) };

  append (fixture, "a", queues, 2);
  append (fixture, "b", queues, 2);
  wait_done (fixture, 2);
  hawser_spool_ack (fixture->spool, queues[0], 1);
  open_again (fixture);
  g_assert_cmpstr (read_text (fixture, queues[0], 0, 10), ==, "2:b ");
  g_assert_cmpstr (read_text (fixture, queues[1], 0, 10), ==, "1:a 2:b ");
}

static void
acked_before_the_commit_is_still_confirmed (Fixture *fixture, gconstpointer data)
{
  guint32 queues[2] = { hawser_spool_add_queue (fixture->spool, "one", NULL), hawser_spool_add_queue (fixture->spool, "two", NULL) };
  HawserSpoolStats stats;

  for (guint i = 1; i <= 2000; i++)
    {
      guint64 position = append (fixture, "x", queues, 2);

      hawser_spool_ack (fixture->spool, queues[0], position);
      if (i != 1000)
        hawser_spool_ack (fixture->spool, queues[1], position);
    }
  wait_done (fixture, 2000);
  g_assert_cmpuint (fixture->n_ok, ==, 2000);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpuint (stats.depth, ==, 1);
  g_assert_cmpuint (stats.n_elided, >, 0);
  open_again (fixture);
  g_assert_cmpstr (read_text (fixture, queues[0], 0, 10), ==, "");
  g_assert_cmpstr (read_text (fixture, queues[1], 0, 10), ==, "1000:x ");
}

static void
positions_rise_over_restarts (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  g_assert_cmpuint (append (fixture, "a", &queue, 1), ==, 1);
  wait_done (fixture, 1);
  hawser_spool_ack (fixture->spool, queue, 1);
  open_again (fixture);
  g_assert_cmpuint (append (fixture, "b", &queue, 1), ==, 2);
  hawser_spool_ack (fixture->spool, queue, 2);
  wait_done (fixture, 2);
  open_again (fixture);
  g_assert_cmpuint (append (fixture, "c", &queue, 1), ==, 3);
}

static void
collect_queue (gpointer data, const HawserSpoolQueueInfo *info)
{
  gsize len;
  const char *meta = g_bytes_get_data (info->meta, &len);

  g_string_append_printf (data, "%u=%s(%.*s)%" G_GUINT64_FORMAT " ", info->queue, info->id, (int) len, meta, info->depth);
}

static void
queues_come_back_with_their_meta (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) meta = g_bytes_new_static ("first", 5), second = g_bytes_new_static ("second", 6);
  g_autoptr(GString) text = g_string_new (NULL);
  guint32 one = hawser_spool_add_queue (fixture->spool, "one", meta), two = hawser_spool_add_queue (fixture->spool, "two", NULL);
  guint32 three = hawser_spool_add_queue (fixture->spool, "three", NULL);

  append (fixture, "a", &one, 1);
  append (fixture, "b", &three, 1);
  hawser_spool_update_queue (fixture->spool, one, second);
  hawser_spool_remove_queue (fixture->spool, three);
  open_again (fixture);
  hawser_spool_foreach_queue (fixture->spool, collect_queue, text);
  g_assert_cmpstr (text->str, ==, "1=one(second)1 2=two()0 ");
  g_assert_cmpuint (hawser_spool_add_queue (fixture->spool, "four", NULL), ==, three + 1);
  g_assert_cmpuint (two, ==, 2);
}

static void
queue_numbers_are_never_used_twice (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  hawser_spool_remove_queue (fixture->spool, queue);
  open_again (fixture);
  g_assert_cmpuint (hawser_spool_add_queue (fixture->spool, "two", NULL), ==, queue + 1);
}

static void
collect_value (gpointer data, const char *key, GBytes *value)
{
  gsize len;
  const char *bytes = g_bytes_get_data (value, &len);

  g_string_append_printf (data, "%s=%.*s ", key, (int) len, bytes);
}

static void
values_come_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) one = g_bytes_new_static ("1", 1), two = g_bytes_new_static ("2", 1);
  g_autoptr(GString) text = g_string_new (NULL);

  hawser_spool_put (fixture->spool, "retained", "a", one, on_done, fixture);
  hawser_spool_put (fixture->spool, "retained", "b", one, NULL, NULL);
  hawser_spool_put (fixture->spool, "retained", "a", two, on_done, fixture);
  hawser_spool_delete (fixture->spool, "retained", "b", on_done, fixture);
  wait_done (fixture, 3);
  open_again (fixture);
  g_assert_true (hawser_spool_foreach_value (fixture->spool, "retained", collect_value, text, NULL));
  g_assert_cmpstr (text->str, ==, "a=2 ");
}

typedef struct {
  Fixture *fixture;
  const char *name;
} Named;

static void
note_outcome (gpointer data, gboolean ok, const GError *error)
{
  const Named *named = data;

  if (!ok)
    g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT);
  g_string_append_printf (named->fixture->text, "%s:%s ", named->name, ok ? "ok" : "conflict");
  on_done (named->fixture, ok, error);
}

/* All in one transaction, so that one refused must not take the others along. */
static void
stale_value_is_refused_alone (Fixture *fixture, gconstpointer data)
{
  Named named[] = { { fixture, "first" }, { fixture, "next" }, { fixture, "stale" }, { fixture, "after" }, { fixture, "cleared" }, { fixture, "gone" } };
  g_autoptr(GBytes) one = g_bytes_new_static ("1", 1), two = g_bytes_new_static ("2", 1);
  g_autoptr(GString) text = g_string_new (NULL);
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  hawser_spool_hold (fixture->spool);
  hawser_spool_put_if (fixture->spool, "twins", "a", 0, 5, one, note_outcome, &named[0]);
  hawser_spool_hold (fixture->spool);
  hawser_spool_put_if (fixture->spool, "twins", "a", 5, 6, two, note_outcome, &named[1]);
  hawser_spool_release (fixture->spool);
  hawser_spool_put_if (fixture->spool, "twins", "a", 5, 7, one, note_outcome, &named[2]);
  append (fixture, "kept", &queue, 1);
  hawser_spool_put_if (fixture->spool, "twins", "a", 6, 8, two, note_outcome, &named[3]);
  hawser_spool_put (fixture->spool, "side", "b", one, NULL, NULL);
  hawser_spool_clear (fixture->spool, "side", note_outcome, &named[4]);
  hawser_spool_put_if (fixture->spool, "side", "b", 0, 1, two, note_outcome, &named[5]);
  hawser_spool_release (fixture->spool);
  wait_done (fixture, 7);
  g_assert_cmpstr (fixture->text->str, ==, "first:ok next:ok stale:conflict after:ok cleared:ok gone:ok ");
  open_again (fixture);
  g_assert_true (hawser_spool_foreach_value (fixture->spool, "twins", collect_value, text, NULL));
  g_assert_true (hawser_spool_foreach_value (fixture->spool, "side", collect_value, text, NULL));
  g_assert_cmpstr (text->str, ==, "a=2 b=2 ");
}

static void
got_value (gpointer data, GBytes *value, guint64 revision, const GError *error)
{
  Fixture *fixture = data;
  gsize len = 0;
  const char *bytes = value != NULL ? g_bytes_get_data (value, &len) : "nothing";

  g_string_append_printf (fixture->text, "%.*s@%" G_GUINT64_FORMAT "%s ", value != NULL ? (int) len : 7, bytes, revision, error != NULL ? "!" : "");
  fixture->n_ok++;
}

static void
value_is_got_after_what_was_put_before (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) one = g_bytes_new_static ("1", 1);

  hawser_spool_put_if (fixture->spool, "twins", "a", 0, 5, one, NULL, NULL);
  hawser_spool_get (fixture->spool, "twins", "a", got_value, fixture);
  hawser_spool_get (fixture->spool, "twins", "b", got_value, fixture);
  wait_done (fixture, 2);
  hawser_spool_close (fixture->spool, 0);
  g_assert_cmpstr (fixture->text->str, ==, "1@5 nothing@0 ");
}

static void
on_flushed (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (hawser_spool_flush_finish (HAWSER_SPOOL (object), result, &error));
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

static void
flush_ends_after_what_was_asked_before (Fixture *fixture, gconstpointer data)
{
  g_autoptr(StoreSqlite) store = store_sqlite_new ();
  gboolean is_flushed = FALSE;
  guint32 queue;

  open_spool_with (fixture, store, HAWSER_SPOOL_SYNC_NEVER);
  queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  append (fixture, "a", &queue, 1);
  hawser_spool_flush_async (fixture->spool, NULL, on_flushed, &is_flushed);
  while (!is_flushed)
    g_main_context_iteration (fixture->context, TRUE);
  g_assert_cmpuint (fixture->n_ok, ==, 1);
}

static void
every_sync_mode_keeps_what_it_confirmed (Fixture *fixture, gconstpointer data)
{
  for (guint mode = HAWSER_SPOOL_SYNC_ALWAYS; mode <= HAWSER_SPOOL_SYNC_NEVER; mode++)
    {
      g_autoptr(StoreSqlite) store = store_sqlite_new ();
      g_autofree char *name = g_strdup_printf ("mode-%u", mode);
      HawserSpoolQueueInfo info;
      guint32 queue;

      open_spool_with (fixture, store, mode);
      fixture->n_ok = 0;
      queue = hawser_spool_add_queue (fixture->spool, name, NULL);
      for (guint i = 0; i < 100; i++)
        append (fixture, "x", &queue, 1);
      wait_done (fixture, 100);
      open_again (fixture);
      g_assert_true (hawser_spool_get_queue_info (fixture->spool, queue, &info));
      g_assert_cmpuint (info.depth, ==, 100);
    }
}

static void
limit_refuses_with_quota (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  hawser_spool_set_limits (fixture->spool, 2, 0);
  append (fixture, "a", &queue, 1);
  append (fixture, "b", &queue, 1);
  g_assert_cmpuint (append (fixture, "c", &queue, 1), ==, 0);
  g_assert_cmpuint (fixture->n_failed, ==, 0);
  wait_done (fixture, 3);
  g_assert_cmpuint (fixture->n_ok, ==, 2);
  g_assert_cmpuint (fixture->n_failed, ==, 1);
  hawser_spool_ack (fixture->spool, queue, 1);
  g_assert_cmpuint (append (fixture, "d", &queue, 1), ==, 3);
}

static void
full_disk_refuses_and_recovers (Fixture *fixture, gconstpointer data)
{
  g_autoptr(StoreSqlite) store = g_object_new (STORE_TYPE_SQLITE, "max-pages", 60, NULL);
  g_autofree char *text = g_strnfill (2000, 'x');
  HawserSpoolStats stats;
  guint32 queue;
  guint kept;

  open_spool_with (fixture, store, HAWSER_SPOOL_SYNC_ALWAYS);
  queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  for (guint i = 1; i <= 200 && fixture->n_failed == 0; i++)
    {
      append (fixture, text, &queue, 1);
      wait_done (fixture, i);
    }
  g_assert_cmpuint (fixture->n_failed, ==, 1);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpint (stats.state, ==, HAWSER_SPOOL_FULL);
  kept = fixture->n_ok;
  g_assert_cmpuint (kept, >, 10);
  g_assert_cmpuint (get_depth (fixture, queue), ==, kept);

  /* acknowledgements go on, and make room */
  for (guint i = 1; i <= 10; i++)
    hawser_spool_ack (fixture->spool, queue, i);
  append (fixture, text, &queue, 1);
  wait_done (fixture, kept + 2);
  g_assert_cmpuint (fixture->n_ok, ==, kept + 1);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpint (stats.state, ==, HAWSER_SPOOL_OPEN);
  open_again (fixture);
  g_assert_cmpuint (get_depth (fixture, queue), ==, kept - 10 + 1);
}

static gsize
get_file_size (const char *path)
{
  GStatBuf st;

  return g_stat (path, &st) == 0 ? (gsize) st.st_size : 0;
}

static void
log_is_folded_when_nobody_waits (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  g_autofree char *log = g_strconcat (fixture->path, "-wal", NULL);

  append (fixture, "a", &queue, 1);
  wait_done (fixture, 1);
  waiting_until (fixture->context, get_file_size (log) == 0);
}

static void
oldest_age_is_known (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  HawserSpoolQueueInfo info;

  append (fixture, "a", &queue, 1);
  g_assert_true (hawser_spool_get_queue_info (fixture->spool, queue, &info));
  g_assert_cmpint (info.oldest_age_s, <=, 60);
  g_assert_cmpint (info.oldest_age_s, >=, 0);
}

static void
close_finishes_every_callback (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  for (guint i = 0; i < 20000; i++)
    append (fixture, "x", &queue, 1);
  hawser_spool_read (fixture->spool, queue, 0, 1, 1000, on_read, fixture);
  hawser_spool_close (fixture->spool, 0);
  g_assert_cmpuint (fixture->n_ok + fixture->n_failed, ==, 20000);
  g_assert_true (fixture->is_read);
  /* what was confirmed is there, in order and nothing after it was confirmed */
  {
    guint n_ok = fixture->n_ok;

    open_again (fixture);
    if (n_ok > 0)
      g_assert_cmpuint (get_depth (fixture, queue), ==, n_ok);
  }
}

static void
closed_spool_refuses (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);

  hawser_spool_close (fixture->spool, G_USEC_PER_SEC);
  g_assert_cmpuint (append (fixture, "a", &queue, 1), ==, 0);
  g_assert_cmpstr (read_text (fixture, queue, 0, 1), ==, "error:closed ");
  g_assert_cmpuint (fixture->n_failed, ==, 1);
}

static void
slow_queue_keeps_no_memory_of_the_dead (Fixture *fixture, gconstpointer data)
{
  SpoolQueue *queue = spool_queue_new (1, "one", NULL);

  spool_queue_push (queue, 1, 10, 1);
  for (guint64 position = 2; position < 1000000; position++)
    {
      spool_queue_push (queue, position, 10, 1);
      g_assert_true (spool_queue_kill (queue, spool_queue_find (queue, position)));
    }
  g_assert_cmpuint (queue->n_live, ==, 1);
  g_assert_cmpuint (queue->n_bytes, ==, 10);
  g_assert_cmpuint (queue->capacity, <=, 1024);
  spool_queue_free (queue);
}

/* A million random pushes and kills against a plain set. */
static void
index_agrees_with_an_oracle (Fixture *fixture, gconstpointer data)
{
  enum { N = 200000 };
  SpoolQueue *queue = spool_queue_new (1, "one", NULL);
  g_autofree gboolean *waits = g_new0 (gboolean, N + 1);
  guint64 n_live = 0, position = 0;

  while (position < N)
    {
      guint64 victim = position > 0 ? (guint64) g_test_rand_int_range (MAX ((gint) position - 500, 1), (gint) position + 1) : 0;

      if (g_test_rand_int_range (0, 5) < 2 || victim == 0)
        {
          spool_queue_push (queue, ++position, 1, 1);
          waits[position] = TRUE;
          n_live++;
        }
      else
        {
          gsize slot = spool_queue_find (queue, victim);
          gboolean is_there = slot < queue->end && queue->slots[slot].position == victim && queue->slots[slot].time_s != 0;

          g_assert_true (is_there == waits[victim]);
          if (is_there)
            {
              spool_queue_kill (queue, slot);
              waits[victim] = FALSE;
              n_live--;
            }
        }
      g_assert_cmpuint (queue->n_live, ==, n_live);
    }
  spool_queue_free (queue);
}

static void
line_of_time_ignores_jumps_within_a_boot (void)
{
  const SpoolTimeReading before = { "boot-1", 1000, 50000000, 900 };
  const SpoolTimeReading after = { "boot-1", 1500, 90000000000, 200 };
  g_autoptr(GBytes) stored = spool_time_store (&before, 7000000);

  /* 500 us went by, whatever the wall clock says now */
  g_assert_cmpint (after.monotonic_us + spool_time_rebase (stored, &after), ==, before.monotonic_us + 7000000 + 500);
}

static void
line_of_time_follows_the_wall_over_boots (void)
{
  const SpoolTimeReading before = { "boot-1", 1000, 50000000, 900 };
  const SpoolTimeReading later = { "boot-2", 30, 50000700, 20 }, earlier = { "boot-2", 30, 10, 20 };
  g_autoptr(GBytes) stored = spool_time_store (&before, 7000000);

  g_assert_cmpint (later.monotonic_us + spool_time_rebase (stored, &later), ==, before.monotonic_us + 7000000 + 700);
  g_assert_cmpint (earlier.monotonic_us + spool_time_rebase (stored, &earlier), ==, before.monotonic_us + 7000000);
  g_assert_cmpint (spool_time_rebase (NULL, &later), ==, later.wall_us - later.monotonic_us);
}

static void
expiry_goes_on_over_a_restart (Fixture *fixture, gconstpointer data)
{
  guint32 queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  gint64 before = fixture->spool->wall_minus_monotonic_us;

  append (fixture, "a", &queue, 1);
  wait_done (fixture, 1);
  open_again (fixture);
  /* one boot, one line of time: equal but for what reading two clocks takes */
  g_assert_cmpint (ABS (fixture->spool->wall_minus_monotonic_us - before), <, G_USEC_PER_SEC);
}

#define FACT(function) { #function, function }

static const struct {
  const char *name;
  void (*run) (Fixture *, gconstpointer);
} facts[] = {
  FACT (append_is_acknowledged_after_the_commit_only),
  FACT (commits_are_grouped),
  FACT (acknowledgement_rides_with_the_next_commit),
  FACT (acknowledgement_without_company_is_committed_soon),
  FACT (reads_in_order_and_within_limits),
  FACT (read_sees_everything_appended_before),
  FACT (depth_and_bytes_are_exact_at_once),
  FACT (acked_message_does_not_come_back),
  FACT (ack_through_drops_the_oldest),
  FACT (message_in_two_queues_leaves_each_by_itself),
  FACT (acked_before_the_commit_is_still_confirmed),
  FACT (positions_rise_over_restarts),
  FACT (queues_come_back_with_their_meta),
  FACT (queue_numbers_are_never_used_twice),
  FACT (values_come_back),
  FACT (stale_value_is_refused_alone),
  FACT (value_is_got_after_what_was_put_before),
  FACT (flush_ends_after_what_was_asked_before),
  FACT (every_sync_mode_keeps_what_it_confirmed),
  FACT (limit_refuses_with_quota),
  FACT (full_disk_refuses_and_recovers),
  FACT (log_is_folded_when_nobody_waits),
  FACT (oldest_age_is_known),
  FACT (close_finishes_every_callback),
  FACT (closed_spool_refuses),
  FACT (slow_queue_keeps_no_memory_of_the_dead),
  FACT (index_agrees_with_an_oracle),
  FACT (expiry_goes_on_over_a_restart),
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/spool/%s", facts[i].name);

      g_test_add (g_strdelimit (path, "_", '-'), Fixture, NULL, set_up, facts[i].run, tear_down);
    }
  g_test_add_func ("/spool/time/ignores-jumps-within-a-boot", line_of_time_ignores_jumps_within_a_boot);
  g_test_add_func ("/spool/time/follows-the-wall-over-boots", line_of_time_follows_the_wall_over_boots);
  return g_test_run ();
}
