/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/ws: a WebSocket of CloudEvents, both ways. Messages arrive as events; an event sent is published to its
 * subject; {"op":"subscribe"|"unsubscribe"} changes the filters and is answered. Framing is core/net/hawser-websocket.c's. What a
 * slow reader loses it is told; one that does not read or answer pings is closed. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-cloud-event.h"
#include "http-hub.h"
#include "http-upgrade.h"

#define PING_US (30 * G_USEC_PER_SEC)
#define SILENT_US (90 * G_USEC_PER_SEC)      /* nothing heard, not even a pong */
#define MAX_PONG_BACKLOG 65536               /* bytes of unsent output: no pongs above it */
#define MAX_SUBSCRIPTIONS 1024
#define MAX_FRAGMENTS 4096
#define DEFAULT_QOS 1

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;
  HttpAdapter *adapter;
  HawserConnection *connection;
  HawserReceiver *receiver;
  HawserWebsocketReader reader;
  HawserWebsocketLimits limits;
  gint64 heard_us;
  gint64 stuck_since_us;
  gboolean is_open;                          /* the head was written and no close frame was */
} Live;

static void
free_live (HttpExchange *exchange)
{
  Live *self = (Live *) exchange;

  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (self->receiver);
  hawser_websocket_reader_clear (&self->reader);
  g_free (self);
}

static void
send_frame (Live *self, HawserWebsocketOpcode opcode, const void *data, gsize len)
{
  guint8 *head = hawser_connection_reserve (self->connection, HAWSER_WEBSOCKET_MAX_HEADER + MIN (len, 4096));
  gsize n = hawser_websocket_write_header (head, opcode, len);

  if (len > 4096)
    {
      hawser_connection_commit (self->connection, n);
      hawser_connection_write (self->connection, data, len);
      return;
    }
  memcpy (head + n, data, len);
  hawser_connection_commit (self->connection, n + len);
}

static void
close_with (Live *self, guint code, const char *detail)
{
  guint8 payload[125];
  gsize len = detail != NULL ? MIN (strlen (detail), sizeof payload - 2) : 0;

  if (!self->is_open)
    return;
  self->is_open = FALSE;
  payload[0] = (guint8) (code >> 8);
  payload[1] = (guint8) code;
  if (len > 0)
    memcpy (payload + 2, detail, len);
  send_frame (self, HAWSER_WEBSOCKET_CLOSE, payload, code == HAWSER_WEBSOCKET_CLOSE_NO_STATUS ? 0 : len + 2);
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  http_session_finish (self->session, HAWSER_ERROR_CLOSED, detail != NULL ? detail : "the WebSocket was closed");
}

/* ---- To the peer ---- */

static void on_tick (HawserTimer *timer);

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Live *self = data;
  const GString *json;

  if (!self->is_open)
    return HAWSER_DELIVER_BUSY;
  if (hawser_connection_is_congested (self->connection))
    {
      if (self->stuck_since_us == 0)
        {
          self->stuck_since_us = hawser_lane_get_now_us (self->adapter->lane);
          hawser_timer_arm (&self->timer, self->adapter->lane, self->stuck_since_us + self->adapter->stuck_timeout_us, on_tick);
        }
      return HAWSER_DELIVER_BUSY;
    }
  json = http_encode (self->adapter, delivery->message, delivery->is_retained_value != 0);
  send_frame (self, HAWSER_WEBSOCKET_TEXT, json->str, json->len);
  return HAWSER_DELIVER_DONE;
}

static void
lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  char text[64];
  int len = g_snprintf (text, sizeof text, "{\"op\":\"gap\",\"lost\":%" G_GUINT64_FORMAT "}", n);

  send_frame (data, HAWSER_WEBSOCKET_TEXT, text, (gsize) len);
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  Live *self = data;

  self->receiver = NULL;
  close_with (self, reason == HAWSER_ERROR_CLOSED ? HAWSER_WEBSOCKET_CLOSE_GOING_AWAY : HAWSER_WEBSOCKET_CLOSE_POLICY, hawser_error_to_nick (reason));
}

static void
filter_ended (HawserReceiver *receiver, gpointer data, const char *filter, HawserError reason)
{
  g_autoptr (GString) text = g_string_new ("{\"op\":\"ended\",\"filter\":");

  hawser_json_append_string (text, filter, strlen (filter));
  g_string_append (text, ",\"error\":");
  http_append_problem (text, http_status_of_error (reason), reason,
                       reason == HAWSER_ERROR_NOT_AUTHORIZED ? "the right to it was revoked" : "the topic allows a subscription only so long", NULL);
  g_string_append_c (text, '}');
  send_frame (data, HAWSER_WEBSOCKET_TEXT, text->str, text->len);
}

static const HawserReceiverFuncs live_funcs = { deliver, lost, ended, .filter_ended = filter_ended };

static void
writable (HttpExchange *exchange)
{
  Live *self = (Live *) exchange;

  self->stuck_since_us = 0;
  if (self->receiver != NULL)
    hawser_receiver_resume (self->receiver);
}

static void
on_tick (HawserTimer *timer)
{
  Live *self = (Live *) ((char *) timer - G_STRUCT_OFFSET (Live, timer));
  gint64 now_us = hawser_lane_get_now_us (self->adapter->lane);

  if (hawser_connection_is_paused (self->connection))
    self->heard_us = now_us; /* it is we who do not listen */
  if (now_us - self->heard_us >= SILENT_US || (self->stuck_since_us != 0 && now_us - self->stuck_since_us >= self->adapter->stuck_timeout_us))
    {
      hawser_connection_close (self->connection, HAWSER_ERROR_TIMEOUT);
      return;
    }
  if (self->stuck_since_us == 0)
    send_frame (self, HAWSER_WEBSOCKET_PING, "", 0);
  hawser_timer_arm (timer, self->adapter->lane, now_us + PING_US, on_tick);
}

/* ---- From the peer ---- */

static void
send_answer (Live *self, const HawserJsonSlice *ref, int error, const char *detail)
{
  g_autoptr (GString) out = g_string_new (error == 0 ? "{\"ok\":true" : "{\"ok\":false");

  if (ref != NULL && ref->text != NULL)
    {
      g_string_append (out, ",\"ref\":");
      g_string_append_len (out, ref->text, (gssize) ref->len);
    }
  if (error != 0)
    {
      g_string_append (out, ",\"error\":");
      http_append_problem (out, http_status_of_error (error), error, detail, NULL);
    }
  g_string_append_c (out, '}');
  send_frame (self, HAWSER_WEBSOCKET_TEXT, out->str, out->len);
}

static int
subscribe (Live *self, const char *filter)
{
  if (hawser_receiver_get_n_filters (self->receiver) >= MAX_SUBSCRIPTIONS)
    return HAWSER_ERROR_QUOTA;
  return hawser_receiver_subscribe (self->receiver, filter, strlen (filter), &(HawserSubscribeOptions) { .qos = 2, .retain_as_published = TRUE });
}

static void
take_operation (Live *self, const HawserJsonSlice *op, const HawserJsonSlice *filter, const HawserJsonSlice *ref)
{
  g_autofree char *name = hawser_json_slice_dup_string (op);
  g_autofree char *text = filter->text != NULL ? hawser_json_slice_dup_string (filter) : NULL;
  int result;

  if (text == NULL || name == NULL)
    {
      send_answer (self, ref, HAWSER_ERROR_INVALID, "op and filter are strings");
      return;
    }
  if (self->receiver == NULL)
    return;
  if (g_str_equal (name, "subscribe"))
    {
      result = subscribe (self, text);
      send_answer (self, ref, result, result == HAWSER_ERROR_QUOTA ? "there are too many subscriptions" : hawser_bus_get_last_refusal (self->adapter->bus));
    }
  else if (g_str_equal (name, "unsubscribe"))
    {
      result = hawser_receiver_unsubscribe (self->receiver, text, strlen (text)) ? 0 : HAWSER_ERROR_NOT_FOUND;
      send_answer (self, ref, result, "there is no such subscription");
    }
  else
    send_answer (self, ref, HAWSER_ERROR_INVALID, "op is subscribe or unsubscribe");
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  HttpSession *session = hawser_connection_get_session (data);
  Live *self = session != NULL ? (Live *) http_session_get_exchange (session) : NULL;

  if (self != NULL && self->base.free == free_live && self->is_open && result != HAWSER_RESULT_OK)
    send_answer (self, NULL, result, hawser_bus_get_last_refusal (self->adapter->bus));
}

static void
take_event (Live *self, const HawserJsonSlice *event, const HawserJsonSlice *id)
{
  const HawserCloudEventTerms terms = { .qos = DEFAULT_QOS };
  g_autoptr (GError) error = NULL;
  HawserMessage *message = hawser_cloud_event_read (event, &terms, &HAWSER_CLOUD_EVENT_LIMITS, &error);
  int result;

  if (message == NULL)
    {
      send_answer (self, id, error->code, error->message);
      return;
    }
  result = hawser_connection_publish (self->connection, message, hawser_message_get_qos (message) > 0 ? on_published : NULL, 0);
  if (result != HAWSER_RESULT_OK && result != HAWSER_RESULT_PENDING)
    send_answer (self, id, result, hawser_bus_get_last_refusal (self->adapter->bus));
}

static void
take_text (Live *self, const guint8 *data, gsize len)
{
  static const char * const names[] = { "op", "filter", "ref", "id" };
  HawserJsonSlice found[G_N_ELEMENTS (names)] = { 0 }, all, name, value;
  const HawserJsonSlice *op = &found[0], *filter = &found[1], *ref = &found[2], *id = &found[3];
  HawserJsonIter iter;

  if (!hawser_json_parse ((const char *) data, len, &all, NULL) || all.type != HAWSER_JSON_OBJECT)
    {
      send_answer (self, NULL, HAWSER_ERROR_MALFORMED, "a text message is one JSON object");
      return;
    }
  hawser_json_iter_init (&iter, &all);
  while (hawser_json_iter_next (&iter, &name, &value))
    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
      if (hawser_json_slice_is_string (&name, names[i], strlen (names[i])))
        found[i] = value;
  if (op->text != NULL)
    take_operation (self, op, filter, ref);
  else
    take_event (self, &all, ref->text != NULL ? ref : id);
}

static void
take (Live *self, const HawserWebsocketEvent *event)
{
  switch (event->opcode)
    {
    case HAWSER_WEBSOCKET_TEXT:
      take_text (self, event->data, event->len);
      break;
    case HAWSER_WEBSOCKET_BINARY:
      close_with (self, HAWSER_WEBSOCKET_CLOSE_UNSUPPORTED, "cloudevents.json is text");
      break;
    case HAWSER_WEBSOCKET_PING:
      if (hawser_connection_get_pending (self->connection) < MAX_PONG_BACKLOG)
        send_frame (self, HAWSER_WEBSOCKET_PONG, event->data, event->len);
      break;
    case HAWSER_WEBSOCKET_CLOSE:
      close_with (self, event->close_code, NULL);
      break;
    default:
      break;
    }
}

static gsize
received (HttpExchange *exchange, const guint8 *data, gsize len)
{
  Live *self = (Live *) exchange;
  gsize used = 0;

  self->heard_us = hawser_lane_get_now_us (self->adapter->lane);
  while (used < len && self->is_open && !hawser_connection_is_paused (self->connection))
    {
      gsize n, needed;
      HawserWebsocketEvent event;
      /* the bytes are the connection's to read once: unmasking in place spares a copy of each message */
      HawserWebsocketResult result = hawser_websocket_read (&self->reader, (guint8 *) data + used, len - used, &self->limits, &n, &needed, &event);

      used += n;
      if (result == HAWSER_WEBSOCKET_ERROR)
        close_with (self, event.close_code, event.detail);
      else if (result == HAWSER_WEBSOCKET_MESSAGE)
        take (self, &event);
      else if (result == HAWSER_WEBSOCKET_MORE)
        {
          if (needed >= HAWSER_LARGE_PAYLOAD)
            hawser_connection_expect (self->connection, needed);
          return used;
        }
    }
  return self->is_open ? used : len;
}

void
http_live_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GPtrArray) filters = http_request_list_query (request, "filter");
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autofree char *accept = NULL;
  Live *self;
  int result = 0;

  if (http_websocket_is_for_mqtt (session, request))
    {
      http_mqtt_get (session, request, rest);
      return;
    }
  if (!http_websocket_check (session, request, &accept))
    return;
  self = g_new0 (Live, 1);
  self->base = (HttpExchange) { free_live, received, writable };
  self->session = session;
  self->adapter = adapter;
  self->connection = http_session_get_connection (session);
  self->limits = (HawserWebsocketLimits) { adapter->max_body, MAX_FRAGMENTS };
  http_session_set_exchange (session, &self->base);
  self->receiver = hawser_receiver_new (adapter->bus, NULL, 0, NULL);
  hawser_receiver_attach (self->receiver, self->connection, &live_funcs, self);
  for (guint i = 0; i < filters->len && result == 0; i++)
    result = subscribe (self, filters->pdata[i]);
  if (result != 0)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return;
    }

  http_websocket_add_headers (session, accept, http_websocket_offers (request, HTTP_CLOUDEVENTS_SUBPROTOCOL) ? HTTP_CLOUDEVENTS_SUBPROTOCOL : NULL);
  self->is_open = TRUE;
  hawser_connection_set_refuses_at_once (self->connection, FALSE); /* a stream can wait */
  self->heard_us = hawser_lane_get_now_us (adapter->lane);
  hawser_timer_arm (&self->timer, adapter->lane, self->heard_us + PING_US, on_tick);
  http_session_become_stream (session, 101, NULL);
}
