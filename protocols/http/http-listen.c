/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* "How long will I listen": a device that cannot be connected all the time says with its report for how long it waits (ttd, the
 * time until disconnect of Hono's HTTP adapter), and a command that is published meanwhile is the answer. It is subscribed
 * before the report is published, so that what the report causes is not missed. Context: the lane. */

#include "http-listen.h"

#include <string.h>

#include "http-ask.h"

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;            /* NULL: over */
  HawserReceiver *receiver;
  HawserMessage *command;
  guint64 serial;                  /* stale callbacks have another */
  gboolean is_accepted;            /* the report is where it was promised to be */
  gboolean is_posted;
  guint ref_count;
} Listening;

static guint64 next_serial = 1;

static void
unref_listening (Listening *self)
{
  if (--self->ref_count > 0)
    return;
  if (self->command != NULL)
    hawser_message_unref (self->command);
  g_free (self);
}

static void
free_listening (HttpExchange *exchange)
{
  Listening *self = (Listening *) exchange;

  self->session = NULL;
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  unref_listening (self);
}

static void
respond (gpointer data)
{
  Listening *self = data;
  HttpSession *session = self->session;

  self->is_posted = FALSE;
  if (session != NULL && self->is_accepted && self->command != NULL)
    {
      http_session_add_header (session, "Hawser-Subject", strrchr (hawser_message_get_topic (self->command), '/') + 1);
      http_ask_respond (session, self->command);
    }
  unref_listening (self);
}

static void
respond_soon (Listening *self)
{
  if (self->is_posted || !self->is_accepted || self->command == NULL)
    return;
  self->is_posted = TRUE;
  self->ref_count++;
  hawser_lane_post (http_session_get_adapter (self->session)->lane, respond, self); /* not while the bus is routing */
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Listening *self = data;

  if (self->session == NULL || self->command != NULL)
    return HAWSER_DELIVER_DONE;
  self->command = hawser_message_ref (delivery->message);
  respond_soon (self);
  return HAWSER_DELIVER_DONE;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((Listening *) data)->receiver = NULL;
}

static const HawserReceiverFuncs listen_funcs = { deliver, NULL, on_ended };

static void
on_over (HawserTimer *timer)
{
  Listening *self = (Listening *) ((char *) timer - G_STRUCT_OFFSET (Listening, timer));

  if (!self->is_posted && self->is_accepted)
    http_session_respond (self->session, 202, NULL, NULL, 0);
  else if (!self->is_accepted)
    http_session_respond_error (self->session, HAWSER_ERROR_TIMEOUT, "the report was not committed in time");
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  HttpSession *session = hawser_connection_get_session (data);
  Listening *self = session != NULL ? (Listening *) http_session_get_exchange (session) : NULL;

  if (self == NULL || self->base.free != free_listening || self->serial != cookie)
    return;
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (http_session_get_adapter (session)->bus));
      return;
    }
  self->is_accepted = TRUE;
  respond_soon (self);
}

void
http_listen_publish (HttpSession *session, HawserMessage *message, const char * const *filters, gint64 ttd_us)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  Listening *self = g_new0 (Listening, 1);
  int result = HAWSER_RESULT_OK;

  self->base.free = free_listening;
  self->ref_count = 1;
  self->session = session;
  self->serial = next_serial++;
  http_session_set_exchange (session, &self->base);
  self->receiver = hawser_receiver_new (adapter->bus, NULL, 0, NULL);
  hawser_receiver_attach (self->receiver, http_session_get_connection (session), &listen_funcs, self);
  for (guint i = 0; filters[i] != NULL && result == HAWSER_RESULT_OK; i++)
    result = hawser_receiver_subscribe (self->receiver, filters[i], strlen (filters[i]), &(HawserSubscribeOptions) { .qos = 1, .retain_handling = 2 });
  if (result != HAWSER_RESULT_OK)
    {
      hawser_message_unref (message);
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return;
    }
  hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + ttd_us, on_over);
  result = hawser_connection_publish (http_session_get_connection (session), message, hawser_message_get_qos (message) > 0 ? on_published : NULL, self->serial);
  if (result == HAWSER_RESULT_PENDING)
    return;
  if (result != HAWSER_RESULT_OK)
    {
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return;
    }
  self->is_accepted = TRUE;
  respond_soon (self);
}
