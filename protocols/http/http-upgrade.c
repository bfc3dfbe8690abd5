/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests to open a WebSocket: the handshake that http-live.c goes on from, and GET /mqtt, after which the connection
 * belongs to the MQTT adapter (through the core: adapters do not know each other). Who the peer is, MQTT asks; origins are
 * judged here. Context: the lane. Source: RFC 6455 section 4.2, MQTT 5.0 section 6. */

#include "http-upgrade.h"

#include <string.h>

#define MQTT_TYPE "mqtt"

gboolean
http_websocket_check (HttpSession *session, HttpRequest *request, char **out_accept)
{
  const char *upgrade = http_request_get_header (request, "Upgrade");
  const char *version = http_request_get_header (request, "Sec-WebSocket-Version");

  if (upgrade == NULL || g_ascii_strcasecmp (upgrade, "websocket") != 0 || !request->head.wants_upgrade || request->head.minor == 0)
    {
      http_session_add_header (session, "Upgrade", "websocket");
      http_session_respond_problem (session, 426, HAWSER_ERROR_INVALID, "this is a WebSocket: the request must upgrade");
      return FALSE;
    }
  if (version == NULL || !g_str_equal (version, "13"))
    {
      http_session_add_header (session, "Sec-WebSocket-Version", "13");
      http_session_respond_problem (session, 426, HAWSER_ERROR_INVALID, "the only WebSocket version here is 13");
      return FALSE;
    }
  if (!http_session_origin_is_ours (session, request))
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_AUTHORIZED, "the request comes from a page of another origin (setting cors-origins)");
      return FALSE;
    }
  *out_accept = hawser_websocket_accept_key (http_request_get_header (request, "Sec-WebSocket-Key"));
  if (*out_accept == NULL)
    http_session_respond_error (session, HAWSER_ERROR_MALFORMED, "Sec-WebSocket-Key is not 16 bytes in base64");
  return *out_accept != NULL;
}

gboolean
http_websocket_offers (HttpRequest *request, const char *subprotocol)
{
  const char *list = soup_message_headers_get_list (request->headers, "Sec-WebSocket-Protocol");

  return list != NULL && soup_header_contains (list, subprotocol);
}

void
http_websocket_add_headers (HttpSession *session, const char *accept, const char *subprotocol)
{
  http_session_add_header (session, "Upgrade", "websocket");
  http_session_add_header (session, "Connection", "Upgrade");
  http_session_add_header (session, "Sec-WebSocket-Accept", accept);
  if (subprotocol != NULL)
    http_session_add_header (session, "Sec-WebSocket-Protocol", subprotocol);
}

static gboolean
is_spoken (HttpAdapter *adapter, const char *subprotocol)
{
  char **names = adapter->websocket_subprotocols;

  return names == NULL || *names == NULL || g_strv_contains ((const char * const *) names, subprotocol);
}

static const char *
choose_offered (HttpRequest *request, HawserListener *inner)
{
  for (const char * const *name = hawser_listener_get_subprotocols (inner); *name != NULL; name++)
    if (http_websocket_offers (request, *name))
      return *name;
  return NULL;
}

gboolean
http_websocket_is_for_mqtt (HttpSession *session, HttpRequest *request)
{
  if (http_websocket_offers (request, HTTP_CLOUDEVENTS_SUBPROTOCOL) || !is_spoken (http_session_get_adapter (session), MQTT_TYPE))
    return FALSE;
  return http_websocket_offers (request, "mqtt") || http_websocket_offers (request, "mqttv3.1");
}

void
http_mqtt_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autofree char *accept = NULL;
  g_autoptr (GError) error = NULL;
  HawserListener *inner;
  const char *subprotocol;

  if (!is_spoken (adapter, MQTT_TYPE))
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "websocket-subprotocols leaves mqtt out");
      return;
    }
  if (!http_websocket_check (session, request, &accept))
    return;
  inner = hawser_listener_get_inner (adapter->listener, MQTT_TYPE, &error);
  if (inner == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, error->message);
      return;
    }
  subprotocol = choose_offered (request, inner);
  if (subprotocol == NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "Sec-WebSocket-Protocol must offer mqtt");
      return;
    }
  http_websocket_add_headers (session, accept, subprotocol);
  http_session_upgrade (session, inner);
}
