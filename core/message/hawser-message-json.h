/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-message.h"

G_BEGIN_DECLS

HAWSER_AVAILABLE_IN_ALL
char          *hawser_message_to_json       (HawserMessage  *self);
HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_message_new_from_json (const char     *text,
                                             gssize          len,
                                             const char     *topic,
                                             GError        **error);

G_END_DECLS
