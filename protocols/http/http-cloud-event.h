/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-json.h"
#include "http-request.h"

G_BEGIN_DECLS

/* How it is published, beside what it is. */
typedef struct {
  guint8 qos;
  gboolean retain;
  guint32 expiry_s;              /* 0: none */
} HttpPublishOptions;

/* Binary mode: ce- headers and body of @request. NULL: @out_detail says what is wrong. */
HawserMessage *http_message_from_request (HttpRequest              *request,
                                          const char               *topic,
                                          const HttpPublishOptions *options,
                                          const char               *reply_to,
                                          GBytes                   *correlation,
                                          const char              **out_detail);

/* Structured mode: one event of checked JSON. @topic NULL: its subject. hawserqos and hawserretained of the event count
 * unless @options_win. */
HawserMessage *http_message_from_json    (HttpJson                  event,
                                          const char               *topic,
                                          const HttpPublishOptions *options,
                                          gboolean                  options_win,
                                          const char              **out_detail);

/* Appends the ce- headers of @message, each ended with CR LF. */
void           http_append_ce_headers    (GString                  *out,
                                          HawserMessage            *message);

G_END_DECLS
