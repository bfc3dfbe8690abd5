/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times in microseconds, counted in buckets that are at most 1/64 wide of what they hold: percentiles of any number of values
 * in 16 KiB, as HdrHistogram does. Pure. */

#include <glib.h>

G_BEGIN_DECLS

#define TOOL_HISTOGRAM_N_BUCKETS 2048   /* up to 2^36 us, 19 hours */

typedef struct {
  guint64 counts[TOOL_HISTOGRAM_N_BUCKETS];
  guint64 n;
  guint64 sum_us;
  guint64 min_us, max_us;      /* exact */
} ToolHistogram;

void    tool_histogram_add        (ToolHistogram *self, guint64 value_us);
/* The value that @percent of all are not above; exact at 0 and 100, else the upper end of its bucket. */
guint64 tool_histogram_percentile (const ToolHistogram *self, double percent);
double  tool_histogram_mean       (const ToolHistogram *self);

G_END_DECLS
