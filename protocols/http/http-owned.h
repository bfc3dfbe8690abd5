/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-session.h"

G_BEGIN_DECLS

/* Durable subscriptions that were provided for the principal of a request, while it reads them. */
typedef struct {
  GPtrArray *receivers;          /* NULL: none */
  GArray *given;                 /* of HttpGiven: to be acknowledged */
  gboolean has_all;              /* no filter of the request is left */
} HttpOwned;

/* Attaches those that have a filter of @filters, and takes these filters out of it. TRUE: there is one. */
gboolean http_owned_attach      (HttpOwned                 *self,
                                 HttpSession               *session,
                                 GPtrArray                 *filters,
                                 const HawserReceiverFuncs *funcs,
                                 gpointer                   data);
gboolean http_owned_has_queued  (HttpOwned                 *self);
void     http_owned_resume      (HttpOwned                 *self);
/* In deliver(): it will be acknowledged. */
void     http_owned_note        (HttpOwned                 *self,
                                 HawserReceiver            *receiver,
                                 const HawserDelivery      *delivery);
/* What was noted is with the peer. */
void     http_owned_acknowledge (HttpOwned                 *self);
/* In ended(): FALSE if it is none of these. */
gboolean http_owned_forget      (HttpOwned                 *self,
                                 HawserReceiver            *receiver);
/* What was not acknowledged is given to the next who comes. */
void     http_owned_clear       (HttpOwned                 *self);

G_END_DECLS
