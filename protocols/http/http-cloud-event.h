/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-request.h"

G_BEGIN_DECLS

/* Binary mode: ce- headers and body of @request, published as @terms say, to their topic. NULL: @out_detail says what is
 * wrong. Structured mode is hawser_cloud_event_read(). */
HawserMessage *http_message_from_request (HttpRequest                 *request,
                                          const HawserCloudEventTerms *terms,
                                          const char                  *reply_to,
                                          GBytes                      *correlation,
                                          const char                 **out_detail);

/* Appends the ce- headers of @message, each ended with CR LF. */
void           http_append_ce_headers    (GString                     *out,
                                          HawserMessage               *message);

G_END_DECLS
