/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A disk that fails, and power that fails: what was confirmed is there, what was not was refused. */

#include <hawser/hawser.h>

#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../../harness/waiting.h"
#include "fault-vfs.h"
#include "store-sqlite.h"

typedef struct {
  GMainContext *context;
  char *dir;
  char *path;
  HawserSpool *spool;
  guint32 queue;
  GHashTable *confirmed;      /* position -> position */
  guint n_done;
  guint n_failed;
  GHashTable *found;
  gboolean is_read;
  guint n_problems;
} Fixture;

static void
on_problem (gpointer data, const char *text)
{
  ((Fixture *) data)->n_problems++;
  g_test_message ("%s", text);
}

static void
find_queue (gpointer data, const HawserSpoolQueueInfo *info)
{
  ((Fixture *) data)->queue = info->queue;
}

static void
open_spool (Fixture *fixture, const char *path, HawserSpoolSync sync)
{
  g_autoptr(StoreSqlite) store = store_sqlite_new ();
  g_autoptr(GError) error = NULL;

  fixture->spool = hawser_spool_new (HAWSER_STORE (store), path, sync, 1000000, &error);
  g_assert_no_error (error);
  fixture->queue = 0;
  hawser_spool_set_problem_func (fixture->spool, on_problem, fixture);
  hawser_spool_foreach_queue (fixture->spool, find_queue, fixture);
}

static void
close_spool (Fixture *fixture)
{
  hawser_spool_close (fixture->spool, 10 * G_USEC_PER_SEC);
  g_clear_object (&fixture->spool);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fault_vfs_install ();
  fixture->context = g_main_context_new ();
  g_main_context_push_thread_default (fixture->context);
  fixture->dir = g_dir_make_tmp ("hawser-faults-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "spool.db", NULL);
  fixture->confirmed = g_hash_table_new (NULL, NULL);
  fixture->found = g_hash_table_new (NULL, NULL);
}

static void
remove_files (const char *path)
{
  g_autoptr(GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_unlink (file);
    }
  g_rmdir (path);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  if (fixture->spool != NULL)
    close_spool (fixture);
  remove_files (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
  g_hash_table_unref (fixture->confirmed);
  g_hash_table_unref (fixture->found);
  g_main_context_pop_thread_default (fixture->context);
  g_main_context_unref (fixture->context);
  fault_vfs_remove ();
}

typedef struct {
  Fixture *fixture;
  guint64 position;
} Sent;

static void
on_done (gpointer data, gboolean ok, const GError *error)
{
  g_autofree Sent *sent = data;

  sent->fixture->n_done++;
  if (ok)
    g_hash_table_add (sent->fixture->confirmed, GSIZE_TO_POINTER (sent->position));
  else
    {
      sent->fixture->n_failed++;
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
    }
}

static void
append (Fixture *fixture)
{
  g_autoptr(HawserMessage) message = hawser_message_new_text ("test/faults", "some text of no great length");
  Sent *sent = g_new0 (Sent, 1);

  sent->fixture = fixture;
  sent->position = hawser_spool_append (fixture->spool, message, &fixture->queue, 1, on_done, sent);
}

static void
wait_done (Fixture *fixture, guint n)
{
  while (fixture->n_done < n)
    g_main_context_iteration (fixture->context, TRUE);
}

static void
on_read (gpointer data, const HawserSpoolEntry *entries, guint n_entries, const GError *error)
{
  Fixture *fixture = data;

  g_assert_no_error (error);
  for (guint i = 0; i < n_entries; i++)
    g_hash_table_add (fixture->found, GSIZE_TO_POINTER (entries[i].position));
  fixture->is_read = TRUE;
}

static void
read_all (Fixture *fixture)
{
  g_hash_table_remove_all (fixture->found);
  fixture->is_read = FALSE;
  hawser_spool_read (fixture->spool, fixture->queue, 0, 1000000, 1 << 30, on_read, fixture);
  while (!fixture->is_read)
    g_main_context_iteration (fixture->context, TRUE);
}

static void
assert_confirmed_is_there (Fixture *fixture)
{
  GHashTableIter iter;
  gpointer position;

  g_hash_table_iter_init (&iter, fixture->confirmed);
  while (g_hash_table_iter_next (&iter, &position, NULL))
    if (!g_hash_table_contains (fixture->found, position))
      g_error ("message %zu was confirmed and is lost", GPOINTER_TO_SIZE (position));
}

static void
begin (Fixture *fixture, HawserSpoolSync sync)
{
  open_spool (fixture, fixture->path, sync);
  fixture->queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
  for (guint i = 1; i <= 20; i++)
    {
      append (fixture);
      wait_done (fixture, i);
    }
  g_assert_cmpuint (fixture->n_failed, ==, 0);
}

/* One failing call: the batch it was in fails, the next one works, and nothing confirmed is gone. */
static void
survive (Fixture *fixture, FaultKind kind, guint after)
{
  HawserSpoolStats stats;

  begin (fixture, HAWSER_SPOOL_SYNC_ALWAYS);
  fault_vfs_arm (kind, after, FALSE);
  for (guint i = 21; i <= 60; i++)
    {
      append (fixture);
      wait_done (fixture, i);
    }
  g_assert_true (fault_vfs_fired ());
  fault_vfs_arm (FAULT_NONE, 0, FALSE);
  g_assert_cmpuint (fixture->n_failed, <=, 2);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpint (stats.state, ==, HAWSER_SPOOL_OPEN);
  g_assert_cmpuint (stats.depth, ==, 60 - fixture->n_failed);
  read_all (fixture);
  assert_confirmed_is_there (fixture);
  g_assert_cmpuint (g_hash_table_size (fixture->found), ==, 60 - fixture->n_failed);
  close_spool (fixture);
  open_spool (fixture, fixture->path, HAWSER_SPOOL_SYNC_ALWAYS);
  read_all (fixture);
  assert_confirmed_is_there (fixture);
  g_assert_cmpuint (g_hash_table_size (fixture->found), ==, 60 - fixture->n_failed);
  g_assert_cmpuint (fixture->n_problems, ==, MIN (fixture->n_failed, 1)); /* said once, when it happened; the files are sound */
}

static void
failed_fsync_is_never_success (Fixture *fixture, gconstpointer data)
{
  survive (fixture, FAULT_SYNC, 3);
  g_assert_cmpuint (fixture->n_failed, ==, 1);
}

static void
failed_write_fails_its_batch_only (Fixture *fixture, gconstpointer data)
{
  survive (fixture, FAULT_WRITE, 10);
  g_assert_cmpuint (fixture->n_failed, ==, 1);
}

static void
full_disk_fails_its_batch_only (Fixture *fixture, gconstpointer data)
{
  survive (fixture, FAULT_FULL, 10);
  g_assert_cmpuint (fixture->n_failed, ==, 1);
}

static void
lasting_failure_refuses_until_it_ends (Fixture *fixture, gconstpointer data)
{
  HawserSpoolStats stats;
  guint n;

  begin (fixture, HAWSER_SPOOL_SYNC_ALWAYS);
  fault_vfs_arm (FAULT_SYNC, 0, TRUE);
  for (n = 21; n <= 30; n++)
    {
      append (fixture);
      wait_done (fixture, n);
    }
  g_assert_cmpuint (fixture->n_failed, ==, 10);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpint (stats.state, ==, HAWSER_SPOOL_FAILED);
  fault_vfs_arm (FAULT_NONE, 0, FALSE);
  append (fixture);
  wait_done (fixture, n);
  g_assert_cmpuint (fixture->n_failed, ==, 10);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpint (stats.state, ==, HAWSER_SPOOL_OPEN);
  read_all (fixture);
  assert_confirmed_is_there (fixture);
  g_assert_cmpuint (g_hash_table_size (fixture->found), ==, 21);
}

static void
acknowledgement_outlives_a_failure (Fixture *fixture, gconstpointer data)
{
  begin (fixture, HAWSER_SPOOL_SYNC_ALWAYS);
  fault_vfs_arm (FAULT_SYNC, 0, FALSE);
  for (guint position = 1; position <= 10; position++)
    {
      hawser_spool_ack (fixture->spool, fixture->queue, position);
      g_hash_table_remove (fixture->confirmed, GSIZE_TO_POINTER (position));
    }
  append (fixture);
  wait_done (fixture, 21);
  append (fixture);
  wait_done (fixture, 22);
  g_assert_true (fault_vfs_fired ());
  close_spool (fixture);
  open_spool (fixture, fixture->path, HAWSER_SPOOL_SYNC_ALWAYS);
  read_all (fixture);
  assert_confirmed_is_there (fixture);
  for (guint position = 1; position <= 10; position++)
    g_assert_false (g_hash_table_contains (fixture->found, GSIZE_TO_POINTER (position)));
}

/* Every call of a scripted session fails once; without `-m slow` every fifth. */
static void
every_single_failure_is_survived (Fixture *fixture, gconstpointer data)
{
  static const FaultKind kinds[] = { FAULT_SYNC, FAULT_WRITE, FAULT_FULL };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    for (guint at = k; at < 60; at += g_test_slow () ? 1 : 5)
      {
        g_autofree char *name = g_strdup_printf ("%s-%u-%u", fixture->path, k, at);
        guint n_failed = fixture->n_failed, n_problems = fixture->n_problems;

        fixture->n_done = 0;
        g_hash_table_remove_all (fixture->confirmed);
        open_spool (fixture, name, HAWSER_SPOOL_SYNC_ALWAYS);
        fixture->queue = hawser_spool_add_queue (fixture->spool, "one", NULL);
        append (fixture);
        wait_done (fixture, 1);
        fault_vfs_arm (kinds[k], at, FALSE);
        for (guint i = 2; i <= 12; i++)
          {
            append (fixture);
            if (i % 3 == 0)
              wait_done (fixture, i);
          }
        wait_done (fixture, 12);
        close_spool (fixture);
        fault_vfs_arm (FAULT_NONE, 0, FALSE);
        open_spool (fixture, name, HAWSER_SPOOL_SYNC_ALWAYS);
        g_assert_cmpuint (fixture->queue, ==, 1);
        read_all (fixture);
        assert_confirmed_is_there (fixture);
        close_spool (fixture);
        g_assert_cmpuint (fixture->n_failed - n_failed, <=, 12);
        g_assert_cmpuint (fixture->n_problems - n_problems, <=, 2); /* the failure, and what it left behind */
      }
}

static void
copy_mark (const char *path, const char *to_dir)
{
  g_autofree char *mark = g_strconcat (path, "-mark", NULL), *name = g_path_get_basename (mark), *to = g_build_filename (to_dir, name, NULL);
  g_autofree char *bytes = NULL;
  gsize len;

  g_assert_true (g_file_get_contents (mark, &bytes, &len, NULL));
  g_assert_true (g_file_set_contents (to, bytes, (gssize) len, NULL));
}

/* What was confirmed when the power failed: while we look, the first spool goes on. */
static GHashTable *
copy_set (GHashTable *set)
{
  GHashTable *copy = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, set);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_hash_table_add (copy, key);
  return copy;
}

/* The mark is not synced: whatever it held at some time may be what is left of it. */
static void
lose_power (Fixture *fixture, GRand *dice, GBytes *old_mark, gboolean must_be_quiet)
{
  g_autofree char *dir = g_dir_make_tmp ("hawser-power-XXXXXX", NULL), *path = g_build_filename (dir, "spool.db", NULL);
  g_autoptr(GHashTable) confirmed = copy_set (fixture->confirmed);
  Fixture after = { .context = fixture->context, .confirmed = confirmed, .found = fixture->found };

  fault_vfs_power_fail (fixture->dir, dir, dice);
  switch (g_rand_int_range (dice, 0, 3))
    {
    case 0:
      copy_mark (fixture->path, dir);
      break;
    case 1:
      {
        g_autofree char *mark = g_strconcat (path, "-mark", NULL);

        g_assert_true (g_file_set_contents (mark, g_bytes_get_data (old_mark, NULL), (gssize) g_bytes_get_size (old_mark), NULL));
        break;
      }
    default:
      break;
    }
  open_spool (&after, path, HAWSER_SPOOL_SYNC_ALWAYS);
  read_all (&after);
  assert_confirmed_is_there (&after);
  close_spool (&after);
  if (must_be_quiet)
    g_assert_cmpuint (after.n_problems, ==, 0);
  remove_files (dir);
}

static guint n_rounds = 10;

static void
power_failure_loses_nothing_confirmed (Fixture *fixture, gconstpointer data)
{
  guint32 seed = (guint32) g_test_rand_int ();
  g_autoptr(GRand) dice = g_rand_new_with_seed (seed);
  g_autofree char *mark = g_strconcat (fixture->path, "-mark", NULL), *bytes = NULL;
  g_autoptr(GBytes) old_mark = NULL;
  guint n_sent = 20;
  gsize len;

  g_test_message ("seed %u", seed);
  begin (fixture, HAWSER_SPOOL_SYNC_ALWAYS);
  g_assert_true (g_file_get_contents (mark, &bytes, &len, NULL));
  old_mark = g_bytes_new (bytes, len);
  for (guint round = 0; round < n_rounds; round++)
    {
      guint n = (guint) g_rand_int_range (dice, 1, 3000);

      for (guint i = 0; i < n; i++)
        append (fixture);
      /* in the middle of what is under way */
      n_sent += n;
      wait_done (fixture, n_sent - (guint) g_rand_int_range (dice, 0, (gint) n));
      lose_power (fixture, dice, old_mark, TRUE);
    }
  wait_done (fixture, n_sent);
}

/* The one mode that may lose: if it never did here, the harness would not be seeing anything. */
static void
power_failure_without_sync_loses_something (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GRand) dice = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  Fixture after = { .context = fixture->context, .found = fixture->found };
  gboolean is_lost = FALSE;

  begin (fixture, HAWSER_SPOOL_SYNC_NEVER);
  /* a second without work and it is synced after all: who came so late tries again */
  for (guint n = 220; !is_lost && n <= 20 + 10 * 200; n += 200)
    {
      g_autofree char *dir = g_dir_make_tmp ("hawser-power-XXXXXX", NULL), *path = g_build_filename (dir, "spool.db", NULL);

      for (guint i = 0; i < 200; i++)
        append (fixture);
      wait_done (fixture, n);
      fault_vfs_power_fail (fixture->dir, dir, dice);
      open_spool (&after, path, HAWSER_SPOOL_SYNC_ALWAYS);
      g_hash_table_remove_all (after.found);
      read_all (&after);
      is_lost = g_hash_table_size (after.found) < n;
      close_spool (&after);
      remove_files (dir);
    }
  g_assert_true (is_lost);
}

static guint64
get_n_commits (Fixture *fixture)
{
  HawserSpoolStats stats;

  hawser_spool_get_stats (fixture->spool, &stats);
  return stats.n_commits;
}

static void
power_failure_in_interval_mode_keeps_what_was_flushed (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GRand) dice = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  g_autofree char *dir = g_dir_make_tmp ("hawser-power-XXXXXX", NULL), *path = g_build_filename (dir, "spool.db", NULL);
  Fixture after = { .context = fixture->context, .confirmed = fixture->confirmed, .found = fixture->found };

  HawserSpoolStats before;

  begin (fixture, HAWSER_SPOOL_SYNC_INTERVAL);
  /* the interval is a second: then the first twenty are on the disk */
  hawser_spool_get_stats (fixture->spool, &before);
  waiting_until (fixture->context, get_n_commits (fixture) > before.n_commits);
  fault_vfs_power_fail (fixture->dir, dir, dice);
  open_spool (&after, path, HAWSER_SPOOL_SYNC_ALWAYS);
  read_all (&after);
  assert_confirmed_is_there (&after);
  close_spool (&after);
  remove_files (dir);
}

#define FACT(function) { #function, function }

static const struct {
  const char *name;
  void (*run) (Fixture *, gconstpointer);
} facts[] = {
  FACT (failed_fsync_is_never_success),
  FACT (failed_write_fails_its_batch_only),
  FACT (full_disk_fails_its_batch_only),
  FACT (lasting_failure_refuses_until_it_ends),
  FACT (acknowledgement_outlives_a_failure),
  FACT (every_single_failure_is_survived),
  FACT (power_failure_loses_nothing_confirmed),
  FACT (power_failure_without_sync_loses_something),
  FACT (power_failure_in_interval_mode_keeps_what_was_flushed),
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (g_getenv ("HAWSER_POWER_ROUNDS") != NULL)
    n_rounds = (guint) atoi (g_getenv ("HAWSER_POWER_ROUNDS"));
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/store-sqlite/faults/%s", facts[i].name);

      g_test_add (g_strdelimit (path, "_", '-'), Fixture, NULL, set_up, facts[i].run, tear_down);
    }
  return g_test_run ();
}
