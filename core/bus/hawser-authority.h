/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: who may do what. Knows the policies and what is declared for topics, and nobody who is connected: whoever asks says
 * who it is about. One lane. */

#include "hawser-clock.h"
#include "hawser-policy-context.h"
#include "hawser-policy.h"
#include "hawser-receiver.h"
#include "hawser-refusal.h"
#include "hawser-topic-table.h"

G_BEGIN_DECLS

typedef enum {
  HAWSER_ACTION_PUBLISH,
  HAWSER_ACTION_SUBSCRIBE,
} HawserAction;

#define HAWSER_OBSERVER_PREFIX "$observer/"

/* What it asks of others; it may be called in the middle of a publish. */
typedef struct {
  /* some right may be another than before: only a note may be made of that */
  void     (*changed)        (gpointer data);
  /* may @context, with its topic below HAWSER_OBSERVER_PREFIX, read that? */
  int      (*check_observer) (gpointer data, const HawserPolicyContext *context);
  /* (nullable) FALSE: the party that left a value behind is shut out or gone. @out_now: what is known of it now, if anything */
  gboolean (*admits_author)  (gpointer data, const HawserPolicyContext *author, HawserPrincipal **out_now);
} HawserAuthorityFuncs;

typedef struct {
  HawserClock *clock;
  HawserTopicTable *topics;
  HawserRefusal *refusal;            /* where it says why not */
  GHashTable *policies;              /* name -> HawserPolicy */
  guint32 version;                   /* goes up when policies change */
  char *admin_policy;                /* name; NULL: whoever reaches the admin API */
  gboolean is_open;                  /* nothing is declared: peers on loopback may do anything */
  gboolean trusts_loopback;
  gboolean asks_address;             /* some decision depends on the peer's address */
  guint32 authors_version;           /* goes up when who is banned, or known to an identity provider, changes */
  HawserAuthorityFuncs funcs;
  gpointer data;                     /* of them */
} HawserAuthority;

/* Another number when any right may be another. */
static inline guint32
hawser_authority_get_version (const HawserAuthority *self)
{
  return self->version + self->topics->settings_version;
}

/* Another number when the right of anybody to what was left behind may be another; never 0. */
static inline guint32
hawser_authority_get_authors_version (const HawserAuthority *self)
{
  const guint32 version = hawser_authority_get_version (self) + self->authors_version;

  return version != 0 ? version : 1;
}

/* All must live as long as this. */
void          hawser_authority_init                (HawserAuthority           *self,
                                                    HawserClock               *clock,
                                                    HawserTopicTable          *topics,
                                                    HawserRefusal             *refusal,
                                                    HawserAuthorityFuncs       funcs,
                                                    gpointer                   data);
void          hawser_authority_clear               (HawserAuthority           *self);

/* The one function that decides: HAWSER_RESULT_OK, or HAWSER_ERROR_* and the refusal says why. @settings: in force for the topic
 * that @context names, or NULL; @context NULL: this process, which has every right that is not taken from all. */
int           hawser_authority_check               (HawserAuthority           *self,
                                                    HawserAction               action,
                                                    HawserLocalTopic          *settings,
                                                    const HawserPolicyContext *context);
/* The same for a peer that publishes to the topic that @context names; @is_known: it is in use already. */
int           hawser_authority_check_publish       (HawserAuthority           *self,
                                                    HawserLocalTopic          *settings,
                                                    gboolean                   is_known,
                                                    const HawserPolicyContext *context);
/* The same without the state of the topic: it may be disabled or past its time. @settings, @context: not NULL. */
int           hawser_authority_check_policy        (HawserAuthority           *self,
                                                    HawserAction               action,
                                                    HawserLocalTopic          *settings,
                                                    const HawserPolicyContext *context);
gboolean      hawser_authority_find_out_author     (HawserAuthority           *self,
                                                    HawserMessage             *message);
/* Whether whoever left a retained value behind may still say it. One compare while no right changes. */
static inline gboolean
hawser_authority_check_author (HawserAuthority *self, HawserMessage *message)
{
  return G_LIKELY (message->rights_version == hawser_authority_get_authors_version (self)) || hawser_authority_find_out_author (self, message);
}
int           hawser_authority_check_admin         (HawserAuthority           *self,
                                                    const HawserPolicyContext *context);

HawserPolicy *hawser_authority_get_policy          (HawserAuthority           *self,
                                                    const char                *name);   /* (nullable): NULL then */
/* From the first one on nothing is open. */
void          hawser_authority_add_policy          (HawserAuthority           *self,
                                                    HawserPolicy              *policy);
gboolean      hawser_authority_remove_policy       (HawserAuthority           *self,
                                                    const char                *name);
void          hawser_authority_set_admin_policy    (HawserAuthority           *self,
                                                    const char                *name);
void          hawser_authority_set_open            (HawserAuthority           *self,
                                                    gboolean                   is_open);
void          hawser_authority_set_trusts_loopback (HawserAuthority           *self,
                                                    gboolean                   trusts_loopback);

G_END_DECLS
