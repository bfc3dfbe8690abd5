/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-message.h"

G_BEGIN_DECLS

/* Which messages: a rule over parts of the payload, over what every message has, and over user properties. One lane only. */
typedef struct _HawserMessageFilter HawserMessageFilter;

/* Errors: %HAWSER_ERROR_INVALID, with the place. */
HawserMessageFilter *hawser_message_filter_new     (const char          *expression,
                                                    GError             **error);
void                 hawser_message_filter_free    (HawserMessageFilter *self);
gboolean             hawser_message_filter_matches (HawserMessageFilter *self,
                                                    HawserMessage       *message);

G_END_DECLS
