/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-session.h"

G_BEGIN_DECLS

/* One question on the bus while a request waits for its reply. It is the exchange of the session. */
typedef struct _HttpAsk HttpAsk;

/* Answers the session, which ends the question; @reply NULL: none came in time. */
typedef void (*HttpAskAnswer) (HttpSession *session, HawserMessage *reply, gpointer data);

/* Listens for a reply. @correlation (nullable): of the question, else one is made. @answer is called once, unless the peer
 * leaves; @data is freed by @free_data whatever happens. NULL: answered, the bus would not. */
HttpAsk     *http_ask_new             (HttpSession    *session,
                                       GBytes         *correlation,
                                       gint64          wait_us,
                                       HttpAskAnswer   answer,
                                       gpointer        data,
                                       GDestroyNotify  free_data);
const char  *http_ask_get_reply_to    (HttpAsk        *self);
GBytes      *http_ask_get_correlation (HttpAsk        *self);
/* (transfer full) (nullable): what the peer calls its question, header ce-correlationid. */
GBytes      *http_ask_read_correlation (HttpRequest   *request);
/* The payload of @reply as the answer, with its content type and ce- headers. */
void         http_ask_respond         (HttpSession    *session,
                                       HawserMessage  *reply);
/* The same, or the part that a Range field asks for. */
void         http_ask_respond_part    (HttpSession    *session,
                                       HttpRequest    *request,
                                       const char     *etag,
                                       HawserMessage  *message);

G_END_DECLS
