/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What lanes hand to each other, and sockets that live on another lane than their sessions: order, wake-ups, bounds, and the
 * end from either side. */

#include <hawser/hawser.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../harness/waiting.h"
#include "hawser-carrier-private.h"
#include "hawser-handover-private.h"


/* ---- Handing over ---- */

typedef struct {
  HawserParcel parcel;
  GArray *log;
  guint number;
} Numbered;

typedef struct {
  GMainContext *contexts[2];
  HawserLane *lanes[2];
  HawserHandover *handover;
  GArray *log;                 /* of guint: numbers as they arrived, G_MAXUINT for a flush */
  Numbered *items;
  guint n_items;
  HawserDirty dirty;
} Pair;

static void
number_arrived (HawserParcel *parcel)
{
  Numbered *item = (Numbered *) parcel;

  g_array_append_val (item->log, item->number);
}

static void
pair_set_up (Pair *pair, gconstpointer data)
{
  for (guint i = 0; i < 2; i++)
    {
      pair->contexts[i] = g_main_context_new ();
      pair->lanes[i] = hawser_lane_new (pair->contexts[i], NULL);
      hawser_lane_expect_company (pair->lanes[i]);
    }
  pair->handover = hawser_handover_new (pair->lanes[0], pair->lanes[1]);
  pair->log = g_array_new (FALSE, FALSE, sizeof (guint));
}

static void
pair_tear_down (Pair *pair, gconstpointer data)
{
  hawser_handover_free (pair->handover);
  for (guint i = 0; i < 2; i++)
    {
      hawser_lane_unref (pair->lanes[i]);
      g_main_context_unref (pair->contexts[i]);
    }
  g_array_unref (pair->log);
  g_free (pair->items);
}

static void
iterate (Pair *pair, guint lane)
{
  while (g_main_context_iteration (pair->contexts[lane], FALSE))
    ;
}

static void
put_items (gpointer data)
{
  Pair *pair = data;

  for (guint i = 0; i < pair->n_items; i++)
    {
      pair->items[i] = (Numbered) { { NULL, number_arrived }, pair->log, i };
      hawser_handover_put (pair->handover, &pair->items[i].parcel);
    }
}

/* In one turn of the first lane. */
static void
put (Pair *pair, guint n)
{
  g_free (pair->items);
  pair->items = g_new (Numbered, n);
  pair->n_items = n;
  hawser_lane_post (pair->lanes[0], put_items, pair);
  iterate (pair, 0);
}

static void
test_order (Pair *pair, gconstpointer data)
{
  put (pair, 5000);
  iterate (pair, 1);
  g_assert_cmpuint (pair->log->len, ==, 5000);
  for (guint i = 0; i < 5000; i++)
    g_assert_cmpuint (g_array_index (pair->log, guint, i), ==, i);
}

static void
test_one_wake_up (Pair *pair, gconstpointer data)
{
  put (pair, 50);
  g_assert_cmpuint (hawser_handover_get_n_told (pair->handover), ==, 1);
  iterate (pair, 1);
  g_assert_cmpuint (pair->log->len, ==, 50);
  put (pair, 40);
  g_assert_cmpuint (hawser_handover_get_n_told (pair->handover), ==, 2);
  iterate (pair, 1);
}

static void
test_asleep_receiver (Pair *pair, gconstpointer data)
{
  put (pair, 5000); /* many batches, and nobody looked meanwhile */
  g_assert_cmpuint (hawser_handover_get_n_told (pair->handover), ==, 1);
  iterate (pair, 1);
  g_assert_false (g_main_context_pending (pair->contexts[1]));
}

static void
note_flush (HawserDirty *dirty)
{
  Pair *pair = (Pair *) ((char *) dirty - G_STRUCT_OFFSET (Pair, dirty));
  guint mark = G_MAXUINT;

  g_array_append_val (pair->log, mark);
}

static Pair *marking;

static void
number_arrived_and_mark (HawserParcel *parcel)
{
  number_arrived (parcel);
  hawser_lane_mark_dirty (marking->lanes[1], &marking->dirty);
}

static void
test_flushes_between (Pair *pair, gconstpointer data)
{
  guint longest = 0, run = 0;

  marking = pair;
  pair->dirty.flush = note_flush;
  put (pair, 5000);
  for (guint i = 0; i < 5000; i++)
    pair->items[i].parcel.arrive = number_arrived_and_mark;
  iterate (pair, 1);
  for (guint i = 0; i < pair->log->len; i++)
    {
      run = g_array_index (pair->log, guint, i) == G_MAXUINT ? 0 : run + 1;
      longest = MAX (longest, run);
    }
  g_assert_cmpuint (longest, <=, 512);
}

static void
test_settle (Pair *pair, gconstpointer data)
{
  put (pair, 700);
  g_assert_true (hawser_handover_settle (pair->handover));
  g_assert_cmpuint (pair->log->len, ==, 700);
  g_assert_false (hawser_handover_settle (pair->handover));
  iterate (pair, 1);
  g_assert_cmpuint (pair->log->len, ==, 700);
}

/* ---- A socket on another lane ---- */

typedef struct {
  GMainContext *context;
  HawserLane *lane;
  HawserSideLane *side;
  HawserCarrier *carrier;
  int peer;                    /* our end of the pair */
  GByteArray *input;
  guint n_sent, n_held, n_ended;
  gssize end;
  gboolean closes;             /* at its first input */
  gboolean pauses;             /* likewise */
} Fixture;

static void
on_opened (gpointer data)
{
  g_assert_not_reached (); /* nothing is to be opened on a plain socket */
}

static void
on_input (gpointer data, const guint8 *bytes, gsize len)
{
  Fixture *f = data;

  g_assert_nonnull (f->carrier);
  g_byte_array_append (f->input, bytes, (guint) len);
  if (f->pauses)
    hawser_carrier_set_paused (f->carrier, TRUE);
  if (f->closes)
    g_clear_pointer (&f->carrier, hawser_carrier_close);
}

static void
on_sent (gpointer data)
{
  Fixture *f = data;

  g_assert_nonnull (f->carrier);
  f->n_sent++;
}

static void
on_ended (gpointer data, gssize n)
{
  Fixture *f = data;

  g_assert_nonnull (f->carrier);
  f->n_ended++;
  f->end = n;
}

static void
on_held (gpointer data)
{
  ((Fixture *) data)->n_held++;
}

static const HawserCarrierFuncs funcs = { on_opened, on_input, on_sent, on_ended, on_held };

static void
set_up (Fixture *f, gconstpointer data)
{
  int fds[2];

  f->context = g_main_context_new ();
  g_main_context_push_thread_default (f->context);
  f->lane = hawser_lane_new (f->context, NULL);
  f->side = hawser_side_lane_new (f->lane, 1);
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
  f->peer = fds[0];
  f->input = g_byte_array_new ();
  f->carrier = hawser_carrier_new (f->side, fds[1], NULL, &funcs, f);
  hawser_carrier_start (f->carrier, NULL, FALSE);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->carrier, hawser_carrier_close);
  hawser_side_lane_free (f->side);
  hawser_lane_unref (f->lane);
  g_main_context_pop_thread_default (f->context);
  g_main_context_unref (f->context);
  g_byte_array_unref (f->input);
  if (f->peer >= 0)
    close (f->peer);
}

/* Runs the home lane until something happened there or at the peer's end; a while at most. */
#define WAIT_FOR(condition) waiting_until (f->context, condition)

/* 32 bits each, so that a byte that is lost or moved shows. */
static void
fill (guint32 *words, gsize n, guint32 first)
{
  for (gsize i = 0; i < n; i++)
    words[i] = first + (guint32) i;
}

static void
check_words (const guint8 *bytes, gsize len)
{
  const guint32 *words = (const guint32 *) (gconstpointer) bytes;

  g_assert_cmpuint (len % 4, ==, 0);
  for (gsize i = 0; i < len / 4; i++)
    g_assert_cmpuint (words[i], ==, i);
}

static void
test_input_in_order (Fixture *f, gconstpointer data)
{
  const gsize total = 6 << 20;
  g_autofree guint32 *words = g_malloc (total);
  gsize at = 0;

  fill (words, total / 4, 0);
  while (at < total)
    {
      gssize n = send (f->peer, (guint8 *) words + at, MIN (total - at, 1 + at % 150000), MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n > 0)
        at += (gsize) n;
      else
        waiting_turn (f->context);
    }
  WAIT_FOR (f->input->len == total);
  check_words (f->input->data, f->input->len);
}

static void
write_words (Fixture *f, gsize n, guint32 first)
{
  g_autofree guint32 *words = g_new (guint32, n);
  HawserOutput output = { 0 };

  fill (words, n, first);
  hawser_output_write (&output, f->lane, words, n * 4);
  hawser_carrier_write (f->carrier, &output);
  g_assert_cmpuint (output.pending, ==, 0);
}

static void
read_peer (Fixture *f, GByteArray *got)
{
  guint8 part[65536];
  gssize n;

  while ((n = recv (f->peer, part, sizeof part, MSG_DONTWAIT)) > 0)
    g_byte_array_append (got, part, (guint) n);
}

static void
test_output_in_order (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) got = g_byte_array_new ();
  guint32 first = 0;

  for (gsize n = 1; n < 40000; n += 991, first += (guint32) n - 991)
    write_words (f, n, first);
  g_assert_cmpuint (hawser_carrier_get_pending (f->carrier), ==, first * 4);
  WAIT_FOR ((read_peer (f, got), got->len == first * 4));
  check_words (got->data, got->len);
  WAIT_FOR (hawser_carrier_get_pending (f->carrier) == 0);
  g_assert_cmpuint (f->n_sent, ==, 41);
}

static void
test_pending_until_taken (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) got = g_byte_array_new ();

  write_words (f, 4 << 20, 0); /* more than any socket takes */
  WAIT_FOR (recv (f->peer, (char[1]) { 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
  g_assert_cmpuint (hawser_carrier_get_pending (f->carrier), ==, 16 << 20);
  WAIT_FOR ((read_peer (f, got), got->len == 16 << 20));
  WAIT_FOR (hawser_carrier_get_pending (f->carrier) == 0);
  check_words (got->data, got->len);
}

/* Everything that was asked of the side lane before has been done. */
static void
synchronize (Fixture *f)
{
  GByteArray *got = g_byte_array_new ();

  write_words (f, 1, 0);
  WAIT_FOR ((read_peer (f, got), got->len == 4));
  g_byte_array_unref (got);
}

/* What the peer can write while nobody takes it here. */
static gsize
write_all_it_takes (Fixture *f, gsize max)
{
  g_autofree guint32 *words = g_malloc (max);
  struct pollfd poll_fd = { f->peer, POLLOUT, 0 };
  gsize total = 0;

  fill (words, max / 4, 0);
  while (total < max && poll (&poll_fd, 1, 200) > 0)
    {
      gssize n = send (f->peer, (guint8 *) words + total, max - total, MSG_DONTWAIT | MSG_NOSIGNAL);

      total += n > 0 ? (gsize) n : 0;
    }
  return total;
}

static void
test_read_ahead_is_bounded (Fixture *f, gconstpointer data)
{
  gsize total;

  synchronize (f);
  total = write_all_it_takes (f, 16 << 20); /* the home lane does not run meanwhile */
  g_assert_cmpuint (total, <, 2 << 20);
  WAIT_FOR (f->input->len == total / 4 * 4 || f->input->len == total);
  check_words (f->input->data, f->input->len / 4 * 4);
}

static void
test_paused_is_not_read (Fixture *f, gconstpointer data)
{
  gsize total;

  hawser_carrier_set_paused (f->carrier, TRUE);
  synchronize (f);
  total = write_all_it_takes (f, 16 << 20);
  synchronize (f);
  g_assert_cmpuint (f->input->len, ==, 0);
  g_assert_false (hawser_carrier_has_input (f->carrier)); /* not even read */
  hawser_carrier_set_paused (f->carrier, FALSE);
  WAIT_FOR (f->input->len == total);
}

static void
test_pause_inside_input (Fixture *f, gconstpointer data)
{
  static const guint32 words[] = { 0, 1 };

  f->pauses = TRUE;
  g_assert_cmpint (send (f->peer, words, 4, 0), ==, 4);
  WAIT_FOR (f->input->len == 4);
  f->pauses = FALSE;
  g_assert_cmpint (send (f->peer, words + 1, 4, 0), ==, 4);
  synchronize (f);
  g_assert_cmpuint (f->input->len, ==, 4);
  hawser_carrier_set_paused (f->carrier, FALSE);
  hawser_carrier_give_input (f->carrier);
  WAIT_FOR (f->input->len == 8);
  check_words (f->input->data, 8);
}

static void
test_end_comes_behind_input (Fixture *f, gconstpointer data)
{
  gsize total = write_all_it_takes (f, 300000);

  close (f->peer);
  f->peer = -1;
  WAIT_FOR (f->n_ended > 0);
  g_assert_cmpuint (f->input->len, ==, total);
  g_assert_cmpuint (f->n_ended, ==, 1);
  g_assert_cmpint (f->end, ==, 0);
}

static void
test_paused_hears_of_the_end (Fixture *f, gconstpointer data)
{
  hawser_carrier_set_paused (f->carrier, TRUE);
  synchronize (f);
  close (f->peer);
  f->peer = -1;
  WAIT_FOR (f->n_ended > 0);
}

static void
test_close_inside_input (Fixture *f, gconstpointer data)
{
  char byte;

  f->closes = TRUE;
  write_all_it_takes (f, 1 << 20); /* many blocks are under way */
  WAIT_FOR (f->carrier == NULL);
  WAIT_FOR (recv (f->peer, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET); /* the callbacks assert that none comes any more */
}

static void
test_close_sends_what_was_written (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) got = g_byte_array_new ();

  write_words (f, 1000, 0);
  g_clear_pointer (&f->carrier, hawser_carrier_close);
  WAIT_FOR ((read_peer (f, got), got->len == 4000));
  check_words (got->data, got->len);
}

static void
test_both_close (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 200; i++)
    {
      int fds[2];
      HawserCarrier *carrier;

      g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
      carrier = hawser_carrier_new (f->side, fds[1], NULL, &funcs, f);
      hawser_carrier_start (carrier, NULL, FALSE);
      g_assert_cmpint (send (fds[0], &i, sizeof i, 0), ==, sizeof i);
      if (i % 2 == 0)
        close (fds[0]);
      if (i % 3 == 0)
        waiting_turn (f->context);
      hawser_carrier_close (carrier);
      if (i % 2 == 1)
        close (fds[0]);
    }
  g_assert_cmpuint (*hawser_side_lane_get_load (f->side), ==, 1);
}

static void
test_broken_output (Fixture *f, gconstpointer data)
{
  write_words (f, 4 << 20, 0);
  WAIT_FOR (recv (f->peer, (char[1]) { 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
  close (f->peer);
  f->peer = -1;
  WAIT_FOR (f->n_ended > 0);
  WAIT_FOR (hawser_carrier_get_pending (f->carrier) == 0); /* nothing is kept for who is gone */
}

static void
test_held_comes_behind_input (Fixture *f, gconstpointer data)
{
  gsize total = write_all_it_takes (f, 100000);

  hawser_carrier_hold (f->carrier);
  WAIT_FOR (f->n_held == 1);
  g_assert_cmpint (send (f->peer, "late", 4, 0), ==, 4);
  synchronize (f);
  g_assert_cmpuint (f->input->len, <=, total);
}

static void
test_freed_with_mail_under_way (Fixture *f, gconstpointer data)
{
  write_all_it_takes (f, 1 << 20); /* the home lane does not run: all of it is under way when the fixture ends */
  write_words (f, 1000, 0);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*test) (Pair *pair, gconstpointer data);
  } pairs[] = {
    { "/net/handover/parcels-arrive-in-order", test_order },
    { "/net/handover/a-batch-is-one-wake-up", test_one_wake_up },
    { "/net/handover/who-has-mail-is-not-told-again", test_asleep_receiver },
    { "/net/handover/a-flood-is-flushed-in-between", test_flushes_between },
    { "/net/handover/what-is-under-way-can-be-settled", test_settle },
  };
  static const struct {
    const char *path;
    void (*test) (Fixture *f, gconstpointer data);
  } carriers[] = {
    { "/net/carrier/input-comes-whole-and-in-order", test_input_in_order },
    { "/net/carrier/output-goes-whole-and-in-order", test_output_in_order },
    { "/net/carrier/output-is-pending-until-it-is-taken", test_pending_until_taken },
    { "/net/carrier/read-ahead-is-bounded", test_read_ahead_is_bounded },
    { "/net/carrier/a-paused-socket-is-not-read", test_paused_is_not_read },
    { "/net/carrier/a-pause-inside-input-holds", test_pause_inside_input },
    { "/net/carrier/the-end-comes-behind-all-input", test_end_comes_behind_input },
    { "/net/carrier/who-is-paused-hears-of-a-hang-up", test_paused_hears_of_the_end },
    { "/net/carrier/close-inside-input-is-the-last-call", test_close_inside_input },
    { "/net/carrier/close-sends-what-the-kernel-takes", test_close_sends_what_was_written },
    { "/net/carrier/both-ends-may-close-at-any-moment", test_both_close },
    { "/net/carrier/a-broken-socket-keeps-no-output", test_broken_output },
    { "/net/carrier/held-comes-behind-all-input", test_held_comes_behind_input },
    { "/net/side-lane/ends-with-mail-under-way", test_freed_with_mail_under_way },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    g_test_add (pairs[i].path, Pair, NULL, pair_set_up, pairs[i].test, pair_tear_down);
  for (guint i = 0; i < G_N_ELEMENTS (carriers); i++)
    g_test_add (carriers[i].path, Fixture, NULL, set_up, carriers[i].test, tear_down);
  return g_test_run ();
}
