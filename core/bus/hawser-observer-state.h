/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An observer inside: who asked for it (hawser-observer-maker.c), what it sees and tells (hawser-observer-sight.c), its lease and
 * its face (hawser-observer.c). Private to these three. */

#include "hawser-observer-private.h"

#include "hawser-json-writer.h"
#include "hawser-receiver-private.h"
#include "hawser-topic-filter.h"

G_BEGIN_DECLS

/* Who asked, as far as policies look at it. */
typedef struct {
  gboolean is_peer;                  /* else this process, with every right */
  HawserPrincipal *principal;
  char *client_id, *listener, *protocol, *address;
  gboolean is_encrypted;
} HawserObserverMaker;

struct _HawserObserver {
  GObject parent_instance;
  HawserTimer lease, tick;
  HawserBus *bus;                    /* NULL when it is over */
  HawserReceiver *receiver;
  HawserTopicFilter *filter;
  HawserObserverMaker maker;
  HawserObserverKind kind;
  char *topic;
  const char *id;                    /* the end of @topic */
  guint lease_ms;
  GQueue errors;                     /* of char *: JSON, oldest first */
  guint64 n_lost;                    /* before the next one that is told */
  guint64 n_messages, n_bytes, n_errors;
  gint64 last_message_us, last_error_us; /* wall clock; 0: none yet */
  gboolean is_posted;
};

/* ---- Who asked ---- */

void     hawser_observer_maker_note   (HawserObserverMaker *self,
                                       HawserConnection    *connection);
void     hawser_observer_maker_clear  (HawserObserverMaker *self);
gboolean hawser_observer_is_of        (HawserObserver      *self,
                                       HawserPrincipal     *principal);
/* By policy alone: that a topic is disabled is one of the errors. Asked in the middle of a publish, whose refusal may still be read. */
gboolean hawser_observer_may_see      (HawserObserver      *self,
                                       const char          *topic);
/* As if it subscribed: whether there is anything that it may read. */
gboolean hawser_observer_check_right  (HawserConnection    *connection,
                                       const char          *filter,
                                       GError             **error);

/* ---- What it sees and tells ---- */

extern const HawserReceiverFuncs hawser_observer_receiver_funcs;

void     hawser_observer_publish_json   (HawserObserver   *self,
                                         const char       *json,
                                         gboolean          is_retained);
void     hawser_observer_publish_metric (HawserObserver   *self);
/* @wall_us: 0 for null. */
void     hawser_observer_append_time    (HawserJsonWriter *writer,
                                         const char       *key,
                                         gint64            wall_us);
void     hawser_observer_append_count   (HawserJsonWriter *writer,
                                         const char       *key,
                                         guint64           n);

G_END_DECLS
