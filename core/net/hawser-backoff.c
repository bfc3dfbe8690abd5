/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Full jitter: each pause is drawn evenly from nothing to the ceiling, so that many clients of one server that failed
 * together do not come back together. Pure arithmetic: whoever waits brings the clock. */

#include "hawser-backoff.h"

/* splitmix64: any seed is good, and a test that knows the seed knows the pauses */
static guint64
draw (HawserBackoff *self)
{
  guint64 z = (self->random += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

void
hawser_backoff_init (HawserBackoff *self, gint64 initial_us, gint64 maximum_us, guint64 seed)
{
  g_return_if_fail (initial_us >= 0 && maximum_us >= 0);

  self->initial_us = initial_us;
  self->maximum_us = maximum_us;
  self->n_failures = 0;
  self->random = seed != 0 ? seed : ((guint64) g_random_int () << 32 | g_random_int ());
}

gint64
hawser_backoff_ceiling (const HawserBackoff *self, guint n_failures)
{
  gint64 ceiling = self->initial_us;

  for (guint i = 1; i < n_failures && ceiling < self->maximum_us; i++)
    ceiling = ceiling > G_MAXINT64 / 2 ? G_MAXINT64 : ceiling * 2;
  return MIN (ceiling, self->maximum_us);
}

gint64
hawser_backoff_fail (HawserBackoff *self)
{
  gint64 ceiling;

  if (self->n_failures < G_MAXUINT)
    self->n_failures++;
  ceiling = hawser_backoff_ceiling (self, self->n_failures);
  return (gint64) (draw (self) % ((guint64) ceiling + 1));
}

void
hawser_backoff_reset (HawserBackoff *self)
{
  self->n_failures = 0;
}
