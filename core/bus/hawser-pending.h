/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: publishes that are acknowledged later, after their commits and what was asked for besides. Who started one gets a
 * single answer: from the call that published if nothing is left to wait for, else by its callback. One lane. */

#include "hawser-journal.h"
#include "hawser-receiver.h"
#include "hawser-refusal.h"

G_BEGIN_DECLS

typedef struct _HawserPending HawserPending;

/* Of one bus: used ones are kept for the next publish. */
typedef struct {
  HawserPending *free;
  const HawserJournal *journal;
  HawserRefusal *refusal;
  void (*committed) (gpointer data, guint64 position, gboolean ok);   /* a message, before its publisher is told */
  gpointer data;
} HawserPendingPool;

struct _HawserPending {
  HawserPending *next, **link;       /* of the publisher; link NULL: the publisher is gone or has no list */
  HawserPendingPool *pool;
  HawserPublished published;         /* NULL: nobody waits any more */
  gpointer data;
  guint64 cookie;
  guint64 position;                  /* of the message; 0: only its retained value is awaited */
  guint n_waiting;                   /* the publish call, commits, and the extra */
  guint n_commits;
  guint n_extra;                     /* of n_waiting: what hawser_pending_set_extra() added */
  int result;
  gboolean is_routing;               /* the publish call has not returned: nobody is called back */
  gpointer extra;
  GDestroyNotify free_extra;
};

void           hawser_pending_pool_init      (HawserPendingPool   *self,
                                              const HawserJournal *journal,
                                              HawserRefusal       *refusal,
                                              void               (*committed) (gpointer data, guint64 position, gboolean ok),
                                              gpointer             data);
void           hawser_pending_pool_clear     (HawserPendingPool   *self);

HawserPending *hawser_pending_new            (HawserPendingPool   *pool,
                                              HawserPublished      published,
                                              gpointer             data,
                                              guint64              cookie);
/* At the begin of a publish call, which hawser_pending_finish_routing() ends. NULL: there is no journal, nothing to wait for. */
static inline HawserPending *
hawser_pending_start (HawserPendingPool *pool, HawserPublished published, gpointer data, guint64 cookie)
{
  return hawser_journal_exists (pool->journal) ? hawser_pending_new (pool, published, data, cookie) : NULL;
}

/* What is asked of the journal now, with one of the two callbacks below, is waited for. NULL stays NULL. */
HawserPending *hawser_pending_await_commit   (HawserPending       *self);
/* HawserJournalDone of a value, which may be in an earlier commit than what goes into queues. */
void           hawser_pending_on_kept        (gpointer             pending,
                                              gboolean             ok,
                                              const GError        *error);
/* HawserJournalDone of the message. */
void           hawser_pending_on_committed   (gpointer             pending,
                                              gboolean             ok,
                                              const GError        *error);
/* @n more things to wait for; @extra is freed with it, or when it ends early. */
void           hawser_pending_set_extra      (HawserPending       *self,
                                              gpointer             extra,
                                              GDestroyNotify       free_extra,
                                              guint                n);
/* One of those has happened. */
void           hawser_pending_extra_done     (HawserPending       *self);
/* Its publisher is told now; the commits are waited for without it. */
void           hawser_pending_end_early      (HawserPending       *self,
                                              int                  result);
/* What the publish call returns. @list: of the publisher, who may go before the answer; NULL: it outlives it. */
int            hawser_pending_finish_routing (HawserPending       *self,
                                              HawserPending      **list);
/* The publisher goes: nobody in @list is called back any more. */
void           hawser_pending_forget_all     (HawserPending      **list);

G_END_DECLS
