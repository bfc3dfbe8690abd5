/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/* What a decision is made from, on the stack of whoever asks. NULL means "not known": comparisons with it deny. */
typedef struct {
  HawserPrincipal *principal;   /* nullable: an anonymous peer */
  const char *client_id;        /* claim `client-id` */
  const char *listener;         /* claim `listener`: its name in the configuration */
  const char *protocol;         /* claim `protocol`: mqtt, http, ... */
  const char *topic;            /* claim `topic`: a topic name, or the filter somebody subscribes to */
  const char *address;          /* claim `address`: of the peer, without port */
  gboolean is_encrypted;        /* claim `tls`: "true" or "false" */
  const char *mount_point;      /* no claim: what stands before the topics of this peer, whose own names lack it; NULL: nothing */
} HawserPolicyContext;

/* Context: any thread; allocates nothing but the explanation. self may be NULL, which denies.
 * out_explanation (nullable) receives `policy NAME: TERM is false` when the answer is no, else NULL; the caller frees it. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_policy_evaluate (HawserPolicy               *self,
                                 const HawserPolicyContext  *context,
                                 char                      **out_explanation);

G_END_DECLS
