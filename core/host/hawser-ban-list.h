/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Addresses that may not connect: of peers whose log-ins failed too often, and those that somebody put there. One list a bus,
 * for all its listeners. All calls on the bus's lane. Not introspected. */

#include "hawser-bus.h"

G_BEGIN_DECLS

typedef struct {
  guint64 n_failures;      /* log-ins that failed */
  guint64 n_refused;       /* connections closed because of a ban */
  guint n_bans;            /* in force */
} HawserBanStatistics;

/* @address: of a peer without its port. Replaces a ban of it; FALSE: it is no IP address, or the list is full. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_ban_list_add            (HawserBus            *bus,
                                         const char           *address,
                                         gint64                duration_us);
/* FALSE: there was none. Its failures are forgotten too. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_ban_list_remove         (HawserBus            *bus,
                                         const char           *address);
HAWSER_AVAILABLE_IN_ALL
void     hawser_ban_list_foreach        (HawserBus            *bus,
                                         void                (*func) (const char *address, gint64 left_us, gpointer data),
                                         gpointer              data);
HAWSER_AVAILABLE_IN_ALL
void     hawser_ban_list_get_statistics (HawserBus            *bus,
                                         HawserBanStatistics  *out_statistics);

G_END_DECLS
