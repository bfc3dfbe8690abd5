/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A lane that waits instead of GLib: everything of the context goes on as if GLib waited. */

#include <hawser/hawser.h>

#include <glib-unix.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hawser-lane-private.h"

typedef struct {
  GMainContext *context;
  HawserLane *lane;
  int pipe[2];             /* watched by the lane */
  int other[2];            /* watched by a source of GLib's */
  HawserWatch *watch;
  guint n_lane, n_other, n_posted;
} Fixture;

static void
read_one (int fd)
{
  char byte;

  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
}

static void
write_one (int fd)
{
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
}

static void
on_lane (HawserWatch *watch, guint32 events, gpointer data)
{
  Fixture *f = data;

  f->n_lane++;
  read_one (f->pipe[0]);
}

static gboolean
on_other (int fd, GIOCondition condition, gpointer data)
{
  Fixture *f = data;

  f->n_other++;
  g_assert_cmpint (condition, ==, G_IO_IN);
  read_one (fd);
  return G_SOURCE_CONTINUE;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  GSource *source;

  f->context = g_main_context_new ();
  g_main_context_push_thread_default (f->context);
  f->lane = hawser_lane_new (f->context, NULL);
  hawser_lane_wait_here (f->lane);
  g_assert_true (g_unix_open_pipe (f->pipe, FD_CLOEXEC, NULL));
  g_assert_true (g_unix_open_pipe (f->other, FD_CLOEXEC, NULL));
  f->watch = hawser_lane_watch (f->lane, f->pipe[0], EPOLLIN, on_lane, f);
  source = g_unix_fd_source_new (f->other[0], G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (on_other), f, NULL);
  g_source_attach (source, f->context);
  g_source_unref (source);
  /* the second wait with the same descriptors is the lane's */
  while (g_main_context_iteration (f->context, FALSE))
    ;
  g_main_context_iteration (f->context, FALSE);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->watch, hawser_watch_free);
  hawser_lane_unref (f->lane);
  g_main_context_pop_thread_default (f->context);
  g_main_context_unref (f->context);
  for (int i = 0; i < 2; i++)
    {
      close (f->pipe[i]);
      close (f->other[i]);
    }
}

static void
hears_of_its_own_and_of_others (Fixture *f, gconstpointer data)
{
  for (guint i = 1; i <= 5; i++)
    {
      write_one (f->pipe[1]);
      while (f->n_lane < i)
        g_main_context_iteration (f->context, TRUE);
      write_one (f->other[1]);
      while (f->n_other < i)
        g_main_context_iteration (f->context, TRUE);
    }
  g_assert_cmpuint (f->n_lane, ==, 5);
  g_assert_cmpuint (f->n_other, ==, 5);
}

static gboolean
on_timeout (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

static void
sleeps_until_a_timeout_of_glib (Fixture *f, gconstpointer data)
{
  GSource *source = g_timeout_source_new (5);
  gboolean is_done = FALSE;

  g_source_set_callback (source, on_timeout, &is_done, NULL);
  g_source_attach (source, f->context);
  g_source_unref (source);
  while (!is_done)
    g_main_context_iteration (f->context, TRUE);
}

static void
on_posted (gpointer data)
{
  ((Fixture *) data)->n_posted++;
}

static gpointer
post_from_a_thread (gpointer data)
{
  hawser_lane_post (((Fixture *) data)->lane, on_posted, data);
  return NULL;
}

static void
is_woken_by_another_thread (Fixture *f, gconstpointer data)
{
  for (guint i = 1; i <= 20; i++)
    {
      g_autoptr (GThread) thread = g_thread_new ("poster", post_from_a_thread, f);

      while (f->n_posted < i)
        g_main_context_iteration (f->context, TRUE);
      g_thread_join (g_steal_pointer (&thread));
    }
}

static gboolean
stop_watching (gpointer data)
{
  Fixture *f = data;

  g_clear_pointer (&f->watch, hawser_watch_free);
  return G_SOURCE_REMOVE;
}

/* The wait found the descriptor ready, and a source that goes first took it away. */
static void
does_not_dispatch_what_left_meanwhile (Fixture *f, gconstpointer data)
{
  GSource *source = g_idle_source_new ();

  write_one (f->pipe[1]);
  g_source_set_callback (source, stop_watching, f, NULL);
  g_source_attach (source, f->context);
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_unref (source);
  while (g_main_context_iteration (f->context, FALSE))
    ;
  g_assert_null (f->watch);
  g_assert_cmpuint (f->n_lane, ==, 0);
}

static gboolean
run_nested (gpointer data)
{
  Fixture *f = data;

  write_one (f->other[1]);
  while (f->n_other == 0)
    g_main_context_iteration (f->context, TRUE);
  return G_SOURCE_REMOVE;
}

static void
lets_a_loop_run_inside_a_callback (Fixture *f, gconstpointer data)
{
  GSource *source = g_idle_source_new ();

  g_source_set_callback (source, run_nested, f, NULL);
  g_source_attach (source, f->context);
  g_source_unref (source);
  write_one (f->pipe[1]);
  while (f->n_lane == 0 || f->n_other == 0)
    g_main_context_iteration (f->context, TRUE);
}

/* epoll takes no ordinary files: then GLib waits, as before. */
static void
leaves_to_glib_what_epoll_refuses (Fixture *f, gconstpointer data)
{
  g_autofree char *path = NULL;
  GPollFD file = { .fd = g_file_open_tmp ("hawser-XXXXXX", &path, NULL), .events = G_IO_IN };

  g_assert_cmpint (file.fd, >=, 0);
  g_main_context_add_poll (f->context, &file, G_PRIORITY_DEFAULT);
  for (int i = 0; i < 4; i++)
    g_main_context_iteration (f->context, FALSE);
  g_assert_cmpint (file.revents, ==, G_IO_IN);
  write_one (f->pipe[1]);
  while (f->n_lane == 0)
    g_main_context_iteration (f->context, TRUE);
  g_main_context_remove_poll (f->context, &file);
  close (file.fd);
  unlink (path);
}

/* As linux/sched/types.h has it, whose struct sched_param is the C library's too. */
typedef struct {
  guint32 size, policy;
  guint64 flags;
  gint32 nice;
  guint32 priority;
  guint64 runtime, deadline, period;
} SchedAttributes;

static SchedAttributes
get_attributes (void)
{
  SchedAttributes attributes = { 0 };

  g_assert_cmpint (syscall (SYS_sched_getattr, 0, &attributes, sizeof attributes, 0), ==, 0);
  return attributes;
}

static gpointer
ask_the_kernel (gpointer data)
{
  SchedAttributes attributes = get_attributes ();

  attributes.size = sizeof attributes;
  attributes.runtime = 100 * 1000;
  syscall (SYS_sched_setattr, 0, &attributes, 0);
  *(SchedAttributes *) data = get_attributes ();
  return NULL;
}

static gpointer
note_attributes (gpointer data)
{
  *(SchedAttributes *) data = get_attributes ();
  return NULL;
}

typedef struct {
  SchedAttributes own, of_child;
} Seen;

static gpointer
wait_on_a_lane (gpointer data)
{
  Seen *seen = data;
  g_autoptr (GMainContext) context = g_main_context_new ();
  HawserLane *lane = hawser_lane_new (context, NULL);

  hawser_lane_wait_here (lane);
  seen->own = get_attributes ();
  g_thread_join (g_thread_new ("child", note_attributes, &seen->of_child));
  hawser_lane_unref (lane);
  return NULL;
}

/* On a kernel that has no slices, or forbids to choose them, both are what they were. */
static void
asks_for_the_shortest_slice_for_itself_alone (void)
{
  SchedAttributes before, shortest;
  Seen seen;

  g_thread_join (g_thread_new ("before", note_attributes, &before)); /* a fixture may have waited on this one */
  g_thread_join (g_thread_new ("asks", ask_the_kernel, &shortest));
  g_thread_join (g_thread_new ("waits", wait_on_a_lane, &seen));
  g_assert_cmpuint (seen.own.runtime, ==, shortest.runtime);
  g_assert_cmpuint (seen.own.policy, ==, before.policy);
  g_assert_cmpint (seen.own.nice, ==, before.nice);
  if (before.nice >= 0)
    g_assert_cmpuint (seen.of_child.runtime, ==, before.runtime);
}

static void
set_up_busy (Fixture *f, gconstpointer data)
{
  set_up (f, data);
  hawser_lane_set_busy_poll (f->lane, 1000);
}

/* Each as it is, and with a lane that looks for a while before it sleeps. */
#define ADD(name) \
  g_test_add ("/core/net/lane-wait/" #name, Fixture, NULL, set_up, name, tear_down); \
  g_test_add ("/core/net/lane-wait/busily/" #name, Fixture, NULL, set_up_busy, name, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (hears_of_its_own_and_of_others);
  ADD (sleeps_until_a_timeout_of_glib);
  ADD (is_woken_by_another_thread);
  ADD (does_not_dispatch_what_left_meanwhile);
  ADD (lets_a_loop_run_inside_a_callback);
  ADD (leaves_to_glib_what_epoll_refuses);
  g_test_add_func ("/core/net/lane-wait/asks_for_the_shortest_slice_for_itself_alone", asks_for_the_shortest_slice_for_itself_alone);
  return g_test_run ();
}
