/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To fall asleep and to be woken can take more of a processor than to stay awake until the next message, above all in a
 * virtual machine. A lane looks for it awake while the measured gaps are shorter than that, so that it answers sooner and
 * costs less; and less and less often where looking brings nothing, because who would send waits for this very
 * processor. Pure functions. Context: the lane. */

#include "hawser-spin-private.h"

#define WEIGHT 8          /* of what was measured before, against the last */
#define PATIENCE 2        /* times what a sleep takes: gaps vary */
#define LONG_GAP 8        /* times max_us: a longer one says no more than that */
#define MAX_PENALTY 1023
#define SAMPLE 8          /* one sleep in so many is measured */

void
hawser_spin_init (HawserSpin *self, gint64 max_us)
{
  *self = (HawserSpin) { .max_us = max_us, .gap_ns = 1000 * max_us * LONG_GAP };
}

gint64
hawser_spin_get_us (HawserSpin *self)
{
  if (2 * self->gap_ns >= 3 * self->sleep_ns)
    return 0; /* a little more than it costs, because gaps are measured longer asleep than awake */
  if (self->n_skip == 0)
    return MIN (self->max_us, self->sleep_ns * PATIENCE / 1000 + 1);
  self->n_skip--;
  return 0;
}

void
hawser_spin_learn_gap (HawserSpin *self, gint64 took_us, gboolean looked, gboolean slept)
{
  gint64 gap_ns = 1000 * MIN (took_us, self->max_us * LONG_GAP);

  if (slept)
    gap_ns -= MIN (gap_ns, self->sleep_ns); /* awake we would have seen it so much sooner */
  self->gap_ns += (gap_ns - self->gap_ns) / WEIGHT;
  if (!looked)
    return;
  if (!slept)
    {
      self->penalty -= MIN (self->penalty, 1);
      return;
    }
  self->penalty = MIN (2 * self->penalty + 2, MAX_PENALTY); /* one look in vain costs more than one success saves */
  self->n_skip = self->penalty;
}

gboolean
hawser_spin_wants_sleep (HawserSpin *self)
{
  return self->n_slept++ % SAMPLE == 0;
}

void
hawser_spin_learn_sleep (HawserSpin *self, gint64 cpu_ns)
{
  self->sleep_ns += (CLAMP (cpu_ns, 0, 1000 * self->max_us) - self->sleep_ns) / WEIGHT;
}
