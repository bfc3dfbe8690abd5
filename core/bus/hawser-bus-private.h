/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-bus.h"
#include "hawser-connection-private.h"
#include "hawser-dedup.h"
#include "hawser-history.h"
#include "hawser-hold-private.h"
#include "hawser-journal.h"
#include "hawser-lane-private.h"
#include "hawser-memory.h"
#include "hawser-policy-context.h"
#include "hawser-queue.h"
#include "hawser-rates.h"
#include "hawser-receiver.h"
#include "hawser-refusal.h"
#include "hawser-schedule.h"
#include "hawser-side-lane-private.h"
#include "hawser-topic-table.h"
#include "hawser-wishes.h"

G_BEGIN_DECLS

#define HAWSER_N_GROUPS 256   /* topics by the hash of their first level: a subscription below one leaves the others' routes alone */

typedef struct _HawserEntry HawserEntry;
typedef struct _HawserGroup HawserGroup;
typedef struct _HawserMember HawserMember;
typedef struct _HawserMeter HawserMeter;

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
  HawserPrincipal *principal;        /* of whom was attached last: rights while absent */
  char *listener;
  char *protocol;
  gboolean was_encrypted;
  guint32 queue;                     /* of the journal, 0: none */
  gboolean is_reading;
  gboolean discards_read;            /* the read under way is of an earlier attachment */
  guint64 read_position;             /* all up to here was taken from the journal */
  guint64 skipped_position;          /* left in the journal although attached: read it before anything newer */
  guint64 given_position;            /* given to a party before: a message up to here is redelivered */
  guint64 recovered_position;        /* from before this process: not in its accounts */
  guint32 expiry_s;                  /* after detaching; G_MAXUINT32: never */
  struct _HawserTerms *terms;        /* NULL: none were agreed */
  GPtrArray *watched;                /* positions that publishers wait for; NULL: none */
  gint64 detached_us;                /* on the journal's line of time; 0: attached, or never was */
  HawserTimer timer;
  HawserReceiver *receiver;
  GHashTable *kept;                  /* keys of the party; NULL: none */
  GHashTable *former;                /* filters of before the start, until the configuration says them again; NULL: none */
} HawserDurable;

typedef struct {
  HawserReceiver *receiver;
  guint32 first_id;                  /* index into the set's ids */
  guint8 n_ids;
  guint8 qos;
  guint8 no_local;
  guint8 retain_as_published;
  guint8 is_picky;                   /* its terms decide about each message */
} HawserRoute;

typedef struct _HawserLabels HawserLabels;

/* A publish that is acknowledged later: after its commits, and what was asked for besides. */
typedef struct _HawserPending HawserPending;
struct _HawserPending {
  HawserPending *next, **link;       /* of the publisher; link NULL: the publisher is gone or has no list */
  HawserBus *bus;
  HawserPublished published;         /* NULL: nobody waits any more */
  gpointer data;
  guint64 cookie;
  guint64 position;                  /* of the message; 0: only its retained value is awaited */
  guint n_waiting;                   /* commits and sinks */
  guint n_commits;
  int result;
  gboolean is_routing;               /* the publish call has not returned: nobody is called back */
  HawserLabels *labels;
};

struct _HawserRouteSet {
  gint ref_count;
  guint n_routes;
  gboolean has_journal;              /* some receiver keeps a queue in the journal */
  gboolean may_refuse;               /* some receiver has the reject or the block policy */
  gboolean is_picky;                 /* some route is */
  guint32 *ids;
  HawserRoute routes[];
};

/* Whoever publishes: remembers the last topic and the decision about it. */
typedef struct {
  HawserBus *bus;
  HawserConnection *connection;      /* NULL: in-process, every right */
  const HawserPolicyContext *given;  /* on whose behalf, while it is published; NULL: the connection says it */
  HawserOrigin *origin;
  char *address;                     /* asked for by a policy, then kept */
  HawserTopicRecord *last;
  guint32 last_records_version, last_settings_version, last_policy_version;
  int last_decision;
  gboolean is_schedule;              /* what it publishes was looked at when it came */
  gboolean ignores_labels;           /* it waits for the commit, and for no sink */
  HawserPending *pending;            /* publishes that wait for a commit */
  HawserReceiver *receiver;          /* the one live receiver, if the adapter leaves it to us */
  HawserMeter *meter;                /* NULL: its listener has no rates */
  HawserHold *hold;                  /* without a connection: where it waits; NULL: it never does */
} HawserPublisher;

/* What core/twin wants to know of the bus. On the lane; neither may publish. */
typedef struct {
  void (*message)   (gpointer twins, HawserTopicRecord *record, HawserMessage *message, HawserConnection *connection);
  void (*link_lost) (gpointer twins, HawserConnection *connection);
  void (*identified) (gpointer twins, HawserConnection *connection);      /* its peer proved who it is */
  void (*connection_gone) (gpointer twins, HawserConnection *connection); /* closed, however that came */
} HawserTwinHook;

struct _HawserBus {
  GObject parent_instance;
  HawserLane *lane;
  GPtrArray *side_lanes;             /* of HawserSideLane; NULL: none was needed yet */
  guint threads;                     /* lanes altogether; 0 is 1 */
  gint64 busy_poll_us;
  GThread *thread;                   /* that made it: may use it while nobody runs the context */
  HawserClock *clock;
  char uid[17];
  guint64 sequence;
  guint64 next_id;                   /* of connections and other parties */

  HawserTopicTable topics;
  HawserMatchTree *filters;          /* path: filter; value: HawserEntry list */
  guint64 wildcard_version;          /* filters that begin with a wildcard changed */
  guint64 group_versions[HAWSER_N_GROUPS];
  guint32 stamp;
  guint routing;                     /* depth of publishes under way */
  HawserReceiver *graveyard;         /* removed while routing; linked by next */

  GHashTable *policies;
  GHashTable *kept;                  /* names of topics whose declaration is in the journal */
  GHashTable *kept_policies;         /* names of policies that were made while the bus ran */
  char *name;                        /* NULL: the host's */
  char **redact;                     /* what a tap does not show; NULL: nothing but what is always hidden */
  guint32 policy_version;
  guint32 authors_version;           /* who is banned, or known to an identity provider, changed */
  /* set by core/host; FALSE: the party that left a value behind is shut out or gone. @out_now: what is known of it now, if anything */
  gboolean (*admits_author) (HawserBus *self, const HawserPolicyContext *author, HawserPrincipal **out_now);
  HawserDirty rights_dirty;          /* rights changed in this turn */
  char *admin_policy;                /* name; NULL: whoever reaches the admin API */
  gboolean is_open;                  /* nothing is declared: peers on loopback may do anything */
  gboolean trusts_loopback;
  gboolean asks_address;             /* some decision depends on the peer's address */
  gboolean is_closed;

  HawserReceiver *receivers;
  GHashTable *durable;               /* id -> receiver */
  GHashTable *leases;                /* entry -> how long its topic lets it live; NULL: no topic does that */
  guint64 leases_version;            /* of the settings that has_leases was found in, and one */
  gboolean has_leases;
  GHashTable *provisioned;           /* identity -> GPtrArray of receivers made for it */
  GHashTable *observers;             /* id -> HawserObserver (owned); NULL: none yet */
  guint n_error_observers;           /* of them that want to know of errors */
  GHashTable *groups;                /* "$share/NAME/FILTER" -> HawserGroup */
  GPtrArray *limits;                 /* of HawserQueueLimits: few, and many receivers share each */
  guint32 next_serial;
  GQueue connections;
  guint max_connections;             /* of all listeners; 0: any */
  GPtrArray *listeners;
  GPtrArray *bridges;
  GPtrArray *pipelines;
  GPtrArray *sinks;                  /* of HawserSinkRunner, not owned: those that were started */
  void (*system_wanted) (gpointer data);   /* before somebody subscribes to a $SYS topic */
  gpointer system_data;
  guint n_system_filters;            /* that are there */
  guint64 most_connections;          /* at a time */
  guint64 n_expired_receivers;       /* sessions whose clients stayed away */
  HawserPublisher *self_publisher;

  HawserJournal journal;
  guint64 committed_position;        /* all up to here is on the disk, or was refused */
  GPtrArray *commit_waiters;         /* receivers with waits_commit */
  GHashTable *keepers;               /* queue of the journal -> receiver with kept keys */
  HawserPending *free_pending;
  HawserSchedule schedule;
  HawserDedup dedup;
  HawserHistory history;

  HawserMemory memory;
  GHashTable *farewells;             /* key -> last words of who is away; NULL: none yet */
  HawserReloadFunc reload;           /* NULL: there is no configuration */
  gpointer reload_data;
  HawserBusStatistics statistics;
  HawserRefusal refusal;

  const struct _HawserAuditFuncs *audit_funcs; /* NULL: topics with audit=true leave no lines */
  gpointer audit_trail;
  int trace;                         /* HawserTrace */

  const HawserTwinHook *twin_hook;
  gpointer twins;                    /* HawserTwins (owned): made when somebody asks for it */

  GListStore *topic_model, *subscription_model, *connection_model, *listener_model, *bridge_model, *pipeline_model, *sink_model;
};

/* ---- router ---- */
int              hawser_bus_route                (HawserBus              *self,
                                                  HawserPublisher        *publisher,
                                                  HawserMessage          *message, /* (transfer full) */
                                                  HawserPublished         published,
                                                  gpointer                data,
                                                  guint64                 cookie,
                                                  gboolean                outlives);
HawserPublisher *hawser_publisher_new            (HawserBus              *bus,
                                                  HawserConnection       *connection,
                                                  const char             *source);
HawserPublisher *hawser_publisher_of             (HawserConnection       *connection);
void             hawser_publisher_free           (HawserPublisher        *self);
/* The peer has room again. */
void             hawser_connection_resume_receiver (HawserConnection     *connection);
void             hawser_bus_free_pending         (HawserBus              *self);
/* Policies or topics did: filters are looked at again at the end of the turn. */
void             hawser_bus_rights_changed       (HawserBus              *self);
/* Another number when any right may be another. */
static inline guint32
hawser_bus_get_rights_version (HawserBus *self)
{
  return self->policy_version + self->topics.settings_version;
}
/* Frees the receivers that were removed meanwhile. */
void             hawser_bus_bury                 (HawserBus              *self);
void             hawser_bus_filter_changed       (HawserBus              *self,
                                                  const char             *filter,
                                                  gsize                   len);

/* One of what @self waits for has happened. */
void             hawser_pending_done             (HawserPending          *self);
/* Its publisher is told now; the rest is waited for without it. */
void             hawser_pending_end_early        (HawserPending          *self,
                                                  int                     result);

/* ---- labels that a publisher waits for ---- */
int              hawser_labels_check             (HawserBus              *bus,
                                                  HawserRouteSet         *set,
                                                  const HawserWishes     *wishes,
                                                  gboolean                is_kept);
/* hawser_labels_check() let it pass; @position is not 0 if there are sinks. */
HawserLabels    *hawser_labels_new               (HawserPending          *pending,
                                                  HawserRouteSet         *set,
                                                  const HawserWishes     *wishes,
                                                  guint64                 position);
void             hawser_labels_free              (HawserLabels           *self);
guint            hawser_labels_get_n_missing     (HawserLabels           *self);
/* A message left the queue of @receiver: @is_done, because it is where it belongs. */
void             hawser_labels_settle            (HawserReceiver         *receiver,
                                                  guint64                 position,
                                                  gboolean                is_done);
void             hawser_labels_drop_receiver     (HawserReceiver         *receiver);

/* ---- rights: the one function ---- */
void             hawser_bus_resolve_policies     (HawserBus              *self,
                                                  HawserLocalTopic       *topic);
typedef enum {
  HAWSER_ACTION_PUBLISH,
  HAWSER_ACTION_SUBSCRIBE,
} HawserAction;
int              hawser_bus_check_right          (HawserBus                 *self,
                                                  HawserAction               action,
                                                  HawserLocalTopic          *settings,
                                                  const HawserPolicyContext *context); /* NULL: in-process, all rights */
const char      *hawser_publisher_get_address    (HawserPublisher           *self); /* of its connection, without the port, as policies compare it */
/* Another number when the right of anybody to what was left behind may be another; never 0. */
static inline guint32
hawser_bus_get_authors_version (HawserBus *self)
{
  const guint32 version = hawser_bus_get_rights_version (self) + self->authors_version;

  return version != 0 ? version : 1;
}
gboolean         hawser_bus_find_out_author      (HawserBus                 *self,
                                                  HawserMessage             *message);
/* Whether whoever left a retained value behind may still say it. One compare while no right changes. */
static inline gboolean
hawser_bus_check_author (HawserBus *self, HawserMessage *message)
{
  return G_LIKELY (message->rights_version == hawser_bus_get_authors_version (self)) || hawser_bus_find_out_author (self, message);
}
/* The same without the state of the topic: it may be disabled or past its time. */
int              hawser_bus_check_policy         (HawserBus                 *self,
                                                  HawserAction               action,
                                                  HawserLocalTopic          *settings,
                                                  const HawserPolicyContext *context);
void             hawser_receiver_fill_context    (HawserReceiver            *self,
                                                  HawserPolicyContext       *out_context);
gboolean         hawser_receiver_is_peer         (HawserReceiver            *self);

/* ---- kept topics and policies ---- */
void             hawser_bus_forget_kept_policy   (HawserBus              *self,
                                                  const char             *name);
gboolean         hawser_bus_recover_kept_policies (HawserBus             *self,
                                                  GError                **error);
void             hawser_bus_forget_kept_topic    (HawserBus              *self,
                                                  const char             *name);
gboolean         hawser_bus_recover_kept_topics  (HawserBus              *self,
                                                  GError                **error);

/* ---- receivers ---- */
void             hawser_receiver_offer           (HawserReceiver         *self,
                                                  HawserMessage          *message,
                                                  const HawserDelivery   *delivery,
                                                  HawserPublisher        *publisher);
void             hawser_receiver_free            (HawserReceiver         *self);
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
char            *hawser_receiver_describe        (HawserReceiver         *self);
guint32          hawser_receiver_get_journal_queue (HawserReceiver       *self);

/* ---- models ---- */
void             hawser_bus_model_add_subscription    (HawserBus *self, HawserEntry *entry);
void             hawser_bus_model_remove_subscription (HawserBus *self, HawserEntry *entry);
void             hawser_bus_model_add_topic           (HawserBus *self, HawserTopicRecord *record);
void             hawser_bus_model_remove_topic        (HawserBus *self, const char *name);
void             hawser_bus_add_connection            (HawserBus *self, HawserConnection *connection);
void             hawser_bus_remove_connection         (HawserBus *self, HawserConnection *connection);
void             hawser_bus_note_identity             (HawserBus *self, HawserConnection *connection);
void             hawser_bus_add_listener              (HawserBus *self, gpointer listener);
void             hawser_bus_remove_listener           (HawserBus *self, gpointer listener);
void             hawser_bus_add_bridge                (HawserBus *self, gpointer bridge);
void             hawser_bus_remove_bridge             (HawserBus *self, gpointer bridge);
void             hawser_bus_add_pipeline              (HawserBus *self, gpointer pipeline);
void             hawser_bus_remove_pipeline           (HawserBus *self, gpointer pipeline);
void             hawser_bus_add_sink                  (HawserBus *self, gpointer runner);
void             hawser_bus_remove_sink               (HawserBus *self, gpointer runner);
guint64          hawser_bus_take_id                   (HawserBus *self);
/* Where the socket of the peer that was added last should live; NULL: on the bus's lane. */
HawserSideLane  *hawser_bus_choose_side_lane          (HawserBus *self);
/* Whether the calling thread is the one on which things of the bus are called. */
gboolean         hawser_bus_is_current                (HawserBus *self);

/* ---- memory ---- */
/* Publishers are held back, or refused where that is not enough. */
static inline gboolean
hawser_bus_is_tight (HawserBus *self)
{
  return G_UNLIKELY (g_atomic_int_get (&self->memory.level) > 0);
}

/* Nothing more is taken. */
static inline gboolean
hawser_bus_is_exhausted (HawserBus *self)
{
  return g_atomic_int_get (&self->memory.level) > 1;
}

G_END_DECLS
