/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A party that is not there any more, as policies ask about it: who left a value behind, kept with its origin for as long as the
 * value is, and whose a durable queue is. One lane, but an origin's is freed where the last message is. */

#include "hawser-message-private.h"
#include "hawser-policy-context.h"

G_BEGIN_DECLS

/* Without topic and mount point. @address: where @context does not say it. */
HawserPolicyContext *hawser_author_new      (const HawserPolicyContext  *context,
                                             const char                 *address);
void           hawser_author_free           (HawserPolicyContext        *self);
#define HAWSER_AUTHOR_TYPE "(msmsmsmsbmsas)" /* client id, listener, protocol, address, encrypted, principal, its claims as NAME=VALUE */
/* (transfer floating) */
GVariant      *hawser_author_to_variant     (const HawserPolicyContext  *self);
HawserPolicyContext *hawser_author_from_variant (GVariant               *stored);

/* Says of @origin, once, that @context is its author; @address: where @context does not say it. */
void           hawser_author_sign           (HawserOrigin               *origin,
                                             const HawserPolicyContext  *context,
                                             const char                 *address);
/* NULL: this process itself, or somebody before a version that kept authors. Has no topic. */
const HawserPolicyContext *hawser_author_of (HawserMessage              *message);

/* A message with its author, as it is kept over a restart. */
GBytes        *hawser_author_store_message  (HawserMessage              *message,
                                             gint64                      wall_minus_monotonic_us);
/* @origins: from hawser_author_new_table(), shared by all that is read one after the other. NULL: it cannot be read. */
HawserMessage *hawser_author_load_message   (GHashTable                 *origins,
                                             const guint8               *data,
                                             gsize                       len,
                                             gint64                      wall_minus_monotonic_us);
GHashTable    *hawser_author_new_table      (void);

G_END_DECLS
