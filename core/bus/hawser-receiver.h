/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* The hot path between the bus and whoever receives: protocol adapters, sink runner, in-process subscriptions.
 * A receiver is one party with any number of filters and ONE queue; each (receiver, filter) pair is a subscription of
 * the listing. Not introspected. All calls on the lane of the receiver. */

#include "hawser-bus.h"
#include "hawser-connection-io.h"
#include "hawser-error.h"
#include "hawser-overflow.h"
#include "hawser-policy-context.h"

G_BEGIN_DECLS

/* Results of publishing and subscribing on the hot path: 0, or a HawserError code, or pending. */
typedef enum {
  HAWSER_RESULT_OK = 0,
  HAWSER_RESULT_PENDING = -1,
  /* HAWSER_ERROR_* as they are */
} HawserResult;

/* ---- Publishing from a connection ---- */

typedef void (*HawserPublished) (gpointer data, guint64 cookie, int result /* HAWSER_RESULT_OK or HAWSER_ERROR_* */);

/* The peer is gone and did not say goodbye: what it reported for is offline. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_connection_link_lost    (HawserConnection         *self);

/* Checks topic, rights and limits, stores, retains, routes: everything a publish means, in one pass.
 * @message: (transfer full). Topic names are checked here: the adapter hands over what the peer sent (1..65535 bytes).
 * Returns HAWSER_RESULT_OK (acknowledge now), HAWSER_RESULT_PENDING (acknowledge when @published runs, in any order
 * relative to other publishes: only after the commit; never from inside this call), or a HAWSER_ERROR_* code (refused,
 * nothing happened; hawser_bus_get_last_refusal() has one line of detail).
 * @published may be NULL at QoS 0: then nothing ever is pending. It is dropped when the connection closes. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_connection_publish      (HawserConnection         *self,
                                                HawserMessage            *message,
                                                HawserPublished           published,
                                                guint64                   cookie);
/* The same on behalf of a party without a connection of this kind (HTTP requests, wills): the context says who.
 * @published may run after the caller went away: the caller keeps @data alive until then. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_bus_publish_as          (HawserBus                *self,
                                                const HawserPolicyContext *context,
                                                const char               *source,  /* CloudEvents source; NULL: made from context */
                                                HawserMessage            *message, /* (transfer full) */
                                                HawserPublished           published,
                                                gpointer                  data,
                                                guint64                   cookie);
/* A message (transfer full) in the name of @context, published with the rights that it has then when @delay_us is over: the last
 * words of a party that is away, @key for each. Replaces one of the same key; survives a restart where there is a spool. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_promise             (HawserBus                *self,
                                                const char               *key,
                                                const HawserPolicyContext *context,
                                                HawserMessage            *message,
                                                gint64                    delay_us);
/* The party came back, or will not: @is_kept publishes it now, else nobody will hear of it. FALSE: there was none. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_bus_end_promise         (HawserBus                *self,
                                                const char               *key,
                                                gboolean                  is_kept);
/* Runs @done when all that was declared before this call is safe: kept topics, durable receivers, their filters. Never
 * from inside this call. Result: HAWSER_RESULT_OK or HAWSER_ERROR_UNAVAILABLE. The caller keeps @data alive until then. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_commit              (HawserBus                *self,
                                                HawserPublished           done,
                                                gpointer                  data,
                                                guint64                   cookie);
/* Whether who is connected may use the admin API. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_bus_check_admin         (HawserBus                *self,
                                                HawserConnection         *connection);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_bus_get_last_refusal    (HawserBus                *self);
/* When what was refused last may be tried again; 0: nobody knows. */
HAWSER_AVAILABLE_IN_ALL
gint64          hawser_bus_get_retry_after_us  (HawserBus                *self);
/* May @context publish to @topic now (a will at CONNECT)? 0 or HAWSER_ERROR_*. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_bus_check_publish       (HawserBus                *self,
                                                const HawserPolicyContext *context,
                                                const char               *topic);
/* May @context receive from @topic now (a replay of what was missed)? 0 or HAWSER_ERROR_*. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_bus_check_subscribe     (HawserBus                *self,
                                                const HawserPolicyContext *context,
                                                const char               *topic);

/* ---- Receiving ---- */

/* Set in the position of a message that came by a shared subscription: when its receiver leaves it goes to others, but at
 * QoS 2 it stays the receiver's as long as that may come back. */
#define HAWSER_POSITION_SHARED (G_GUINT64_CONSTANT (1) << 63)

typedef struct {
  HawserMessage *message;        /* (transfer none): reference it to keep it */
  guint64 position;              /* of the spool; 0: not spooled. Acknowledge it with hawser_receiver_ack() */
  guint8 qos;                    /* the lower of publisher's and subscription's */
  guint8 retain;                 /* retain flag to send: a retained value, or "retain as published" */
  guint8 is_retained_value;      /* it was kept before the subscription */
  guint8 is_redelivered;         /* was given before (crash or lost connection) */
  guint8 n_ids;                  /* MQTT subscription identifiers of all filters that matched */
  const guint32 *ids;
  gint64 now_us;                 /* time of this turn */
} HawserDelivery;

typedef enum {
  HAWSER_DELIVER_DONE,           /* taken: counted as delivered */
  HAWSER_DELIVER_BUSY,           /* not now: the bus queues it under the receiver's limits; call hawser_receiver_resume() */
  HAWSER_DELIVER_REFUSED,        /* can never be delivered to this peer (over its packet limit): dropped and counted */
} HawserDeliverResult;

typedef struct {
  HawserDeliverResult (*deliver) (HawserReceiver       *receiver,
                                  gpointer              data,
                                  const HawserDelivery *delivery);
  /* Optional: @n messages were dropped since the last call (slow receiver); told before the next delivery. */
  void                (*lost)    (HawserReceiver       *receiver,
                                  gpointer              data,
                                  guint64               n);
  /* Optional: the bus ends it (topic removed, right revoked, expired, taken over, bus closed); it is detached already. */
  void                (*ended)   (HawserReceiver       *receiver,
                                  gpointer              data,
                                  HawserError           reason);
  /* Optional: what hawser_receiver_keep() or hawser_receiver_unkeep() asked for is on the disk, or failed: 0 or
   * HAWSER_ERROR_UNAVAILABLE. */
  void                (*kept)    (HawserReceiver       *receiver,
                                  gpointer              data,
                                  guint32               key,
                                  gboolean              is_kept,
                                  int                   result);
  /* Optional: the bus took one filter away (its topic allows a subscription only so long); the receiver stays. Without it
   * a receiver ends with its last filter. */
  void                (*filter_ended) (HawserReceiver  *receiver,
                                  gpointer              data,
                                  const char           *filter,
                                  HawserError           reason);
  /* Optional, of a sink: gives it again what it gave up, and says how many messages that is. FALSE: it does not keep them. */
  gboolean            (*redrive) (HawserReceiver       *receiver,
                                  gpointer              data,
                                  guint64              *out_n);
} HawserReceiverFuncs;

/* Zero means the default. */
typedef struct {
  guint32 max_messages;          /* default 10000 */
  guint64 max_bytes;             /* default 1 MiB for ephemeral, 64 MiB for durable receivers */
  gint64 max_age_us;             /* default none */
  HawserOverflow overflow;       /* default drop-oldest */
} HawserQueueLimits;

typedef enum {
  HAWSER_RECEIVER_DURABLE   = 1 << 0,  /* survives absence, and the daemon's death when there is a spool */
  HAWSER_RECEIVER_PASSIVE   = 1 << 1,  /* a sink: spools QoS 0 too */
  HAWSER_RECEIVER_HIDDEN    = 1 << 2,  /* internal: neither listed nor counted (replay windows) */
  HAWSER_RECEIVER_PROVISIONED = 1 << 3, /* made by configuration or the admin API, not by its peer */
  HAWSER_RECEIVER_CONFIGURED = 1 << 4, /* by configuration: its limits and filters are those given at this start */
  HAWSER_RECEIVER_GROUP     = 1 << 5,  /* the bus's own: the queue behind a shared subscription */
} HawserReceiverFlags;

/* Makes a receiver, or finds the durable one of that @id (then @flags are left as they are, and @limits too unless
 * the receiver is provisioned).
 * @id: NULL for an ephemeral one; for a durable one its identity (principal's name, or client id where anonymous).
 * (transfer none): the bus owns it until hawser_receiver_remove(). */
HAWSER_AVAILABLE_IN_ALL
HawserReceiver *hawser_receiver_new            (HawserBus                *bus,
                                                const char               *id,
                                                HawserReceiverFlags       flags,
                                                const HawserQueueLimits  *limits);
/* Configured receivers of an earlier start that nobody asked for in this one: they keep their queues, get nothing more,
 * and are named in a warning each. History that no topic asks for goes. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_idle_unclaimed      (HawserBus                *bus);
/* The one live receiver of a peer that needs no more: made and attached by the first call, with @connection as the data of
 * @funcs; resumed when the peer has room again, gone when it goes or proves to be somebody else. */
HAWSER_AVAILABLE_IN_ALL
HawserReceiver *hawser_connection_open_receiver (HawserConnection        *connection,
                                                const HawserReceiverFuncs *funcs);
HAWSER_AVAILABLE_IN_ALL
HawserReceiver *hawser_bus_find_receiver       (HawserBus                *bus,
                                                const char               *id);
/* Whose queue a provisioned receiver is: a principal's name, or a client id where the listener is anonymous. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_set_identity   (HawserReceiver           *self,
                                                const char               *identity);
/* Provisioned durable receivers of an identity, for a peer that just proved it: attach each. */
HAWSER_AVAILABLE_IN_ALL
GPtrArray      *hawser_bus_list_provisioned    (HawserBus                *bus,
                                                const char               *identity);
/* What a durable subscription may be told beside its filter and limits. Strings are copied; NULL and 0 are none. */
typedef struct {
  const char *description;       /* one line for people */
  const char *attributes;        /* which messages: a rule over properties and JSON Pointers */
  gint64 expires_us;             /* wall clock; then it ends, with what it holds */
  double spool_rate;             /* messages a second, at most, while a backlog is delivered */
} HawserSubscriptionTerms;

/* Replaces them, and keeps them with the receiver. FALSE: the rule is wrong, nothing changed. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_set_terms      (HawserReceiver           *self,
                                                const HawserSubscriptionTerms *terms,
                                                GError                  **error);
/* Strings are valid until they are set again. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_get_terms      (HawserReceiver           *self,
                                                HawserSubscriptionTerms  *out_terms);
/* Connects a live party: deliveries flow from now on (queued ones first, then live). Who it is comes from @connection
 * (rights, no-local); @connection may be NULL for in-process parties, then all rights are given. Whoever was attached to
 * a durable one is told by ended() with HAWSER_ERROR_EXISTS. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_attach         (HawserReceiver           *self,
                                                HawserConnection         *connection,
                                                const HawserReceiverFuncs *funcs,
                                                gpointer                  data);
/* For a receiver without a connection that stands for peers of a listener with a mount point: before it subscribes. Others take
 * that of their connection. NULL: none. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_set_mount_point (HawserReceiver          *self,
                                                const char               *mount_point);
/* The party left: an ephemeral receiver is removed; a durable one keeps queueing. Deliveries not acknowledged are
 * given again, marked is_redelivered, when somebody attaches. @expiry_s: seconds until a durable one is removed,
 * G_MAXUINT32 for never. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_detach         (HawserReceiver           *self,
                                                guint32                   expiry_s);
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_remove         (HawserReceiver           *self);

typedef struct {
  guint8 qos;                    /* highest that is delivered */
  gboolean no_local;             /* not what this party published */
  gboolean retain_as_published;
  guint8 retain_handling;        /* 0 send retained values, 1 only if the filter is new, 2 do not (MQTT 5.0 3.8.3.1) */
  guint32 id;                    /* MQTT subscription identifier, 0: none */
  gboolean shares_exactly_once;  /* of a shared subscription: what is under way at QoS 2 goes to other members when this one
                                  * is gone for good. MQTT 5.0 section 4.8.2 forbids it */
  const char *since;             /* of topics with history, first what was published from there on, instead of retained values:
                                  * a sequence number, a time as in RFC 3339, or a duration before now; NULL: only what is new */
  double replay_speed;           /* of that: 0 all at once; 1 as fast as it was published, beside what is new; 2 twice that */
} HawserSubscribeOptions;

/* Adds or replaces a filter. Returns 0 or HAWSER_ERROR_*. Retained values are delivered after this call, in the same
 * turn. "$share/NAME/FILTER" joins a group of receivers, each message of which goes to one of them, acknowledged by a
 * position of its own; no retained values then, and no_local is refused. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_receiver_subscribe      (HawserReceiver           *self,
                                                const char               *filter,
                                                gsize                     filter_len,
                                                const HawserSubscribeOptions *options);
/* FALSE: there was no such filter. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_unsubscribe    (HawserReceiver           *self,
                                                const char               *filter,
                                                gsize                     filter_len);
/* After BUSY: deliver again, now or at the end of this turn. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_resume         (HawserReceiver           *self);
/* The party has it for good: it leaves the spool. Positions may be acknowledged in any order. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_ack            (HawserReceiver           *self,
                                                guint64                   position);
/* Into the queue of this receiver alone, whatever its filters say: a message that was published before. Returns
 * HAWSER_RESULT_OK (it survives as much as the receiver does) or HAWSER_RESULT_PENDING (@done runs, never from inside this
 * call: 0, or HAWSER_ERROR_UNAVAILABLE). The caller keeps @data alive until then. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_receiver_put            (HawserReceiver           *self,
                                                HawserMessage            *message,
                                                HawserPublished           done,
                                                gpointer                  data,
                                                guint64                   cookie);
/* Whether one more message is too much for its limits. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_is_full        (HawserReceiver           *self);
/* Whoever runs the bus can read its configuration again: what would need a new start (NULL-terminated), or NULL with @error,
 * and then nothing changed. Called on the bus's context outside its turns. */
typedef char **(*HawserReloadFunc)             (gpointer                  data,
                                                GError                  **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_set_reload          (HawserBus                *bus,
                                                HawserReloadFunc          func,
                                                gpointer                  data);
/* Not from inside a turn. %HAWSER_ERROR_NOT_FOUND: nobody can. */
HAWSER_AVAILABLE_IN_ALL
char          **hawser_bus_reload              (HawserBus                *bus,
                                                GError                  **error);
/* Has a sink take again what it gave up. FALSE: there is no such sink, or it keeps no dead letters. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_bus_redrive             (HawserBus                *bus,
                                                const char               *sink,
                                                guint64                  *out_n);
/* The party will never have it, and it leaves the spool all the same: who waits for it to arrive is told. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_discard        (HawserReceiver           *self,
                                                guint64                   position);
/* The same as acknowledging for all up to @position, for parties that only say how far they came. FALSE, and nothing happens, if this queue
 * never gave that much: the position is of another spool, or made up. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_ack_through    (HawserReceiver           *self,
                                                guint64                   position);
HAWSER_AVAILABLE_IN_ALL
const HawserQueueLimits *hawser_receiver_get_limits (HawserReceiver      *self);
/* Between these, what is published, acknowledged and kept is one transaction of the spool. Short, never nested. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_hold                (HawserBus                *self);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_release             (HawserBus                *self);
/* Keys that a party must find again after a restart (packet ids under way), for as long as its durable receiver is
 * there. Results: HAWSER_RESULT_OK (nothing survives this process, or nothing changes), HAWSER_RESULT_PENDING (kept() of the
 * attached party follows). */
HAWSER_AVAILABLE_IN_ALL
int             hawser_receiver_keep           (HawserReceiver           *self,
                                                guint32                   key);
HAWSER_AVAILABLE_IN_ALL
int             hawser_receiver_unkeep         (HawserReceiver           *self,
                                                guint32                   key);
typedef void (*HawserKeptFunc) (guint32 key, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_foreach_kept   (HawserReceiver           *self,
                                                HawserKeptFunc            func,
                                                gpointer                  data);
/* Whether it survives this process. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_is_recorded    (HawserReceiver           *self);
/* How long it lives without its party, if the process should die before hawser_receiver_detach() says so. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_receiver_set_expiry     (HawserReceiver           *self,
                                                guint32                   expiry_s);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_has_filter     (HawserReceiver           *self,
                                                const char               *filter);
HAWSER_AVAILABLE_IN_ALL
guint           hawser_receiver_get_n_filters  (HawserReceiver           *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_receiver_get_id         (HawserReceiver           *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_receiver_is_durable     (HawserReceiver           *self);
HAWSER_AVAILABLE_IN_ALL
gpointer        hawser_receiver_get_data       (HawserReceiver           *self);  /* NULL: nobody is attached */
HAWSER_AVAILABLE_IN_ALL
gsize           hawser_receiver_get_n_queued   (HawserReceiver           *self);
HAWSER_AVAILABLE_IN_ALL
HawserBus      *hawser_receiver_get_bus        (HawserReceiver           *self);

/* ---- For adapters ---- */
HAWSER_AVAILABLE_IN_ALL
HawserBus      *hawser_connection_get_bus      (HawserConnection         *self);
/* Fills who the peer is; valid as long as the connection. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_connection_fill_context (HawserConnection         *self,
                                                HawserPolicyContext      *out_context);
/* Whether durable receivers survive this process. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_bus_has_spool           (HawserBus                *self);
HAWSER_AVAILABLE_IN_ALL
HawserLane     *hawser_bus_get_lane            (HawserBus                *self);

/* Retained values that match @filter and that @context may read. FALSE from @func stops. */
typedef gboolean (*HawserRetainedFunc) (HawserMessage *message, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_retained    (HawserBus                *self,
                                                const HawserPolicyContext *context,
                                                const char               *filter,
                                                HawserRetainedFunc        func,
                                                gpointer                  data);

/* Messages that wait for their time, the earliest first; FALSE from @func stops. Cancelling is not for @func. */
typedef gboolean (*HawserScheduledFunc) (const char *id, gint64 due_wall_us, HawserMessage *message, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_scheduled   (HawserBus                *self,
                                                HawserScheduledFunc       func,
                                                gpointer                  data);
/* Not from inside a publish call. FALSE: there is none. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_bus_cancel_scheduled    (HawserBus                *self,
                                                const char               *id);

/* Counters of the whole bus since it began. published x matches = delivered + queued + dropped holds at any time. */
typedef enum {
  HAWSER_DROP_OVERFLOW,
  HAWSER_DROP_EXPIRED,
  HAWSER_DROP_TOO_LARGE,         /* over the receiver's packet limit */
  HAWSER_DROP_GONE,              /* the receiver left with messages queued */
  HAWSER_DROP_DENIED,            /* the right to receive was revoked, or that of who left the retained value */
  HAWSER_N_DROPS,
} HawserDrop;

typedef struct {
  guint64 published;             /* messages accepted */
  guint64 refused;               /* messages refused: rights, unknown topic, limits */
  guint64 matched;               /* messages x receivers that should get them */
  guint64 delivered;
  guint64 queued;                /* now, in memory or spool */
  guint64 dropped[HAWSER_N_DROPS];
  guint64 published_bytes;
  guint64 delivered_bytes;
  guint64 n_topics, n_retained, n_receivers, n_subscriptions, n_durable;
  guint64 n_scheduled;           /* now: wait for the time that their publisher named */
  guint64 n_duplicates;          /* accepted, and dropped by dedup-window */
  guint64 held_for_rate;         /* times that a connection was not read, as its listener allows no more a second */
  guint64 refused_for_rate;      /* messages, for the same reason */
  guint64 held_for_memory, refused_for_memory;
  guint64 connects_held;         /* times that a listener accepted nobody for a while */
  guint64 connects_refused;      /* of identities that connect too often */
  guint64 memory_bytes;          /* of the process, when it was looked at last; 0: there is no limit */
  guint64 max_memory;
  gboolean is_tight;             /* publishers are held back */
} HawserBusStatistics;

HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_get_statistics      (HawserBus                *self,
                                                HawserBusStatistics      *out_statistics);

/* One subscription of the listing. Strings are valid during the callback. */
typedef struct {
  const char *id;                /* unique and stable: receiver and filter */
  const char *filter;
  const char *identity;          /* of a durable one */
  const char *receiver;          /* "mqtt client ground-1", "sink blob", "in-process" */
  const char *group;             /* name of a shared subscription's group, or NULL; the group itself is listed too, with its queue */
  gboolean is_group;
  guint64 connection_id;         /* 0: none now */
  gboolean is_durable;
  gboolean is_passive;
  gboolean no_local;
  guint8 qos;
  gsize n_queued;
  guint64 queued_bytes;
  guint64 n_delivered, n_dropped;
  HawserReceiver *handle;
} HawserSubscriptionInfo;
typedef gboolean (*HawserSubscriptionInfoFunc) (const HawserSubscriptionInfo *info, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_subscription (HawserBus               *self,
                                                HawserSubscriptionInfoFunc func,
                                                gpointer                  data);

typedef struct {
  const char *name;
  HawserTopic *topic;            /* (nullable): its own metadata; NULL for topics made on first use */
  gboolean has_retained;
  guint64 n_published;
} HawserTopicInfo;
typedef gboolean (*HawserTopicInfoFunc) (const HawserTopicInfo *info, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_topic       (HawserBus                *self,
                                                HawserTopicInfoFunc       func,
                                                gpointer                  data);
/* Policies made while the bus runs: they survive a restart where there is a spool. FALSE: the configuration declares one of that name
 * (HAWSER_ERROR_EXISTS), or there are too many (HAWSER_ERROR_QUOTA). */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_bus_put_policy          (HawserBus                *self,
                                                HawserPolicy             *policy,
                                                GError                  **error);
/* FALSE: there is none (HAWSER_ERROR_NOT_FOUND), or it is the configuration's (HAWSER_ERROR_EXISTS). */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_bus_drop_policy         (HawserBus                *self,
                                                const char               *name,
                                                GError                  **error);
/* In the order of their names. @is_kept: made while the bus ran, now or before a restart. */
typedef void (*HawserPolicyFunc) (HawserPolicy *policy, gboolean is_kept, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_policy      (HawserBus                *self,
                                                HawserPolicyFunc          func,
                                                gpointer                  data);
/* JSON Pointers, and names of members and properties, whose values nobody is shown who looks at messages of others. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_set_redact          (HawserBus                *self,
                                                const char * const       *rules);
HAWSER_AVAILABLE_IN_ALL
const char * const *hawser_bus_get_redact      (HawserBus                *self);
typedef gboolean (*HawserConnectionFunc) (HawserConnection *connection, gpointer data);
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_connection  (HawserBus                *self,
                                                HawserConnectionFunc      func,
                                                gpointer                  data);

G_END_DECLS
