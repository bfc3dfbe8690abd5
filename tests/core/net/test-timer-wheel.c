/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wheel against a sorted list: whatever is armed runs once, never early, at most a tick late. */

#include "hawser-timer-wheel.h"

#define TICK HAWSER_WHEEL_TICK_US

typedef struct {
  HawserTimer timer;
  gint64 ran_us;
} Probe;

static gint64 now_us;

static void
note (HawserTimer *timer)
{
  Probe *probe = (Probe *) timer;

  g_assert_cmpint (probe->ran_us, ==, 0);
  probe->ran_us = now_us;
}

static void
arm (HawserTimerWheel *wheel, Probe *probe, gint64 due_us)
{
  probe->ran_us = 0;
  probe->timer.due_us = due_us;
  probe->timer.func = note;
  hawser_timer_wheel_add (wheel, &probe->timer);
}

static void
test_random (void)
{
  static const gint64 spans[] = { 1, 50 * TICK, 300 * TICK, 70000 * TICK, (gint64) 20000000 * TICK };
  const guint n = 2000;
  g_autofree Probe *probes = g_new0 (Probe, n);
  g_autofree HawserTimerWheel *wheel = g_new (HawserTimerWheel, 1);

  now_us = 1234567890123;
  hawser_timer_wheel_init (wheel, now_us);
  for (guint i = 0; i < n; i++)
    arm (wheel, &probes[i], now_us + 1 + (gint64) (g_test_rand_double () * (double) spans[i % G_N_ELEMENTS (spans)]));
  for (guint i = 0; i < n; i += 7)
    hawser_timer_wheel_remove (&probes[i].timer);

  for (;;)
    {
      gint64 next_us = hawser_timer_wheel_next_us (wheel);

      if (next_us < 0)
        break;
      g_assert_cmpint (next_us, >, now_us - TICK);
      now_us = MAX (next_us, now_us + 1);
      hawser_timer_wheel_run (wheel, now_us);
    }
  for (guint i = 0; i < n; i++)
    if (i % 7 == 0)
      g_assert_cmpint (probes[i].ran_us, ==, 0);
    else
      {
        g_assert_cmpint (probes[i].ran_us, >=, probes[i].timer.due_us);
        g_assert_cmpint (probes[i].ran_us, <=, probes[i].timer.due_us + 2 * TICK);
      }
}

static void
test_leap (void)
{
  g_autofree HawserTimerWheel *wheel = g_new (HawserTimerWheel, 1);
  Probe probes[3] = { 0 };

  now_us = 0;
  hawser_timer_wheel_init (wheel, 0);
  arm (wheel, &probes[0], 10 * TICK);
  arm (wheel, &probes[1], 1000 * TICK);
  arm (wheel, &probes[2], 100000 * TICK);
  now_us = 50000 * TICK;
  hawser_timer_wheel_run (wheel, now_us);
  g_assert_cmpint (probes[0].ran_us, ==, now_us);
  g_assert_cmpint (probes[1].ran_us, ==, now_us);
  g_assert_cmpint (probes[2].ran_us, ==, 0);
}

static guint n_repeats;

static void
rearm (HawserTimer *timer)
{
  HawserTimerWheel *wheel = *(HawserTimerWheel **) (timer + 1);

  if (++n_repeats == 10)
    return;
  timer->due_us = now_us; /* due already: runs in the next tick, not in this one for ever */
  hawser_timer_wheel_add (wheel, timer);
}

static void
test_rearm (void)
{
  g_autofree HawserTimerWheel *wheel = g_new (HawserTimerWheel, 1);
  struct { HawserTimer timer; HawserTimerWheel *wheel; } probe = { { 0 }, wheel };

  now_us = 0;
  n_repeats = 0;
  hawser_timer_wheel_init (wheel, 0);
  probe.timer.func = rearm;
  probe.timer.due_us = TICK;
  hawser_timer_wheel_add (wheel, &probe.timer);
  for (guint i = 1; i <= 10; i++)
    {
      now_us += TICK;
      hawser_timer_wheel_run (wheel, now_us);
      g_assert_cmpuint (n_repeats, ==, i);
    }
  g_assert_cmpint (hawser_timer_wheel_next_us (wheel), ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/timer-wheel/every-timer-runs-once-never-early-and-at-most-two-ticks-late", test_random);
  g_test_add_func ("/net/timer-wheel/a-leap-of-the-clock-runs-all-that-became-due", test_leap);
  g_test_add_func ("/net/timer-wheel/a-timer-may-arm-itself-again", test_rearm);
  return g_test_run ();
}
