/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The only place where time comes from. The system clock reads the kernel; a manual clock moves when a test says so.
 * Lanes read it once a turn. A manual clock that moves wakes the lanes that registered with it, so a test never sleeps. */

#include "hawser-clock.h"
#include "hawser-clock-private.h"

struct _HawserClock {
  GObject parent_instance;
  gboolean is_manual;
  GMutex lock;              /* manual only */
  gint64 monotonic_us;
  gint64 wall_us;
  GPtrArray *watches;       /* of HawserClockWatch, not owned */
};

G_DEFINE_FINAL_TYPE (HawserClock, hawser_clock, G_TYPE_OBJECT)

static void
finalize (GObject *object)
{
  HawserClock *self = HAWSER_CLOCK (object);

  g_ptr_array_unref (self->watches);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (hawser_clock_parent_class)->finalize (object);
}

static void
hawser_clock_class_init (HawserClockClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_clock_init (HawserClock *self)
{
  g_mutex_init (&self->lock);
  self->watches = g_ptr_array_new ();
}

/**
 * hawser_clock_get_system:
 *
 * Context: any thread.
 *
 * Returns: (transfer none): the clock of the machine
 * Since: 0.1
 */
HawserClock *
hawser_clock_get_system (void)
{
  static gsize system_clock;

  if (g_once_init_enter (&system_clock))
    g_once_init_leave (&system_clock, (gsize) g_object_new (HAWSER_TYPE_CLOCK, NULL));
  return (HawserClock *) system_clock;
}

/**
 * hawser_clock_new_manual:
 * @monotonic_us: start of the monotonic time, in microseconds
 * @wall_us: start of the wall time, microseconds since 1970-01-01 UTC
 *
 * Makes a clock that stands still until hawser_clock_advance().
 *
 * Context: any thread.
 *
 * Returns: (transfer full): a clock for tests and simulations
 * Since: 0.1
 */
HawserClock *
hawser_clock_new_manual (gint64 monotonic_us, gint64 wall_us)
{
  HawserClock *self = g_object_new (HAWSER_TYPE_CLOCK, NULL);

  self->is_manual = TRUE;
  self->monotonic_us = monotonic_us;
  self->wall_us = wall_us;
  return self;
}

/**
 * hawser_clock_get_monotonic_us:
 * @self: a clock
 *
 * Context: any thread.
 *
 * Returns: microseconds of a time that never goes back
 * Since: 0.1
 */
gint64
hawser_clock_get_monotonic_us (HawserClock *self)
{
  gint64 now;

  if (!self->is_manual)
    return g_get_monotonic_time ();
  g_mutex_lock (&self->lock);
  now = self->monotonic_us;
  g_mutex_unlock (&self->lock);
  return now;
}

/**
 * hawser_clock_get_wall_us:
 * @self: a clock
 *
 * Context: any thread.
 *
 * Returns: microseconds since 1970-01-01 UTC; may jump when somebody sets the clock of the machine
 * Since: 0.1
 */
gint64
hawser_clock_get_wall_us (HawserClock *self)
{
  gint64 now;

  if (!self->is_manual)
    return g_get_real_time ();
  g_mutex_lock (&self->lock);
  now = self->wall_us;
  g_mutex_unlock (&self->lock);
  return now;
}

/**
 * hawser_clock_is_manual:
 * @self: a clock
 *
 * Context: any thread.
 *
 * Returns: whether the clock moves only by hawser_clock_advance()
 * Since: 0.1
 */
gboolean
hawser_clock_is_manual (HawserClock *self)
{
  return self->is_manual;
}

/**
 * hawser_clock_advance:
 * @self: a manual clock
 * @us: microseconds to go forward, not negative
 *
 * Moves both times and wakes every lane that runs on this clock; timers that became due run in their next turn.
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_clock_advance (HawserClock *self, gint64 us)
{
  g_return_if_fail (self->is_manual && us >= 0);

  g_mutex_lock (&self->lock);
  self->monotonic_us += us;
  self->wall_us += us;
  for (guint i = 0; i < self->watches->len; i++)
    {
      HawserClockWatch *watch = g_ptr_array_index (self->watches, i);

      watch->moved (watch);
    }
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_clock_set_wall_us:
 * @self: a manual clock
 * @wall_us: microseconds since 1970-01-01 UTC
 *
 * Lets the wall time jump, as an operator or NTP does; monotonic time is not touched.
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_clock_set_wall_us (HawserClock *self, gint64 wall_us)
{
  g_return_if_fail (self->is_manual);

  g_mutex_lock (&self->lock);
  self->wall_us = wall_us;
  g_mutex_unlock (&self->lock);
}

void
hawser_clock_add_watch (HawserClock *self, HawserClockWatch *watch)
{
  if (!self->is_manual)
    return;
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->watches, watch);
  g_mutex_unlock (&self->lock);
}

void
hawser_clock_remove_watch (HawserClock *self, HawserClockWatch *watch)
{
  if (!self->is_manual)
    return;
  g_mutex_lock (&self->lock);
  g_ptr_array_remove_fast (self->watches, watch);
  g_mutex_unlock (&self->lock);
}
