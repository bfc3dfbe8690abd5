/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-receiver.h"

G_BEGIN_DECLS

/* What one sink gave up, kept until somebody has it driven to the sink again. On the bus's lane. */
typedef struct _HawserDeadLetters HawserDeadLetters;

HawserDeadLetters *hawser_dead_letters_new     (HawserBus          *bus,
                                                const char         *sink);
/* What is kept stays in the spool. */
void               hawser_dead_letters_free    (HawserDeadLetters  *self);
/* As hawser_receiver_put(). */
int                hawser_dead_letters_keep    (HawserDeadLetters  *self,
                                                HawserMessage      *message,
                                                HawserPublished     done,
                                                gpointer            data,
                                                guint64             cookie);
/* Gives what there is to @target, the sink's receiver, as far as that has room: what the sink gives up again waits for the
 * next time. Returns how many. */
guint64            hawser_dead_letters_redrive (HawserDeadLetters  *self,
                                                HawserReceiver     *target);

G_END_DECLS
