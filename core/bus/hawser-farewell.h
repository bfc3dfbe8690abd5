/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the last words of who is away. */

#include "hawser-journal.h"
#include "hawser-lane-private.h"
#include "hawser-policy-context.h"

G_BEGIN_DECLS

typedef struct _HawserFarewells HawserFarewells;

/* @message: (transfer full): its time has come; @context: in whose name. */
typedef void (*HawserFarewellFunc) (gpointer                   data,
                                    const HawserPolicyContext *context,
                                    HawserMessage             *message);

/* What is pointed to must live longer. */
HawserFarewells *hawser_farewells_new     (HawserLane                *lane,
                                           const HawserJournal       *journal,
                                           HawserFarewellFunc         publish,
                                           gpointer                   data);
void             hawser_farewells_free    (HawserFarewells           *self);
/* Publishes @message (transfer full) in @delay_us unless it is ended before; one a @key, which replaces an earlier one. */
void             hawser_farewells_promise (HawserFarewells           *self,
                                           const char                *key,
                                           const HawserPolicyContext *context,
                                           HawserMessage             *message,
                                           gint64                     delay_us);
/* @is_kept: it is published now. FALSE: there is none. */
gboolean         hawser_farewells_end     (HawserFarewells           *self,
                                           const char                *key,
                                           gboolean                   is_kept);
gboolean         hawser_farewells_recover (HawserFarewells           *self,
                                           GError                   **error);
/* The bus closes: those in the journal stay there. */
void             hawser_farewells_forget  (HawserFarewells           *self);

G_END_DECLS
