/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

#define WEBHOOK_MAX_ANSWER 65536   /* bytes read of an answer; what is longer is cut off with its connection */

typedef struct {
  guint status;              /* 0: there was no answer */
  SoupMessageHeaders *headers;
  GBytes *body;
  gboolean is_cut;           /* the body was longer, or broke off; then it is not given */
} WebhookAnswer;

/* @error: what went wrong when there was no answer. */
typedef void (*WebhookAnswered) (const WebhookAnswer *answer,
                                 const GError        *error,
                                 gpointer             data);

/* One HTTP exchange with a deadline, a guard over addresses and a cap on the answer. Calls @answered once, later. */
void webhook_call (SoupSession     *session,
                   SoupMessage     *message,
                   gint64           timeout_us,
                   gboolean         allow_private,
                   GCancellable    *cancellable,
                   WebhookAnswered  answered,
                   gpointer         data);

G_END_DECLS
