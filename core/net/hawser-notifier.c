/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Notifications that are put together: see the header. Nothing here is on the way of a message but a look at the timer. */

#include "hawser-notifier-private.h"

#define NOTIFY_US (100 * 1000) /* ours: ten times a second is enough for eyes */

static void
tell (HawserNotifier *self, guint i)
{
  GParamSpec *pspec = self->props[i];
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  g_object_get_property (self->object, pspec->name, &value);
  if (g_param_values_cmp (pspec, &self->told[i], &value) == 0)
    return;
  g_value_copy (&value, &self->told[i]);
  g_object_notify_by_pspec (self->object, pspec);
}

static void
on_due (HawserTimer *timer)
{
  HawserNotifier *self = (HawserNotifier *) ((char *) timer - G_STRUCT_OFFSET (HawserNotifier, timer));
  g_autoptr (GObject) object = g_object_ref (self->object);

  if (self->told == NULL)
    {
      self->told = g_new0 (GValue, self->n_props);
      for (guint i = 0; i < self->n_props; i++)
        g_param_value_set_default (self->props[i], g_value_init (&self->told[i], self->props[i]->value_type));
    }
  g_object_freeze_notify (object);
  for (guint i = 0; i < self->n_props; i++)
    tell (self, i);
  g_object_thaw_notify (object);
}

void
hawser_notifier_init (HawserNotifier *self, gpointer object, HawserLane *lane, GParamSpec * const *props, guint n_props)
{
  *self = (HawserNotifier) { .object = object, .lane = hawser_lane_ref (lane), .props = props, .n_props = n_props };
}

void
hawser_notifier_changed (HawserNotifier *self)
{
  /* the clock and not the turn's time: some of those who call are not called by the lane */
  if (self->lane != NULL && !hawser_timer_is_armed (&self->timer))
    hawser_timer_arm (&self->timer, self->lane, hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane)) + NOTIFY_US, on_due);
}

void
hawser_notifier_clear (HawserNotifier *self)
{
  hawser_timer_disarm (&self->timer);
  for (guint i = 0; self->told != NULL && i < self->n_props; i++)
    g_value_unset (&self->told[i]);
  g_clear_pointer (&self->told, g_free);
  g_clear_pointer (&self->lane, hawser_lane_unref);
}
