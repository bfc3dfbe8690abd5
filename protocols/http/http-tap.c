/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v1/admin/tap: messages of a topic or a client as they pass, for somebody who looks for a fault, bounded in time and in number.
 * What is looked at does not notice: the tap is a hidden receiver at QoS 0 that no listing, counter or answer knows, and one that is
 * not read loses messages instead of holding anybody up, and is told how many. Values that rules name are not shown (http-redact.c).
 * Context: the lane. */

#include "http-session.h"

#include <string.h>

#include "http-redact.h"

#define MAX_TAPS 8                     /* ours: each looks at every message; operators, not applications */
#define MAX_FILTERS 16
#define MAX_SHOWN (64 * 1024)          /* bytes of a payload; of larger ones the size is told */
#define MAX_QUEUED 1000
#define DEFAULT_COUNT 1000
#define MAX_COUNT 1000000
#define DEFAULT_US (30 * G_USEC_PER_SEC)
#define MAX_US (3600 * (gint64) G_USEC_PER_SEC)
#define REFRESH_US G_USEC_PER_SEC      /* how old the list of the client's subscriptions may be */

typedef struct {
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;
  HttpAdapter *adapter;
  HawserConnection *connection;
  HawserReceiver *receiver;
  char *client;                        /* NULL: any */
  char *suffix;                        /* of the source of what the client publishes */
  GPtrArray *theirs;                   /* HawserTopicFilter: what the client subscribes to */
  gint64 theirs_us;
  guint64 n_left, n_shown, n_lost;
  gboolean is_ending;
} Tap;

static void
free_tap (HttpExchange *exchange)
{
  Tap *self = (Tap *) exchange;

  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (self->receiver);
  g_clear_pointer (&self->theirs, g_ptr_array_unref);
  g_free (self->client);
  g_free (self->suffix);
  self->adapter->n_taps--;
  g_free (self);
}

static void
end (Tap *self, const char *why)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (self->is_ending)
    return;
  self->is_ending = TRUE;
  g_string_printf (text, "event: end\ndata: {\"reason\":\"%s\",\"shown\":%" G_GUINT64_FORMAT ",\"lost\":%" G_GUINT64_FORMAT "}\n\n", why, self->n_shown, self->n_lost);
  hawser_connection_write (self->connection, text->str, text->len);
  http_session_finish (self->session, HAWSER_ERROR_CLOSED, why);
}

/* ---- Which way ---- */

typedef struct {
  const char *client;
  guint64 id;
} FindConnection;

static gboolean
find_connection (HawserConnection *connection, gpointer data)
{
  FindConnection *find = data;

  if (g_strcmp0 (hawser_connection_get_client_id (connection), find->client) != 0)
    return TRUE;
  find->id = hawser_connection_get_id (connection);
  return FALSE;
}

typedef struct {
  Tap *tap;
  guint64 id;
} Collect;

static gboolean
collect_filter (const HawserSubscriptionInfo *info, gpointer data)
{
  Collect *collect = data;
  gboolean is_its = collect->id != 0 ? info->connection_id == collect->id : g_strcmp0 (info->identity, collect->tap->client) == 0;
  HawserTopicFilter *filter = is_its ? hawser_topic_filter_new (info->filter, NULL) : NULL;

  if (filter != NULL)
    g_ptr_array_add (collect->tap->theirs, filter);
  return TRUE;
}

static gboolean
is_for_client (Tap *self, const char *topic, gint64 now_us)
{
  if (self->theirs_us == 0 || now_us - self->theirs_us >= REFRESH_US)
    {
      HawserBus *bus = self->adapter->bus;
      FindConnection find = { self->client, 0 };
      Collect collect;

      hawser_bus_foreach_connection (bus, find_connection, &find);
      collect = (Collect) { self, find.id };
      g_ptr_array_set_size (self->theirs, 0);
      hawser_bus_foreach_subscription (bus, collect_filter, &collect);
      self->theirs_us = now_us;
    }
  for (guint i = 0; i < self->theirs->len; i++)
    if (hawser_topic_filter_matches (self->theirs->pdata[i], topic))
      return TRUE;
  return FALSE;
}

/* NULL: neither from the client nor to it. */
static const char *
get_way (Tap *self, HawserMessage *message, gint64 now_us)
{
  const char *source = hawser_message_get_source (message);

  if (self->client == NULL || (source != NULL && g_str_has_suffix (source, self->suffix)))
    return "published";
  return is_for_client (self, hawser_message_get_topic (message), now_us) ? "subscribed" : NULL;
}

/* ---- Showing ---- */

static HawserMessage *
without_payload (HawserMessage *message, gsize len)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (message);
  g_autofree char *text = g_strdup_printf ("(%" G_GSIZE_FORMAT " bytes)", len);

  hawser_message_builder_set_text (builder, text);
  hawser_message_builder_set_content_type (builder, "text/plain");
  return hawser_message_builder_build (builder);
}

static void
show (Tap *self, HawserMessage *message, const char *way)
{
  g_autoptr (GString) json = g_string_new (NULL);
  g_autoptr (GString) frame = g_string_new ("data: ");
  g_autoptr (HawserMessage) small = NULL;
  gsize len;

  hawser_message_get_data (message, &len);
  if (len > MAX_SHOWN)
    small = without_payload (message, len);
  hawser_cloud_event_append_with (json, small != NULL ? small : message, "hawsertap", way);
  http_redact (frame, json->str, json->len, hawser_bus_get_redact (self->adapter->bus));
  g_string_append (frame, "\n\n");
  hawser_connection_write (self->connection, frame->str, frame->len);
  self->n_shown++;
  if (--self->n_left == 0)
    end (self, "count");
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Tap *self = data;
  const char *way;

  if (self->is_ending)
    return HAWSER_DELIVER_DONE;
  if (hawser_connection_is_congested (self->connection))
    return HAWSER_DELIVER_BUSY;
  way = get_way (self, delivery->message, delivery->now_us);
  if (way != NULL)
    show (self, delivery->message, way);
  return HAWSER_DELIVER_DONE;
}

static void
lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  Tap *self = data;
  g_autofree char *text = g_strdup_printf ("event: gap\ndata: {\"lost\":%" G_GUINT64_FORMAT "}\n\n", n);

  self->n_lost += n;
  hawser_connection_write (self->connection, text, strlen (text));
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  Tap *self = data;

  self->receiver = NULL;
  end (self, "closed");
}

static const HawserReceiverFuncs tap_funcs = { deliver, lost, ended };

static void
writable (HttpExchange *exchange)
{
  Tap *self = (Tap *) exchange;

  if (self->receiver != NULL)
    hawser_receiver_resume (self->receiver);
}

static void
on_time (HawserTimer *timer)
{
  end ((Tap *) ((char *) timer - G_STRUCT_OFFSET (Tap, timer)), "time");
}

/* ---- The request ---- */

static const char *
subscribe (Tap *self, GPtrArray *filters)
{
  HawserSubscribeOptions options = { .qos = 0, .retain_handling = 2 };

  if (filters->len == 0)
    g_ptr_array_add (filters, (gpointer) "#");
  for (guint i = 0; i < filters->len; i++)
    {
      const char *filter = filters->pdata[i];

      if (g_str_has_prefix (filter, "$share/") || hawser_receiver_subscribe (self->receiver, filter, strlen (filter), &options) != HAWSER_RESULT_OK)
        return filter;
    }
  return NULL;
}

void
http_tap_get (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autoptr (GPtrArray) filters = http_request_list_query (request, "filter");
  const char *client = http_request_get_query (request, "client"), *count = http_request_get_query (request, "count"), *bad;
  const HawserQueueLimits limits = { .max_messages = MAX_QUEUED };
  HttpAdapter *adapter = http_session_get_adapter (session);
  gint64 duration_us = DEFAULT_US;
  guint64 n = DEFAULT_COUNT;
  Tap *self;

  if (!http_request_get_duration (request, "duration", G_USEC_PER_SEC / 10, MAX_US, &duration_us))
    http_session_respond_error (session, HAWSER_ERROR_INVALID, "duration is not a time of 100ms to 1h");
  else if (count != NULL && !g_ascii_string_to_unsigned (count, 10, 1, MAX_COUNT, &n, NULL))
    http_session_respond_error (session, HAWSER_ERROR_INVALID, "count is not a number from 1 to 1000000");
  else if (filters->len > MAX_FILTERS)
    http_session_respond_error (session, HAWSER_ERROR_QUOTA, "a tap has at most 16 filters");
  else if (adapter->n_taps >= MAX_TAPS)
    http_session_respond_error (session, HAWSER_ERROR_QUOTA, "there are 8 taps already");
  else
    {
      self = g_new0 (Tap, 1);
      *self = (Tap) { .base = { free_tap, NULL, writable }, .session = session, .adapter = adapter, .connection = http_session_get_connection (session),
                      .client = g_strdup (client), .n_left = n };
      self->suffix = client != NULL ? g_strconcat ("/client/", client, NULL) : NULL;
      self->theirs = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_topic_filter_unref);
      adapter->n_taps++;
      http_session_set_exchange (session, &self->base);
      self->receiver = hawser_receiver_new (adapter->bus, NULL, HAWSER_RECEIVER_HIDDEN, &limits);
      hawser_receiver_attach (self->receiver, NULL, &tap_funcs, self);
      bad = subscribe (self, filters);
      if (bad != NULL)
        {
          g_autofree char *detail = g_strdup_printf ("'%s' is not a topic filter that can be tapped", bad);

          http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
          return;
        }
      http_session_add_header (session, "Cache-Control", "no-store");
      http_session_add_header (session, "X-Accel-Buffering", "no");
      http_session_add_header (session, "Connection", "close");
      http_session_become_stream (session, 200, "text/event-stream");
      hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + duration_us, on_time);
    }
}
