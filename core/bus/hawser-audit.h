/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private. Topics with audit=true leave a line for each message: who published it, or was refused, and who it was for. What a line
 * says is made here, where all of it is known; where lines are kept is the business of who called hawser_bus_set_audit(). On the
 * bus's lane. */

#include "hawser-publisher.h"
#include "hawser-receiver-private.h"

G_BEGIN_DECLS

typedef struct _HawserAuditFuncs {
  /* @line: a JSON object without line feed; taken. */
  void     (*note)   (gpointer   trail,
                      GString   *line);
  /* FALSE: lines get lost, and messages that would leave one are to be refused. */
  gboolean (*is_well) (gpointer  trail);
} HawserAuditFuncs;

typedef struct {
  const HawserAuditFuncs *funcs;     /* NULL: topics with audit=true leave no lines */
  gpointer trail;
  HawserClock *clock;
  const HawserRefusal *refusal;
} HawserAudit;

/* @message came from @publisher and was taken (HAWSER_RESULT_OK) or refused, for the reason said last. */
void hawser_audit_note_in  (const HawserAudit     *self,
                            const HawserPublisher *publisher,
                            HawserMessage         *message,
                            int                    result);
/* @message goes to @receiver, or into its queue. */
void hawser_audit_note_out (const HawserAudit     *self,
                            HawserReceiver        *receiver,
                            HawserMessage         *message);

G_END_DECLS
