/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-backoff.h"
#include "hawser-bridge.h"
#include "hawser-bridge-statistics.h"
#include "hawser-bus-private.h"
#include "hawser-notifier-private.h"
#include "hawser-overflow.h"
#include "hawser-receiver.h"

G_BEGIN_DECLS

#define HAWSER_BRIDGE_VIA "hawser-via"   /* user property: the buses that sent it over a bridge, with commas */

typedef struct {
  char **topics_in, **topics_out, **topics_both;
  guint max_in_flight;
  guint max_hops;
  gboolean mark_origin;
  gint64 retry_initial, retry_maximum;
  guint64 spool_limit;
  guint max_queued;
  gint64 max_age;
  HawserOverflow on_overflow;
} HawserBridgeSettings;

struct _HawserBridge {
  GObject parent_instance;
  HawserBus *bus;
  HawserLane *lane;
  HawserBridgeClient *client;
  HawserReceiver *receiver;
  HawserPublisher *publisher;
  char *name;
  char *id;                      /* of the receiver */
  char *source;                  /* of what comes in */
  HawserBridgeSettings settings;
  GPtrArray *in, *out;           /* of HawserBridgeRule */
  HawserBridgeState state;
  HawserBackoff backoff;
  HawserTimer timer;             /* next attempt */
  HawserNotifier notifier;
  GHashTable *window;            /* cookie to position in the spool */
  GHashTable *echoes;            /* what was sent there; only where the broker knows no origin */
  guint64 next_cookie;
  guint64 n_connection;          /* cookie of what comes in: an answer of an earlier connection is nobody's */
  guint n_unsafe;                /* came in and is not committed */
  gboolean is_busy;              /* the receiver waits for hawser_receiver_resume() */
  gboolean knows_origin;
  char *last_error;
  HawserBridgeStatistics statistics;
};

/* Its group is gone: it stops, and nothing more is queued for it. What waits stays where it is, for a group of that name. */
void     hawser_bridge_retire           (HawserBridge         *self);

/* In class_init(), after everything else. */
void     hawser_bridge_settings_install (GObjectClass         *klass);
/* What passes it, by its settings, and whether they can be meant. */
gboolean hawser_bridge_settings_check   (HawserBridge         *self,
                                         GError              **error);

/* We are called from the client's sources too, between two turns of the lane: not the time of the turn. */
gint64   hawser_bridge_get_now_us       (HawserBridge         *self);

/* hawser-bridge-loops.c. @via: the mark of a message; NULL: it has none. */
char    *hawser_bridge_dup_via          (HawserMessage        *message);
/* The mark that the message carries on from here; full; NULL: it stays as it is. */
char    *hawser_bridge_extend_via       (HawserBridge         *self,
                                         const char           *via);
/* Whether it came in over another bridge of this bus, which has put our mark on it. */
gboolean hawser_bridge_is_marked        (HawserBridge         *self,
                                         HawserMessage        *message,
                                         const char           *via);
/* Whether it was here before, or is on its way for too long. @is_marked: the last mark is of this very visit. */
gboolean hawser_bridge_went_round       (HawserBridge         *self,
                                         const char           *via,
                                         gboolean              is_marked);
/* It was sent, and will come back if we subscribe to it there. */
void     hawser_bridge_expect_echo      (HawserBridge         *self,
                                         HawserMessage        *message);
gboolean hawser_bridge_is_echo          (HawserBridge         *self,
                                         HawserMessage        *message);

G_END_DECLS
