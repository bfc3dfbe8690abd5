/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One peer: bytes become requests, requests get exactly one answer each, in order. The guard frames, routes say who
 * answers, and a connection that became a stream is its exchange's for good. Deadlines, keep-alive and 100-continue are
 * here; who asks is found out in http-credentials.c, answers are written in http-answer.c, and what they say is their handler's. Context: the lane. */

#include "http-session-private.h"

#include <string.h>

#define MAX_HELD (64 * 1024)       /* of requests sent ahead of the answer; then the peer is not read */
#define BODY_BYTES_PER_S 16384     /* a body may take its time-out and a second for each of these */

void
http_session_arm (HttpSession *self, gint64 us, HawserTimerFunc func)
{
  hawser_timer_arm (&self->timer, self->adapter->lane, hawser_lane_get_now_us (self->adapter->lane) + us, func);
}

HttpAdapter *
http_session_get_adapter (HttpSession *self)
{
  return self->adapter;
}

HawserConnection *
http_session_get_connection (HttpSession *self)
{
  return self->connection;
}

HttpRequest *
http_session_get_request (HttpSession *self)
{
  return self->request;
}

/* ---- Refusals ---- */

static void
refuse (HttpSession *self, const HttpRefusal *refusal)
{
  int reason = refusal->status == 408 ? HAWSER_ERROR_TIMEOUT
               : refusal->status == 413 || refusal->status == 414 || refusal->status == 431 ? HAWSER_ERROR_TOO_LARGE : HAWSER_ERROR_MALFORMED;

  if (self->request != NULL)
    self->request->head.is_keep_alive = FALSE;
  if (self->state == HTTP_STATE_ANSWERING)
    self->state = HTTP_STATE_BODY;
  if (refusal->status == 405)
    http_session_add_header (self, "Allow", "GET, POST, PUT, PATCH, DELETE");
  http_session_respond_problem (self, refusal->status, reason, refusal->detail);
}

static void
on_head_late (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  if (self->has_begun)
    refuse (self, &(HttpRefusal) { 408, "the request did not come in time" });
  else
    http_session_on_idle (timer);
}

static void
on_body_late (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  refuse (self, &(HttpRefusal) { 408, "the body did not come in time" });
}

/* ---- Requests ---- */

static gboolean
decode_body (HttpSession *self)
{
  const char *encoding = http_request_get_header (self->request, "Content-Encoding");
  HttpRequest *request = self->request;
  GByteArray *decoded;
  guint status;

  if (encoding == NULL || g_ascii_strcasecmp (encoding, "identity") == 0)
    return TRUE;
  if (g_ascii_strcasecmp (encoding, "gzip") != 0 && g_ascii_strcasecmp (encoding, "x-gzip") != 0)
    {
      http_session_add_header (self, "Accept-Encoding", "gzip");
      http_session_respond_problem (self, 415, HAWSER_ERROR_INVALID, "the only content coding here is gzip");
      return FALSE;
    }
  decoded = http_gunzip (request->body, request->body_len, self->adapter->max_body, &status);
  if (decoded == NULL)
    {
      http_session_respond_error (self, status == 413 ? HAWSER_ERROR_TOO_LARGE : HAWSER_ERROR_MALFORMED,
                                  status == 413 ? "the decoded body is over the limit" : "the body is not gzip");
      return FALSE;
    }
  g_clear_pointer (&request->owned, g_byte_array_unref);
  g_clear_pointer (&request->block, hawser_block_unref);
  request->owned = decoded;
  request->body = decoded->data;
  request->body_len = decoded->len;
  return TRUE;
}

static void
dispatch (HttpSession *self)
{
  hawser_timer_disarm (&self->timer);
  self->state = HTTP_STATE_ANSWERING;
  if (self->request->owned != NULL)
    {
      self->request->body = self->request->owned->data;
      self->request->body_len = self->request->owned->len;
    }
  if (decode_body (self))
    self->route->handler (self, self->request, self->request->path + self->rest);
}

static gboolean
has_body (HttpRequest *request)
{
  return request->head.is_chunked || request->head.content_length > 0;
}

static void
arm_body_deadline (HttpSession *self, guint64 len)
{
  gint64 due_us = self->body_since_us + self->adapter->body_timeout_us + (gint64) (len / BODY_BYTES_PER_S) * G_USEC_PER_SEC;

  hawser_timer_arm (&self->timer, self->adapter->lane, due_us, on_body_late);
}

void
http_session_begin_body (HttpSession *self)
{
  HttpRequest *request = self->request;

  if (!has_body (request))
    {
      dispatch (self);
      return;
    }
  self->state = HTTP_STATE_BODY;
  self->body_since_us = hawser_lane_get_now_us (self->adapter->lane);
  memset (&self->chunked, 0, sizeof self->chunked);
  if (request->head.is_chunked)
    request->owned = g_byte_array_new ();
  arm_body_deadline (self, request->head.content_length);
  if (request->head.expects_continue && request->head.minor == 1)
    hawser_connection_write (self->connection, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static void
answer_preflight (HttpSession *self, const char *origin)
{
  const char *headers = http_request_get_header (self->request, "Access-Control-Request-Headers");

  http_session_add_header (self, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
  if (headers != NULL)
    http_session_add_header (self, "Access-Control-Allow-Headers", headers);
  http_session_add_header (self, "Access-Control-Max-Age", "600");
  if (has_body (self->request))
    self->request->head.is_keep_alive = FALSE;
  self->state = has_body (self->request) ? HTTP_STATE_BODY : HTTP_STATE_ANSWERING;
  http_session_respond (self, SOUP_STATUS_NO_CONTENT, NULL, NULL, 0);
}

/* Rules that need only the head. FALSE: answered. */
static gboolean
check_request (HttpSession *self)
{
  HttpRequest *request = self->request;
  const char *origin = http_request_get_header (request, "Origin");
  const char *rest;
  gboolean is_safe;

  /* an answer before the body was read ends the connection: nobody reads on to find the next request */
  self->state = has_body (request) ? HTTP_STATE_BODY : HTTP_STATE_ANSWERING;
  if (g_str_equal (request->method, "OPTIONS") && origin != NULL && http_session_lists_origin (self->adapter, origin) && http_request_get_header (request, "Access-Control-Request-Method") != NULL)
    {
      answer_preflight (self, origin);
      return FALSE;
    }
  self->route = http_routes_find (self, request, &rest);
  if (self->route == NULL)
    return FALSE;
  self->rest = (gsize) (rest - request->path);

  is_safe = g_str_equal (self->route->method, "GET") && self->route->handler != http_live_get && self->route->handler != http_mqtt_get;
  if ((!is_safe || self->route->needs_admin) && !self->route->is_public && !http_session_origin_is_ours (self, request))
    {
      http_session_respond_problem (self, 403, HAWSER_ERROR_NOT_AUTHORIZED, "the request comes from a page of another origin (setting cors-origins)");
      return FALSE;
    }
  if (self->route->needs_admin && !self->route->is_public && !http_session_host_is_ours (self, request))
    {
      http_session_respond_problem (self, 403, HAWSER_ERROR_NOT_AUTHORIZED, "Host is not a name of this server (setting host-names)");
      return FALSE;
    }
  if (request->head.content_length > self->adapter->max_body)
    {
      http_session_respond_problem (self, 413, HAWSER_ERROR_TOO_LARGE, "the body is over the limit of this listener");
      return FALSE;
    }
  return TRUE;
}

static void
begin_request (HttpSession *self, const guint8 *data, const HttpHead *head)
{
  HttpRefusal refusal;

  hawser_timer_disarm (&self->timer);
  self->adapter->n_requests++;
  self->request = http_request_new (data, head, &refusal);
  if (self->request == NULL)
    {
      refuse (self, &refusal);
      return;
    }
  if (check_request (self))
    http_session_authenticate (self);
}

static gsize
take_head (HttpSession *self, const guint8 *data, gsize len)
{
  HttpRefusal refusal;
  HttpHead head;

  if (!self->has_begun)
    {
      self->has_begun = TRUE;
      self->scanned = 0;
      http_session_arm (self, self->adapter->header_timeout_us, on_head_late);
    }
  switch (http_guard_head (data, len, &self->adapter->limits, &self->scanned, &head, &refusal))
    {
    case HTTP_GUARD_DONE:
      begin_request (self, data, &head);
      return head.len;
    case HTTP_GUARD_REFUSED:
      refuse (self, &refusal);
      return len;
    default:
      return 0;
    }
}

static gsize
take_chunked (HttpSession *self, const guint8 *data, gsize len)
{
  HttpRequest *request = self->request;
  HttpRefusal refusal;
  gsize used = 0;

  while (used < len)
    {
      const guint8 *piece;
      gsize piece_len, n;
      HttpGuardResult result = http_guard_chunked (&self->chunked, data + used, len - used, &n, &piece, &piece_len, &refusal);

      used += n;
      if (result == HTTP_GUARD_DATA)
        {
          if (piece_len > self->adapter->max_body - request->owned->len)
            {
              refuse (self, &(HttpRefusal) { 413, "the body is over the limit of this listener" });
              return len;
            }
          g_byte_array_append (request->owned, piece, (guint) piece_len);
        }
      else if (result == HTTP_GUARD_REFUSED)
        {
          refuse (self, &refusal);
          return len;
        }
      else if (result == HTTP_GUARD_DONE)
        {
          dispatch (self);
          return used;
        }
    }
  arm_body_deadline (self, request->owned->len);
  return used;
}

/* The whole body is at once there: it is used where it lies, and a large one by reference. Otherwise the connection is
 * told to collect it, or it is collected here when bytes were held back. */
static gsize
take_fixed (HttpSession *self, const guint8 *data, gsize len, gboolean is_held)
{
  HttpRequest *request = self->request;
  gsize total = (gsize) request->head.content_length;

  if (request->owned == NULL && len >= total)
    {
      HawserBlock *block = is_held ? NULL : hawser_connection_get_block (self->connection);

      request->block = block != NULL ? hawser_block_ref (block) : NULL;
      request->body = data;
      request->body_len = total;
      dispatch (self);
      return total;
    }
  if (request->owned == NULL && !is_held)
    {
      if (total >= HAWSER_LARGE_PAYLOAD)
        hawser_connection_expect (self->connection, total);
      return 0;
    }
  if (request->owned == NULL)
    request->owned = g_byte_array_new ();
  len = MIN (len, total - request->owned->len);
  g_byte_array_append (request->owned, data, (guint) len);
  if (request->owned->len == total)
    dispatch (self);
  return len;
}

static gsize
process (HttpSession *self, const guint8 *data, gsize len, gboolean is_held)
{
  gsize used = 0;

  self->is_pumping = TRUE;
  while (used < len)
    {
      gsize n;

      if (self->state == HTTP_STATE_HEAD)
        n = take_head (self, data + used, len - used);
      else if (self->state == HTTP_STATE_BODY && self->request->head.is_chunked)
        n = take_chunked (self, data + used, len - used);
      else if (self->state == HTTP_STATE_BODY)
        n = take_fixed (self, data + used, len - used, is_held);
      else if (self->state == HTTP_STATE_STREAM)
        n = self->exchange->received != NULL ? self->exchange->received (self->exchange, data + used, len - used) : len - used;
      else if (self->state == HTTP_STATE_FINISHING)
        n = len - used;
      else
        break;
      used += n;
      if (n == 0)
        break;
    }
  self->is_pumping = FALSE;
  return used;
}

/* Goes on with what came while an answer was due. */
void
http_session_pump (HttpSession *self)
{
  while (self->held != NULL && self->state != HTTP_STATE_ANSWERING && self->state != HTTP_STATE_AUTHENTICATING)
    {
      gsize used = process (self, self->held->data, self->held->len, TRUE);

      if (used == self->held->len)
        g_clear_pointer (&self->held, g_byte_array_unref);
      else if (used > 0)
        g_byte_array_remove_range (self->held, 0, (guint) used);
      else
        break;
    }
  if (self->is_paused && (self->held == NULL || self->held->len < MAX_HELD / 2))
    {
      self->is_paused = FALSE;
      hawser_connection_resume (self->connection);
    }
}

static gsize
received (HawserConnection *connection, gpointer session, const guint8 *data, gsize len)
{
  HttpSession *self = session;
  gsize used = self->held == NULL ? process (self, data, len, FALSE) : 0;

  if (self->held == NULL && (used == len || (self->state != HTTP_STATE_ANSWERING && self->state != HTTP_STATE_AUTHENTICATING)))
    return used;
  /* an answer is due: keep what was sent ahead, and go on reading so that a peer that leaves is noticed */
  if (self->held == NULL)
    self->held = g_byte_array_new ();
  g_byte_array_append (self->held, data + used, (guint) (len - used));
  http_session_pump (self);
  if (self->held != NULL && self->held->len > MAX_HELD && !self->is_paused && (self->state == HTTP_STATE_ANSWERING || self->state == HTTP_STATE_AUTHENTICATING))
    {
      self->is_paused = TRUE;
      hawser_connection_pause (connection);
    }
  return len;
}

static void
writable (HawserConnection *connection, gpointer session)
{
  HttpSession *self = session;

  if (self->state == HTTP_STATE_STREAM && self->exchange != NULL && self->exchange->writable != NULL)
    self->exchange->writable (self->exchange);
}

static void
closed (HawserConnection *connection, gpointer session, const GError *error)
{
  HttpSession *self = session;

  hawser_timer_disarm (&self->timer);
  http_session_clear_exchange (self);
  if (self->authentication != NULL)
    self->authentication->session = NULL;
  g_clear_pointer (&self->request, http_request_free);
  g_clear_pointer (&self->held, g_byte_array_unref);
  if (self->extra != NULL)
    g_string_free (self->extra, TRUE);
  g_free (self->authorization);
  g_object_unref (self->adapter);
  g_free (self);
}

const HawserSessionFuncs http_session_funcs = { received, writable, closed };

HttpSession *
http_session_new (HttpAdapter *adapter, HawserConnection *connection)
{
  HttpSession *self = g_new0 (HttpSession, 1);

  self->adapter = g_object_ref (adapter);
  self->connection = connection;
  http_session_arm (self, adapter->header_timeout_us, on_head_late);
  hawser_connection_set_refuses_at_once (connection, TRUE);
  return self;
}
