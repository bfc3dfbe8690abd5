/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A lane with a thread of its own, which carries sockets for sessions that live on the bus's lane, and the two ways between
 * them. The sockets are hawser-carrier.c. */

#include "hawser-handover-private.h"

G_BEGIN_DECLS

typedef struct _HawserSideLane HawserSideLane;

/* On the lane @home, the bus's; the thread runs from here on. */
HawserSideLane  *hawser_side_lane_new         (HawserLane     *home,
                                               guint           number);
/* On the home lane, when nothing is carried any more: what was handed to it is done first, then its thread ends. */
void             hawser_side_lane_free        (HawserSideLane *self);
HawserLane      *hawser_side_lane_get_home    (HawserSideLane *self);
HawserLane      *hawser_side_lane_get_lane    (HawserSideLane *self);
/* To the side lane, and from it. */
HawserHandover  *hawser_side_lane_get_out     (HawserSideLane *self);
HawserHandover  *hawser_side_lane_get_back    (HawserSideLane *self);
/* Of the home lane: how many sockets it carries. */
guint           *hawser_side_lane_get_load    (HawserSideLane *self);

/* Of the side lane: bytes that were read and not given back by the home lane. While they are too many nobody is read;
 * @resume is called when that is over. */
typedef struct _HawserReadAhead HawserReadAhead;
struct _HawserReadAhead {
  HawserReadAhead *next, **link;  /* link NULL: does not wait */
  void (*resume) (HawserReadAhead *self);
};

gboolean         hawser_side_lane_may_read    (HawserSideLane  *self);
void             hawser_side_lane_wait        (HawserSideLane  *self,
                                               HawserReadAhead *waiting);
void             hawser_side_lane_stop_waiting (HawserReadAhead *waiting);
void             hawser_side_lane_count_ahead (HawserSideLane  *self,
                                               gssize           difference);

G_END_DECLS
