/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the session share with each other and with nobody else. */

#include "http-session.h"

G_BEGIN_DECLS

typedef enum {
  HTTP_STATE_HEAD,                      /* between requests, or in the head of one */
  HTTP_STATE_AUTHENTICATING,
  HTTP_STATE_BODY,
  HTTP_STATE_ANSWERING,
  HTTP_STATE_STREAM,
  HTTP_STATE_UPGRADED,                  /* what comes is not ours */
  HTTP_STATE_FINISHING,
} HttpState;

/* A credential under way outlives the session that asked. */
typedef struct {
  HttpSession *session;            /* NULL: it is gone */
} HttpAuthentication;

struct _HttpSession {
  HawserTimer timer;               /* first: the callback casts */
  HttpAdapter *adapter;
  HawserConnection *connection;
  HttpRequest *request;
  const HttpRoute *route;
  HttpExchange *exchange;
  HttpAuthentication *authentication;
  char *authorization;             /* header that the identity of the connection came from */
  GByteArray *held;                /* bytes sent ahead of the answer */
  GString *extra;                  /* headers of the next answer */
  gsize rest;                      /* of the path: where the part behind the route begins */
  gsize scanned;
  HttpChunked chunked;
  gint64 body_since_us;
  HttpState state;
  guint is_pumping : 1;
  guint is_paused : 1;
  guint has_begun : 1;             /* bytes of a request were seen */
  guint had_request : 1;
};

/* http-session.c */
void http_session_arm            (HttpSession    *self,
                                  gint64          us,
                                  HawserTimerFunc func);
/* Goes on with what was sent ahead. */
void http_session_pump           (HttpSession    *self);
void http_session_begin_body     (HttpSession    *self);

/* http-answer.c */
void http_session_clear_exchange (HttpSession    *self);
void http_session_on_idle        (HawserTimer    *timer);
gboolean http_session_lists_origin (HttpAdapter  *adapter,
                                  const char     *origin);

/* http-credentials.c: goes on to the body when it is known who asks; otherwise waits or answers. */
void http_session_authenticate   (HttpSession    *self);

G_END_DECLS
