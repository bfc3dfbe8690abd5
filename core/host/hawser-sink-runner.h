/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-breaker.h"
#include "hawser-bus.h"
#include "hawser-sink.h"

G_BEGIN_DECLS

/**
 * HawserSinkState:
 * @HAWSER_SINK_STATE_STOPPED: not started, or stopped; messages wait in the spool
 * @HAWSER_SINK_STATE_RUNNING: the last write succeeded, or there was none yet
 * @HAWSER_SINK_STATE_FAILING: the last write failed; it is tried again
 * @HAWSER_SINK_STATE_PAUSED: no write begins until somebody resumes it
 * @HAWSER_SINK_STATE_DRAINING: what is queued is written, then it stops
 *
 * What a sink runner is doing.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_SINK_STATE_STOPPED,
  HAWSER_SINK_STATE_RUNNING,
  HAWSER_SINK_STATE_FAILING,
  HAWSER_SINK_STATE_PAUSED,
  HAWSER_SINK_STATE_DRAINING,
} HawserSinkState;

#define HAWSER_TYPE_SINK_STATE (hawser_sink_state_get_type())
HAWSER_AVAILABLE_IN_ALL
GType              hawser_sink_state_get_type           (void) G_GNUC_CONST;

#define HAWSER_TYPE_SINK_RUNNER (hawser_sink_runner_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserSinkRunner, hawser_sink_runner, HAWSER, SINK_RUNNER, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserSinkRunner  *hawser_sink_runner_new               (HawserBus            *bus,
                                                         const char           *name,
                                                         HawserSink           *sink,
                                                         const char           *topic);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_sink_runner_start             (HawserSinkRunner     *self,
                                                         GError              **error);
HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_stop              (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_drain_async       (HawserSinkRunner     *self,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
HAWSER_AVAILABLE_IN_ALL
gboolean           hawser_sink_runner_drain_finish      (HawserSinkRunner     *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_pause             (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_resume            (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_flush             (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_reopen            (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_sink_runner_test_async        (HawserSinkRunner     *self,
                                                         GCancellable         *cancellable,
                                                         GAsyncReadyCallback   callback,
                                                         gpointer              user_data);
HAWSER_AVAILABLE_IN_ALL
char              *hawser_sink_runner_test_finish       (HawserSinkRunner     *self,
                                                         GAsyncResult         *result,
                                                         GError              **error);

HAWSER_AVAILABLE_IN_ALL
const char        *hawser_sink_runner_get_name          (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
HawserSink        *hawser_sink_runner_get_sink          (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
HawserSinkState    hawser_sink_runner_get_state         (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
HawserBreakerState hawser_sink_runner_get_breaker       (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
guint64            hawser_sink_runner_get_depth         (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
gint64             hawser_sink_runner_get_oldest_age_us (HawserSinkRunner     *self);
HAWSER_AVAILABLE_IN_ALL
const char        *hawser_sink_runner_get_last_error    (HawserSinkRunner     *self);

G_END_DECLS
