/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-lane.h"
#include "hawser-timer-wheel.h"

G_BEGIN_DECLS

/* Everything that epoll knows starts with this. */
typedef struct _HawserPollable HawserPollable;
struct _HawserPollable {
  void (*ready) (HawserPollable *self, guint32 events);
};

/* Something with output to send at the end of the turn; one link each, so no allocation. */
typedef struct _HawserDirty HawserDirty;
struct _HawserDirty {
  HawserDirty *next;
  void (*flush) (HawserDirty *self);
};

#define HAWSER_LANE_INPUT_SIZE (256 * 1024)   /* one read takes what a sender's full window holds */

gboolean hawser_lane_epoll_add    (HawserLane     *self,
                                   int             fd,
                                   guint32         events,
                                   HawserPollable *pollable);
void     hawser_lane_epoll_modify (HawserLane     *self,
                                   int             fd,
                                   guint32         events,
                                   HawserPollable *pollable);
void     hawser_lane_epoll_remove (HawserLane     *self,
                                   int             fd,
                                   HawserPollable *pollable);

/* @dirty->flush runs once, at the end of this turn, or of the next one when called outside a turn. */
void     hawser_lane_mark_dirty   (HawserLane     *self,
                                   HawserDirty    *dirty);
void     hawser_lane_unmark_dirty (HawserLane     *self,
                                   HawserDirty    *dirty);

/* What is dirty now, outside a turn: for closing. */
void     hawser_lane_flush        (HawserLane     *self);

/* The buffer that every read of this lane goes into. */
guint8  *hawser_lane_get_input    (HawserLane     *self);
/* @len bytes were read by a connection. */
void     hawser_lane_count_input  (HawserLane     *self,
                                   gsize           len);
/* @func (nullable) runs each time that @step more bytes were read, in the middle of the turn. */
void     hawser_lane_set_gauge    (HawserLane     *self,
                                   guint64         step,
                                   HawserLaneFunc  func,
                                   gpointer        data);
/* There is no memory for large packets. */
void     hawser_lane_set_tight    (HawserLane     *self,
                                   gboolean        is_tight);
gboolean hawser_lane_is_tight     (HawserLane     *self);
/* Memory of large payloads is in use: what is kept of it goes back some seconds after the last use. */
void     hawser_lane_note_blocks  (HawserLane     *self);
/* @len bytes that waited for a peer were freed at once: when they are many, the heap is given back some seconds later. */
void     hawser_lane_note_freed   (HawserLane     *self,
                                   gsize           len);
gboolean hawser_lane_is_current   (HawserLane     *self);

/* Takes back what was posted and did not run. */
void     hawser_lane_unpost       (HawserLane     *self,
                                   HawserLaneFunc  func,
                                   gpointer        data);
/* Other lanes will post in every turn: it is not woken while it is awake, and looks again before it sleeps. On the lane. */
void     hawser_lane_expect_company (HawserLane   *self);
/* The end of hawser_lane_wait_here(), for a lane that is freed on another thread. */
void     hawser_lane_leave_here   (HawserLane     *self);

/* Where it waits itself, it looks up to @max_us for what comes next before it sleeps; 0: it sleeps. For each lane that does,
 * the process needs a processor more than that. On the lane, or before it runs. */
void     hawser_lane_set_busy_poll (HawserLane    *self,
                                   gint64          max_us);
gint64   hawser_lane_get_busy_poll (HawserLane    *self);

/* The watchdog: a plugin was called since the round began, or since the last note. If that took so long that the others
 * waited for it, the log says whose plugin it was; @place (nullable): which instance, such as `listener 'mqtt'`. */
void     hawser_lane_note_call    (HawserLane     *self,
                                   const char     *role,
                                   const char     *name,
                                   const char     *place);
/* The same for a call that began at @began_us of the system's monotonic clock. */
void     hawser_lane_judge_call   (gint64          began_us,
                                   const char     *role,
                                   const char     *name,
                                   const char     *place);

/* Output chunks: two sizes, kept for reuse up to a bound. */
gpointer hawser_lane_take_chunk   (HawserLane     *self,
                                   gsize           min_size,
                                   gsize          *out_size);
void     hawser_lane_give_chunk   (HawserLane     *self,
                                   gpointer        chunk,
                                   gsize           size);

G_END_DECLS
