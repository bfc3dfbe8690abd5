/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The token bucket of every rate that a peer is held to. Who is asked and what follows is hawser-meter.c and
 * hawser-listener.c. Context: any thread. */

#include "hawser-token-bucket.h"

#define MAX_DEBT_NS (3600 * G_GINT64_CONSTANT (1000000000)) /* ours: a debt nobody waits for; one payload of 256 MiB at a byte a second must not overflow */

void
hawser_token_rate_set (HawserTokenRate *self, double per_second, gint64 burst_us)
{
  self->ns_per_token = per_second > 0 ? 1e9 / per_second : 0;
  self->depth_ns = burst_us * 1000;
}

gint64
hawser_token_bucket_take (HawserTokenBucket *self, const HawserTokenRate *rate, guint64 n, gint64 now_us)
{
  gint64 now_ns = now_us * 1000, old_ns = __atomic_load_n (&self->full_ns, __ATOMIC_RELAXED), full_ns;
  double cost_ns = (double) n * rate->ns_per_token;

  if (rate->ns_per_token == 0)
    return 0;
  do
    full_ns = MIN (MAX (old_ns, now_ns) + (gint64) MIN (cost_ns, (double) MAX_DEBT_NS), now_ns + rate->depth_ns + MAX_DEBT_NS);
  while (!__atomic_compare_exchange_n (&self->full_ns, &old_ns, full_ns, TRUE, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return hawser_token_bucket_get_debt_us (self, rate, now_us);
}

gint64
hawser_token_bucket_get_debt_us (const HawserTokenBucket *self, const HawserTokenRate *rate, gint64 now_us)
{
  gint64 owed_ns;

  if (rate->ns_per_token == 0)
    return 0;
  /* the token that is asked for next must fit below the rim */
  owed_ns = __atomic_load_n (&self->full_ns, __ATOMIC_RELAXED) - now_us * 1000 - rate->depth_ns + (gint64) MIN (rate->ns_per_token, (double) rate->depth_ns);
  return owed_ns > 0 ? (owed_ns + 999) / 1000 : 0;
}

gboolean
hawser_token_bucket_is_full (const HawserTokenBucket *self, gint64 now_us)
{
  return __atomic_load_n (&self->full_ns, __ATOMIC_RELAXED) <= now_us * 1000;
}
