/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-bus-private.h"

G_BEGIN_DECLS

/* Where the lines of the audit trail are kept: a file that only grows, a line each, written by a thread of its own. */
typedef struct _HawserAuditLog HawserAuditLog;

/* @path: NULL: lines go to the log. @opens_now: else with the first line, so that a bus without such topics has no file. @is_chained: each line carries the digest of itself and of all before it. @is_strict: while
 * the file cannot be written, messages that would leave a line are refused. NULL: it cannot be opened. On the bus's lane. */
HawserAuditLog *hawser_audit_log_new    (HawserBus       *bus,
                                         const char      *path,
                                         gboolean         opens_now,
                                         gboolean         is_chained,
                                         gboolean         is_strict,
                                         GError         **error);
/* Somebody has moved the file away: what follows goes into a new one. */
void            hawser_audit_log_reopen (HawserAuditLog  *self);
/* Writes what is left. */
void            hawser_audit_log_free   (HawserAuditLog  *self);

G_END_DECLS
