/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-session.h"

G_BEGIN_DECLS

#define HTTP_CLOUDEVENTS_SUBPROTOCOL "cloudevents.json"

/* RFC 6455 section 4.2.1. FALSE: answered. */
gboolean http_websocket_check       (HttpSession  *session,
                                     HttpRequest  *request,
                                     char        **out_accept);
gboolean http_websocket_offers      (HttpRequest  *request,
                                     const char   *subprotocol);
/* The head of the answer; @subprotocol may be NULL. */
void     http_websocket_add_headers (HttpSession  *session,
                                     const char   *accept,
                                     const char   *subprotocol);
/* The client of the CloudEvents path asks for MQTT and nothing else that is spoken there. */
gboolean http_websocket_is_for_mqtt (HttpSession  *session,
                                     HttpRequest  *request);

G_END_DECLS
