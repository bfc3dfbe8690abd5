/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers: heads, bodies, problems, and what becomes of the connection after one; and whether a page that asks is ours. Called
 * by handlers, once for each request. Context: the lane. */

#include "http-session-private.h"

#include <string.h>

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

gboolean
http_session_lists_origin (HttpAdapter *adapter, const char *origin)
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
  if (origin == NULL || !http_session_lists_origin (self->adapter, origin))
    return;
  g_string_append_printf (out, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
                          "Access-Control-Expose-Headers: Hawser-Cursor, Hawser-Lost, ETag, Retry-After, Location\r\n", origin);
}

/* libsoup knows no code that is younger than RFC 2616. */
static const char *
get_phrase (guint status)
{
  static const struct {
    guint status;
    const char *phrase;
  } young[] = { { 422, "Unprocessable Content" }, { 426, "Upgrade Required" }, { 428, "Precondition Required" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" } };

  for (gsize i = 0; i < G_N_ELEMENTS (young); i++)
    if (young[i].status == status)
      return young[i].phrase;
  return soup_status_get_phrase (status);
}

static GString *
begin_head (HttpSession *self, guint status)
{
  GString *out = self->adapter->scratch;

  g_string_truncate (out, 0);
  g_string_append_printf (out, "HTTP/1.1 %u %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n", status, get_phrase (status), get_date (self->adapter));
  append_cors (self, out);
  if (self->extra != NULL)
    {
      g_string_append_len (out, self->extra->str, (gssize) self->extra->len);
      g_string_free (g_steal_pointer (&self->extra), TRUE);
    }
  return out;
}

void
http_session_clear_exchange (HttpSession *self)
{
  HttpExchange *exchange = g_steal_pointer (&self->exchange);

  if (exchange != NULL)
    exchange->free (exchange);
}

void
http_session_on_idle (HawserTimer *timer)
{
  HttpSession *self = (HttpSession *) timer;

  self->state = HTTP_STATE_FINISHING;
  hawser_connection_finish (self->connection, HAWSER_ERROR_TIMEOUT, "idle for too long");
}

/* Writes the head; returns whether a body follows. */
static gboolean
write_head (HttpSession *self, guint status, const char *content_type, gsize len, gboolean *out_keep_alive)
{
  gboolean is_read = self->state == HTTP_STATE_ANSWERING;
  GString *out;

  g_assert (self->state <= HTTP_STATE_ANSWERING);
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
  http_session_clear_exchange (self);
  g_clear_pointer (&self->request, http_request_free);
  self->route = NULL;
  hawser_timer_disarm (&self->timer);
  if (!keep_alive)
    {
      self->state = HTTP_STATE_FINISHING;
      hawser_connection_finish (self->connection, HAWSER_ERROR_CLOSED, "answered the last request");
      return;
    }
  self->state = HTTP_STATE_HEAD;
  self->has_begun = FALSE;
  self->had_request = TRUE;
  http_session_arm (self, self->adapter->idle_timeout_us, http_session_on_idle);
  if (self->held != NULL && !self->is_pumping)
    http_session_pump (self);
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

  g_string_append_printf (out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u", get_phrase (status), status);
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
    {
      gint64 after_us = status == 429 ? hawser_bus_get_retry_after_us (self->adapter->bus) : 0;
      g_autofree char *after = g_strdup_printf ("%" G_GINT64_FORMAT, MAX (1, (after_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));

      http_session_add_header (self, "Retry-After", after);
    }
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
  self->state = HTTP_STATE_STREAM;
  if (self->held != NULL && !self->is_pumping)
    http_session_pump (self);
}

void
http_session_upgrade (HttpSession *self, HawserListener *inner)
{
  GString *out = begin_head (self, 101);

  g_string_append (out, "\r\n");
  hawser_connection_write (self->connection, out->str, out->len);
  hawser_timer_disarm (&self->timer);
  self->state = HTTP_STATE_UPGRADED;
  hawser_listener_upgrade (inner, self->connection);
}

void
http_session_finish (HttpSession *self, int reason, const char *detail)
{
  self->state = HTTP_STATE_FINISHING;
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
  if (http_session_lists_origin (self->adapter, origin))
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
  if (strchr (name, '.') == NULL)
    {
      g_autofree char *address = hawser_connection_dup_address (self->connection);

      return g_str_has_prefix (address, "unix:"); /* no page gets there, and curl needs some name */
    }
  return FALSE;
}
