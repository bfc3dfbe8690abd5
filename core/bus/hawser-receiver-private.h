/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A receiver as its own files, the routes and the bus see it. Context: the bus's lane. */

#include "hawser-authority.h"
#include "hawser-connection-private.h"
#include "hawser-journal.h"
#include "hawser-lane-private.h"
#include "hawser-publisher.h"
#include "hawser-queue.h"
#include "hawser-receiver.h"

G_BEGIN_DECLS

typedef struct _HawserEntry HawserEntry;
typedef struct _HawserGroup HawserGroup;
typedef struct _HawserMember HawserMember;
typedef struct _HawserTerms HawserTerms;

/* One filter of one receiver. */
struct _HawserEntry {
  HawserReceiver *receiver;
  HawserEntry *next_of_receiver, **link_of_receiver;
  HawserEntry *next_of_node, *prev_of_node; /* several receivers with the same filter */
  HawserMatchNode *node;             /* its place in the bus's tree: the filter is the node's path */
  guint32 id;                        /* MQTT subscription identifier */
  guint8 qos;
  guint8 no_local : 1;
  guint8 retain_as_published : 1;
};

struct _HawserReceiver {
  HawserBus *bus;
  const HawserReceiverFuncs *funcs;
  gpointer data;                     /* NULL funcs: nobody is attached */
  HawserConnection *connection;      /* of the attached party, or NULL */
  HawserEntry *entries;
  HawserReceiver *prev, *next;       /* of the bus */
  HawserDirty dirty;                 /* queued while a turn runs: pumped at its end */
  HawserQueue queue;
  guint64 n_delivered, n_dropped, n_lost_untold;
  guint64 n_queued;                  /* matched and neither delivered nor dropped; in memory or journal */
  guint32 serial;                    /* for ids of the listing */
  guint32 stamp;                     /* of the route set being built */
  guint32 route;                     /* its index there */
  guint32 n_entries;
  guint32 rights_version;            /* that what is queued was allowed under */
  guint8 flags;
  guint8 is_busy : 1;
  guint8 is_removed : 1;
  guint8 is_pumping : 1;
  guint8 has_ids : 1;
  guint8 is_recovered : 1;           /* read from the journal, and nobody asked for it since */
  guint8 waits_commit : 1;           /* the head of its queue may only be given when it is on the disk */
  guint8 needs_save : 1;             /* filters or party changed: told to the journal at the end of the turn */
  struct _HawserDurable *durable;    /* NULL for ephemeral ones */
  const char *mount_point;           /* taken off the topics of what is delivered, interned; NULL: nothing */
  const HawserQueueLimits *limits;   /* shared by all with the same; a durable one's own */
  GPtrArray *blocked;                /* connections and holds that wait for room (block policy) */
  HawserMember *members;             /* its shared subscriptions */
  HawserGroup *group;                /* whose receiver this is; NULL: a party's */
};

/* What only durable receivers need. */
typedef struct _HawserDurable {
  char *id;
  char *identity;
  HawserQueueLimits limits;
  HawserPolicyContext *party;        /* who was attached last: rights while absent; NULL: no peer was */
  guint32 queue;                     /* of the journal, 0: none */
  gboolean is_reading;
  gboolean discards_read;            /* the read under way is of an earlier attachment */
  guint64 read_position;             /* all up to here was taken from the journal */
  guint64 skipped_position;          /* left in the journal although attached: read it before anything newer */
  guint64 given_position;            /* given to a party before: a message up to here is redelivered */
  guint64 recovered_position;        /* from before this process: not in its accounts */
  guint32 expiry_s;                  /* after detaching; G_MAXUINT32: never */
  HawserTerms *terms;        /* NULL: none were agreed */
  GPtrArray *watched;                /* positions that publishers wait for; NULL: none */
  gint64 detached_us;                /* on the journal's line of time; 0: attached, or never was */
  HawserTimer timer;
  HawserReceiver *receiver;
  GHashTable *kept;                  /* keys of the party; NULL: none */
  GHashTable *former;                /* filters of before the start, until the configuration says them again; NULL: none */
} HawserDurable;

#define HAWSER_DEFAULT_MAX_MESSAGES 10000
#define HAWSER_DEFAULT_MAX_BYTES (1 << 20)           /* a stuck reader costs this and its output limit: 50 of them stay below 64 MB */
#define HAWSER_DEFAULT_MAX_DURABLE_BYTES (64 << 20)

/* hawser-receiver-flow.c */
HawserDeliverResult hawser_receiver_call_mounted (HawserReceiver       *self,
                                                  const HawserDelivery *delivery);
/* To the party, under the name that it knows. */
static inline HawserDeliverResult
hawser_receiver_call (HawserReceiver *self, const HawserDelivery *delivery)
{
  if (G_LIKELY (self->mount_point == NULL))
    return self->funcs->deliver (self, self->data, delivery);
  return hawser_receiver_call_mounted (self, delivery);
}
void         hawser_receiver_get_depth       (HawserReceiver  *self,
                                              guint64         *out_messages,
                                              guint64         *out_bytes);
/* @message: (nullable) if it is not known any more. */
void         hawser_receiver_count_dropped   (HawserReceiver  *self,
                                              HawserMessage   *message,
                                              HawserDrop       reason);
void         hawser_receiver_count_queued    (HawserReceiver  *self);
void         hawser_receiver_count_unqueued  (HawserReceiver  *self);
void         hawser_receiver_release_blocked (HawserReceiver  *self);
void         hawser_receiver_forget_position (HawserReceiver  *self,
                                              guint64          position);
void         hawser_receiver_flush           (HawserDirty     *dirty);

/* hawser-receiver-durable.c */
void         hawser_receiver_save_now        (HawserReceiver  *self);
void         hawser_receiver_save_later      (HawserReceiver  *self);
void         hawser_receiver_arm_expiry      (HawserReceiver  *self);
void         hawser_receiver_keep_identity   (HawserReceiver  *self,
                                              const char      *identity);

/* hawser-receiver-terms.c */
void         hawser_terms_free               (HawserTerms     *self);
/* FALSE: the rate says later, and then the receiver is pumped again. */
gboolean     hawser_terms_may_give           (HawserTerms     *self,
                                              gint64           now_us);
void         hawser_terms_note_given         (HawserTerms     *self,
                                              gint64           now_us);
gboolean     hawser_terms_are_picky          (HawserTerms     *self);
gboolean     hawser_terms_want               (HawserTerms     *self,
                                              HawserMessage   *message);
/* On $SYS/hawser/subscription/ended. */
void         hawser_receiver_tell_end        (HawserReceiver  *self,
                                              const char      *filter,
                                              const char      *reason);
void         hawser_receiver_forget_terms    (HawserReceiver  *self);
gboolean     hawser_bus_recover_terms        (HawserBus       *self,
                                              GError         **error);
/* A new entry lives as long as its topic allows. */
void         hawser_receiver_lease_entry     (HawserReceiver  *self,
                                              HawserEntry     *entry,
                                              const char      *filter,
                                              gsize            len);
void         hawser_entry_end_lease          (HawserBus       *bus,
                                              HawserEntry     *entry);

/* hawser-receiver-filters.c */
HawserEntry *hawser_receiver_add_entry       (HawserReceiver  *self,
                                              HawserMatchNode *node,
                                              const char      *filter,
                                              gsize            len);
void         hawser_receiver_forget_filters  (HawserReceiver  *self);
void         hawser_receiver_remove_entry    (HawserReceiver  *self,
                                              HawserEntry     *entry);
void         hawser_receiver_renew_routes    (HawserReceiver  *self);

/* hawser-receiver.c: neither found nor told to the journal yet. */
HawserReceiver *hawser_receiver_make         (HawserBus               *bus,
                                              const char              *id,
                                              HawserReceiverFlags      flags,
                                              const HawserQueueLimits *limits);

/* ---- for the router and the bus ---- */
void             hawser_receiver_offer           (HawserReceiver         *self,
                                                  HawserMessage          *message,
                                                  const HawserDelivery   *delivery,
                                                  HawserPublisher        *publisher);
void             hawser_receiver_free            (HawserReceiver         *self);
/* Something of before: a reference beside that of who keeps it, so limits, which are for what is published, are not asked. */
void             hawser_receiver_push            (HawserReceiver         *self,
                                                  const HawserQueueEntry *entry); /* its message is (transfer full) */
/* The commit of @position is known: given now, or taken out again. */
void             hawser_bus_note_commit          (HawserBus              *self,
                                                  guint64                 position,
                                                  gboolean                ok);
gboolean         hawser_bus_recover_kept_keys    (HawserBus              *self,
                                                  GError                **error);
void             hawser_receiver_forget_keys     (HawserReceiver         *self);
void             hawser_receiver_save            (HawserReceiver         *self);
void             hawser_receiver_send_retained   (HawserReceiver         *self,
                                                  HawserEntry            *entry);
void             hawser_receiver_recover         (HawserBus              *bus,
                                                  const HawserJournalQueue *queue);
/* Frees those that were removed while messages were routed. */
void             hawser_bus_bury                 (HawserBus              *self);
char            *hawser_receiver_describe        (HawserReceiver         *self);
guint32          hawser_receiver_get_journal_queue (HawserReceiver       *self);

/* hawser-receiver-rights.c */
/* FALSE: it is of this very process, which has every right. */
gboolean     hawser_receiver_is_peer         (HawserReceiver          *self);
void         hawser_receiver_fill_context    (HawserReceiver          *self,
                                              HawserPolicyContext     *out_context);
/* Whether its party may read @topic, for which @settings are in force. */
gboolean     hawser_receiver_may_read        (HawserReceiver          *self,
                                              HawserAuthority         *authority,
                                              HawserLocalTopic        *settings,
                                              const char              *topic);
/* FALSE: @out_result says why not. */
gboolean     hawser_receiver_check_filter    (HawserReceiver          *self,
                                              const char              *filter,
                                              gsize                    len,
                                              int                     *out_result);
/* Filters that match nothing any more which its party may read are taken away, and that is told. */
void         hawser_receiver_check_filters   (HawserReceiver  *self);
/* The same for all; flush() of the bus's rights_dirty. */
void         hawser_bus_check_filters        (HawserDirty     *dirty);

G_END_DECLS
