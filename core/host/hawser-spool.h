/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* What waits on the disk: queues of messages and small values, one log for all durable subscriptions and sinks.
 * C only. */

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_SPOOL (hawser_spool_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserSpool, hawser_spool, HAWSER, SPOOL, GObject)

/* When a commit is on the disk. In every mode the death of the process loses nothing that was acknowledged. */
typedef enum {
  HAWSER_SPOOL_SYNC_ALWAYS,    /* before it is acknowledged: a power failure loses nothing */
  HAWSER_SPOOL_SYNC_INTERVAL,  /* a power failure loses what was acknowledged in the last interval */
  HAWSER_SPOOL_SYNC_NEVER,     /* a power failure loses what the kernel had not written yet */
} HawserSpoolSync;

typedef enum {
  HAWSER_SPOOL_OPEN,
  HAWSER_SPOOL_FULL,           /* the disk has no room: appends fail, acknowledgements go on */
  HAWSER_SPOOL_FAILED,         /* the disk fails: everything fails until it works again */
  HAWSER_SPOOL_CLOSED,
} HawserSpoolState;

typedef struct {
  guint32 queue;
  const char *id;
  GBytes *meta;
  guint64 depth;               /* messages */
  guint64 bytes;               /* hawser_message_get_size() of each */
  guint64 first_position;      /* 0: empty */
  guint64 last_position;
  gint64 oldest_age_s;         /* 0: empty */
} HawserSpoolQueueInfo;

typedef struct {
  HawserSpoolState state;
  guint64 depth;               /* over all queues: a message in two of them counts twice */
  guint64 bytes;
  guint64 n_bytes_on_disk;
  guint64 n_commits;
  guint64 n_appended;
  guint64 n_acked;
  guint64 n_elided;            /* left all their queues before they were written */
  guint64 n_failed;            /* appends refused after they were taken */
  guint64 n_damaged;           /* records that did not survive on the disk */
  guint64 n_pending;           /* appended, not yet committed */
  guint64 commit_us_total;
  guint64 commit_us_max;
} HawserSpoolStats;

typedef struct {
  guint64 position;
  HawserMessage *message;
} HawserSpoolEntry;

/* All on the context that owns the spool, except the foreach functions, which are called at once. */
typedef void     (*HawserSpoolDone)        (gpointer                    data,
                                            gboolean                    ok,
                                            const GError               *error);
typedef void     (*HawserSpoolRead)        (gpointer                    data,
                                            const HawserSpoolEntry     *entries,
                                            guint                       n_entries,
                                            const GError               *error);
typedef void     (*HawserSpoolProblemFunc) (gpointer                    data,
                                            const char                 *text);
typedef void     (*HawserSpoolQueueFunc)   (gpointer                    data,
                                            const HawserSpoolQueueInfo *info);
typedef void     (*HawserSpoolGot)         (gpointer                    data,
                                            GBytes                     *value,    /* NULL: none */
                                            guint64                     revision,
                                            const GError               *error);
typedef void     (*HawserSpoolValueFunc)   (gpointer                    data,
                                            const char                 *key,
                                            GBytes                     *value);

HAWSER_AVAILABLE_IN_ALL
HawserSpool     *hawser_spool_new              (HawserStore            *store,
                                                const char             *path,
                                                HawserSpoolSync         sync,
                                                gint64                  interval_us,
                                                GError                **error);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_close            (HawserSpool            *self,
                                                gint64                  drain_us);

HAWSER_AVAILABLE_IN_ALL
guint64          hawser_spool_append           (HawserSpool            *self,
                                                HawserMessage          *message,
                                                const guint32          *queues,
                                                guint                   n_queues,
                                                HawserSpoolDone         done,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_spool_hold            (HawserSpool            *self);
HAWSER_AVAILABLE_IN_ALL
void            hawser_spool_release         (HawserSpool            *self);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_ack              (HawserSpool            *self,
                                                guint32                 queue,
                                                guint64                 position);
HAWSER_AVAILABLE_IN_ALL
guint64          hawser_spool_ack_through      (HawserSpool            *self,
                                                guint32                 queue,
                                                guint64                 position);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_read             (HawserSpool            *self,
                                                guint32                 queue,
                                                guint64                 after_position,
                                                guint                   max_messages,
                                                gsize                   max_bytes,
                                                HawserSpoolRead         func,
                                                gpointer                data);

HAWSER_AVAILABLE_IN_ALL
guint32          hawser_spool_add_queue        (HawserSpool            *self,
                                                const char             *id,
                                                GBytes                 *meta);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_update_queue     (HawserSpool            *self,
                                                guint32                 queue,
                                                GBytes                 *meta);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_remove_queue     (HawserSpool            *self,
                                                guint32                 queue);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_foreach_queue    (HawserSpool            *self,
                                                HawserSpoolQueueFunc    func,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_spool_get_queue_info   (HawserSpool            *self,
                                                guint32                 queue,
                                                HawserSpoolQueueInfo   *out_info);

HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_put              (HawserSpool            *self,
                                                const char             *space,
                                                const char             *key,
                                                GBytes                 *value,
                                                HawserSpoolDone         done,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_put_if           (HawserSpool            *self,
                                                const char             *space,
                                                const char             *key,
                                                guint64                 if_revision,
                                                guint64                 revision,
                                                GBytes                 *value,
                                                HawserSpoolDone         done,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_get              (HawserSpool            *self,
                                                const char             *space,
                                                const char             *key,
                                                HawserSpoolGot          func,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_clear            (HawserSpool            *self,
                                                const char             *space,
                                                HawserSpoolDone         done,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_delete           (HawserSpool            *self,
                                                const char             *space,
                                                const char             *key,
                                                HawserSpoolDone         done,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_spool_foreach_value    (HawserSpool            *self,
                                                const char             *space,
                                                HawserSpoolValueFunc    func,
                                                gpointer                data,
                                                GError                **error);

HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_flush_async      (HawserSpool            *self,
                                                GCancellable           *cancellable,
                                                GAsyncReadyCallback     callback,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_spool_flush_finish     (HawserSpool            *self,
                                                GAsyncResult           *result,
                                                GError                **error);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_set_limits       (HawserSpool            *self,
                                                guint64                 max_messages,
                                                guint64                 max_bytes);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_set_problem_func (HawserSpool            *self,
                                                HawserSpoolProblemFunc  func,
                                                gpointer                data);
HAWSER_AVAILABLE_IN_ALL
void             hawser_spool_get_stats        (HawserSpool            *self,
                                                HawserSpoolStats       *out_stats);
HAWSER_AVAILABLE_IN_ALL
gint64           hawser_spool_get_line_offset_us (HawserSpool          *self);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_spool_check            (HawserStore            *store,
                                                const char             *path,
                                                HawserSpoolProblemFunc  problem,
                                                gpointer                data,
                                                guint64                *out_n_damaged,
                                                GError                **error);

G_END_DECLS
