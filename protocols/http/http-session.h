/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-adapter.h"
#include "http-request.h"

G_BEGIN_DECLS

typedef struct _HttpSession HttpSession;
typedef struct _HttpExchange HttpExchange;

/* What a handler keeps between the request and the end of its answer: embedded first in its own struct. */
struct _HttpExchange {
  void  (*free)     (HttpExchange *self);
  /* Streams (event streams, WebSockets): bytes of the peer; returns how many were consumed. NULL: they are ignored. */
  gsize (*received) (HttpExchange *self, const guint8 *data, gsize len);
  /* Streams: output is no longer congested. */
  void  (*writable) (HttpExchange *self);
};

/* Answers now or later, exactly once, by one of the http_session_respond calls or by becoming a stream. */
typedef void (*HttpHandler) (HttpSession *session, HttpRequest *request, const char *rest);

HttpSession      *http_session_new            (HttpAdapter        *adapter,
                                               HawserConnection   *connection);
HttpAdapter      *http_session_get_adapter    (HttpSession        *self);
HawserConnection *http_session_get_connection (HttpSession        *self);
HttpRequest      *http_session_get_request    (HttpSession        *self);

HttpExchange     *http_session_get_exchange   (HttpSession        *self);
/* Extra headers as text, each line ended with CR LF. */
GString          *http_session_get_extra      (HttpSession        *self);
/* Printable ASCII: what may stand in a header as it is. */
gboolean          http_is_header_value        (const char         *text);
/* Headers of the next answer, each ended with CR LF; values must hold no CR or LF. */
void              http_session_add_header     (HttpSession        *self,
                                               const char         *name,
                                               const char         *value);
void              http_session_respond        (HttpSession        *self,
                                               guint               status,
                                               const char         *content_type,
                                               const void         *body,
                                               gsize               len);
/* The payload of @message is the body, by reference when it is large. */
void              http_session_respond_payload (HttpSession       *self,
                                               guint               status,
                                               const char         *content_type,
                                               HawserMessage      *message);
/* RFC 9457; @reason is a HawserError or 0. */
void              http_session_respond_problem (HttpSession       *self,
                                               guint               status,
                                               int                 reason,
                                               const char         *detail);
/* The problem that a HawserError is. */
void              http_session_respond_error  (HttpSession        *self,
                                               int                 error,
                                               const char         *detail);
guint             http_status_of_error        (int                 error);
/* Appends the JSON of a problem. */
void              http_append_problem         (GString            *out,
                                               guint               status,
                                               int                 reason,
                                               const char         *detail,
                                               const char         *instance);

/* (transfer full) until the answer is complete or the peer is gone, whichever is first. */
void              http_session_set_exchange   (HttpSession        *self,
                                               HttpExchange       *exchange);
/* Writes the head of the answer and hands the connection to the exchange, for good. */
void              http_session_become_stream  (HttpSession        *self,
                                               guint               status,
                                               const char         *content_type);
/* 101: the connection is @inner's from here on, inside a WebSocket, and this session ends. */
void              http_session_upgrade        (HttpSession        *self,
                                               HawserListener     *inner);
/* For streams: end it, after what is pending was sent. */
void              http_session_finish         (HttpSession        *self,
                                               int                 reason,
                                               const char         *detail);

/* Origin and Host as HARDENING H8 asks: FALSE if a foreign page is behind the request. */
gboolean          http_session_origin_is_ours (HttpSession        *self,
                                               HttpRequest        *request);
gboolean          http_session_host_is_ours   (HttpSession        *self,
                                               HttpRequest        *request);

extern const HawserSessionFuncs http_session_funcs;

/* The longest matching route, by method. */
typedef struct {
  const char *method;
  const char *prefix;            /* ends with '/' or '*'-less exact path */
  HttpHandler handler;
  gboolean is_prefix;
  gboolean needs_admin;          /* only where admin=true, with Host and Origin checks */
  gboolean is_public;            /* answered without credentials */
} HttpRoute;

/* Finds who answers; NULL: the problem was answered already (404, 405). @out_rest is the path behind the prefix. */
const HttpRoute  *http_routes_find            (HttpSession        *session,
                                               HttpRequest        *request,
                                               const char        **out_rest);

/* Each of them, in the order of the table. */
typedef void (*HttpRouteFunc) (const HttpRoute *route, gpointer data);
void              http_routes_foreach         (HttpRouteFunc       func,
                                               gpointer            data);

/* Handlers, by file. */
void http_publish_post       (HttpSession *session, HttpRequest *request, const char *rest);
void http_publish_put        (HttpSession *session, HttpRequest *request, const char *rest);
void http_publish_delete     (HttpSession *session, HttpRequest *request, const char *rest);
void http_publish_get        (HttpSession *session, HttpRequest *request, const char *rest);
void http_publish_batch      (HttpSession *session, HttpRequest *request, const char *rest);
void http_events_get         (HttpSession *session, HttpRequest *request, const char *rest);
/* The stream of an observer, which ends with it. */
void http_events_observe     (HttpSession *session, HttpRequest *request, HawserObserver *observer);
void http_observers_post     (HttpSession *session, HttpRequest *request, const char *rest);
void http_observers_list     (HttpSession *session, HttpRequest *request, const char *rest);
void http_observers_get      (HttpSession *session, HttpRequest *request, const char *rest);
void http_observers_put      (HttpSession *session, HttpRequest *request, const char *rest);
void http_observers_delete   (HttpSession *session, HttpRequest *request, const char *rest);
void http_poll_get           (HttpSession *session, HttpRequest *request, const char *rest);
void http_owned_post_ack     (HttpSession *session, HttpRequest *request, const char *rest);
void http_live_get           (HttpSession *session, HttpRequest *request, const char *rest);
void http_mqtt_get           (HttpSession *session, HttpRequest *request, const char *rest);
void http_static_get         (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_list         (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_get_topic    (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_put_topic    (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_delete_topic (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_get_subscription    (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_put_subscription    (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_delete_subscription (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_post_reload  (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_get_sink     (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_post_sink    (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_get_connection    (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_delete_connection (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_get_policy   (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_put_policy   (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_delete_policy (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_test_policy  (HttpSession *session, HttpRequest *request, const char *rest);
void http_tap_get            (HttpSession *session, HttpRequest *request, const char *rest);
void http_openapi_get        (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_delete_scheduled (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_put_ban            (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_delete_ban         (HttpSession *session, HttpRequest *request, const char *rest);
void http_admin_status       (HttpSession *session, HttpRequest *request, const char *rest);
void http_metrics_get        (HttpSession *session, HttpRequest *request, const char *rest);
void http_health_live        (HttpSession *session, HttpRequest *request, const char *rest);
void http_health_ready       (HttpSession *session, HttpRequest *request, const char *rest);
void http_dashboard_get      (HttpSession *session, HttpRequest *request, const char *rest);

G_END_DECLS
