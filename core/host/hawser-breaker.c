/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The circuit breaker of one sink runner. It adds no pause of its own: while it is open, the write whose backoff ends
 * first is the probe, so that the times of attempts follow one envelope whether it is open or not. */

#include "hawser-breaker-private.h"

static const GEnumValue state_values[] = {
  { HAWSER_BREAKER_CLOSED, "HAWSER_BREAKER_CLOSED", "closed" },
  { HAWSER_BREAKER_OPEN, "HAWSER_BREAKER_OPEN", "open" },
  { HAWSER_BREAKER_HALF_OPEN, "HAWSER_BREAKER_HALF_OPEN", "half-open" },
  { 0, NULL, NULL },
};

GType
hawser_breaker_state_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserBreakerState", state_values));
  return type;
}

gboolean
hawser_breaker_admits (const HawserBreaker *self, gboolean is_due)
{
  return self->state == HAWSER_BREAKER_CLOSED || (self->state == HAWSER_BREAKER_OPEN && is_due);
}

void
hawser_breaker_begin (HawserBreaker *self)
{
  if (self->state == HAWSER_BREAKER_OPEN)
    self->state = HAWSER_BREAKER_HALF_OPEN;
}

void
hawser_breaker_end (HawserBreaker *self, gboolean ok)
{
  if (ok)
    {
      self->n_failures = 0;
      self->state = HAWSER_BREAKER_CLOSED;
      return;
    }
  self->n_failures++;
  if (self->state == HAWSER_BREAKER_HALF_OPEN)
    self->state = HAWSER_BREAKER_OPEN;
  else if (self->state == HAWSER_BREAKER_CLOSED && self->threshold > 0 && self->n_failures >= self->threshold)
    {
      self->state = HAWSER_BREAKER_OPEN;
      self->n_opened++;
    }
}

void
hawser_breaker_cancel (HawserBreaker *self)
{
  if (self->state == HAWSER_BREAKER_HALF_OPEN)
    self->state = HAWSER_BREAKER_OPEN;
}
