/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-backoff.h"
#include "hawser-spool.h"
#include "hawser-twin-host.h"
#include "hawser-twins-private.h"

G_BEGIN_DECLS

#define HAWSER_TWIN_REMINDER_TOPIC "$twin/reminder/"

/* Where twins are kept. */
typedef struct {
  char *name;                          /* NULL: the bus's own */
  HawserSpool *spool;
  const HawserJournalFuncs *funcs;
  gpointer journal;                    /* NULL: nothing is kept */
} HawserTwinStore;

struct _HawserTwinHost {
  GObject parent_instance;
  HawserTwins *twins;                  /* not owned: they own this */

  /* behaviours */
  GHashTable *outages;                 /* index of a family -> what its behaviours call is not there */
  GHashTable *wards;                   /* id -> Ward: twins whose behaviour failed */

  /* what is to be stored */
  HawserTwinStore own;                 /* the bus's spool */
  GHashTable *stores;                  /* name -> HawserTwinStore */
  GArray *stored;                      /* guint64 by HawserTwinRef: revision in the store, 0: not there */
  GHashTable *dirty;                   /* HawserTwinRef */
  GPtrArray *gone;                     /* of Gone: to be removed from the store */
  GPtrArray *commits;                  /* of Commit: who waits for what is to be stored */
  HawserDirty at_end;
  HawserTimer interval_timer;
  gboolean is_due;                     /* at the end of this turn */
  gboolean is_holding;                 /* the spool makes one transaction of what comes */
  gboolean is_recovering;
  gboolean is_journaled;               /* what changes now is in the journal of events */
  guint64 n_stored, n_stale, n_failed, n_dead;

  /* events */
  GHashTable *logs;                    /* HawserTwinRef -> Log */
  GArray *events;                      /* of Pending: to be added to journals */

  /* timers and reminders */
  GHashTable *owners;                  /* id -> Owner */
  GPtrArray *dirty_owners;
};

/* ---- hawser-twin-outage.c ---- */
gboolean hawser_twin_outage_is_one   (const GError           *error);
gboolean hawser_twin_outage_admits   (HawserTwinHost         *self,
                                      const HawserTwinFamily *family,
                                      gint64                 *out_due_us);
gint64   hawser_twin_outage_note     (HawserTwinHost         *self,
                                      const HawserTwinFamily *family,
                                      const GError           *error);

/* ---- hawser-twin-supervisor.c ---- */
gboolean hawser_twin_host_on_message (gpointer        self,
                                      HawserTwinRef   twin,
                                      const char     *subject,
                                      HawserMessage  *message);
void     hawser_twin_host_on_removed (gpointer        self,
                                      HawserTwinRef   twin);
gboolean hawser_twin_host_is_stopped (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_ward_free       (gpointer        ward);
/* What a behaviour is told of its twin, a{sv}. (transfer full) */
GVariant *hawser_twin_describe       (HawserTwins    *twins,
                                      HawserTwinRef   twin,
                                      gboolean        with_children);

/* ---- hawser-twin-keeper.c ---- */
void     hawser_twin_keeper_init     (HawserTwinHost *self);
void     hawser_twin_keeper_end      (HawserTwinHost *self);
void     hawser_twin_keeper_clear    (HawserTwinHost *self);
void     hawser_twin_store_free      (gpointer        store);
/* NULL: it is kept nowhere. */
HawserTwinStore *hawser_twin_host_get_store (HawserTwinHost *self,
                                             HawserTwinRef   twin);
void     hawser_twin_host_on_changed (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_on_patched (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_note       (HawserTwinHost *self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_retry      (HawserTwinHost *self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_forget     (HawserTwinHost *self,
                                      HawserTwinRef   twin);
gboolean hawser_twin_host_on_leave   (gpointer        self,
                                      HawserTwinRef   twin);
/* What is to be stored is, at the end of this turn; or when a store that failed may work again. */
void     hawser_twin_host_store_soon (HawserTwinHost *self);
void     hawser_twin_host_store_later (HawserTwinHost *self);
void     hawser_twin_host_store      (gpointer        self);
void     hawser_twin_host_stored     (gpointer        self);
void     hawser_twin_host_on_commit  (gpointer        self,
                                      const char     *id,
                                      HawserPublished done,
                                      gpointer        data);

/* ---- hawser-twin-log.c ---- */
void     hawser_twin_log_init        (HawserTwinHost  *self);
void     hawser_twin_log_clear       (HawserTwinHost  *self);
void     hawser_twin_log_append      (HawserTwinHost  *self,
                                      HawserTwinRef    twin,
                                      GVariant        *event);
void     hawser_twin_log_flush       (HawserTwinHost  *self);
void     hawser_twin_log_snapshot    (HawserTwinHost  *self,
                                      HawserTwinStore *store,
                                      HawserTwinRef    twin,
                                      GString         *json);
void     hawser_twin_log_forget      (HawserTwinHost  *self,
                                      HawserTwinRef    twin);
void     hawser_twin_log_found       (HawserTwinHost  *self,
                                      HawserTwinRef    twin,
                                      const char      *text,
                                      gsize            len);
gboolean hawser_twin_log_recover     (HawserTwinHost  *self,
                                      GError         **error);

typedef struct _HawserTwinFold HawserTwinFold;
HawserTwinFold *hawser_twin_fold_new   (HawserTwins     *twins,
                                        HawserTwinRef    twin);
void            hawser_twin_fold_free  (HawserTwinFold  *self);
/* (transfer full) (nullable): what the event changes. */
GVariant       *hawser_twin_fold_apply (HawserTwinFold  *self,
                                        GVariant        *event,
                                        GError         **error);

/* ---- hawser-twin-reminders.c ---- */
void     hawser_twin_reminders_init      (HawserTwinHost  *self);
void     hawser_twin_reminders_end       (HawserTwinHost  *self);
void     hawser_twin_reminders_clear     (HawserTwinHost  *self);
gboolean hawser_twin_reminders_take      (HawserTwinHost  *self,
                                          const char      *id,
                                          GVariant        *timers,
                                          GVariant        *reminders,
                                          gboolean         only_checks,
                                          GError         **error);
void     hawser_twin_reminders_settle    (HawserTwinHost  *self,
                                          const char      *id,
                                          HawserMessage   *message);
void     hawser_twin_reminders_restart   (HawserTwinHost  *self,
                                          const char      *id);
void     hawser_twin_reminders_passivate (HawserTwinHost  *self,
                                          const char      *id);
void     hawser_twin_reminders_forget    (HawserTwinHost  *self,
                                          const char      *id);
void     hawser_twin_reminders_flush     (HawserTwinHost  *self);
gboolean hawser_twin_reminders_recover   (HawserTwinHost  *self,
                                          HawserTwinStore *store,
                                          GError         **error);

G_END_DECLS
