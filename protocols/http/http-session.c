/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One peer: bytes become requests, requests get exactly one answer each, in order. The guard frames, routes say who
 * answers, and a connection that became a stream is its exchange's for good. Deadlines, keep-alive, 100-continue,
 * credentials and the writing of answers are here; what an answer says is its handler's. Context: the lane. */

#include "http-session.h"

#include <string.h>

#define MAX_HELD (64 * 1024)       /* of requests sent ahead of the answer; then the peer is not read */
#define BODY_BYTES_PER_S 16384     /* a body may take its time-out and a second for each of these */
#define AUTH_TIMEOUT_US (30 * G_USEC_PER_SEC)
#define FAILURE_DELAY_US (100 * 1000)
#define MAX_FAILURE_DELAY_US (3 * G_USEC_PER_SEC)
#define FAILURES_WINDOW_US (60 * G_USEC_PER_SEC)
#define MAX_FAILURE_SOURCES 4096

typedef enum {
  STATE_HEAD,                      /* between requests, or in the head of one */
  STATE_AUTHENTICATING,
  STATE_BODY,
  STATE_ANSWERING,
  STATE_STREAM,
  STATE_UPGRADED,                  /* what comes is not ours */
  STATE_FINISHING,
} HttpState;

/* A credential under way outlives the session that asked. */
typedef struct {
  HttpSession *session;            /* NULL: it is gone */
} Authentication;

struct _HttpSession {
  HawserTimer timer;               /* first: the callback casts */
  HttpAdapter *adapter;
  HawserConnection *connection;
  HttpRequest *request;
  const HttpRoute *route;
  HttpExchange *exchange;
  Authentication *authentication;
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

static void pump (HttpSession *self);

static void
arm (HttpSession *self, gint64 us, HawserTimerFunc func)
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

/* ---- Answers ---- */

static const char *
get_date (HttpAdapter *adapter)
{
  gint64 now_s = hawser_clock_get_wall_us (hawser_bus_get_clock (adapter->bus)) / G_USEC_PER_SEC;

  if (now_s != adapter->date_s)
    {
      g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (now_s);
      g_autofree char *text = soup_date_time_to_string (now, SOUP_DATE_HTTP);

      g_strlcpy (adapter->date, text, sizeof adapter->date);
      adapter->date_s = now_s;
    }
  return adapter->date;
}

HttpExchange *
http_session_get_exchange (HttpSession *self)
{
  return self->exchange;
}

GString *
http_session_get_extra (HttpSession *self)
{
  if (self->extra == NULL)
    self->extra = g_string_new (NULL);
  return self->extra;
}

gboolean
http_is_header_value (const char *text)
{
  for (const guint8 *p = (const guint8 *) text; *p != 0; p++)
    if (*p < 0x20 || *p > 0x7e)
      return FALSE;
  return *text != '\0';
}

void
http_session_add_header (HttpSession *self, const char *name, const char *value)
{
  g_assert (strpbrk (value, "\r\n") == NULL);
  g_string_append_printf (http_session_get_extra (self), "%s: %s\r\n", name, value);
}

static gboolean
origin_in_list (HttpAdapter *adapter, const char *origin)
{
  for (char **allowed = adapter->cors_origins; allowed != NULL && *allowed != NULL; allowed++)
    if (g_str_equal (*allowed, "*") || g_ascii_strcasecmp (*allowed, origin) == 0)
      return TRUE;
  return FALSE;
}

static void
append_cors (HttpSession *self, GString *out)
{
  const char *origin;

  if (self->adapter->cors_origins == NULL || self->request == NULL)
    return;
  origin = http_request_get_header (self->request, "Origin");
  if (origin == NULL || !origin_in_list (self->adapter, origin))
    return;
  g_string_append_printf (out, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
                          "Access-Control-Expose-Headers: Hawser-Cursor, Hawser-Lost, ETag, Retry-After, Location\r\n", origin);
}

static GString *
begin_head (HttpSession *self, guint status)
{
  GString *out = self->adapter->scratch;

  g_string_truncate (out, 0);
  g_string_append_printf (out, "HTTP/1.1 %u %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n", status, soup_status_get_phrase (status), get_date (self->adapter));
  append_cors (self, out);
  if (self->extra != NULL)
    {
      g_string_append_len (out, self->extra->str, (gssize) self->extra->len);
      g_string_free (g_steal_pointer (&self->extra), TRUE);
    }
  return out;
}

static void
clear_exchange (HttpSession *self)
{
  HttpExchange *exchange = g_steal_pointer (&self->exchange);

  if (exchange != NULL)
    exchange->free (exchange);
}

static void
on_idle (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  self->state = STATE_FINISHING;
  hawser_connection_finish (self->connection, HAWSER_ERROR_TIMEOUT, "idle for too long");
}

/* Writes the head; returns whether a body follows. */
static gboolean
write_head (HttpSession *self, guint status, const char *content_type, gsize len, gboolean *out_keep_alive)
{
  gboolean is_read = self->state == STATE_ANSWERING;
  GString *out;

  g_assert (self->state <= STATE_ANSWERING);
  *out_keep_alive = is_read && self->request != NULL && self->request->head.is_keep_alive;
  out = begin_head (self, status);
  if (content_type != NULL)
    g_string_append_printf (out, "Content-Type: %s\r\n", content_type);
  if (status != SOUP_STATUS_NO_CONTENT && status != SOUP_STATUS_NOT_MODIFIED)
    g_string_append_printf (out, "Content-Length: %" G_GSIZE_FORMAT "\r\n", len);
  if (!*out_keep_alive)
    g_string_append (out, "Connection: close\r\n");
  else if (self->request->head.minor == 0)
    g_string_append (out, "Connection: keep-alive\r\n");
  g_string_append (out, "\r\n");
  hawser_connection_write (self->connection, out->str, out->len);
  return len > 0 && (self->request == NULL || !g_str_equal (self->request->method, "HEAD"));
}

static void
end_answer (HttpSession *self, gboolean keep_alive)
{
  clear_exchange (self);
  g_clear_pointer (&self->request, http_request_free);
  self->route = NULL;
  hawser_timer_disarm (&self->timer);
  if (!keep_alive)
    {
      self->state = STATE_FINISHING;
      hawser_connection_finish (self->connection, HAWSER_ERROR_CLOSED, "answered the last request");
      return;
    }
  self->state = STATE_HEAD;
  self->has_begun = FALSE;
  self->had_request = TRUE;
  arm (self, self->adapter->idle_timeout_us, on_idle);
  if (self->held != NULL && !self->is_pumping)
    pump (self);
}

void
http_session_respond (HttpSession *self, guint status, const char *content_type, const void *body, gsize len)
{
  gboolean keep_alive;

  if (write_head (self, status, content_type, len, &keep_alive))
    hawser_connection_write (self->connection, body, len);
  end_answer (self, keep_alive);
}

void
http_session_respond_payload (HttpSession *self, guint status, const char *content_type, HawserMessage *message)
{
  gboolean keep_alive;
  gsize len;

  hawser_message_get_data (message, &len);
  if (write_head (self, status, content_type, len, &keep_alive))
    hawser_connection_write_payload (self->connection, message);
  end_answer (self, keep_alive);
}

static void
append_json_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const guint8 *p = (const guint8 *) text; *p != 0; p++)
    {
      if (*p == '"' || *p == '\\')
        g_string_append_c (out, '\\');
      if (*p < 0x20)
        g_string_append_printf (out, "\\u%04x", *p);
      else
        g_string_append_c (out, (char) *p);
    }
  g_string_append_c (out, '"');
}

void
http_append_problem (GString *out, guint status, int reason, const char *detail, const char *instance)
{
  g_autofree char *valid = detail != NULL ? g_utf8_make_valid (detail, -1) : NULL;

  g_string_append_printf (out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u", soup_status_get_phrase (status), status);
  if (valid != NULL && *valid != '\0')
    {
      g_string_append (out, ",\"detail\":");
      append_json_string (out, valid);
    }
  if (instance != NULL)
    {
      g_string_append (out, ",\"instance\":");
      append_json_string (out, instance);
    }
  if (reason > 0)
    g_string_append_printf (out, ",\"reason\":\"%s\"", hawser_error_to_nick ((HawserError) reason));
  g_string_append_c (out, '}');
}

void
http_session_respond_problem (HttpSession *self, guint status, int reason, const char *detail)
{
  g_autoptr (GString) body = g_string_new (NULL);

  http_append_problem (body, status, reason, detail, self->request != NULL ? self->request->path : NULL);
  http_session_respond (self, status, "application/problem+json", body->str, body->len);
}

guint
http_status_of_error (int error)
{
  switch (error)
    {
    case HAWSER_ERROR_INVALID:
    case HAWSER_ERROR_MALFORMED: return 400;
    case HAWSER_ERROR_NOT_AUTHORIZED: return 403;
    case HAWSER_ERROR_NOT_FOUND: return 404;
    case HAWSER_ERROR_EXISTS:
    case HAWSER_ERROR_DISABLED: return 409;
    case HAWSER_ERROR_CONFLICT: return 412;
    case HAWSER_ERROR_TOO_LARGE: return 413;
    case HAWSER_ERROR_QUOTA: return 429;
    case HAWSER_ERROR_TIMEOUT: return 504;
    case HAWSER_ERROR_UNAVAILABLE:
    case HAWSER_ERROR_CLOSED: return 503;
    default: return 500;
    }
}

void
http_session_respond_error (HttpSession *self, int error, const char *detail)
{
  guint status = http_status_of_error (error);

  if (status == 429 || status == 503)
    http_session_add_header (self, "Retry-After", "1");
  http_session_respond_problem (self, status, error, detail);
}

void
http_session_set_exchange (HttpSession *self, HttpExchange *exchange)
{
  g_assert (self->exchange == NULL);
  self->exchange = exchange;
}

void
http_session_become_stream (HttpSession *self, guint status, const char *content_type)
{
  GString *out = begin_head (self, status);

  if (content_type != NULL)
    g_string_append_printf (out, "Content-Type: %s\r\n", content_type);
  g_string_append (out, "\r\n");
  hawser_connection_write (self->connection, out->str, out->len);
  hawser_timer_disarm (&self->timer);
  self->state = STATE_STREAM;
  if (self->held != NULL && !self->is_pumping)
    pump (self);
}

void
http_session_upgrade (HttpSession *self, HawserListener *inner)
{
  GString *out = begin_head (self, 101);

  g_string_append (out, "\r\n");
  hawser_connection_write (self->connection, out->str, out->len);
  hawser_timer_disarm (&self->timer);
  self->state = STATE_UPGRADED;
  hawser_listener_upgrade (inner, self->connection);
}

void
http_session_finish (HttpSession *self, int reason, const char *detail)
{
  self->state = STATE_FINISHING;
  hawser_connection_finish (self->connection, (HawserError) reason, detail);
}

/* ---- Whose page is it ---- */

gboolean
http_session_origin_is_ours (HttpSession *self, HttpRequest *request)
{
  const char *origin = http_request_get_header (request, "Origin");
  const char *site = http_request_get_header (request, "Sec-Fetch-Site");
  const char *host = http_request_get_header (request, "Host");
  const char *authority;

  if (origin == NULL)
    return site == NULL || g_ascii_strcasecmp (site, "cross-site") != 0;
  if (origin_in_list (self->adapter, origin))
    return TRUE;
  authority = strstr (origin, "://");
  return authority != NULL && host != NULL && g_ascii_strcasecmp (authority + 3, host) == 0;
}

gboolean
http_session_host_is_ours (HttpSession *self, HttpRequest *request)
{
  const char *host = http_request_get_header (request, "Host");
  g_autofree char *name = NULL;
  char *colon;

  if (host == NULL)
    return TRUE; /* HTTP/1.0: no browser */
  name = g_ascii_strdown (*host == '[' ? host + 1 : host, -1);
  colon = *host == '[' ? strchr (name, ']') : strrchr (name, ':');
  if (colon != NULL)
    *colon = '\0';
  if (g_hostname_is_ip_address (name) || g_str_equal (name, "localhost") || g_str_has_suffix (name, ".localhost") || g_ascii_strcasecmp (name, g_get_host_name ()) == 0)
    return TRUE; /* rebinding needs a name that somebody else can answer for */
  for (char **own = self->adapter->host_names; own != NULL && *own != NULL; own++)
    if (g_ascii_strcasecmp (*own, name) == 0)
      return TRUE;
  return FALSE;
}

/* ---- Refusals ---- */

static void
refuse (HttpSession *self, const HttpRefusal *refusal)
{
  int reason = refusal->status == 408 ? HAWSER_ERROR_TIMEOUT
               : refusal->status == 413 || refusal->status == 414 || refusal->status == 431 ? HAWSER_ERROR_TOO_LARGE : HAWSER_ERROR_MALFORMED;

  if (self->request != NULL)
    self->request->head.is_keep_alive = FALSE;
  if (self->state == STATE_ANSWERING)
    self->state = STATE_BODY;
  if (refusal->status == 405)
    http_session_add_header (self, "Allow", "GET, POST, PUT, DELETE");
  http_session_respond_problem (self, refusal->status, reason, refusal->detail);
}

static void
on_head_late (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  if (self->has_begun)
    refuse (self, &(HttpRefusal) { 408, "the request did not come in time" });
  else
    on_idle (timer);
}

static void
on_body_late (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  refuse (self, &(HttpRefusal) { 408, "the body did not come in time" });
}

/* ---- Credentials ---- */

static guint
count_failure (HttpAdapter *adapter, HawserConnection *connection)
{
  g_autofree char *address = hawser_connection_dup_address (connection);
  char *colon = strrchr (address, ':');
  gint64 now_us = hawser_lane_get_now_us (adapter->lane);
  guint n;

  if (colon != NULL)
    *colon = '\0';
  if (now_us - adapter->failures_since_us > FAILURES_WINDOW_US || g_hash_table_size (adapter->failures) > MAX_FAILURE_SOURCES)
    {
      g_hash_table_remove_all (adapter->failures);
      adapter->failures_since_us = now_us;
    }
  n = GPOINTER_TO_UINT (g_hash_table_lookup (adapter->failures, address)) + 1;
  g_hash_table_insert (adapter->failures, g_steal_pointer (&address), GUINT_TO_POINTER (n));
  return n;
}

static void
challenge (HttpSession *self, const char *detail)
{
  if (self->request != NULL)
    self->request->head.is_keep_alive = FALSE;
  http_session_add_header (self, "WWW-Authenticate", "Basic realm=\"hawser\", charset=\"UTF-8\"");
  http_session_add_header (self, "WWW-Authenticate", "Bearer realm=\"hawser\"");
  http_session_respond_problem (self, 401, HAWSER_ERROR_NOT_AUTHORIZED, detail);
}

static void
on_failure_delay (HawserTimer *timer)
{
  challenge ((HttpSession *) timer, "the credentials were not accepted");
}

static void
on_authentication_late (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  self->request->head.is_keep_alive = FALSE;
  http_session_respond_error (self, HAWSER_ERROR_UNAVAILABLE, "the identity provider did not answer in time");
}

static void begin_body (HttpSession *self);

static void
on_authenticated (HawserPrincipal *principal, const GError *error, gpointer user_data)
{
  Authentication *authentication = user_data;
  HttpSession *self = authentication->session;

  if (self == NULL || self->authentication != authentication || self->state != STATE_AUTHENTICATING)
    return;
  authentication->session = NULL;
  self->authentication = NULL;
  if (principal == NULL)
    {
      guint n = count_failure (self->adapter, self->connection);

      arm (self, MIN ((gint64) FAILURE_DELAY_US << MIN (n - 1, 8), MAX_FAILURE_DELAY_US), on_failure_delay);
      return;
    }
  g_free (self->authorization);
  self->authorization = g_strdup (http_request_get_header (self->request, "Authorization"));
  hawser_connection_set_identity (self->connection, NULL, principal);
  begin_body (self);
  if (!self->is_pumping && self->held != NULL)
    pump (self);
}

static void
ask_identity (HttpSession *self, HawserCredentialKind kind, const char *name, GBytes *secret)
{
  Authentication *authentication = g_new (Authentication, 1);

  authentication->session = self;
  self->authentication = authentication;
  self->state = STATE_AUTHENTICATING;
  arm (self, AUTH_TIMEOUT_US, on_authentication_late);
  hawser_listener_authenticate_peer (self->connection, kind, name, secret, on_authenticated, authentication, g_free);
}

/* Goes on to the body when it is known who asks; otherwise waits or answers. */
static void
authenticate (HttpSession *self)
{
  const char *header = http_request_get_header (self->request, "Authorization");

  if (header == NULL || self->route->is_public)
    {
      if (self->authorization != NULL)
        {
          g_clear_pointer (&self->authorization, g_free);
          hawser_connection_set_identity (self->connection, NULL, NULL);
        }
      if (self->route->is_public || hawser_connection_get_principal (self->connection) != NULL)
        begin_body (self);
      else if (hawser_listener_knows_peer (self->connection))
        ask_identity (self, HAWSER_CREDENTIAL_NONE, NULL, NULL);
      else if (hawser_listener_allows_anonymous (self->adapter->listener))
        begin_body (self);
      else
        challenge (self, "credentials are needed here");
      return;
    }
  if (self->authorization != NULL && g_str_equal (self->authorization, header))
    {
      begin_body (self);
      return;
    }

  if (g_ascii_strncasecmp (header, "Basic ", 6) == 0)
    {
      gsize len;
      g_autofree char *decoded = (char *) g_base64_decode (header + 6, &len);
      char *colon = memchr (decoded, ':', len);

      if (colon != NULL && memchr (decoded, '\0', len) == NULL)
        {
          gsize name_len = (gsize) (colon - decoded);
          g_autofree char *name = g_strndup (decoded, name_len);
          g_autoptr (GBytes) secret = g_bytes_new (colon + 1, len - name_len - 1);

          ask_identity (self, HAWSER_CREDENTIAL_PASSWORD, name, secret);
          return;
        }
    }
  else if (g_ascii_strncasecmp (header, "Bearer ", 7) == 0)
    {
      g_autoptr (GBytes) token = g_bytes_new (header + 7, strlen (header + 7));

      ask_identity (self, HAWSER_CREDENTIAL_TOKEN, NULL, token);
      return;
    }
  challenge (self, "the credentials cannot be read");
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
  self->state = STATE_ANSWERING;
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

static void
begin_body (HttpSession *self)
{
  HttpRequest *request = self->request;

  if (!has_body (request))
    {
      dispatch (self);
      return;
    }
  self->state = STATE_BODY;
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

  http_session_add_header (self, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
  if (headers != NULL)
    http_session_add_header (self, "Access-Control-Allow-Headers", headers);
  http_session_add_header (self, "Access-Control-Max-Age", "600");
  if (has_body (self->request))
    self->request->head.is_keep_alive = FALSE;
  self->state = has_body (self->request) ? STATE_BODY : STATE_ANSWERING;
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
  self->state = has_body (request) ? STATE_BODY : STATE_ANSWERING;
  if (g_str_equal (request->method, "OPTIONS") && origin != NULL && origin_in_list (self->adapter, origin) && http_request_get_header (request, "Access-Control-Request-Method") != NULL)
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
    authenticate (self);
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
      arm (self, self->adapter->header_timeout_us, on_head_late);
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

      if (self->state == STATE_HEAD)
        n = take_head (self, data + used, len - used);
      else if (self->state == STATE_BODY && self->request->head.is_chunked)
        n = take_chunked (self, data + used, len - used);
      else if (self->state == STATE_BODY)
        n = take_fixed (self, data + used, len - used, is_held);
      else if (self->state == STATE_STREAM)
        n = self->exchange->received != NULL ? self->exchange->received (self->exchange, data + used, len - used) : len - used;
      else if (self->state == STATE_FINISHING)
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
static void
pump (HttpSession *self)
{
  while (self->held != NULL && self->state != STATE_ANSWERING && self->state != STATE_AUTHENTICATING)
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

  if (self->held == NULL && (used == len || (self->state != STATE_ANSWERING && self->state != STATE_AUTHENTICATING)))
    return used;
  /* an answer is due: keep what was sent ahead, and go on reading so that a peer that leaves is noticed */
  if (self->held == NULL)
    self->held = g_byte_array_new ();
  g_byte_array_append (self->held, data + used, (guint) (len - used));
  pump (self);
  if (self->held != NULL && self->held->len > MAX_HELD && !self->is_paused && (self->state == STATE_ANSWERING || self->state == STATE_AUTHENTICATING))
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

  if (self->state == STATE_STREAM && self->exchange != NULL && self->exchange->writable != NULL)
    self->exchange->writable (self->exchange);
}

static void
closed (HawserConnection *connection, gpointer session, const GError *error)
{
  HttpSession *self = session;

  hawser_timer_disarm (&self->timer);
  clear_exchange (self);
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
  arm (self, adapter->header_timeout_us, on_head_late);
  return self;
}
