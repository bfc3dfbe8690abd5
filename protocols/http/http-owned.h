/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-hub.h"

G_BEGIN_DECLS

/* Durable subscriptions that were provided for the principal of a request, while it reads them. */
typedef struct {
  GArray *queues;                /* of HttpOwnedQueue; NULL: none */
  gboolean has_all;              /* no filter of the request is left */
} HttpOwned;

/* Acknowledges what @cursor proves, attaches those that have a filter of @filters, and takes these filters out of it.
 * TRUE: there is one. */
gboolean http_owned_attach        (HttpOwned                 *self,
                                   HttpSession               *session,
                                   GPtrArray                 *filters,
                                   const HttpCursor          *cursor,
                                   const HawserReceiverFuncs *funcs,
                                   gpointer                   data);
gboolean http_owned_has_queued    (HttpOwned                 *self);
void     http_owned_resume        (HttpOwned                 *self);
/* In deliver(): it goes to the peer now. */
void     http_owned_note          (HttpOwned                 *self,
                                   HawserReceiver            *receiver,
                                   const HawserDelivery      *delivery);
/* Appends to a cursor how far the peer has come in each queue once it has what was noted. */
void     http_owned_append_cursor (HttpOwned                 *self,
                                   GString                   *out);
/* So much was given without a proof that a queue could overflow by it. */
gboolean http_owned_needs_proof   (HttpOwned                 *self);
/* In ended(): FALSE if it is none of these. */
gboolean http_owned_forget        (HttpOwned                 *self,
                                   HawserReceiver            *receiver);
/* What was not proved is given to the next who comes. */
void     http_owned_clear         (HttpOwned                 *self);

G_END_DECLS
