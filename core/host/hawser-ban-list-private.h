/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-ban-list.h"
#include "hawser-connection.h"
#include "hawser-policy-context.h"

G_BEGIN_DECLS

/* A log-in of @connection failed: after @max of them within @window_us its address is banned for @duration_us. */
void     hawser_ban_list_note_failure (HawserBus        *bus,
                                       HawserConnection *connection,
                                       guint             max,
                                       gint64            window_us,
                                       gint64            duration_us);
/* Whether @connection comes from a banned address; counted when it does. Asks nothing of the system while there is no ban. */
gboolean hawser_ban_list_refuses      (HawserBus        *bus,
                                       HawserConnection *connection);

/* @connection said which client it is, and that counts as coming once more: more than @max times within @window_us ban the client
 * id for @duration_us. TRUE: that was one too many. */
gboolean hawser_ban_list_note_entry    (HawserBus        *bus,
                                        HawserConnection *connection,
                                        guint             max,
                                        gint64            window_us,
                                        gint64            duration_us);
/* Whether its client id or its principal is banned. */
gboolean hawser_ban_list_refuses_identity (HawserBus     *bus,
                                        HawserConnection *connection);
/* Whether somebody banned the client id or the principal of @author: then it says nothing by what it left behind either. Bans that
 * came by themselves, and those of an address, end nobody's word. */
gboolean hawser_ban_list_silences      (HawserBus        *bus,
                                        const HawserPolicyContext *author);

G_END_DECLS
