/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* The role of what keeps the spool on a disk. C only: every slot is called on the spool's own thread, where no
 * interpreter of another language may run. */

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_STORE (hawser_store_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserStore, hawser_store, HAWSER, STORE, GObject)

typedef enum {
  HAWSER_STORE_ADD_QUEUE,     /* queue, key (its id), data (opaque); a queue that exists gets the new data */
  HAWSER_STORE_REMOVE_QUEUE,  /* queue: with all that waits in it */
  HAWSER_STORE_APPEND,        /* position, queues, size, time_s, data; no queues: only remember the position as used */
  HAWSER_STORE_ACK,           /* queue, position .. last: whatever of it is there leaves the queue */
  HAWSER_STORE_PUT,           /* space, key, data */
  HAWSER_STORE_DELETE,        /* space, key */
  HAWSER_STORE_CLEAR,         /* space: with all that is in it */
} HawserStoreOpKind;

/* One change. Nothing in it outlives the call it is given to. */
typedef struct {
  HawserStoreOpKind kind;
  guint32 queue;              /* 1.. */
  guint64 position;           /* 1.., rising from append to append */
  guint64 last;
  guint32 size;               /* what the message counts for in limits, in bytes */
  guint32 time_s;             /* wall clock of appending, seconds since 1970 */
  const guint32 *queues;
  guint n_queues;             /* 0..65535 */
  const char *space;
  const char *key;
  const guint8 *data;
  gsize len;
  gboolean is_conditional;    /* put, delete: only if the value has if_revision, or was put without a revision */
  guint64 if_revision;        /* 0: only if there is no such value */
  guint64 revision;           /* put: what the value has from now on; 0 for values that need none */
} HawserStoreOp;

typedef struct {
  int schema_version;
  guint64 last_position;      /* highest ever appended, also when it has left again */
  guint64 n_commits;          /* over the life of the store */
  guint64 n_damaged;          /* records set aside since it was opened */
  guint64 n_bytes;            /* on disk, all files */
  gboolean is_full;           /* the last change was refused for want of room */
} HawserStoreInfo;

/* All of these run on the calling thread, before the function that took them returns (problems: until close). */
typedef void     (*HawserStoreProblemFunc) (gpointer       data,
                                            guint64        position, /* of the message that is lost, or 0 */
                                            const char    *text);
typedef gboolean (*HawserStoreQueueFunc)   (gpointer       data,     /* FALSE: enough */
                                            guint32        queue,
                                            const char    *id,
                                            const guint8  *meta,
                                            gsize          meta_len);
typedef gboolean (*HawserStoreEntryFunc)   (gpointer       data,
                                            guint32        queue,
                                            guint64        position,
                                            guint32        size,
                                            guint32        time_s);
typedef gboolean (*HawserStoreValueFunc)   (gpointer       data,
                                            const char    *key,
                                            guint64        revision,
                                            const guint8  *value,
                                            gsize          value_len);
typedef gboolean (*HawserStoreMessageFunc) (gpointer       data,
                                            guint64        position,
                                            const guint8  *message,
                                            gsize          message_len);

/**
 * HawserStoreInterface:
 * @parent_iface: base
 * @open: open or create the store at a path and hold it alone
 * @close: let go of it; what was applied stays
 * @apply: all changes or none
 * @foreach_queue: every queue, by number
 * @foreach_entry: every message of every queue, by queue and position, without reading messages
 * @foreach_value: every value of a space once, in the order that is quickest to read
 * @get_value: one value
 * @read: messages of one queue in order
 * @check: read everything and name what is damaged
 * @get_info: numbers for the status page
 * @maintain: a step of housekeeping while nobody waits; optional
 *
 * Every slot is called on one thread at a time, and blocks it.
 *
 * Since: 0.1
 */
struct _HawserStoreInterface {
  GTypeInterface parent_iface;

  gboolean (*open)          (HawserStore             *self,
                             const char              *path,
                             HawserStoreProblemFunc   problem,
                             gpointer                 problem_data,
                             GError                 **error);
  void     (*close)         (HawserStore             *self);
  gboolean (*apply)         (HawserStore             *self,
                             const HawserStoreOp     *ops,
                             guint                    n_ops,
                             gboolean                 sync,
                             GError                 **error);
  gboolean (*foreach_queue) (HawserStore             *self,
                             HawserStoreQueueFunc     func,
                             gpointer                 data,
                             GError                 **error);
  gboolean (*foreach_entry) (HawserStore             *self,
                             HawserStoreEntryFunc     func,
                             gpointer                 data,
                             GError                 **error);
  gboolean (*foreach_value) (HawserStore             *self,
                             const char              *space,
                             HawserStoreValueFunc     func,
                             gpointer                 data,
                             GError                 **error);
  gboolean (*get_value)     (HawserStore             *self,
                             const char              *space,
                             const char              *key,
                             HawserStoreValueFunc     func,
                             gpointer                 data,
                             GError                 **error);
  gboolean (*read)          (HawserStore             *self,
                             guint32                  queue,
                             guint64                  first,
                             HawserStoreMessageFunc   func,
                             gpointer                 data,
                             GError                 **error);
  gboolean (*check)         (HawserStore             *self,
                             GError                 **error);
  void     (*get_info)      (HawserStore             *self,
                             HawserStoreInfo         *out_info);
  gboolean (*maintain)      (HawserStore             *self,
                             GError                 **error);

  /*< private >*/
  gpointer reserved[8];
};

HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_open          (HawserStore             *self,
                                     const char              *path,
                                     HawserStoreProblemFunc   problem,
                                     gpointer                 problem_data,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
void     hawser_store_close         (HawserStore             *self);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_apply         (HawserStore             *self,
                                     const HawserStoreOp     *ops,
                                     guint                    n_ops,
                                     gboolean                 sync,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_foreach_queue (HawserStore             *self,
                                     HawserStoreQueueFunc     func,
                                     gpointer                 data,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_foreach_entry (HawserStore             *self,
                                     HawserStoreEntryFunc     func,
                                     gpointer                 data,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_foreach_value (HawserStore             *self,
                                     const char              *space,
                                     HawserStoreValueFunc     func,
                                     gpointer                 data,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_get_value     (HawserStore             *self,
                                     const char              *space,
                                     const char              *key,
                                     HawserStoreValueFunc     func,
                                     gpointer                 data,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_read          (HawserStore             *self,
                                     guint32                  queue,
                                     guint64                  first,
                                     HawserStoreMessageFunc   func,
                                     gpointer                 data,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_check         (HawserStore             *self,
                                     GError                 **error);
HAWSER_AVAILABLE_IN_ALL
void     hawser_store_get_info      (HawserStore             *self,
                                     HawserStoreInfo         *out_info);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_store_maintain      (HawserStore             *self,
                                     GError                 **error);

G_END_DECLS
