/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The process that is killed, and the one that looks afterwards, for tests/crash/test_spool_crash.py.
 *
 * spool-crash write PATH SEED FIRST SYNC: fills two queues with numbered messages, acknowledges some, and writes a line
 *   for each thing it was promised, and only then: "a QUEUES POSITION NUMBER" committed, "k QUEUE POSITION" will not
 *   come again; and "q INDEX POSITION" before it acknowledges a message. Never ends by itself.
 * spool-crash read PATH: "p TEXT" for each problem, "m QUEUE POSITION NUMBER" for each message, "end", exit 0; or
 *   "error NICK TEXT" and exit 3. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hawser/hawser.h>

#include "store-sqlite.h"

#define WINDOW 64

typedef struct {
  guint32 mask;
  guint64 position;
  guint64 number;
} Sent;

static HawserSpool *spool;
static guint32 queues[2];
static GQueue waiting = G_QUEUE_INIT;      /* of Sent: committed, not yet acknowledged */
static GRand *dice;
static guint64 next_number;

static void send_one (void);

typedef struct {
  guint32 queue;
  guint64 position;
} Gone;

/* The value was put after the acknowledgements: if it is on the disk, so are they. */
static void
on_acks_committed (gpointer data, gboolean ok, const GError *error)
{
  g_autoptr(GArray) gone = data;

  for (guint i = 0; ok && i < gone->len; i++)
    printf ("k %u %" G_GUINT64_FORMAT "\n", g_array_index (gone, Gone, i).queue, g_array_index (gone, Gone, i).position);
  fflush (stdout);
}

static void
acknowledge_some (void)
{
  static const guint8 value[] = "x";
  g_autoptr(GBytes) bytes = g_bytes_new_static (value, 1);
  GArray *gone = g_array_new (FALSE, FALSE, sizeof (Gone));
  guint n = (guint) g_rand_int_range (dice, 0, MIN ((gint) waiting.length, 40) + 1);

  for (guint i = 0; i < n; i++)
    {
      /* mostly the oldest, now and then any */
      Sent *sent = g_rand_int_range (dice, 0, 8) != 0 ? g_queue_pop_head (&waiting)
                                                     : g_queue_pop_nth (&waiting, (guint) g_rand_int_range (dice, 0, (gint) waiting.length));

      for (guint q = 0; q < 2; q++)
        if ((sent->mask & 1u << q) != 0)
          {
            const Gone one = { queues[q], sent->position };

            printf ("q %u %" G_GUINT64_FORMAT "\n", q, sent->position);
            fflush (stdout);
            hawser_spool_ack (spool, queues[q], sent->position);
            g_array_append_val (gone, one);
          }
      g_free (sent);
    }
  hawser_spool_put (spool, "crash", "beat", bytes, on_acks_committed, gone);
}

static void
on_committed (gpointer data, gboolean ok, const GError *error)
{
  Sent *sent = data;

  if (!ok)
    {
      g_free (sent);
      send_one ();
      return;
    }
  printf ("a %u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", sent->mask, sent->position, sent->number);
  fflush (stdout);
  g_queue_push_tail (&waiting, sent);
  if (waiting.length > 200 || g_rand_int_range (dice, 0, 50) == 0)
    acknowledge_some ();
  send_one ();
}

static void
send_one (void)
{
  guint kind = (guint) g_rand_int_range (dice, 0, 10);
  gsize len = kind == 0 ? (gsize) g_rand_int_range (dice, 3000, 20000) : (gsize) g_rand_int_range (dice, 0, 400);
  g_autofree char *tail = g_strnfill (len, 'x');
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT " %s", next_number, tail);
  g_autoptr(HawserMessage) message = hawser_message_new_text ("crash/test", text);
  Sent *sent = g_new0 (Sent, 1);
  guint32 to[2];
  guint n_to = 0;

  sent->number = next_number++;
  sent->mask = (guint32) g_rand_int_range (dice, 1, 4);
  for (guint q = 0; q < 2; q++)
    if ((sent->mask & 1u << q) != 0)
      to[n_to++] = queues[q];
  sent->position = hawser_spool_append (spool, message, to, n_to, on_committed, sent);
}

static void
find_queue (gpointer data, const HawserSpoolQueueInfo *info)
{
  for (guint q = 0; q < 2; q++)
    if (strcmp (info->id, q == 0 ? "one" : "two") == 0)
      queues[q] = info->queue;
}

static void
on_problem (gpointer data, const char *text)
{
  printf ("p %s\n", text);
}

static gboolean
open_spool (const char *path, HawserSpoolSync sync)
{
  g_autoptr(StoreSqlite) store = store_sqlite_new ();
  g_autoptr(GError) error = NULL;

  spool = hawser_spool_new (HAWSER_STORE (store), path, sync, 20000, &error);
  if (spool == NULL)
    {
      printf ("error %s %s\n", hawser_error_to_nick (error->code), error->message);
      return FALSE;
    }
  hawser_spool_set_problem_func (spool, on_problem, NULL);
  hawser_spool_foreach_queue (spool, find_queue, NULL);
  return TRUE;
}

static int
write_for_ever (const char *path, guint32 seed, guint64 first, HawserSpoolSync sync)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  if (!open_spool (path, sync))
    return 3;
  dice = g_rand_new_with_seed (seed);
  next_number = first;
  for (guint q = 0; q < 2; q++)
    if (queues[q] == 0)
      queues[q] = hawser_spool_add_queue (spool, q == 0 ? "one" : "two", NULL);
  for (guint i = 0; i < WINDOW; i++)
    send_one ();
  g_main_loop_run (loop);
  return 0;
}

typedef struct {
  guint64 after;
  guint n;
  guint32 queue;
  gboolean is_done;
  gboolean is_failed;
} Reading;

static void
on_read (gpointer data, const HawserSpoolEntry *entries, guint n_entries, const GError *error)
{
  Reading *reading = data;

  for (guint i = 0; i < n_entries; i++)
    {
      g_autofree char *text = hawser_message_dup_text (entries[i].message);

      printf ("m %u %" G_GUINT64_FORMAT " %s\n", reading->queue, entries[i].position, strtok (text, " "));
      reading->after = entries[i].position;
    }
  if (error != NULL)
    printf ("p reading: %s\n", error->message);
  reading->is_failed = error != NULL;
  reading->n = n_entries;
  reading->is_done = TRUE;
}

static int
read_all (const char *path)
{
  HawserSpoolStats stats;

  if (!open_spool (path, HAWSER_SPOOL_SYNC_ALWAYS))
    return 3;
  for (guint q = 0; q < 2; q++)
    {
      Reading reading = { .queue = queues[q] };

      do
        {
          reading.is_done = FALSE;
          hawser_spool_read (spool, queues[q], reading.after, 100, 1 << 20, on_read, &reading);
          while (!reading.is_done)
            g_main_context_iteration (NULL, TRUE);
        }
      while (reading.n > 0 && !reading.is_failed);
    }
  hawser_spool_get_stats (spool, &stats);
  hawser_spool_close (spool, 10 * G_USEC_PER_SEC);
  printf ("end %u %u %" G_GUINT64_FORMAT "\n", queues[0], queues[1], stats.n_damaged);
  g_object_unref (spool);
  return 0;
}

int
main (int argc, char **argv)
{
  if (argc == 6 && strcmp (argv[1], "write") == 0)
    return write_for_ever (argv[2], (guint32) g_ascii_strtoull (argv[3], NULL, 10), g_ascii_strtoull (argv[4], NULL, 10),
                           (HawserSpoolSync) atoi (argv[5]));
  if (argc == 3 && strcmp (argv[1], "read") == 0)
    return read_all (argv[2]);
  fprintf (stderr, "usage: spool-crash write PATH SEED FIRST SYNC | read PATH\n");
  return 2;
}
