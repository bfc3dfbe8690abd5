/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-session.h"

G_BEGIN_DECLS

/* Publishes @message (transfer full) for a device that listens for @ttd_us more, and answers with the first command that is
 * published to one of @filters in that time (200), or 202 at its end. */
void http_listen_publish (HttpSession        *session,
                          HawserMessage      *message,
                          const char * const *filters,
                          gint64              ttd_us);

G_END_DECLS
