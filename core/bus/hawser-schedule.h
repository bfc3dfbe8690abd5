/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: messages that wait for their time. */

#include "hawser-journal.h"
#include "hawser-lane-private.h"
#include "hawser-message-private.h"
#include "hawser-refusal.h"

G_BEGIN_DECLS

typedef struct _HawserSchedule HawserSchedule;

/* The time of @message has come; its origin is its publisher's of then. FALSE: nothing is published any more. */
typedef gboolean (*HawserScheduleFunc) (gpointer       data,
                                        const char    *id,
                                        HawserMessage *message);
typedef gboolean (*HawserScheduleEach) (const char    *id,
                                        gint64         due_wall_us,
                                        HawserMessage *message,
                                        gpointer       data);

/* What is pointed to must live longer; @sequence: the number that a message was given last; @uid: the front of ids. */
HawserSchedule *hawser_schedule_new     (HawserLane           *lane,
                                         const HawserJournal  *journal,
                                         HawserRefusal        *refusal,
                                         guint64              *sequence,
                                         const char           *uid,
                                         HawserScheduleFunc    publish,
                                         gpointer              data);
void            hawser_schedule_free    (HawserSchedule       *self);
/* A HawserResult, or HAWSER_ERROR_QUOTA. PENDING: @done comes after the commit. */
int             hawser_schedule_add     (HawserSchedule       *self,
                                         HawserMessage        *message, /* (transfer full) */
                                         gint64                due_us,
                                         HawserOrigin         *origin,
                                         HawserJournalDone     done,
                                         gpointer              data);
/* Not from inside a publish call. FALSE: there is none. */
gboolean        hawser_schedule_cancel  (HawserSchedule       *self,
                                         const char           *id);
/* The earliest first; FALSE from @func stops. */
void            hawser_schedule_foreach (HawserSchedule       *self,
                                         HawserScheduleEach    func,
                                         gpointer              data);
gboolean        hawser_schedule_recover (HawserSchedule       *self,
                                         GError              **error);
guint           hawser_schedule_get_n   (HawserSchedule       *self);

G_END_DECLS
