/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: what a publisher asked to be answered for, besides the commits: sinks that shall have had the message. Positions that
 * are waited for hang at the durable receivers that give them away: each has a list for it, NULL while there is none. One lane. */

#include "hawser-lane-private.h"
#include "hawser-pending.h"
#include "hawser-wishes.h"

G_BEGIN_DECLS

/* @watched: the list of the receiver of each sink of @wishes, in their order. It is freed with @pending. */
void hawser_labels_new      (HawserPending       *pending,
                             HawserLane          *lane,
                             const HawserWishes  *wishes,
                             GPtrArray          **watched[],
                             guint64              position);
/* The message at @position left a receiver: @is_done, because it is where it belongs. */
void hawser_labels_settle   (GPtrArray          **watched,
                             guint64              position,
                             gboolean             is_done);
/* The receiver goes. */
void hawser_labels_drop_all (GPtrArray          **watched);

G_END_DECLS
