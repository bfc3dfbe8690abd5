/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GLib waits in poll() and the lane then asks its epoll what is there: two system calls to hear of one message, and the
 * first one costs more because it looks through the second. A lane that may do the waiting takes the few other
 * descriptors of its context into its epoll, and hears of everything by one call. Context: the lane's. */

#include "hawser-lane-wait-private.h"

#include <string.h>
#include <sys/epoll.h>

#define SAME(glib, kernel) G_STATIC_ASSERT ((int) (glib) == (int) (kernel))
SAME (G_IO_IN, EPOLLIN);
SAME (G_IO_OUT, EPOLLOUT);
SAME (G_IO_PRI, EPOLLPRI);
SAME (G_IO_ERR, EPOLLERR);
SAME (G_IO_HUP, EPOLLHUP);
#undef SAME

/* No HawserPollable is at an odd address. */
static gpointer
mark_of (guint index)
{
  return GUINT_TO_POINTER (index << 1 | 1);
}

gboolean
hawser_lane_is_other (gconstpointer data)
{
  return GPOINTER_TO_UINT (data) & 1;
}

void
hawser_lane_others_leave (HawserLaneOthers *self, int epoll_fd)
{
  for (guint i = 0; self->is_joined && i < self->n_known; i++)
    epoll_ctl (epoll_fd, EPOLL_CTL_DEL, self->known[i].fd, NULL); /* one that was closed left by itself */
  self->is_joined = FALSE;
}

static gboolean
join (HawserLaneOthers *self, int epoll_fd)
{
  for (guint i = 0; i < self->n_known; i++)
    {
      struct epoll_event event = { .events = self->known[i].events, .data.ptr = mark_of (i) };

      if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, self->known[i].fd, &event) != 0)
        {
          /* a file, or asked for twice: not for epoll */
          while (i-- > 0)
            epoll_ctl (epoll_fd, EPOLL_CTL_DEL, self->known[i].fd, NULL);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
is_known (HawserLaneOthers *self, int epoll_fd, const GPollFD *fds, guint n_fds)
{
  guint n = 0;

  for (guint i = 0; i < n_fds; i++)
    if (fds[i].fd != epoll_fd)
      {
        if (n == self->n_known || self->known[n].fd != fds[i].fd || self->known[n].events != fds[i].events)
          return FALSE;
        n++;
      }
  return n == self->n_known;
}

static void
learn (HawserLaneOthers *self, int epoll_fd, const GPollFD *fds, guint n_fds)
{
  hawser_lane_others_leave (self, epoll_fd);
  self->n_known = 0;
  for (guint i = 0; i < n_fds; i++)
    if (fds[i].fd != epoll_fd)
      self->known[self->n_known++] = fds[i];
}

gboolean
hawser_lane_others_follow (HawserLaneOthers *self, int epoll_fd, const GPollFD *fds, guint n_fds)
{
  gboolean has_lane = FALSE;

  for (guint i = 0; i < n_fds && !has_lane; i++)
    has_lane = fds[i].fd == epoll_fd && fds[i].events & G_IO_IN;
  if (!has_lane || n_fds > HAWSER_LANE_MAX_OTHERS)
    return FALSE;
  if (!is_known (self, epoll_fd, fds, n_fds))
    {
      learn (self, epoll_fd, fds, n_fds);
      return FALSE;
    }
  if (!self->is_joined)
    self->is_joined = join (self, epoll_fd);
  return self->is_joined;
}

void
hawser_lane_others_report (HawserLaneOthers *self, gconstpointer data, guint32 events, GPollFD *fds, guint n_fds)
{
  const GPollFD *known = &self->known[GPOINTER_TO_UINT (data) >> 1];

  for (guint i = 0; i < n_fds; i++)
    if (fds[i].fd == known->fd)
      fds[i].revents = events & (known->events | G_IO_ERR | G_IO_HUP);
}
