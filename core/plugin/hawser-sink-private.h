/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-sink.h"

G_BEGIN_DECLS

typedef enum {
  HAWSER_SINK_DONE,
  HAWSER_SINK_TEMPORARY,   /* try again later */
  HAWSER_SINK_PERMANENT,   /* never with this message */
  HAWSER_SINK_GONE,        /* never again with any message */
} HawserSinkResult;

typedef struct {
  HawserSinkResult result;
  guint n_safe;            /* 0..size of the batch; all of it when done */
  gint64 retry_after_us;   /* 0: the destination did not say */
  char *reason;            /* what failed, NULL when done */
  char *answer;            /* what the destination said, for people; nullable */
  GPtrArray *replies;      /* of HawserMessage; nullable */
} HawserSinkOutcome;

/* Runs once, on the thread that answers, possibly inside hawser_sink_write(). */
typedef void (*HawserSinkAnswered) (HawserSinkWrite *write,
                                    gpointer         data);

HawserSinkWrite         *hawser_sink_write_new         (HawserBatch        *batch,
                                                        const char         *key,
                                                        guint               attempt,
                                                        guint               n_repeated,
                                                        HawserSinkAnswered  answered,
                                                        gpointer            data);
/* After it was answered. */
const HawserSinkOutcome *hawser_sink_write_get_outcome (HawserSinkWrite    *self);

G_END_DECLS
