/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of something may pass in a time: so many tokens a second, and what comes together of a while at once. Pure
 * functions over the time that the caller names. Private. */

#include "hawser-types.h"

G_BEGIN_DECLS

/* What is allowed; all zero: anything. */
typedef struct {
  double ns_per_token;     /* 0: no limit */
  gint64 depth_ns;         /* the bucket is full when nothing was taken for so long */
} HawserTokenRate;

/* One number, the time at which the bucket will be full again (the "theoretical arrival time" of ITU-T I.371), so that
 * several threads may take from it without a lock. Zeroed memory is a full bucket. */
typedef struct {
  gint64 full_ns;          /* on the caller's monotonic clock; atomic */
} HawserTokenBucket;

/* @per_second: 0 for no limit. @burst_us: what may come at once, as time of the rate, from 1. */
void   hawser_token_rate_set        (HawserTokenRate       *self,
                                     double                 per_second,
                                     gint64                 burst_us);
/* Takes @n whatever is there: what is missing is owed. Returns the debt after that, as hawser_token_bucket_get_debt_us(). */
gint64 hawser_token_bucket_take     (HawserTokenBucket     *self,
                                     const HawserTokenRate *rate,
                                     guint64                n,
                                     gint64                 now_us);
/* How long until something may be taken, microseconds, up to an hour and the burst; 0: now. */
gint64 hawser_token_bucket_get_debt_us (const HawserTokenBucket *self,
                                     const HawserTokenRate *rate,
                                     gint64                 now_us);
/* Nothing is remembered any more: a new one would be the same. */
gboolean hawser_token_bucket_is_full (const HawserTokenBucket *self,
                                     gint64                 now_us);

G_END_DECLS
