/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bus of four lanes between peers that come, go and are cut off: whoever stays gets everything that each publisher sent, in
 * its order, and whoever does not gets nothing twice and nothing before what came earlier. The peers speak `line` over
 * TCP and run on a thread of their own; the bus runs on this one. */

#include <hawser/hawser.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_LANES 4
#define N_PUBLISHERS 8
#define N_SUBSCRIBERS 24
#define N_VICTIMS 12              /* cut off and back again, the first half as subscribers, the others as publishers */
#define N_MESSAGES 1000           /* of each publisher, and a fifth of it of a victim: less than may wait for a slow subscriber, so none is dropped */
#define N_PEERS (N_PUBLISHERS + N_SUBSCRIBERS + N_VICTIMS)
#define DEADLINE_S 120

typedef enum { PUBLISHER, SUBSCRIBER, VICTIM_SUBSCRIBER, VICTIM_PUBLISHER } Kind;

typedef struct {
  Kind kind;
  guint number;
  int fd;
  GString *out, *in;
  guint next;                     /* that a publisher sends */
  guint last[N_PUBLISHERS];       /* that was heard of each publisher; counted from 1 */
  GArray *victim_last;            /* the same of each life of a victim: two connections have no order among each other */
  guint n_heard;                  /* since it connected */
  guint fate;                     /* how many it hears or sends before it is cut off */
} Peer;

typedef struct {
  guint16 port;
  int may_publish, is_over, n_cut; /* atomic */
  guint n_lives;                  /* of victims */
  GRand *random;
  Peer peers[N_PEERS];
} Crowd;

static void
connect_peer (Crowd *crowd, Peer *peer)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = g_htons (crowd->port), .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };

  peer->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_no_errno (connect (peer->fd, (struct sockaddr *) &address, sizeof address));
  g_string_truncate (peer->in, 0);
  g_string_truncate (peer->out, 0);
  memset (peer->last, 0, sizeof peer->last);
  g_array_set_size (peer->victim_last, 0);
  if (peer->kind == VICTIM_PUBLISHER)
    peer->number = crowd->n_lives++;
  peer->n_heard = 0;
  peer->fate = (guint) g_rand_int_range (crowd->random, 1, peer->kind == VICTIM_PUBLISHER ? 20 : 400);
  if (peer->kind == SUBSCRIBER || peer->kind == VICTIM_SUBSCRIBER)
    g_string_assign (peer->out, "SUB p/#\n");
}

/* By a reset in the middle of whatever is under way, or in good order. */
static void
cut_off (Crowd *crowd, Peer *peer)
{
  struct linger reset = { 1, 0 };

  if (g_rand_boolean (crowd->random))
    setsockopt (peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close (peer->fd);
  g_atomic_int_inc (&crowd->n_cut);
  connect_peer (crowd, peer);
}

static void
hear (Peer *peer, const char *line)
{
  guint number, sequence, *last;
  char who;

  g_assert_cmpint (sscanf (line, "MSG p/%c%u %u", &who, &number, &sequence), ==, 3);
  if (who == 'v' && number >= peer->victim_last->len)
    g_array_set_size (peer->victim_last, number + 1);
  last = who == 'v' ? &g_array_index (peer->victim_last, guint, number) : &peer->last[number];
  if (who == 'p' && peer->kind == SUBSCRIBER)
    g_assert_cmpuint (sequence, ==, *last + 1);
  else
    g_assert_cmpuint (sequence, >, *last);
  *last = sequence;
  peer->n_heard++;
}

static void
read_peer (Crowd *crowd, Peer *peer)
{
  char part[16384];
  gssize n = recv (peer->fd, part, sizeof part, MSG_DONTWAIT);
  char *start, *end;

  if (n < 0 && errno == EAGAIN)
    return;
  g_assert_cmpint (n, >, 0); /* the server cuts nobody off */
  g_string_append_len (peer->in, part, n);
  for (start = peer->in->str; (end = strchr (start, '\n')) != NULL; start = end + 1)
    {
      *end = '\0';
      hear (peer, start);
    }
  g_string_erase (peer->in, 0, start - peer->in->str);
  if (peer->kind == VICTIM_SUBSCRIBER && peer->n_heard >= peer->fate)
    cut_off (crowd, peer);
}

static void
write_peer (Crowd *crowd, Peer *peer)
{
  gssize n;

  if (peer->kind == PUBLISHER && peer->out->len == 0)
    for (guint i = g_rand_int_range (crowd->random, 1, 30); i > 0 && peer->next < N_MESSAGES; i--)
      g_string_append_printf (peer->out, "PUB p/p%u %u\n", peer->number, ++peer->next);
  if (peer->kind == VICTIM_PUBLISHER && peer->out->len == 0)
    g_string_append_printf (peer->out, "PUB p/v%u %u\n", peer->number, ++peer->next);
  n = send (peer->fd, peer->out->str, peer->out->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    g_string_erase (peer->out, 0, n);
  if (peer->kind == VICTIM_PUBLISHER && ++peer->n_heard >= peer->fate)
    cut_off (crowd, peer);
}

static gboolean
has_to_write (Crowd *crowd, Peer *peer)
{
  if (peer->out->len > 0)
    return TRUE;
  if (!g_atomic_int_get (&crowd->may_publish))
    return FALSE;
  return (peer->kind == PUBLISHER && peer->next < N_MESSAGES) || (peer->kind == VICTIM_PUBLISHER && peer->next < N_MESSAGES / 5);
}

static gboolean
has_all (Crowd *crowd)
{
  for (guint i = 0; i < N_PEERS; i++)
    for (guint k = 0; crowd->peers[i].kind == SUBSCRIBER && k < N_PUBLISHERS; k++)
      if (crowd->peers[i].last[k] < N_MESSAGES)
        return FALSE;
  return TRUE;
}

static gpointer
run_crowd (gpointer data)
{
  Crowd *crowd = data;

  while (!has_all (crowd))
    {
      struct pollfd polled[N_PEERS];

      for (guint i = 0; i < N_PEERS; i++)
        polled[i] = (struct pollfd) { crowd->peers[i].fd, POLLIN | (has_to_write (crowd, &crowd->peers[i]) ? POLLOUT : 0), 0 };
      poll (polled, N_PEERS, 20);
      for (guint i = 0; i < N_PEERS; i++)
        {
          int fd = crowd->peers[i].fd;

          if (polled[i].revents & POLLIN)
            read_peer (crowd, &crowd->peers[i]);
          if (polled[i].revents & POLLOUT && crowd->peers[i].fd == fd)
            write_peer (crowd, &crowd->peers[i]);
        }
    }
  g_atomic_int_set (&crowd->is_over, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
set_up_crowd (Crowd *crowd, guint16 port)
{
  crowd->port = port;
  crowd->random = g_rand_new_with_seed (g_test_rand_int ());
  for (guint i = 0; i < N_PEERS; i++)
    {
      Peer *peer = &crowd->peers[i];
      guint victim = i - N_PUBLISHERS - N_SUBSCRIBERS;

      peer->kind = i < N_PUBLISHERS ? PUBLISHER : i < N_PUBLISHERS + N_SUBSCRIBERS ? SUBSCRIBER : victim < N_VICTIMS / 2 ? VICTIM_SUBSCRIBER : VICTIM_PUBLISHER;
      peer->number = i;
      peer->victim_last = g_array_new (FALSE, TRUE, sizeof (guint));
      peer->in = g_string_new (NULL);
      peer->out = g_string_new (NULL);
      connect_peer (crowd, peer);
    }
}

static void
clear_crowd (Crowd *crowd)
{
  for (guint i = 0; i < N_PEERS; i++)
    {
      close (crowd->peers[i].fd);
      g_array_unref (crowd->peers[i].victim_last);
      g_string_free (crowd->peers[i].in, TRUE);
      g_string_free (crowd->peers[i].out, TRUE);
    }
  g_rand_free (crowd->random);
}

static gboolean
on_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
everything_comes_in_the_order_of_its_publisher (void)
{
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserListener) listener = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSource) tick = g_timeout_source_new (5);
  g_autofree Crowd *crowd = g_new0 (Crowd, 1);
  GListModel *subscriptions = hawser_bus_get_subscriptions (bus);
  gint64 until_us = g_get_monotonic_time () + DEADLINE_S * G_USEC_PER_SEC;
  GThread *thread;

  g_object_set (bus, "threads", N_LANES, NULL);
  listener = hawser_listener_new (bus, "line", "line", "tcp:127.0.0.1:0", &error);
  g_assert_no_error (error);
  g_object_set (listener, "anonymous", "allow", NULL);
  hawser_listener_start (listener, &error);
  g_assert_no_error (error);
  g_source_set_callback (tick, on_tick, NULL, NULL);
  g_source_attach (tick, NULL);

  set_up_crowd (crowd, (guint16) hawser_listener_get_port (listener));
  thread = g_thread_new ("crowd", run_crowd, crowd);
  while (!g_atomic_int_get (&crowd->is_over))
    {
      g_main_context_iteration (NULL, TRUE);
      g_assert_cmpint (g_get_monotonic_time (), <, until_us);
      if (g_list_model_get_n_items (subscriptions) >= N_SUBSCRIBERS + N_VICTIMS / 2)
        g_atomic_int_set (&crowd->may_publish, TRUE);
    }
  g_thread_join (thread);
  g_source_destroy (tick);
  g_assert_cmpint (crowd->n_cut, >, N_VICTIMS);
  clear_crowd (crowd);
  hawser_listener_stop (listener);
  hawser_bus_close (bus);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lanes/everything-comes-in-the-order-of-its-publisher", everything_comes_in_the_order_of_its_publisher);
  return g_test_run ();
}
