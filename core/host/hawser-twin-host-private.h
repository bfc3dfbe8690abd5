/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-backoff.h"
#include "hawser-twin-host.h"
#include "hawser-twins-private.h"

G_BEGIN_DECLS

struct _HawserTwinHost {
  GObject parent_instance;
  HawserTwins *twins;                  /* not owned: they own this */

  /* behaviours */
  GHashTable *wards;                   /* id -> Ward: twins whose behaviour failed */

  /* what is to be stored */
  GHashTable *dirty;                   /* ids */
  HawserDirty at_end;
  HawserTimer interval_timer;
  gboolean is_recovering;
  guint64 n_stored, n_failed, n_dead;
};

/* ---- hawser-twin-supervisor.c ---- */
gboolean hawser_twin_host_on_message (gpointer        self,
                                      HawserTwinRef   twin,
                                      const char     *subject,
                                      HawserMessage  *message);
void     hawser_twin_host_on_removed (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_ward_free       (gpointer        ward);

/* ---- hawser-twin-keeper.c ---- */
void     hawser_twin_host_on_changed (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_on_patched (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_forget     (HawserTwinHost *self,
                                      const char     *id);
void     hawser_twin_host_store_all  (HawserTwinHost *self);
gboolean hawser_twin_host_on_leave   (gpointer        self,
                                      HawserTwinRef   twin);
void     hawser_twin_host_on_commit  (gpointer        self,
                                      const char     *id,
                                      HawserPublished done,
                                      gpointer        data);

G_END_DECLS
