/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-backoff.h"
#include "hawser-batcher-private.h"
#include "hawser-breaker-private.h"
#include "hawser-dead-letters-private.h"
#include "hawser-lane.h"
#include "hawser-message-filter.h"
#include "hawser-notifier-private.h"
#include "hawser-overflow.h"
#include "hawser-receiver.h"
#include "hawser-sink-private.h"
#include "hawser-sink-runner.h"
#include "hawser-sink-statistics.h"

G_BEGIN_DECLS

typedef struct {
  char *topic;
  char *dead_letter;
  char *filter;
  char *expires, *description;
  double spool_rate;
  guint batch_count, max_in_flight, max_attempts, breaker_failures, max_queued;
  guint64 batch_size, spool_limit, jitter_seed;
  gint64 batch_age, retry_initial, retry_maximum, write_timeout, max_age, ttl;
  HawserOverflow on_overflow;
} HawserSinkSettings;

/* In class_init() of the runner, after everything else. */
void   hawser_sink_settings_install     (GObjectClass             *klass);
gint64 hawser_sink_settings_get_max_age (const HawserSinkSettings *self);

struct _HawserSinkRunner {
  GObject parent_instance;
  HawserBus *bus;
  char *name;
  HawserSink *sink;
  HawserSinkSettings settings;

  HawserLane *lane;
  HawserDeadLetters *letters;    /* NULL: it has no dead-letter topic */
  HawserReceiver *receiver;      /* NULL: the bus ended it, or never started */
  HawserMessageFilter *filter;
  gboolean is_started;
  gboolean is_paused;
  gboolean is_draining;
  gboolean is_drain_failed;      /* an attempt failed while draining: the rest stays in the spool */
  gboolean is_failing;           /* the last attempt failed */
  gboolean is_busy;              /* a delivery was turned away; resume the receiver when there is room */
  gboolean has_room;             /* something left since then */
  gboolean is_pump_posted;
  gint64 started_us;
  gint64 not_before_us;          /* the destination asked for a pause */
  guint n_in_flight;             /* writes and dead letters under way */
  guint n_waiting;               /* attempts that wait for their retry */

  HawserBatcher batcher;
  HawserBreaker breaker;
  guint64 next_seed;
  HawserTimer timer;             /* the next age or retry */
  HawserNotifier notifier;
  GTask *drain;

  HawserSinkStatistics statistics;
  char *last_error;
};

/* hawser-sink-delivery.c: from a full batch to its outcome. All on the lane. */
void              hawser_sink_delivery_pump        (HawserSinkRunner    *self);
void              hawser_sink_delivery_post_pump   (HawserSinkRunner    *self);
/* Retries that wait are due now. */
void              hawser_sink_delivery_hurry       (HawserSinkRunner    *self);
/* Cancels what is under way and forgets what is in memory; unacknowledged messages are in the spool. */
void              hawser_sink_delivery_abandon     (HawserSinkRunner    *self);
void              hawser_sink_runner_set_error     (HawserSinkRunner    *self,
                                                    const char          *reason);
void              hawser_sink_runner_changed       (HawserSinkRunner    *self);
void              hawser_sink_runner_finish_drain  (HawserSinkRunner    *self);

G_END_DECLS
