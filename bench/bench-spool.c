/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many messages a second the spool takes, each appended to one queue, committed with fsync and acknowledged.
 * bench-spool [--dir=DIR] [--seconds=N] [--size=BYTES]: for windows of 1, 100 and 1000 outstanding appends, messages a
 * second, CPU microseconds of the whole process a message, and messages a commit. */

#include <sys/resource.h>

#include <glib/gstdio.h>

#include <hawser/hawser.h>

#include "store-sqlite.h"

typedef struct {
  HawserSpool *spool;
  HawserMessage *message;
  GMainLoop *loop;
  guint32 queue;
  guint64 position;
  guint64 n_done;
  gint64 end_us;
  guint n_out;
} Run;

static void on_committed (gpointer data, gboolean ok, const GError *error);

static void
append_one (Run *run)
{
  hawser_spool_append (run->spool, run->message, &run->queue, 1, on_committed, run);
  run->n_out++;
}

/* Commits come back in the order of the appends, so the next one is always the one after the last. */
static void
on_committed (gpointer data, gboolean ok, const GError *error)
{
  Run *run = data;

  if (!ok)
    g_error ("append failed: %s", error->message);
  run->n_done++;
  run->n_out--;
  hawser_spool_ack (run->spool, run->queue, ++run->position);
  if (g_get_monotonic_time () < run->end_us)
    append_one (run);
  if (run->n_out == 0)
    g_main_loop_quit (run->loop);
}

static gint64
cpu_us (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
measure (const char *dir, guint window, gsize size, double seconds, HawserSpoolSync sync)
{
  g_autofree char *path = g_strdup_printf ("%s/bench-spool-%u.db", dir, window);
  g_autofree char *payload_bytes = g_strnfill (size, 'x');
  g_autoptr(GBytes) payload = g_bytes_new_static (payload_bytes, size);
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(StoreSqlite) store = store_sqlite_new ();
  g_autoptr(HawserMessage) message = hawser_message_new ("bench/spool", payload);
  g_autoptr(GError) error = NULL;
  Run run = { .message = message, .loop = loop };
  HawserSpoolStats stats;
  gint64 began_us, began_cpu_us, took_us, took_cpu_us;

  run.spool = hawser_spool_new (HAWSER_STORE (store), path, sync, 100000, &error);
  if (run.spool == NULL)
    g_error ("%s", error->message);
  run.queue = hawser_spool_add_queue (run.spool, "bench", NULL);
  began_us = g_get_monotonic_time ();
  began_cpu_us = cpu_us ();
  run.end_us = began_us + (gint64) (seconds * G_USEC_PER_SEC);
  for (guint i = 0; i < window; i++)
    append_one (&run);
  g_main_loop_run (loop);
  took_us = g_get_monotonic_time () - began_us;
  took_cpu_us = cpu_us () - began_cpu_us;
  hawser_spool_get_stats (run.spool, &stats);
  g_print ("window %5u  %9.0f msg/s  %6.2f CPU us/msg  %7.1f msg/commit  commit mean %5.0f us max %6" G_GUINT64_FORMAT " us  disk %" G_GUINT64_FORMAT " KiB\n",
           window, run.n_done * 1e6 / took_us, (double) took_cpu_us / run.n_done, (double) run.n_done / stats.n_commits,
           (double) stats.commit_us_total / stats.n_commits, stats.commit_us_max, stats.n_bytes_on_disk / 1024);
  hawser_spool_close (run.spool, G_USEC_PER_SEC);
  g_object_unref (run.spool);
  for (guint i = 0; i < 3; i++)
    {
      static const char *const suffixes[] = { "", "-wal", "-mark" };
      g_autofree char *name = g_strconcat (path, suffixes[i], NULL);

      g_unlink (name);
    }
}

int
main (int argc, char **argv)
{
  static const guint windows[] = { 1, 100, 1000 };
  g_autofree char *dir = NULL, *sync = NULL;
  double seconds = 3;
  int size = 256, window = 0;
  const GOptionEntry entries[] = {
    { "dir", 0, 0, G_OPTION_ARG_FILENAME, &dir, "where the store is made", "DIR" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "of each run", "N" },
    { "size", 0, 0, G_OPTION_ARG_INT, &size, "of a payload", "BYTES" },
    { "window", 0, 0, G_OPTION_ARG_INT, &window, "only this one", "N" },
    { "sync", 0, 0, G_OPTION_ARG_STRING, &sync, "always, interval or never", "MODE" },
    { NULL },
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  HawserSpoolSync mode = HAWSER_SPOOL_SYNC_ALWAYS;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  if (g_strcmp0 (sync, "interval") == 0)
    mode = HAWSER_SPOOL_SYNC_INTERVAL;
  else if (g_strcmp0 (sync, "never") == 0)
    mode = HAWSER_SPOOL_SYNC_NEVER;
  for (guint i = 0; i < G_N_ELEMENTS (windows); i++)
    if (window == 0 || (int) windows[i] == window)
      measure (dir != NULL ? dir : g_get_tmp_dir (), windows[i], (gsize) size, seconds, mode);
  return 0;
}
