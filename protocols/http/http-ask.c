/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Request and reply: a topic that nobody else has, a hidden receiver on it, and a timer. The first message with the right
 * correlation, or with none, is the reply. Who asks what, and what an answer says, is the caller's. Context: the lane. */

#include "http-ask.h"
#include "http-range.h"

#include <string.h>

#include "http-cloud-event.h"

struct _HttpAsk {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;                          /* NULL: over */
  HawserReceiver *receiver;
  HawserMessage *reply;
  GBytes *correlation;
  char *reply_to;
  HttpAskAnswer answer;
  gpointer data;
  GDestroyNotify free_data;
  guint ref_count;
};

static void
unref_ask (HttpAsk *self)
{
  if (--self->ref_count > 0)
    return;
  if (self->reply != NULL)
    hawser_message_unref (self->reply);
  if (self->free_data != NULL)
    self->free_data (self->data);
  g_bytes_unref (self->correlation);
  g_free (self->reply_to);
  g_free (self);
}

static void
free_ask (HttpExchange *exchange)
{
  HttpAsk *self = (HttpAsk *) exchange;
  HawserBus *bus = http_session_get_adapter (self->session)->bus;

  self->session = NULL;
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  hawser_bus_remove_topic (bus, self->reply_to); /* nobody else has it */
  unref_ask (self);
}

static void
on_answer (gpointer data)
{
  HttpAsk *self = data;

  if (self->session != NULL)
    self->answer (self->session, self->reply, self->data);
  unref_ask (self);
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HttpAsk *self = data;
  g_autoptr (GBytes) correlation = hawser_message_dup_correlation (delivery->message);

  if (self->session == NULL || self->reply != NULL || (correlation != NULL && !g_bytes_equal (correlation, self->correlation)))
    return HAWSER_DELIVER_DONE;
  self->reply = hawser_message_ref (delivery->message);
  self->ref_count++;
  hawser_lane_post (http_session_get_adapter (self->session)->lane, on_answer, self); /* not while the bus is routing */
  return HAWSER_DELIVER_DONE;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((HttpAsk *) data)->receiver = NULL;
}

static const HawserReceiverFuncs ask_funcs = { deliver, NULL, on_ended };

static void
on_no_reply (HawserTimer *timer)
{
  HttpAsk *self = (HttpAsk *) ((char *) timer - G_STRUCT_OFFSET (HttpAsk, timer));

  if (self->reply == NULL)
    self->answer (self->session, NULL, self->data);
}

HttpAsk *
http_ask_new (HttpSession *session, GBytes *correlation, gint64 wait_us, HttpAskAnswer answer, gpointer data, GDestroyNotify free_data)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autofree char *id = g_uuid_string_random ();
  HttpAsk *self = g_new0 (HttpAsk, 1);
  int result;

  self->base.free = free_ask;
  self->ref_count = 1;
  self->session = session;
  self->correlation = correlation != NULL ? g_bytes_ref (correlation) : g_bytes_new (id, strlen (id));
  self->reply_to = g_strconcat ("reply/http/", id, NULL);
  self->answer = answer;
  self->data = data;
  self->free_data = free_data;
  http_session_set_exchange (session, &self->base);
  self->receiver = hawser_receiver_new (adapter->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
  hawser_receiver_attach (self->receiver, NULL, &ask_funcs, self);
  hawser_receiver_set_mount_point (self->receiver, hawser_listener_get_mount_point (adapter->listener));
  result = hawser_receiver_subscribe (self->receiver, self->reply_to, strlen (self->reply_to), &(HawserSubscribeOptions) { .qos = 2, .retain_handling = 2 });
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return NULL;
    }
  hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + wait_us, on_no_reply);
  return self;
}

const char *
http_ask_get_reply_to (HttpAsk *self)
{
  return self->reply_to;
}

GBytes *
http_ask_get_correlation (HttpAsk *self)
{
  return self->correlation;
}

GBytes *
http_ask_read_correlation (HttpRequest *request)
{
  const char *given = http_request_get_header (request, "ce-correlationid");
  g_autofree char *text = given != NULL ? http_decode_value (given) : NULL;

  return text != NULL && *text != '\0' ? g_bytes_new (text, strlen (text)) : NULL;
}

/* With what a page of a publisher must not do on our origin, whatever its content type. (transfer full) */
static char *
begin_payload (HttpSession *session, HawserMessage *message)
{
  g_autofree char *content_type = hawser_message_dup_content_type (message);

  http_session_add_header (session, "Content-Security-Policy", "sandbox; default-src 'none'");
  http_append_ce_headers (http_session_get_extra (session), message);
  return content_type != NULL && http_is_header_value (content_type) ? g_steal_pointer (&content_type) : g_strdup ("application/octet-stream");
}

void
http_ask_respond (HttpSession *session, HawserMessage *reply)
{
  g_autofree char *content_type = begin_payload (session, reply);

  http_session_respond_payload (session, 200, content_type, reply);
}

void
http_ask_respond_part (HttpSession *session, HttpRequest *request, const char *etag, HawserMessage *message)
{
  g_autofree char *content_type = begin_payload (session, message);
  gsize len;
  gconstpointer data = hawser_message_get_data (message, &len);

  if (!http_range_respond (session, request, etag, content_type, data, len))
    http_session_respond_payload (session, 200, content_type, message);
}
