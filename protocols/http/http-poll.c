/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/poll: the long poll. Answers a JSON array of CloudEvents as soon as there is one, 204 at the deadline, and in
 * both cases where the next poll goes on. Between polls the hub of the filters remembers. Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-hub.h"
#include "http-owned.h"

#define DEFAULT_WAIT_US (30 * G_USEC_PER_SEC)
#define MAX_WAIT_US (10 * 60 * G_USEC_PER_SEC)
#define READ_US G_USEC_PER_SEC              /* time that a queue has to come from its spool */
#define MAX_EVENTS 1000                     /* of one answer; the next poll gets the rest */
#define MAX_BYTES (1 << 20)
#define MAX_RETAINED_BYTES (64 << 20)       /* retained values cannot be fetched in parts */

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;                     /* NULL: over */
  HawserReceiver *receiver;
  HttpOwned owned;
  HttpHub *hub;
  GString *events;
  guint n_events;
  guint64 sequence;                         /* of the newest event in it */
  gboolean is_posted;
  guint ref_count;
} Poll;

static void
unref_poll (Poll *self)
{
  if (--self->ref_count > 0)
    return;
  g_string_free (self->events, TRUE);
  g_free (self);
}

static void
free_poll (HttpExchange *exchange)
{
  Poll *self = (Poll *) exchange;

  self->session = NULL;
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  http_owned_clear (&self->owned);
  if (self->hub != NULL)
    http_hub_release (g_steal_pointer (&self->hub));
  unref_poll (self);
}

static void
add_event (Poll *self, HawserMessage *message, gboolean is_retained)
{
  const GString *json = http_encode (self->hub->adapter, message, is_retained);

  g_string_append_c (self->events, self->n_events++ == 0 ? '[' : ',');
  g_string_append_len (self->events, json->str, (gssize) json->len);
}

static void
answer (Poll *self)
{
  HttpSession *session = self->session;
  g_autoptr (GString) cursor = g_string_new (NULL);

  g_string_printf (cursor, "%" G_GINT64_MODIFIER "x-%" G_GUINT64_FORMAT, self->hub->id, self->sequence);
  http_owned_append_cursor (&self->owned, cursor);
  http_session_add_header (session, "Hawser-Cursor", cursor->str);
  http_session_add_header (session, "Cache-Control", "no-store");
  if (self->n_events == 0)
    {
      http_session_respond (session, 204, NULL, NULL, 0);
      return;
    }
  g_string_append_c (self->events, ']');
  http_session_respond (session, 200, "application/cloudevents-batch+json", self->events->str, self->events->len);
}

static void
answer_posted (gpointer data)
{
  Poll *self = data;

  if (self->session != NULL)
    answer (self);
  unref_poll (self);
}

/* At the end of the turn: what is published together is answered together. */
static void
post_answer (Poll *self)
{
  if (self->is_posted)
    return;
  self->is_posted = TRUE;
  self->ref_count++;
  hawser_lane_post (self->hub->adapter->lane, answer_posted, self);
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Poll *self = data;

  if (self->hub == NULL || self->session == NULL)
    return HAWSER_DELIVER_BUSY;
  if (delivery->is_retained_value ? self->events->len > MAX_RETAINED_BYTES : self->n_events >= MAX_EVENTS || self->events->len > MAX_BYTES)
    return HAWSER_DELIVER_BUSY;
  add_event (self, delivery->message, delivery->is_retained_value != 0);
  http_owned_note (&self->owned, receiver, delivery);
  if (!delivery->is_retained_value && delivery->position == 0) /* queues know by themselves where they are */
    self->sequence = hawser_message_get_sequence (delivery->message);
  post_answer (self);
  return HAWSER_DELIVER_DONE;
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  Poll *self = data;

  if (!http_owned_forget (&self->owned, receiver))
    self->receiver = NULL;
  if (self->hub != NULL && self->session != NULL)
    post_answer (self);
}

static const HawserReceiverFuncs poll_funcs = { deliver, NULL, ended };

static void
on_deadline (HawserTimer *timer)
{
  Poll *self = (Poll *) ((char *) timer - G_STRUCT_OFFSET (Poll, timer));

  if (!self->is_posted)
    answer (self);
}

static gboolean
replay (Poll *self, guint64 sequence)
{
  HawserConnection *connection = http_session_get_connection (self->session);
  HawserMessage *message;

  while (self->n_events < MAX_EVENTS && self->events->len <= MAX_BYTES && (message = http_hub_next (self->hub, connection, sequence, G_MAXUINT64)) != NULL)
    {
      sequence = hawser_message_get_sequence (message);
      add_event (self, message, FALSE);
      self->sequence = sequence;
    }
  return self->n_events > 0;
}

static int
subscribe (Poll *self, GPtrArray *filters, gboolean with_retained)
{
  for (guint i = 0; i < filters->len; i++)
    {
      HawserSubscribeOptions options = { .qos = 2, .retain_as_published = TRUE, .retain_handling = with_retained ? 0 : 2 };
      int result = hawser_receiver_subscribe (self->receiver, filters->pdata[i], strlen (filters->pdata[i]), &options);

      if (result != HAWSER_RESULT_OK)
        return result;
    }
  return HAWSER_RESULT_OK;
}

static Poll *
poll_new (HttpSession *session)
{
  Poll *self = g_new0 (Poll, 1);

  self->base.free = free_poll;
  self->ref_count = 1;
  self->session = session;
  self->events = g_string_new (NULL);
  http_session_set_exchange (session, &self->base);
  self->receiver = hawser_receiver_new (http_session_get_adapter (session)->bus, NULL, 0, NULL);
  hawser_receiver_attach (self->receiver, http_session_get_connection (session), &poll_funcs, self);
  return self;
}

void
http_poll_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GPtrArray) filters = http_request_list_query (request, "filter");
  HttpAdapter *adapter = http_session_get_adapter (session);
  gint64 wait_us = DEFAULT_WAIT_US;
  g_autofree char *key = NULL;
  HttpCursor cursor = { 0 };
  g_autoptr (GPtrArray) others = NULL;
  HttpHub *known;
  gboolean given, resumes;
  Poll *self;
  int result;

  if (!http_cursor_read (request, &given, &cursor) || !http_request_get_duration (request, "wait", 0, MAX_WAIT_US, &wait_us))
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "Last-Event-ID is none of ours, or wait is not a duration up to 10min");
      return;
    }
  key = http_hub_make_key (session, filters);
  if (key == NULL)
    return;
  known = http_hub_find (adapter, key);
  others = g_ptr_array_copy (filters, NULL, NULL);

  self = poll_new (session);
  resumes = !http_owned_attach (&self->owned, session, others, &cursor, &poll_funcs, self) && given && known != NULL && http_hub_has (known, cursor);
  result = subscribe (self, others, !resumes);
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return;
    }
  result = http_hub_use (adapter, key, filters, &self->hub);
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, "there are too many different sets of filters");
      return;
    }
  self->sequence = self->hub->head;
  if (given && !resumes && !self->owned.has_all)
    http_session_add_header (session, "Hawser-Lost", "unknown");
  if (resumes && replay (self, cursor.sequence))
    {
      answer (self);
      return;
    }
  if (http_owned_has_queued (&self->owned))
    wait_us = MAX (wait_us, READ_US);
  hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + wait_us, on_deadline);
}
