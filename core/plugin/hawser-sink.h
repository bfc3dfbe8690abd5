/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-batch.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_SINK_WRITE (hawser_sink_write_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserSinkWrite, hawser_sink_write, HAWSER, SINK_WRITE, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserBatch  *hawser_sink_write_get_batch       (HawserSinkWrite *self);
HAWSER_AVAILABLE_IN_ALL
GCancellable *hawser_sink_write_get_cancellable (HawserSinkWrite *self);
HAWSER_AVAILABLE_IN_ALL
guint         hawser_sink_write_get_attempt     (HawserSinkWrite *self);
HAWSER_AVAILABLE_IN_ALL
const char   *hawser_sink_write_get_key         (HawserSinkWrite *self);
HAWSER_AVAILABLE_IN_ALL
guint         hawser_sink_write_get_n_repeated  (HawserSinkWrite *self);
HAWSER_AVAILABLE_IN_ALL
void          hawser_sink_write_set_answer      (HawserSinkWrite *self,
                                                 const char      *answer);
HAWSER_AVAILABLE_IN_ALL
void          hawser_sink_write_add_reply       (HawserSinkWrite *self,
                                                 HawserMessage   *reply);
HAWSER_AVAILABLE_IN_ALL
void          hawser_sink_write_done            (HawserSinkWrite *self,
                                                 guint            n_safe);
HAWSER_AVAILABLE_IN_ALL
void          hawser_sink_write_fail_temporary  (HawserSinkWrite *self,
                                                 guint            n_safe,
                                                 const char      *reason,
                                                 gint64           retry_after_us);
HAWSER_AVAILABLE_IN_ALL
void          hawser_sink_write_fail_permanent  (HawserSinkWrite *self,
                                                 guint            n_safe,
                                                 const char      *reason);
HAWSER_AVAILABLE_IN_ALL
void          hawser_sink_write_fail_gone       (HawserSinkWrite *self,
                                                 guint            n_safe,
                                                 const char      *reason);

#define HAWSER_TYPE_SINK (hawser_sink_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserSink, hawser_sink, HAWSER, SINK, GObject)

/**
 * HawserSinkInterface:
 * @parent_iface: the parent interface
 * @start: (optional): the last moment to refuse a bad setting; opens nothing that may block
 * @write: takes one batch and answers through the #HawserSinkWrite, now or later, exactly once, on any thread
 * @write_batch: (optional): instead of @write, for a destination that may block: writes @batch, all of whose messages have
 *   @key, and returns how many from the front are safe. With an error the rest comes again later; with
 *   %HAWSER_ERROR_INVALID, %HAWSER_ERROR_MALFORMED or %HAWSER_ERROR_TOO_LARGE it never can be written as it is; with
 *   %HAWSER_ERROR_CLOSED the destination wants nothing any more. Runs on a worker thread, where no JavaScript may: one call
 *   at a time, and @stop and @reopen in their turn on the same
 * @stop: (optional): no write follows; release what is held
 * @dup_key: (optional): the object, partition or address that a message goes to, or %NULL; a write holds messages of one
 *   key only, and the order of one key is kept. Without it a write holds any messages, and all of them are one order
 * @get_max_batch: (optional): the most messages of one write, 0 for any
 * @reopen: (optional): let go of what is held open by name, because somebody moved it; the next write opens it again
 * @check: (optional): whether the settings fit together; opens nothing and makes nothing
 *
 * Writes batches to a destination that does not connect to us. Batching, retry, backoff, dead letters, the circuit
 * breaker and the spool are the sink runner's.
 *
 * Since: 0.1
 */
struct _HawserSinkInterface {
  GTypeInterface parent_iface;

  gboolean (*start)         (HawserSink       *self,
                             GError          **error);
  void     (*write)         (HawserSink       *self,
                             HawserSinkWrite  *write);
  void     (*stop)          (HawserSink       *self);
  char    *(*dup_key)       (HawserSink       *self,
                             HawserMessage    *message);
  guint    (*get_max_batch) (HawserSink       *self);
  void     (*reopen)        (HawserSink       *self);

  guint    (*write_batch)   (HawserSink       *self,
                             HawserBatch      *batch,
                             const char       *key,
                             GCancellable     *cancellable,
                             GError          **error);
  gboolean (*check)         (HawserSink       *self,
                             GError          **error);

  /*< private >*/
  gpointer reserved[3];
};

HAWSER_AVAILABLE_IN_ALL
gboolean hawser_sink_check         (HawserSink       *self,
                                    GError          **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_sink_start         (HawserSink       *self,
                                    GError          **error);
HAWSER_AVAILABLE_IN_ALL
void     hawser_sink_write         (HawserSink       *self,
                                    HawserSinkWrite  *write);
HAWSER_AVAILABLE_IN_ALL
void     hawser_sink_stop          (HawserSink       *self);
HAWSER_AVAILABLE_IN_ALL
char    *hawser_sink_dup_key       (HawserSink       *self,
                                    HawserMessage    *message);
HAWSER_AVAILABLE_IN_ALL
guint    hawser_sink_get_max_batch (HawserSink       *self);
HAWSER_AVAILABLE_IN_ALL
void     hawser_sink_reopen        (HawserSink       *self);

G_END_DECLS
