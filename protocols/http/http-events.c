/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/events: server-sent events. The subscription is live before the head of the answer is written; retained
 * values come first, or what the client missed since Last-Event-ID. A client that reads too slowly loses messages and
 * is told how many; one that does not read at all is closed. Of a durable queue nothing is lost: what the client's last id
 * does not prove is given again (http-owned.c). Context: the lane.
 * Source: WHATWG HTML section 9.2 (server-sent events). */

#include "http-session.h"

#include <string.h>

#include "http-hub.h"
#include "http-owned.h"

#define COMMENT_US (15 * G_USEC_PER_SEC)

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpOwned owned;
  HttpSession *session;
  HawserConnection *connection;
  HawserReceiver *receiver;
  HttpHub *hub;
  HawserObserver *observer;                 /* whose stream it is; NULL: nobody's */
  gint64 sent_us;
  gint64 stuck_since_us;                    /* 0: there is room */
  guint64 replayed, replay_last;            /* sequences: from the hub, before live messages */
  gboolean is_replaying;
  gboolean is_live;                         /* the head was written */
  gboolean is_ending;
} EventStream;

static void
free_stream (HttpExchange *exchange)
{
  EventStream *self = (EventStream *) exchange;

  hawser_timer_disarm (&self->timer);
  if (self->observer != NULL)
    g_signal_handlers_disconnect_by_data (self->observer, self);
  g_clear_object (&self->observer);
  http_owned_clear (&self->owned);
  if (self->receiver != NULL)
    hawser_receiver_remove (self->receiver);
  if (self->hub != NULL)
    http_hub_release (self->hub);
  g_free (self);
}

/* The same bytes for every client of the hub. */
static const GString *
get_frame (HttpHub *hub, HawserMessage *message, gboolean is_retained, guint64 sequence)
{
  HttpAdapter *adapter = hub->adapter;

  if (adapter->frame_message == message && adapter->frame_hub == hub->id && adapter->frame_sequence == sequence && adapter->encoded_message == message && adapter->encoded_is_retained == is_retained)
    return adapter->frame;
  http_encode (adapter, message, is_retained);
  g_string_printf (adapter->frame, "id: %" G_GINT64_MODIFIER "x-%" G_GUINT64_FORMAT "\ndata: ", hub->id, sequence);
  g_string_append_len (adapter->frame, adapter->encoded->str, (gssize) adapter->encoded->len);
  g_string_append (adapter->frame, "\n\n");
  adapter->frame_message = message;
  adapter->frame_hub = hub->id;
  adapter->frame_sequence = sequence;
  return adapter->frame;
}

static void
send_message (EventStream *self, HawserMessage *message, gboolean is_retained, guint64 sequence, gint64 now_us)
{
  self->sent_us = now_us;
  if (self->owned.queues == NULL)
    {
      const GString *frame = get_frame (self->hub, message, is_retained, sequence);

      hawser_connection_write (self->connection, frame->str, frame->len);
    }
  else
    {
      /* the id says how far this client is in its own queues */
      const GString *json = http_encode (self->hub->adapter, message, is_retained);
      g_autoptr (GString) id = g_string_new (NULL);

      g_string_printf (id, "id: %" G_GINT64_MODIFIER "x-%" G_GUINT64_FORMAT, self->hub->id, sequence);
      http_owned_append_cursor (&self->owned, id);
      g_string_append (id, "\ndata: ");
      hawser_connection_write (self->connection, id->str, id->len);
      hawser_connection_write (self->connection, json->str, json->len);
      hawser_connection_write (self->connection, "\n\n", 2);
    }
}

static void
send_gap (EventStream *self, guint64 n)
{
  char text[64];
  int len = n > 0 ? g_snprintf (text, sizeof text, "event: gap\ndata: {\"lost\":%" G_GUINT64_FORMAT "}\n\n", n)
                  : g_snprintf (text, sizeof text, "event: gap\ndata: {\"lost\":null}\n\n");

  hawser_connection_write (self->connection, text, (gsize) len);
}

static void on_tick (HawserTimer *timer);

static gboolean
is_congested (EventStream *self)
{
  HttpAdapter *adapter = self->hub->adapter;

  if (!hawser_connection_is_congested (self->connection))
    return FALSE;
  if (self->stuck_since_us == 0)
    {
      self->stuck_since_us = hawser_lane_get_now_us (adapter->lane);
      hawser_timer_arm (&self->timer, adapter->lane, self->stuck_since_us + adapter->stuck_timeout_us, on_tick);
    }
  return TRUE;
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  EventStream *self = data;

  if (self->is_replaying || !self->is_live || self->is_ending || is_congested (self))
    return HAWSER_DELIVER_BUSY;
  http_owned_note (&self->owned, receiver, delivery);
  /* a retained value is not news, and a queue has places of its own: whoever resumes behind it wants what came after now */
  send_message (self, delivery->message, delivery->is_retained_value != 0,
                delivery->is_retained_value || delivery->position != 0 ? self->hub->head : hawser_message_get_sequence (delivery->message), delivery->now_us);
  if (delivery->position != 0 && http_owned_needs_proof (&self->owned))
    {
      /* it comes back at once, and its Last-Event-ID is the proof */
      self->is_ending = TRUE;
      hawser_connection_write (self->connection, "retry: 10\n\n", 11);
      http_session_finish (self->session, HAWSER_ERROR_QUOTA, "much was given that nobody acknowledged");
    }
  return HAWSER_DELIVER_DONE;
}

static void
lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  send_gap (data, n);
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  EventStream *self = data;

  if (!http_owned_forget (&self->owned, receiver))
    self->receiver = NULL;
  if (self->is_live)
    http_session_finish (self->session, reason, "the subscription was ended");
}

static void
filter_ended (HawserReceiver *receiver, gpointer data, const char *filter, HawserError reason)
{
  EventStream *self = data;
  g_autoptr (GString) text = g_string_new ("event: ended\ndata: {\"filter\":");

  if (!self->is_live)
    return;
  hawser_json_append_string (text, filter, strlen (filter));
  g_string_append_printf (text, ",\"reason\":\"%s\"}\n\n", hawser_error_to_nick (reason));
  hawser_connection_write (self->connection, text->str, text->len);
  if (hawser_receiver_get_n_filters (receiver) == 0 && self->owned.queues == NULL)
    http_session_finish (self->session, reason, "the last subscription was ended");
}

static const HawserReceiverFuncs stream_funcs = { deliver, lost, ended, .filter_ended = filter_ended };

/* What was missed, as far as there is room; then live messages flow. */
static void
replay (EventStream *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->hub->adapter->lane);
  HawserMessage *message;

  while (!is_congested (self))
    {
      if (self->replayed < self->hub->floor && self->hub->floor <= self->replay_last)
        {
          send_gap (self, 0); /* it was pushed out while this client was slow */
          self->replayed = self->hub->floor;
        }
      message = http_hub_next (self->hub, self->connection, self->replayed, self->replay_last);
      if (message == NULL)
        {
          self->is_replaying = FALSE;
          if (self->receiver != NULL)
            hawser_receiver_resume (self->receiver);
          return;
        }
      self->replayed = hawser_message_get_sequence (message);
      send_message (self, message, FALSE, self->replayed, now_us);
    }
}

static void
writable (HttpExchange *exchange)
{
  EventStream *self = (EventStream *) exchange;

  if (self->stuck_since_us != 0)
    {
      self->stuck_since_us = 0;
      on_tick (&self->timer);
    }
  if (self->is_replaying)
    replay (self);
  else if (self->receiver != NULL)
    {
      hawser_receiver_resume (self->receiver);
      http_owned_resume (&self->owned);
    }
}

static void
on_tick (HawserTimer *timer)
{
  EventStream *self = (EventStream *) ((char *) timer - G_STRUCT_OFFSET (EventStream, timer));
  HttpAdapter *adapter = self->hub->adapter;
  HawserLane *lane = adapter->lane;
  gint64 now_us = hawser_lane_get_now_us (lane);

  if (self->stuck_since_us != 0)
    {
      if (now_us - self->stuck_since_us >= adapter->stuck_timeout_us)
        hawser_connection_close (self->connection, HAWSER_ERROR_QUOTA);
      else
        hawser_timer_arm (timer, lane, self->stuck_since_us + adapter->stuck_timeout_us, on_tick);
      return;
    }
  if (now_us - self->sent_us >= COMMENT_US - G_USEC_PER_SEC)
    {
      hawser_connection_write (self->connection, ":\n\n", 3);
      self->sent_us = now_us;
    }
  hawser_timer_arm (timer, lane, now_us + COMMENT_US, on_tick);
}

static void
on_observer_ended (HawserObserver *observer, GParamSpec *pspec, gpointer data)
{
  static const char text[] = "event: ended\ndata: {\"reason\":\"the lease is over\"}\n\n";
  EventStream *self = data;

  if (!self->is_live || self->is_ending)
    return;
  self->is_ending = TRUE;
  hawser_connection_write (self->connection, text, strlen (text));
  http_session_finish (self->session, HAWSER_ERROR_TIMEOUT, "the observer has ended");
}

static int
subscribe (EventStream *self, GPtrArray *filters, gboolean with_retained, const char *since, double speed)
{
  for (guint i = 0; i < filters->len; i++)
    {
      HawserSubscribeOptions options = { .qos = 2, .retain_as_published = TRUE, .retain_handling = with_retained ? 0 : 2,
                                         .since = since, .replay_speed = speed };
      int result = hawser_receiver_subscribe (self->receiver, filters->pdata[i], strlen (filters->pdata[i]), &options);

      if (result != HAWSER_RESULT_OK)
        return result;
    }
  return HAWSER_RESULT_OK;
}

static void
begin (EventStream *self, gboolean resumes, gboolean has_gap, HttpCursor cursor)
{
  HawserLane *lane = self->hub->adapter->lane;

  http_session_add_header (self->session, "Cache-Control", "no-store");
  http_session_add_header (self->session, "X-Accel-Buffering", "no");
  http_session_add_header (self->session, "Connection", "close");
  http_session_become_stream (self->session, 200, "text/event-stream");
  self->is_live = TRUE;
  self->sent_us = hawser_lane_get_now_us (lane);
  hawser_timer_arm (&self->timer, lane, self->sent_us + COMMENT_US, on_tick);
  hawser_connection_write (self->connection, "retry: 1000\n\n", 13);
  if (has_gap)
    send_gap (self, 0);
  if (resumes)
    {
      self->is_replaying = TRUE;
      self->replayed = cursor.sequence;
      self->replay_last = self->hub->head;
      replay (self);
    }
}

/* @observer: (nullable) */
static void
open_stream (HttpSession *session, HttpRequest *request, GPtrArray *filters, HawserObserver *observer)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autofree char *key = NULL;
  EventStream *self;
  HttpCursor cursor = { 0 };
  g_autoptr (GPtrArray) others = NULL;
  HttpHub *known;
  const char *speed_text = http_request_get_query (request, "speed");
  double speed = 0;
  char *end = NULL;
  gboolean given, resumes;
  int result;

  if (!http_cursor_read (request, &given, &cursor))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "Last-Event-ID is none of ours");
      return;
    }
  if (speed_text != NULL && !((speed = g_ascii_strtod (speed_text, &end)) >= 0.001 && speed <= 1000 && *end == '\0'))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "speed is not a number from 0.001 to 1000");
      return;
    }
  key = http_hub_make_key (session, filters);
  if (key == NULL)
    return;
  known = http_hub_find (adapter, key);

  self = g_new0 (EventStream, 1);
  self->base = (HttpExchange) { free_stream, NULL, writable };
  self->session = session;
  self->connection = http_session_get_connection (session);
  http_session_set_exchange (session, &self->base);
  if (observer != NULL)
    {
      self->observer = g_object_ref (observer);
      g_signal_connect (observer, "notify::is-live", G_CALLBACK (on_observer_ended), self);
    }
  others = g_ptr_array_copy (filters, NULL, NULL);
  /* a queue goes on behind what the last id proves; no hub remembers it */
  resumes = !http_owned_attach (&self->owned, session, others, &cursor, &stream_funcs, self) && given && known != NULL && http_hub_has (known, cursor);
  self->receiver = hawser_receiver_new (adapter->bus, NULL, 0, NULL);
  hawser_receiver_attach (self->receiver, self->connection, &stream_funcs, self);
  result = subscribe (self, others, !resumes, resumes ? NULL : http_request_get_query (request, "since"), speed); /* the id is more exact */
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return;
    }
  result = http_hub_use (adapter, key, filters, &self->hub);
  if (result != HAWSER_RESULT_OK)
    http_session_respond_error (session, result, "there are too many different sets of filters");
  else
    begin (self, resumes, given && !resumes && !self->owned.has_all, cursor);
}

void
http_events_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GPtrArray) filters = http_request_list_query (request, "filter");

  open_stream (session, request, filters, NULL);
}

void
http_events_observe (HttpSession *session, HttpRequest *request, HawserObserver *observer)
{
  g_autoptr (GPtrArray) filters = g_ptr_array_new ();

  g_ptr_array_add (filters, (gpointer) hawser_observer_get_topic (observer));
  open_stream (session, request, filters, observer);
}
