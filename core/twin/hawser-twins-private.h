/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-buffer.h"
#include "hawser-bus-private.h"
#include "hawser-json.h"
#include "hawser-json-writer.h"
#include "hawser-reader.h"
#include "hawser-timer.h"
#include "hawser-twin-family-private.h"
#include "hawser-twin-pages-private.h"
#include "hawser-twin-pool-private.h"
#include "hawser-twins-raw.h"

G_BEGIN_DECLS

#define HAWSER_TWIN_MAX_ID 1024        /* bytes */
#define HAWSER_TWIN_MAX_DEPTH 32       /* ancestors; grids have 4 to 6, and each level is looked at in each move */
#define HAWSER_TWIN_MAX_KEY 256        /* bytes of a property's name */
#define HAWSER_TWIN_MAX_ENTRIES 256    /* of reported, desired or attributes each */
#define HAWSER_TWIN_MAX_DOCUMENT 65536 /* bytes of JSON in each of them */
#define HAWSER_TWIN_CHUNK 32768        /* records: 2 MiB, a large page */
#define HAWSER_TWIN_FAN 64             /* children summed in one go: one word says which of 64 such groups changed */
#define HAWSER_TWIN_MAX_SKEW_US (5 * 60 * G_USEC_PER_SEC) /* a clock further ahead than this is wrong */
#define HAWSER_TWIN_TICK_SHIFT 14      /* of heard: 16.384 ms; 32 bits of it are two years */
#define HAWSER_TWIN_SLOTS 1024         /* of the deadlines: 2 minutes of 131 ms; what is due later is looked at again */
#define HAWSER_TWIN_SLOT_SHIFT 3       /* ticks of a slot: 131 ms, the time by which offline may be late */

#define HAWSER_TWIN_MIN_LIVE 100       /* of the limit: what one turn works with always fits */

typedef struct _HawserTwinNode HawserTwinNode;
typedef struct _HawserTwinExtra HawserTwinExtra;
typedef struct _HawserLocalTwin HawserLocalTwin;

enum {
  HAWSER_TWIN_IS_USED = 1 << 0,
  HAWSER_TWIN_IS_DEVICE = 1 << 1,      /* counts as a thing: not only a node of the tree */
  HAWSER_TWIN_IS_WATCHED = 1 << 2,     /* somebody holds its object */
  HAWSER_TWIN_HAS_SKEW = 1 << 3,       /* its last report came from the future */
  HAWSER_TWIN_IS_DIRTY = 1 << 4,       /* to be stored */
  HAWSER_TWIN_IS_WAITED = 1 << 5,      /* in a slot of the deadlines */
  HAWSER_TWIN_HAS_HISTORY = 1 << 6,
  HAWSER_TWIN_IS_BUSY = 1 << 7,        /* has queued work: stays in memory */
};

/* 64 bytes from a slab. What only some twins have is in the extra. */
typedef struct {
  HawserTwinBlock name;                /* HawserTwinName */
  guint32 hash;
  HawserTwinRef next;                  /* of the bucket */
  HawserTwinRef parent;
  guint32 position;                    /* among the parent's children */
  HawserTwinBlock row;                 /* HawserTwinRow, 0: no number yet */
  guint32 extra;                       /* of a passive one: its place in the pages */
  guint32 heard;                       /* tick of the last report */
  guint64 revision;
  HawserTwinRef newer, older;          /* by use */
  HawserTwinRef later, sooner;         /* of the slot of its deadline */
  guint32 link;                        /* connection that reported last */
  guint16 family;
  guint8 state : 2;                    /* HawserTwinState */
  guint8 is_passive : 1;               /* only this record is here, and the numbers that are counted above it */
  guint8 is_marked : 1;                /* while a list is tidied */
  guint8 is_read : 1;                  /* asked for since it came back or was to leave: stays for once */
  guint8 flags;
} HawserTwinRecord;

G_STATIC_ASSERT (sizeof (HawserTwinRecord) == 64);

typedef struct {
  guint16 len;
  char text[];                         /* terminated */
} HawserTwinName;

/* The numbers of one twin, by column of its family. What is missing is NaN. */
typedef struct {
  gint64 time_us;                      /* of all of them; with marks, of the latest */
  guint32 source;                      /* place in the table of sources, as in marks */
  guint32 revision;                    /* low half */
  guint32 n;
  HawserTwinBlock marks;               /* a HawserTwinMark for each number; 0: the above holds for all */
  double values[];
} HawserTwinRow;

/* Of one number, where numbers of a twin came in different messages. */
typedef struct {
  gint64 time_us;
  guint32 source;                      /* 0: none */
  guint32 revision;
} HawserTwinMark;

typedef struct {
  HawserOrigin *origin;
  guint64 n_uses;
  guint32 next_free;
} HawserTwinSource;

/* Twins that were reported over one connection, and perhaps over another one since. */
typedef struct {
  HawserTwinRef *twins;
  guint n, size, tidy_at;
} HawserTwinLink;

typedef struct {
  gint64 time_us;
  HawserOrigin *origin;
  guint64 revision;
} HawserTwinStamp;

/* A value that is no number of a column. */
typedef struct {
  char *key;
  char *json;
  HawserTwinStamp stamp;
} HawserTwinEntry;

typedef struct {
  HawserTwinEntry *entries;
  guint n;
  gsize n_bytes;
} HawserTwinDocument;

typedef struct {
  char *key;
  gint64 *times;
  double *numbers;
  char **texts;                        /* NULL: numbers only; an element NULL: a number */
  guint first, n, size;
} HawserTwinHistory;

typedef struct {
  double sum, min, max;
  guint32 count;
  guint32 functions;                   /* wanted by the families below */
} HawserTwinCell;

typedef struct {
  guint32 online, stale, offline;
  guint32 functions;
} HawserTwinTally;

struct _HawserTwinNode {
  HawserTwinRef *children;
  guint n, size;
  guint n_fields;                      /* of cells and of each group; may be behind the table's */
  HawserTwinCell *cells;               /* of all children */
  HawserTwinTally tally;
  HawserTwinCell *group_cells;         /* n_groups times n_fields */
  HawserTwinTally *group_tallies;
  guint64 *dirty;                      /* a bit for each group */
  guint n_groups;
  gboolean is_dirty;
  gint64 due_us;
  gint64 computed_us;                  /* wall */
  guint64 revision;
};

struct _HawserTwinExtra {
  HawserTwinNode *node;                /* NULL: a leaf */
  HawserTwinDocument reported, desired, attributes;
  GArray *histories;                   /* of HawserTwinHistory */
  GQueue *outbox;                      /* of HawserMessage that wait for the device */
  gboolean has_delta;                  /* a retained message says what is desired */
  gpointer host;                       /* core/host: store and behaviour */
  gint64 skew_us;
};

/* One change on its way to those who watch. */
typedef struct {
  char *id;
  HawserTwinChange change;
  guint64 revision;
  char *json;
  HawserTwinRef twin;
  guint32 hash;
  HawserMessage *message;              /* not NULL: to be published as it is, and nothing else */
} HawserTwinEvent;

/* What core/host does for twins; all optional. On the lane. */
typedef struct {
  gboolean (*load)    (gpointer host, const char *id, gsize len, HawserMessage *message, HawserConnection *connection); /* TRUE: it is being loaded, and the message kept */
  void     (*changed) (gpointer host, HawserTwinRef twin);                             /* to be stored some time */
  void     (*patched) (gpointer host, HawserTwinRef twin);                             /* somebody wrote: to be stored */
  void     (*removed) (gpointer host, HawserTwinRef twin);
  gboolean (*message) (gpointer host, HawserTwinRef twin, const char *subject, HawserMessage *message); /* TRUE: a behaviour took it */
  void     (*added)   (gpointer host, HawserTwinRef twin);
  gboolean (*is_stopped) (gpointer host, HawserTwinRef twin);                          /* its behaviour failed too often */
  gboolean (*leave)   (gpointer host, HawserTwinRef twin);                             /* FALSE: it must stay in memory */
  void     (*commit)  (gpointer host, const char *id, HawserPublished done, gpointer data);
  void     (*store)   (gpointer host);                                                 /* what changed goes to the store, and what is published until stored() with it */
  void     (*stored)  (gpointer host);
} HawserTwinHostFuncs;

typedef struct {
  guint id;
  HawserTwinChange changes;
  HawserTopicFilter *filter;
  HawserTwinObserver func;
  gpointer data;
  GDestroyNotify destroy;
  gboolean is_removed;
} HawserTwinWatcher;

struct _HawserTwins {
  GObject parent_instance;
  HawserBus *bus;                      /* not owned: the bus owns this */
  HawserOrigin *origin;                /* of what this process reports */

  HawserTwinRecord **chunks;
  guint n_chunks;
  guint n_used;                        /* records ever used, the first one never is */
  HawserTwinRef free;                  /* linked by next */
  guint n_twins;
  guint states[3];
  HawserTwinRef *buckets;
  guint n_buckets;
  HawserTwinPool pool;
  GArray *sources;                     /* of HawserTwinSource; the first is none */
  GHashTable *source_places;           /* HawserOrigin -> place */
  guint32 free_source, last_source;
  HawserTwinExtra **extras;
  guint n_extras, extras_size;
  guint32 free_extra;                  /* linked through the array */
  HawserTwinNode roots;                /* those without a parent */
  HawserTwinRef newest, oldest;        /* by use */
  gboolean keeps_order;                /* of use: there is a limit */
  guint live_limit, room_at;           /* room is made when more than room_at are live */
  guint n_live;                        /* not passivated */
  HawserTwinPages pages;
  HawserBuffer packed;                 /* the last one that left */
  HawserOrigin *last_origin;           /* of the last one that came back */

  GPtrArray *families;                 /* of HawserTwinFamily; 0 is that of twins that no other claims */
  GHashTable *singles;                 /* id -> family of one twin */
  guint32 version;                     /* families changed: topics are looked at again */
  char *fields[HAWSER_TWIN_MAX_FIELDS];
  guint n_fields;

  GArray *dirty_nodes;                 /* of HawserTwinRef */
  HawserTimer aggregate_timer;
  gint64 aggregate_due_us;

  HawserTwinRef slots[HAWSER_TWIN_SLOTS];
  guint32 slot;                        /* looked at up to here */
  guint n_waited;
  HawserTimer slot_timer;

  gint64 wall_at_us, wall_us;          /* wall clock at a lane time */

  GPtrArray *events;                   /* of HawserTwinEvent */
  HawserDirty event_dirty;
  gboolean is_flushing;
  gboolean is_quiet;                   /* the change will be told of by who makes it */
  GPtrArray *watchers;
  guint last_watcher;
  guint64 filter_version;              /* of the bus when has_subscribers was found */
  gboolean has_subscribers;
  gboolean publishes;                  /* some family has a publish-topic */

  GHashTable *facades;                 /* HawserTwinRef -> HawserLocalTwin, not owned */
  GListModel *model;
  GPtrArray *lists;                    /* of HawserTwinList, not owned */
  HawserTimer notify_timer;
  guint8 group;                        /* of the bus: that of $twin */

  const HawserTwinHostFuncs *host_funcs;
  gpointer host;

  guint64 n_reports, n_late, n_refused, n_skewed, n_passivated, n_woken, n_unreadable, n_transitions;
  GHashTable *links;                   /* id of a connection -> HawserTwinLink */
  GHashTable *present;                 /* HawserConnection -> GArray of families that it stands for */
  gboolean has_presence;               /* some family has presence-of */
  GHashTable *gateways;                /* HawserTwinRef -> interned name of the principal that last reported for it */
  guint n_sent_on;                     /* messages that the last behaviour made of the one it took */
  GPtrArray *asks;                     /* of GTask: questions under way */
  GMutex send_lock;
  GHashTable *sends;                   /* id -> number of messages on their way from other threads */
};

/* ---- hawser-twin-table.c: records, names, tree ---- */
void              hawser_twin_table_init     (HawserTwins       *self);
void              hawser_twin_table_clear    (HawserTwins       *self);
HawserTwinRef     hawser_twin_find           (HawserTwins       *self,
                                              const char        *id,
                                              gsize              len);
/* Makes the twin of a checked id, and those above it that its family names. */
HawserTwinRef     hawser_twin_activate       (HawserTwins       *self,
                                              const char        *id,
                                              gsize              len,
                                              GError           **error);
void              hawser_twin_delete         (HawserTwins       *self,
                                              HawserTwinRef      twin);
gboolean          hawser_twin_move           (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              HawserTwinRef      parent,
                                              GError           **error);
gboolean          hawser_twin_check_id       (const char        *id,
                                              gsize              len,
                                              GError           **error);
HawserTwinExtra  *hawser_twin_need_extra     (HawserTwins       *self,
                                              HawserTwinRef      twin);
HawserTwinNode   *hawser_twin_need_node      (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_touch          (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_link_use       (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_link_oldest    (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_unlink_use     (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_free_extra     (HawserTwins       *self,
                                              HawserTwinRecord  *record);
/* Of a node that leaves: it is not summed any more. */
void              hawser_twin_forget_dirty   (HawserTwins       *self,
                                              HawserTwinRef      twin);

/* ---- hawser-twin-passivate.c, hawser-twin-pack.c ---- */
gboolean          hawser_twin_passivate      (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_wake           (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_peek           (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twins_make_room     (HawserTwins       *self);
void              hawser_twins_set_page_file (HawserTwins       *self,
                                              int                fd); /* taken over */
void              hawser_twin_pack           (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              HawserBuffer      *out);
gboolean          hawser_twin_unpack         (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              const guint8      *bytes,
                                              gsize              len);

/* ---- hawser-twins.c ---- */
int               hawser_twins_need_column   (HawserTwins       *self,
                                              HawserTwinFamily  *family,
                                              const char        *key,
                                              gsize              len);

/* ---- hawser-twin-values.c: reported, desired, attributes ---- */
typedef struct {
  gint64 time_us;                      /* of measurement; 0: now */
  HawserOrigin *origin;                /* NULL: this process */
  guint32 link;
} HawserTwinReport;

typedef struct {
  guint64 columns;                     /* changed numbers */
  guint n_entries;                     /* other values that changed */
  gboolean is_taken;                   /* something was not too late */
} HawserTwinOutcome;

/* Numbers of columns; NaN: nothing for this one. */
void              hawser_twin_set_numbers    (HawserTwins             *self,
                                              HawserTwinRef            twin,
                                              const int               *columns,
                                              const double            *values,
                                              guint                    n,
                                              const HawserTwinReport  *report);
gboolean          hawser_twin_set_value      (HawserTwins             *self,
                                              HawserTwinRef            twin,
                                              const char              *key,
                                              gsize                    key_len,
                                              const HawserJsonSlice   *value,
                                              const HawserTwinReport  *report,
                                              GString                 *changed,
                                              GError                 **error);
void              hawser_twin_heard          (HawserTwins             *self,
                                              HawserTwinRef            twin,
                                              guint32                  link);
gint64            hawser_twins_get_wall_us   (HawserTwins             *self);
HawserTwinEntry  *hawser_twin_document_find  (HawserTwinDocument      *self,
                                              const char              *key,
                                              gsize                    len);
void              hawser_twin_document_clear (HawserTwinDocument      *self);
gboolean          hawser_twin_document_set   (HawserTwinDocument      *self,
                                              const char              *key,
                                              gsize                    key_len,
                                              const char              *json,
                                              gsize                    len,
                                              const HawserTwinStamp   *stamp,
                                              GError                 **error);
void              hawser_twin_document_remove (HawserTwinDocument     *self,
                                               HawserTwinEntry        *entry);
void              hawser_twin_free_values    (HawserTwins             *self,
                                              HawserTwinRef            twin);
/* Of the row of a record: room for @n numbers and the family's; for exactly @n; marks that are all none; gone. */
HawserTwinRow    *hawser_twin_need_row       (HawserTwins             *self,
                                              HawserTwinRecord        *record,
                                              guint                    n);
HawserTwinRow    *hawser_twin_need_row_of    (HawserTwins             *self,
                                              HawserTwinRecord        *record,
                                              guint                    n);
HawserTwinMark   *hawser_twin_need_marks     (HawserTwins             *self,
                                              HawserTwinRow           *row);
void              hawser_twin_free_row       (HawserTwins             *self,
                                              HawserTwinBlock          block);
guint32           hawser_twin_use_source     (HawserTwins             *self,
                                              HawserOrigin            *origin);
HawserTwinStamp   hawser_twin_get_stamp      (HawserTwins             *self,
                                              HawserTwinRef            twin,
                                              guint                    column);

/* ---- hawser-twin-json.c ---- */
void              hawser_twin_write          (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              GString           *out);
void              hawser_twin_write_aggregate (HawserTwins      *self,
                                               HawserTwinRef     twin,
                                               GString          *out);

/* ---- hawser-twin-aggregate.c ---- */
void              hawser_twin_mark_parent    (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_mark_group     (HawserTwins       *self,
                                              HawserTwinRef      node,
                                              guint              position);
void              hawser_twin_node_clear     (HawserTwinNode    *self);

/* ---- hawser-twin-connectivity.c ---- */
void              hawser_twin_set_state      (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              HawserTwinState    state,
                                              const char        *reason);
guint32           hawser_twins_get_tick      (HawserTwins       *self);
void              hawser_twin_wait           (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_unwait         (HawserTwins       *self,
                                              HawserTwinRef      twin);

/* ---- hawser-twin-presence.c ---- */
void              hawser_twins_link_lost     (gpointer           self,
                                              HawserConnection  *connection);
void              hawser_twins_identified    (gpointer           self,
                                              HawserConnection  *connection);
void              hawser_twins_connection_gone (gpointer         self,
                                                HawserConnection *connection);
void              hawser_twin_set_link       (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              guint32            link);
void              hawser_twin_link_free      (gpointer           link);

/* ---- hawser-twin-history.c ---- */
void              hawser_twin_remember_number (HawserTwins      *self,
                                               HawserTwinRef     twin,
                                               guint             column,
                                               gint64            time_us,
                                               double            value);
void              hawser_twin_remember_text  (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              const char        *key,
                                              gint64             time_us,
                                              const char        *json);
void              hawser_twin_forget_history (HawserTwinExtra   *extra);
void              hawser_twin_history_pack   (const HawserTwinExtra *extra,
                                              HawserBuffer      *out);
gboolean          hawser_twin_history_unpack (HawserTwinExtra   *extra,
                                              HawserReader      *in);

/* ---- hawser-twin-events.c ---- */
gboolean          hawser_twins_is_watched    (HawserTwins       *self,
                                              HawserTwinRef      twin);
/* @json: (transfer full): the event; see hawser_twin_begin_event(). */
void              hawser_twins_tell          (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              HawserTwinChange   change,
                                              char              *json);
void              hawser_twin_begin_event    (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              HawserJsonWriter  *writer);
void              hawser_twins_flush_events  (HawserTwins       *self);
void              hawser_twins_publish       (HawserTwins       *self,
                                              const char        *topic,
                                              const char        *payload,
                                              gsize              len,
                                              const HawserMessageInit *like);
/* At the end of the turn, in order with the events. */
void              hawser_twins_send_later    (HawserTwins       *self,
                                              const char        *topic,
                                              const char        *payload,
                                              gsize              len,
                                              const HawserMessageInit *like);
void              hawser_twins_send_message_later (HawserTwins   *self,
                                                   HawserMessage *message); /* (transfer full) */

/* ---- hawser-twin-route.c ---- */
void              hawser_twins_on_message    (gpointer           self,
                                              HawserTopicRecord *record,
                                              HawserMessage     *message,
                                              HawserConnection  *connection);

/* ---- hawser-twin-delta.c ---- */
void              hawser_twin_send_delta     (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_clear_delta    (HawserTwins       *self,
                                              HawserTwinRef      twin);
void              hawser_twin_flush_outbox   (HawserTwins       *self,
                                              HawserTwinRef      twin);

/* ---- hawser-twin-features.c ---- */
/* What a merge patch says, in slices of its text or of the texts here. */
typedef struct {
  HawserJsonSlice parent, reported, desired, attributes, features;
  gboolean has_parent, has_reported, has_desired, has_attributes, has_features;
  GString *reported_text, *desired_text; /* NULL: no features were given */
} HawserTwinPatch;

void              hawser_twin_patch_clear    (HawserTwinPatch   *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HawserTwinPatch, hawser_twin_patch_clear)
/* Adds what @features say to what is reported and desired. */
gboolean          hawser_twin_read_features  (const HawserJsonSlice *features,
                                              HawserTwinPatch   *patch,
                                              GError           **error);
/* Member `features`, where there is one. */
void              hawser_twin_write_features (HawserTwinExtra   *extra,
                                              HawserJsonWriter  *writer);
/* Of `features/NAME/…`: the same below reported or desired. */
char             *hawser_twin_resolve_feature_path (const char  *path);

/* ---- hawser-twin-gateway.c ---- */
/* NULL: none. */
const char       *hawser_twin_get_gateway    (HawserTwins       *self,
                                              HawserTwinRef      twin);
/* As it was stored; not if the family says something else now. */
void              hawser_twin_restore_gateway (HawserTwins      *self,
                                              HawserTwinRef      twin,
                                              const char        *name);
gboolean          hawser_twin_note_gateway   (HawserTwins       *self,
                                              HawserTwinRef      twin,
                                              HawserConnection  *connection);
char             *hawser_twin_dup_gateway_topic (HawserTwins    *self,
                                                 HawserTwinRef   twin,
                                                 const char     *rest);

/* ---- hawser-twin-rights.c ---- */
HawserTwinFamily *hawser_twins_find_family   (HawserTwins       *self,
                                              const char        *id);

/* ---- hawser-twin-ask.c ---- */
void              hawser_twins_finish_asks   (HawserTwins       *self);

/* ---- hawser-twin-list.c, hawser-local-twin.c ---- */
GListModel       *hawser_twin_list_new       (HawserTwins       *twins,
                                              const char        *parent); /* NULL: all */
void              hawser_twin_list_detach    (gpointer           list);
void              hawser_twins_notify_later  (HawserTwins       *self);
HawserLocalTwin  *hawser_local_twin_new      (HawserTwins       *twins,
                                              HawserTwinRef      twin);
/* For a row whose twin left since the list was told of. */
HawserLocalTwin  *hawser_local_twin_new_absent (HawserTwins     *twins);
void              hawser_local_twin_detach   (HawserLocalTwin   *self);
void              hawser_local_twin_notify   (HawserLocalTwin   *self);

static inline HawserTwinRecord *
hawser_twin_get (const HawserTwins *self, HawserTwinRef twin)
{
  return &self->chunks[twin / HAWSER_TWIN_CHUNK][twin % HAWSER_TWIN_CHUNK];
}

static inline HawserTwinName *
hawser_twin_name (const HawserTwins *self, const HawserTwinRecord *record)
{
  return hawser_twin_pool_get (&self->pool, record->name);
}

static inline HawserTwinRow *
hawser_twin_row (const HawserTwins *self, const HawserTwinRecord *record)
{
  return record->row != 0 ? hawser_twin_pool_get (&self->pool, record->row) : NULL;
}

static inline HawserTwinExtra *
hawser_twin_extra (const HawserTwins *self, const HawserTwinRecord *record)
{
  return record->extra != 0 && !record->is_passive ? self->extras[record->extra] : NULL;
}

/* Somebody wants it: it is in memory after this, and among the last to leave. */
static inline void
hawser_twin_use (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  if (G_UNLIKELY (record->is_passive))
    hawser_twin_wake (self, twin);
  record->is_read = TRUE;
  hawser_twin_touch (self, twin);
}

/* Where nobody holds memory of a twin: back below the limit. */
static inline void
hawser_twins_settle (HawserTwins *self)
{
  if (G_UNLIKELY (self->n_live > self->room_at))
    hawser_twins_make_room (self);
}

static inline HawserTwinFamily *
hawser_twin_family (const HawserTwins *self, const HawserTwinRecord *record)
{
  return self->families->pdata[record->family];
}

G_END_DECLS
