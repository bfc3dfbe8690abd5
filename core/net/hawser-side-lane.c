/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A thread with a lane: sockets, TLS and frames of WebSockets of a share of the connections, while sessions, routing and
 * encoding stay on the bus's lane (docs/decisions/lanes.md). Made and freed by the bus, when `threads` asks for more
 * than one lane. Context: as the header says for each call. */

#include "hawser-side-lane-private.h"

#define MAX_AHEAD (8u << 20)   /* of all its connections: what the bus's lane has not got round to; more waits in the kernel */

struct _HawserSideLane {
  HawserLane *home, *lane;
  HawserHandover *out, *back;
  GMainContext *context;
  GThread *thread;
  guint load;

  /* The side lane's. */
  gboolean is_over;
  gsize ahead;
  HawserReadAhead *waiting;
};

static gpointer
run (gpointer data)
{
  HawserSideLane *self = data;

  g_main_context_push_thread_default (self->context);
  hawser_lane_wait_here (self->lane);
  hawser_lane_expect_company (self->lane);
  while (!self->is_over)
    g_main_context_iteration (self->context, TRUE);
  hawser_lane_flush (self->lane);
  hawser_lane_leave_here (self->lane);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static void
on_end (gpointer data)
{
  ((HawserSideLane *) data)->is_over = TRUE;
}

HawserSideLane *
hawser_side_lane_new (HawserLane *home, guint number)
{
  HawserSideLane *self = g_new0 (HawserSideLane, 1);
  g_autofree char *name = g_strdup_printf ("hawser-lane-%u", number);

  hawser_lane_expect_company (home);
  self->context = g_main_context_new ();
  self->home = hawser_lane_ref (home);
  self->lane = hawser_lane_new (self->context, NULL); /* no manual clock: what is timed is timed on the home lane */
  hawser_lane_set_busy_poll (self->lane, hawser_lane_get_busy_poll (home));
  self->out = hawser_handover_new (home, self->lane);
  self->back = hawser_handover_new (self->lane, home);
  self->thread = g_thread_new (name, run, self);
  return self;
}

void
hawser_side_lane_free (HawserSideLane *self)
{
  if (self == NULL)
    return;
  hawser_handover_send (self->out);
  hawser_lane_post (self->lane, on_end, self);
  g_thread_join (self->thread);
  while (hawser_handover_settle (self->back) || hawser_handover_settle (self->out))
    ; /* what arrives may send something back */
  hawser_handover_free (self->out);
  hawser_handover_free (self->back);
  hawser_lane_unref (self->lane);
  hawser_lane_unref (self->home);
  g_main_context_unref (self->context);
  g_free (self);
}

HawserLane *
hawser_side_lane_get_home (HawserSideLane *self)
{
  return self->home;
}

HawserLane *
hawser_side_lane_get_lane (HawserSideLane *self)
{
  return self->lane;
}

HawserHandover *
hawser_side_lane_get_out (HawserSideLane *self)
{
  return self->out;
}

HawserHandover *
hawser_side_lane_get_back (HawserSideLane *self)
{
  return self->back;
}

guint *
hawser_side_lane_get_load (HawserSideLane *self)
{
  return &self->load;
}

gboolean
hawser_side_lane_may_read (HawserSideLane *self)
{
  return self->ahead < MAX_AHEAD;
}

void
hawser_side_lane_wait (HawserSideLane *self, HawserReadAhead *waiting)
{
  if (waiting->link != NULL)
    return;
  waiting->next = self->waiting;
  if (waiting->next != NULL)
    waiting->next->link = &waiting->next;
  waiting->link = &self->waiting;
  self->waiting = waiting;
}

void
hawser_side_lane_stop_waiting (HawserReadAhead *waiting)
{
  if (waiting->link == NULL)
    return;
  *waiting->link = waiting->next;
  if (waiting->next != NULL)
    waiting->next->link = waiting->link;
  waiting->link = NULL;
}

void
hawser_side_lane_count_ahead (HawserSideLane *self, gssize difference)
{
  self->ahead = (gsize) ((gssize) self->ahead + difference);
  while (self->ahead < MAX_AHEAD / 2 && self->waiting != NULL)
    {
      HawserReadAhead *waiting = self->waiting;

      hawser_side_lane_stop_waiting (waiting);
      waiting->resume (waiting);
    }
}
