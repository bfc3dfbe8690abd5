/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A scripted sink behind a runner, under a clock that moves when the test says so: what the tests of the runner share. */

#include <hawser/hawser.h>

#include "hawser-sink-private.h"

G_BEGIN_DECLS

#define SECOND ((gint64) G_USEC_PER_SEC)
#define STEP_US 10000           /* how far the clock moves at a time: above the 8 ms of the timer wheel */

typedef enum { SAY_DONE, SAY_TEMPORARY, SAY_PERMANENT, SAY_GONE, SAY_NOTHING, SAY_TWICE, SAY_LET_GO } Answer;

/* One write, as the sink saw it. */
typedef struct {
  gint64 time_us;
  guint n, attempt, n_repeated;
  gsize n_bytes;
  char *key, *first, *last;
} Seen;

#define TEST_TYPE_SINK (test_sink_get_type ())
G_DECLARE_FINAL_TYPE (TestSink, test_sink, TEST, SINK, GObject)

struct _TestSink {
  GObject parent_instance;
  HawserClock *clock;
  GArray *seen;                /* of Seen */
  Answer answer;               /* to everything */
  guint n_failures;            /* of the first attempts; then done */
  gint64 retry_after_us;
  const char *poison;          /* a payload that is refused */
  gboolean has_keys;
  gboolean replies;
  guint max_batch;
  guint n_stopped;
  HawserSinkWrite *held;
};

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  TestSink *sink;
  HawserSinkRunner *runner;
  GPtrArray *letters;          /* of HawserMessage: what arrived in dead/# and replies/# */
} Fixture;

TestSink            *sink_fixture_make_sink (HawserClock *clock);
void                 sink_fixture_answer    (TestSink *sink, HawserSinkWrite *write, Answer what);

void                 sink_fixture_set_up    (Fixture *f, gconstpointer data);
void                 sink_fixture_tear_down (Fixture *f, gconstpointer data);

/* Starts the runner. */
void                 run                    (Fixture *f);
void                 publish                (Fixture *f, const char *topic, const char *text);
/* Everything that is due now. */
void                 settle                 (void);
/* Time goes by, a step after the other. */
void                 pass                   (Fixture *f, gint64 us);
/* The i-th write; there must be one. */
Seen                *seen                   (Fixture *f, guint i);
/* The figures, which add up. */
HawserSinkStatistics figures                (Fixture *f);

#define SINK_FACT(path, func) g_test_add ("/sink/" path, Fixture, NULL, sink_fixture_set_up, func, sink_fixture_tear_down)

G_END_DECLS
