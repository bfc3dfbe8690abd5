/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-spool.h"
#include "hawser-store.h"
#include "hawser-message.h"

G_BEGIN_DECLS

/* What waits in one queue, by position: 16 bytes a message, dead ones included until they are swept out. */
typedef struct {
  guint64 position;
  guint32 size;
  guint32 time_s;        /* of appending; 0: dead */
} SpoolSlot;

typedef struct {
  guint32 queue;
  char *id;
  GBytes *meta;
  SpoolSlot *slots;      /* head .. end - 1, positions rising */
  gsize head;
  gsize end;
  gsize capacity;
  guint64 n_live;
  guint64 n_bytes;
  guint64 ack_batch;     /* serial of the batch whose change ack_change is */
  guint ack_change;      /* the acknowledgement that the next neighbour may extend */
} SpoolQueue;

SpoolQueue *spool_queue_new    (guint32      queue,
                                const char  *id,
                                GBytes      *meta);
void        spool_queue_free   (SpoolQueue  *self);
void        spool_queue_push   (SpoolQueue  *self,
                                guint64      position,
                                guint32      size,
                                guint32      time_s);
/* The first slot at or after @position, dead or alive; self->end if there is none. */
gsize       spool_queue_find   (SpoolQueue  *self,
                                guint64      position);
/* The slot's message leaves: FALSE if it was dead. Slot numbers are void afterwards. */
gboolean    spool_queue_kill   (SpoolQueue  *self,
                                gsize        slot);
/* The position of the neighbour before @slot that still waits, or 0. */
guint64     spool_queue_living_before (SpoolQueue *self,
                                       gsize       slot);

/* The line of time that messages are stored on: wall time that does not follow jumps of the clock. */
typedef struct {
  char boot_id[40];
  gint64 boot_us;        /* CLOCK_BOOTTIME */
  gint64 wall_us;
  gint64 monotonic_us;
} SpoolTimeReading;

SpoolTimeReading spool_time_read   (void);
/* What to add to monotonic time: @stored may be NULL. A pure function. */
gint64           spool_time_rebase (GBytes                 *stored,
                                    const SpoolTimeReading *now);
GBytes          *spool_time_store  (const SpoolTimeReading *now,
                                    gint64                  wall_minus_monotonic_us);

typedef struct {
  HawserMessage *message;
  guint64 position;
  guint32 size;
  guint32 time_s;
  guint n_queues;        /* 0: it left all of them before it was written */
  union {
    guint32 one;
    guint32 *many;
  } queues;
  gboolean is_many;      /* queues.many is allocated */
  HawserSpoolDone done;
  gpointer data;
} SpoolAppend;

typedef struct {
  char *space;
  char *key;             /* for a queue: its id */
  GBytes *value;
  gboolean is_conditional;
  guint64 if_revision;
  guint64 revision;
  HawserSpoolDone done;
  gpointer data;
  GError *error;         /* refused alone: it expected another revision */
} SpoolPut;

typedef struct {
  HawserStoreOpKind kind;
  guint32 queue;
  guint64 position;
  guint64 last;
  SpoolPut *put;         /* PUT, DELETE, CLEAR, ADD_QUEUE */
} SpoolChange;

/* What one transaction makes: acknowledgements, appends, then the other changes in their order. */
typedef struct _SpoolBatch SpoolBatch;
struct _SpoolBatch {
  SpoolBatch *next;
  guint64 serial;
  gsize n_bytes;
  GArray *appends;       /* of SpoolAppend, positions first_position, + 1, ... */
  GArray *changes;       /* of SpoolChange */
  GPtrArray *flushes;    /* of GTask; NULL: none */
  guint64 first_position;
  gboolean is_urgent;    /* somebody waits for it; acknowledgements alone can wait for company */
  gint64 due_us;         /* until when, once the writer has seen them */
  GError *error;         /* after the commit: why it failed */
};

SpoolBatch *spool_batch_new   (guint64     serial);
void        spool_batch_free  (SpoolBatch *self);
void        spool_change_clear (gpointer   change);

typedef struct _SpoolRequest SpoolRequest;
struct _SpoolRequest {
  SpoolRequest *next;
  guint64 serial;        /* of the batch that must be committed first */
  /* a read */
  guint32 queue;
  guint64 after;
  guint max_messages;
  gsize max_bytes;
  HawserSpoolRead func;
  gpointer data;
  GArray *entries;       /* of HawserSpoolEntry */
  gsize n_bytes;
  guint64 seen;          /* position up to which the store was read */
  gboolean is_cut;       /* a limit ended it: there is more */
  GError *error;
  /* or of one value */
  HawserSpoolGot got;
  char *space, *key;
  GBytes *value;
  guint64 revision;
  /* or a call that somebody waits for */
  void (*call) (HawserSpool *spool, gpointer data);
  gboolean *is_called;
};

void spool_request_free (SpoolRequest *self);

struct _HawserSpool {
  GObject parent_instance;

  /* set once */
  HawserStore *store;
  char *path;
  HawserSpoolSync sync;
  gint64 interval_us;
  gint64 wall_minus_monotonic_us;
  GMainContext *context;
  GSource *source;
  GThread *thread;

  GMutex lock;           /* everything from here to the next remark; held for moments */
  GCond wake;            /* the writer waits */
  GCond called;          /* a caller waits */
  GHashTable *queues;    /* queue number -> SpoolQueue */
  guint32 last_queue;
  guint64 last_position;
  guint64 committed_position;
  SpoolBatch *pending_head;
  SpoolBatch *pending_tail;
  guint64 last_serial;
  guint64 committed_serial;
  SpoolRequest *requests_head;
  SpoolRequest *requests_tail;
  SpoolBatch *done_head;
  SpoolBatch *done_tail;
  SpoolRequest *read_head;
  SpoolRequest *read_tail;
  GPtrArray *problems;   /* of char *, not yet told */
  HawserSpoolProblemFunc problem;
  gpointer problem_data;
  HawserSpoolStats stats;
  guint64 max_messages;
  guint64 max_bytes;
  gint64 close_at_us;
  guint n_holds;         /* what comes now is one transaction: the writer leaves it alone until it is whole */
  gboolean waits_held;   /* and waits for that */
  SpoolBatch *held;      /* what has come of it is here */
  gboolean is_waiting;   /* the writer sleeps */
  gboolean is_dozing;    /* it sleeps, but looks up in time for what is not urgent */
  guint gather_to;       /* it waits for so many appends in the batch; 0: it does not */
  gboolean is_woken;     /* the owner was told and has not come yet */
  gboolean is_closing;
  gboolean is_closed;
  gboolean is_opened;    /* the writer has tried */
  GError *open_error;

  /* the writer's own */
  GArray *ops;           /* of HawserStoreOp */
  GPtrArray *stored;     /* of GBytes: the messages of the batch as they are written */
  GArray *carried;       /* of SpoolChange: must still be made after a failure */
  gint64 synced_us;
  gint64 retry_us;
  gint64 failed_us;      /* the last failure of a batch; one line is said of those that follow each other */
  gint64 clock_us;       /* when the line of time was stored last */
  guint expected;        /* how many appends the next batch will have if everybody goes on as before */
  gint64 commit_us;      /* how long the last commit took */
  gint64 sized_us;       /* when the size on the disk was looked at last */
  gboolean is_unsynced;
  gboolean is_untidy;    /* something was written since the last housekeeping */
};

gpointer spool_writer_run   (gpointer     data);
/* With the lock held. */
void     spool_wake_writer  (HawserSpool *self);
void     spool_wake_owner   (HawserSpool *self);
guint32  spool_now_s        (HawserSpool *self);
/* The batch that takes the next thing; what was full is left to the writer. */
SpoolBatch *spool_open_batch        (HawserSpool       *self);
/* The same, for what somebody waits for. */
SpoolBatch *spool_open_urgent_batch (HawserSpool       *self);
void        spool_add_change        (HawserSpool       *self,
                                     SpoolChange       *change);
void        spool_add_request       (HawserSpool       *self,
                                     SpoolRequest      *request);
/* Back to who asked. */
void        spool_finish_request    (HawserSpool       *self,
                                     SpoolRequest      *request);
/* Something that cannot be done: its caller hears of it the same way as of success. */
void        spool_refuse            (HawserSpool       *self,
                                     HawserSpoolDone    done,
                                     gpointer           data,
                                     const GError      *error);
/* FALSE and @error if nothing more is taken. */
gboolean    spool_require_open      (HawserSpool       *self,
                                     GError           **error);

/* ---- hawser-spool-journal.c: for who keeps something in a spool that is not the bus's ---- */
const struct _HawserJournalFuncs *hawser_spool_get_journal_funcs (void);

G_END_DECLS
