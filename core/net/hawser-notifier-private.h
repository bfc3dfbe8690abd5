/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-lane.h"
#include "hawser-timer.h"

G_BEGIN_DECLS

/* Properties of an object that change with every message: whoever looks is told at most ten times a second, and only of those
 * that differ from what was told before. A field of the object it speaks for; on the object's lane. */
typedef struct {
  HawserTimer timer;
  GObject *object;
  HawserLane *lane;
  GParamSpec * const *props;    /* not ours */
  GValue *told;                 /* n_props of them; NULL: nothing was told yet */
  guint n_props;
} HawserNotifier;

/* @props: of @object, to be read by g_object_get_property(); they live as long as the class. */
void hawser_notifier_init    (HawserNotifier     *self,
                              gpointer            object,
                              HawserLane         *lane,
                              GParamSpec * const *props,
                              guint               n_props);
/* Some of them may be different now. */
void hawser_notifier_changed (HawserNotifier     *self);
/* In dispose() of the object: nothing is told from here on. */
void hawser_notifier_clear   (HawserNotifier     *self);

G_END_DECLS
