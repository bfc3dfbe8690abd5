/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lets a lane wait in its own epoll for the other descriptors of its main context too. */

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_LANE_MAX_OTHERS 16

/* The other descriptors that the context polls. Zeroed is right to begin with. */
typedef struct {
  GPollFD known[HAWSER_LANE_MAX_OTHERS];   /* in epoll, if is_joined */
  guint n_known;
  gboolean is_joined;
} HawserLaneOthers;

/* Whether epoll has just what @fds asks for besides @epoll_fd itself. A set that is new is taken in when it is asked
 * for a second time, so that one that changes all the time costs nothing. */
gboolean hawser_lane_others_follow (HawserLaneOthers *self,
                                    int               epoll_fd,
                                    const GPollFD    *fds,
                                    guint             n_fds);
void     hawser_lane_others_leave  (HawserLaneOthers *self,
                                    int               epoll_fd);
/* An event of epoll that is another's, and not a HawserPollable's. */
gboolean hawser_lane_is_other      (gconstpointer     data);
/* Its events go where GLib looks for them. */
void     hawser_lane_others_report (HawserLaneOthers *self,
                                    gconstpointer     data,
                                    guint32           events,
                                    GPollFD          *fds,
                                    guint             n_fds);

G_END_DECLS
