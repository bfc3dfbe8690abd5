/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* A lane: one thread with one main context and one I/O reactor. With threads=0 the only lane runs in the context that
 * the bus was made on. Not introspected. */

#include "hawser-clock.h"
#include "hawser-timer.h"

G_BEGIN_DECLS

typedef void (*HawserLaneFunc) (gpointer data);

HAWSER_AVAILABLE_IN_ALL
HawserLane   *hawser_lane_new         (GMainContext   *context,
                                       HawserClock    *clock);
HAWSER_AVAILABLE_IN_ALL
HawserLane   *hawser_lane_ref         (HawserLane     *self);
HAWSER_AVAILABLE_IN_ALL
void          hawser_lane_unref       (HawserLane     *self);

/* Monotonic microseconds, read once at the start of each turn. */
HAWSER_AVAILABLE_IN_ALL
gint64        hawser_lane_get_now_us  (HawserLane     *self);
HAWSER_AVAILABLE_IN_ALL
HawserClock  *hawser_lane_get_clock   (HawserLane     *self);
HAWSER_AVAILABLE_IN_ALL
GMainContext *hawser_lane_get_context (HawserLane     *self);

/* The lane does the waiting of its context, which saves a system call for each message that comes alone. For whoever runs
 * the loop of that context on this thread and has set no poll function of its own (g_main_context_set_poll_func()); one
 * lane a thread, until it is freed there. The thread asks the kernel for short slices, so that it is woken sooner on a
 * busy processor. */
HAWSER_AVAILABLE_IN_ALL
void          hawser_lane_wait_here   (HawserLane     *self);

/* Runs @func on the lane in one of its next turns. Any thread; order of one caller is kept. */
HAWSER_AVAILABLE_IN_ALL
void          hawser_lane_post        (HawserLane     *self,
                                       HawserLaneFunc  func,
                                       gpointer        data);

/* Watches a descriptor that is not a connection (a listening socket, a library's own epoll). */
typedef struct _HawserWatch HawserWatch;
typedef void (*HawserWatchFunc) (HawserWatch *watch, guint32 epoll_events, gpointer data);

HAWSER_AVAILABLE_IN_ALL
HawserWatch  *hawser_lane_watch       (HawserLane      *self,
                                       int              fd,
                                       guint32          epoll_events,
                                       HawserWatchFunc  func,
                                       gpointer         data);
HAWSER_AVAILABLE_IN_ALL
void          hawser_watch_modify     (HawserWatch     *watch,
                                       guint32          epoll_events);
HAWSER_AVAILABLE_IN_ALL
void          hawser_watch_free       (HawserWatch     *watch);

G_END_DECLS
