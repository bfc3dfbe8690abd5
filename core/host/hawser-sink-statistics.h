/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* The counters of a sink runner in one call, for metrics and listings. C only. */

#include "hawser-sink-runner.h"

G_BEGIN_DECLS

#define HAWSER_SINK_N_DURATIONS 10

/* Upper bounds of the buckets of `durations` in microseconds; the last bucket has none. */
HAWSER_AVAILABLE_IN_ALL
const gint64 hawser_sink_duration_bounds[HAWSER_SINK_N_DURATIONS - 1];

/* Messages since the runner was made; n_taken = n_written + n_dead_letters + n_given_up + n_filtered + n_expired + those
 * in memory, as long as it is not stopped with some in memory. */
typedef struct {
  guint64 n_taken;
  guint64 n_written;          /* safe at the destination */
  guint64 n_dead_letters;     /* published to the dead-letter topic */
  guint64 n_given_up;         /* refused, and there is no dead-letter topic */
  guint64 n_filtered;         /* the filter expression was not true */
  guint64 n_expired;          /* their expiry passed before they were written */
  guint64 n_in_memory;        /* now */
  guint64 n_writes;           /* attempts that ended */
  guint64 n_succeeded, n_temporary, n_permanent;   /* attempts by outcome */
  guint64 n_retries;          /* attempts that were not the first */
  guint64 n_replies;          /* published */
  guint64 n_opened;           /* times the circuit breaker opened */
  guint64 written_bytes;      /* payloads */
  gint64 duration_us_total;
  gint64 duration_us_max;
  guint64 durations[HAWSER_SINK_N_DURATIONS];
} HawserSinkStatistics;

HAWSER_AVAILABLE_IN_ALL
void hawser_sink_runner_get_statistics (HawserSinkRunner     *self,
                                        HawserSinkStatistics *out_statistics);

G_END_DECLS
