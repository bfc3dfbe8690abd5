/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Who may not connect: addresses of peers whose log-ins failed too often, client ids that came too often, and those that somebody
 * put there. One list a bus, for all its listeners. All calls on the bus's lane. Not introspected. */

#include "hawser-bus.h"

G_BEGIN_DECLS

typedef struct {
  guint64 n_failures;      /* log-ins that failed */
  guint64 n_refused;       /* connections closed because of a ban */
  guint64 n_flapping;      /* bans of client ids that came too often */
  guint n_bans;            /* in force */
} HawserBanStatistics;

/* @name: an IP address, `client:ID` or `principal:NAME`. Replaces a ban of it; FALSE: it is none of these, or the list is full. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_ban_list_add            (HawserBus            *bus,
                                         const char           *name,
                                         gint64                duration_us);
/* FALSE: there was none. What it did is forgotten too. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_ban_list_remove         (HawserBus            *bus,
                                         const char           *name);
HAWSER_AVAILABLE_IN_ALL
void     hawser_ban_list_foreach        (HawserBus            *bus,
                                         void                (*func) (const char *name, gint64 left_us, gpointer data),
                                         gpointer              data);
HAWSER_AVAILABLE_IN_ALL
void     hawser_ban_list_get_statistics (HawserBus            *bus,
                                         HawserBanStatistics  *out_statistics);

G_END_DECLS
