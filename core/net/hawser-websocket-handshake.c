/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The request that opens a WebSocket on a listener of its own (`ws:`), and its answer. Pure: bytes in, bytes out, under a
 * limit. On an HTTP listener the HTTP adapter reads the request instead. Used by hawser-websocket-transport.c.
 * Source: RFC 6455 section 4.2, RFC 9112. */

#include "hawser-websocket-handshake.h"

#include <string.h>

#include "hawser-websocket.h"

#define MAX_FIELDS 100

typedef struct {
  const char *at;
  gsize len;
} Span;

/* The fields that matter; at NULL: absent. */
typedef struct {
  Span path;
  Span host, upgrade, connection, key, version, origin;
  GString *subprotocols;         /* every field of that name, joined by commas */
  guint status;                  /* of a refusal, 0: none so far */
  const char *detail;
} Request;

static void
refuse (Request *self, guint status, const char *detail)
{
  if (self->status != 0)
    return;
  self->status = status;
  self->detail = detail;
}

static gboolean
span_is (Span span, const char *text)
{
  return span.at != NULL && span.len == strlen (text) && g_ascii_strncasecmp (span.at, text, span.len) == 0;
}

static gboolean
is_token_char (guint8 c)
{
  return g_ascii_isalnum (c) || (c != 0 && strchr ("!#$%&'*+-.^_`|~", c) != NULL); /* RFC 9110 section 5.6.2 */
}

static Span
trim (const char *at, gsize len)
{
  while (len > 0 && (*at == ' ' || *at == '\t'))
    at++, len--;
  while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
    len--;
  return (Span) { at, len };
}

/* The next element of a comma separated list; FALSE at its end. */
static gboolean
next_element (Span *list, Span *out_element)
{
  const char *comma;

  if (list->at == NULL)
    return FALSE;
  comma = memchr (list->at, ',', list->len);
  *out_element = trim (list->at, comma != NULL ? (gsize) (comma - list->at) : list->len);
  if (comma == NULL)
    list->at = NULL;
  else
    {
      list->len -= (gsize) (comma + 1 - list->at);
      list->at = comma + 1;
    }
  return TRUE;
}

static gboolean
list_has (Span list, const char *text)
{
  Span element;

  while (next_element (&list, &element))
    if (span_is (element, text))
      return TRUE;
  return FALSE;
}

static void
read_request_line (Request *self, const char *line, gsize len)
{
  const char *space = memchr (line, ' ', len);
  const char *end = space != NULL ? memchr (space + 1, ' ', len - (gsize) (space + 1 - line)) : NULL;
  const char *query;

  if (end == NULL || !span_is ((Span) { end + 1, len - (gsize) (end + 1 - line) }, "HTTP/1.1"))
    {
      refuse (self, 400, "the request is not HTTP/1.1");
      return;
    }
  if (!span_is ((Span) { line, (gsize) (space - line) }, "GET"))
    refuse (self, 405, "this is a WebSocket: the method is GET");
  self->path = (Span) { space + 1, (gsize) (end - space - 1) };
  query = memchr (self->path.at, '?', self->path.len);
  if (query != NULL)
    self->path.len = (gsize) (query - self->path.at);
}

static void
read_field (Request *self, const char *line, gsize len)
{
  const struct {
    const char *name;
    Span *span;
  } fields[] = {
    { "Host", &self->host }, { "Upgrade", &self->upgrade }, { "Connection", &self->connection }, { "Origin", &self->origin },
    { "Sec-WebSocket-Key", &self->key }, { "Sec-WebSocket-Version", &self->version },
  };
  const char *colon = memchr (line, ':', len);
  gsize name_len = colon != NULL ? (gsize) (colon - line) : 0;
  Span name = { line, name_len }, value;

  for (gsize i = 0; i < name_len; i++)
    if (!is_token_char ((guint8) line[i]))
      name_len = 0;
  if (name_len == 0)
    {
      refuse (self, 400, "a header field cannot be read");
      return;
    }
  value = trim (colon + 1, len - (gsize) (colon + 1 - line));
  if (span_is (name, "Content-Length") || span_is (name, "Transfer-Encoding"))
    refuse (self, 400, "a request to upgrade has no body");
  if (span_is (name, "Sec-WebSocket-Protocol"))
    {
      if (self->subprotocols->len > 0)
        g_string_append_c (self->subprotocols, ',');
      g_string_append_len (self->subprotocols, value.at, (gssize) value.len);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (span_is (name, fields[i].name))
      {
        if (fields[i].span->at != NULL)
          refuse (self, 400, "a header field is there twice");
        *fields[i].span = value;
      }
}

/* FALSE: the end of the head was not found. */
static gboolean
read_head (Request *self, const char *data, gsize len, gsize *out_used)
{
  gsize at = 0;

  for (guint n = 0;; n++)
    {
      const char *end = memchr (data + at, '\n', len - at);
      gsize line_len;

      if (end == NULL)
        return FALSE;
      line_len = (gsize) (end - (data + at));
      if (line_len > 0 && end[-1] == '\r')
        line_len--;
      else
        refuse (self, 400, "a line does not end with CR LF");
      for (gsize i = 0; i < line_len; i++)
        if ((guint8) data[at + i] < 0x20 && data[at + i] != '\t')
          refuse (self, 400, "a control character");
      if (n == 0)
        read_request_line (self, data + at, line_len);
      else if (line_len > 0 && n > MAX_FIELDS)
        refuse (self, 431, "there are too many header fields");
      else if (line_len > 0)
        read_field (self, data + at, line_len);
      at = (gsize) (end + 1 - data);
      if (line_len == 0)
        {
          *out_used = at;
          return TRUE;
        }
    }
}

/* HARDENING: pages of other origins may not use a visitor's way to us. */
static gboolean
origin_is_ours (const Request *self, const HawserWebsocketSite *site)
{
  g_autofree char *origin = NULL;
  const char *authority;

  if (self->origin.at == NULL)
    return TRUE; /* no browser */
  for (guint i = 0; site->origins != NULL && site->origins[i] != NULL; i++)
    if (g_str_equal (site->origins[i], "*") || span_is (self->origin, site->origins[i]))
      return TRUE;
  origin = g_strndup (self->origin.at, self->origin.len);
  authority = strstr (origin, "://");
  return authority != NULL && span_is (self->host, authority + 3);
}

static const char *
choose_subprotocol (const Request *self, const HawserWebsocketSite *site)
{
  for (guint i = 0; site->subprotocols[i] != NULL; i++)
    if (self->subprotocols->len > 0 && list_has ((Span) { self->subprotocols->str, self->subprotocols->len }, site->subprotocols[i]))
      return site->subprotocols[i];
  return NULL;
}

static void
check (Request *self, const HawserWebsocketSite *site, const char **out_subprotocol)
{
  if (self->host.at == NULL)
    refuse (self, 400, "Host is missing");
  if (site->path != NULL && !(self->path.at != NULL && self->path.len == strlen (site->path) && memcmp (self->path.at, site->path, self->path.len) == 0))
    refuse (self, 404, "the WebSocket is under another path");
  if (!list_has (self->upgrade, "websocket") || !list_has (self->connection, "Upgrade"))
    refuse (self, 426, "this is a WebSocket: the request must upgrade");
  if (!span_is (self->version, "13"))
    refuse (self, 426, "the only WebSocket version here is 13");
  if (!origin_is_ours (self, site))
    refuse (self, 403, "the request comes from a page of another origin (setting origins)");
  *out_subprotocol = choose_subprotocol (self, site);
  if (*out_subprotocol == NULL)
    refuse (self, 400, "Sec-WebSocket-Protocol offers no subprotocol that is spoken here");
}

static const char *
phrase_of (guint status)
{
  static const struct {
    guint status;
    const char *phrase;
  } phrases[] = {
    { 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 426, "Upgrade Required" },
    { 431, "Request Header Fields Too Large" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (phrases); i++)
    if (phrases[i].status == status)
      return phrases[i].phrase;
  return "Bad Request";
}

static void
append_refusal (GString *out, guint status, const char *detail, const HawserWebsocketSite *site)
{
  g_autofree char *spoken = g_strjoinv (", ", (char **) site->subprotocols);

  g_string_append_printf (out, "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %" G_GSIZE_FORMAT "\r\nConnection: close\r\n",
                          status, phrase_of (status), strlen (detail) + strlen (spoken) + strlen (" (subprotocols: )\n"));
  if (status == 426)
    g_string_append (out, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  if (status == 405)
    g_string_append (out, "Allow: GET\r\n");
  g_string_append_printf (out, "\r\n%s (subprotocols: %s)\n", detail, spoken);
}

HawserWebsocketHandshake
hawser_websocket_handshake_read (const guint8 *data, gsize len, const HawserWebsocketSite *site, gsize *out_used, GString *out_answer)
{
  g_autoptr (GString) subprotocols = NULL;
  g_autofree char *accept = NULL;
  const char *subprotocol = NULL;
  Request request = { 0 };
  gsize used = 0;
  gboolean is_whole;

  if (len > 3 && memcmp (data, "GET ", 4) != 0 && !g_ascii_isupper (data[0]))
    refuse (&request, 400, "the request is not HTTP/1.1"); /* TLS, or MQTT without WebSocket: it will never end with an empty line */
  request.subprotocols = subprotocols = g_string_new (NULL);
  is_whole = request.status == 0 && read_head (&request, (const char *) data, MIN (len, HAWSER_WEBSOCKET_MAX_HEAD), &used);
  if (!is_whole && request.status == 0)
    {
      if (len < HAWSER_WEBSOCKET_MAX_HEAD)
        return HAWSER_WEBSOCKET_HANDSHAKE_MORE;
      refuse (&request, 431, "the head is too long");
    }
  if (is_whole)
    {
      check (&request, site, &subprotocol);
      if (request.status == 0)
        {
          g_autofree char *key = g_strndup (request.key.at != NULL ? request.key.at : "", request.key.len);

          accept = hawser_websocket_accept_key (key);
          if (accept == NULL)
            refuse (&request, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
        }
    }
  *out_used = is_whole ? used : len;
  if (request.status != 0)
    {
      append_refusal (out_answer, request.status, request.detail, site);
      return HAWSER_WEBSOCKET_HANDSHAKE_REFUSED;
    }
  g_string_append_printf (out_answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n", accept, subprotocol);
  return HAWSER_WEBSOCKET_HANDSHAKE_ACCEPTED;
}

HawserWebsocketSite *
hawser_websocket_site_new (const char *path, const char * const *subprotocols, const char * const *origins)
{
  HawserWebsocketSite *self = g_atomic_rc_box_new0 (HawserWebsocketSite);

  self->path = g_strdup (path);
  self->subprotocols = (const char * const *) g_strdupv ((char **) subprotocols);
  self->origins = (const char * const *) g_strdupv ((char **) origins);
  return self;
}

HawserWebsocketSite *
hawser_websocket_site_ref (HawserWebsocketSite *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
site_clear (gpointer data)
{
  HawserWebsocketSite *self = data;

  g_free ((char *) self->path);
  g_strfreev ((char **) self->subprotocols);
  g_strfreev ((char **) self->origins);
}

void
hawser_websocket_site_unref (HawserWebsocketSite *self)
{
  if (self != NULL)
    g_atomic_rc_box_release_full (self, site_clear);
}
