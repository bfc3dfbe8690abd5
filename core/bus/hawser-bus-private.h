/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-audit.h"
#include "hawser-authority.h"
#include "hawser-bus.h"
#include "hawser-connection-private.h"
#include "hawser-dedup.h"
#include "hawser-farewell.h"
#include "hawser-history.h"
#include "hawser-journal.h"
#include "hawser-kept-topics.h"
#include "hawser-lane-private.h"
#include "hawser-memory.h"
#include "hawser-meter.h"
#include "hawser-pending.h"
#include "hawser-publisher.h"
#include "hawser-receiver-private.h"
#include "hawser-refusal.h"
#include "hawser-replay.h"
#include "hawser-roster.h"
#include "hawser-router.h"
#include "hawser-routes.h"
#include "hawser-schedule.h"
#include "hawser-side-lane-private.h"
#include "hawser-topic-table.h"
#include "hawser-trace.h"

G_BEGIN_DECLS

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
  HawserRoutes routes;
  guint routing;                     /* depth of publishes under way */
  HawserReceiver *graveyard;         /* removed while routing; linked by next */

  HawserAuthority authority;
  GHashTable *kept_policies;         /* names of policies that were made while the bus ran */
  char *name;                        /* NULL: the host's */
  char **redact;                     /* what a tap does not show; NULL: nothing but what is always hidden */
  HawserDirty rights_dirty;          /* rights changed in this turn */
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
  HawserRoster listeners;
  HawserRoster bridges;
  HawserRoster pipelines;
  HawserRoster sinks;                /* of HawserSinkRunner: those that were started */
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
  HawserPendingPool pending;
  HawserKeptTopics *kept_topics;
  HawserHistory *history;
  HawserReplays *replays;
  HawserDedup *dedup;
  HawserSchedule *schedule;
  HawserFarewells *farewells;

  HawserMemory memory;
  HawserMetering metering;
  HawserReloadFunc reload;           /* NULL: there is no configuration */
  gpointer reload_data;
  HawserBusStatistics statistics;
  HawserRefusal refusal;

  HawserAudit audit;
  HawserTrace trace;

  const HawserTwinHook *twin_hook;
  gpointer twins;                    /* HawserTwins (owned): made when somebody asks for it */

  GListStore *topic_model, *subscription_model, *connection_model;
};

/* ---- what goes into a bus from above ---- */
/* NULL: topics with audit=true leave no lines. */
void             hawser_bus_set_audit            (HawserBus              *self,
                                                  const HawserAuditFuncs *funcs,
                                                  gpointer                trail);
/* @word: propagate, generate or off; NULL: propagate. From the next message on. */
void             hawser_bus_set_trace            (HawserBus              *self,
                                                  const char             *word);

/* ---- kept policies ---- */
void             hawser_bus_forget_kept_policy   (HawserBus              *self,
                                                  const char             *name);
gboolean         hawser_bus_recover_kept_policies (HawserBus             *self,
                                                  GError                **error);

/* ---- hawser-bus-journal.c ---- */
/* What its schedule and its farewells call. */
gboolean         hawser_bus_publish_scheduled    (gpointer                bus,
                                                  const char             *id,
                                                  HawserMessage          *message);
void             hawser_bus_publish_farewell     (gpointer                bus,
                                                  const HawserPolicyContext *context,
                                                  HawserMessage          *message);
/* All topics are declared: those that ask for less history than is there lose it. */
void             hawser_bus_sweep_history        (HawserBus              *self);

/* ---- models ---- */
void             hawser_bus_model_add_subscription    (HawserBus *self, HawserEntry *entry);
void             hawser_bus_model_remove_subscription (HawserBus *self, HawserEntry *entry);
void             hawser_bus_model_add_topic           (HawserBus *self, HawserTopicRecord *record);
void             hawser_bus_model_remove_topic        (HawserBus *self, const char *name);
void             hawser_bus_add_connection            (HawserBus *self, HawserConnection *connection);
void             hawser_bus_remove_connection         (HawserBus *self, HawserConnection *connection);
void             hawser_bus_note_identity             (HawserBus *self, HawserConnection *connection);
guint64          hawser_bus_take_id                   (HawserBus *self);
/* Where the socket of the peer that was added last should live; NULL: on the bus's lane. */
HawserSideLane  *hawser_bus_choose_side_lane          (HawserBus *self);
/* Whether the calling thread is the one on which things of the bus are called. */
gboolean         hawser_bus_is_current                (HawserBus *self);

G_END_DECLS
