/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Buckets: 0 to 127 us one each, then 64 for each power of two. */

#include "tool-histogram.h"

#define SUB_BITS 6
#define SUB (1 << SUB_BITS)

static guint
bucket_of (guint64 value)
{
  guint shift;

  if (value < 2 * SUB)
    return (guint) value;
  shift = (guint) (63 - __builtin_clzll (value)) - SUB_BITS;
  return MIN (shift * SUB + (guint) (value >> shift), TOOL_HISTOGRAM_N_BUCKETS - 1);
}

static guint64
end_of_bucket (guint bucket)
{
  guint shift;

  if (bucket < 2 * SUB)
    return bucket;
  shift = bucket / SUB - 1;
  return ((guint64) (bucket - shift * SUB + 1) << shift) - 1;
}

void
tool_histogram_add (ToolHistogram *self, guint64 value_us)
{
  self->counts[bucket_of (value_us)]++;
  self->min_us = self->n == 0 ? value_us : MIN (self->min_us, value_us);
  self->max_us = MAX (self->max_us, value_us);
  self->sum_us += value_us;
  self->n++;
}

guint64
tool_histogram_percentile (const ToolHistogram *self, double percent)
{
  guint64 wanted = (guint64) ((double) self->n * percent / 100 + 0.999999), seen = 0;

  if (self->n == 0 || percent <= 0)
    return self->min_us;
  for (guint i = 0; i < TOOL_HISTOGRAM_N_BUCKETS; i++)
    {
      seen += self->counts[i];
      if (seen >= wanted)
        return CLAMP (end_of_bucket (i), self->min_us, self->max_us);
    }
  return self->max_us;
}

double
tool_histogram_mean (const ToolHistogram *self)
{
  return self->n > 0 ? (double) self->sum_us / (double) self->n : 0;
}
