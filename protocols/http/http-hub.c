/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory behind Last-Event-ID. Clients with the same filters share one hub: a hidden receiver that keeps references
 * to recent messages, bounded by count and bytes, for a while after the last client left. Live messages do not pass
 * through it: each client has a receiver of its own, with its own rights. Context: the lane. */

#include "http-hub.h"

#include <string.h>

#define MAX_MESSAGES 4096            /* of one hub */
#define MAX_HUBS 256
#define LINGER_US (120 * G_USEC_PER_SEC)
#define MAX_CURSOR 40                /* characters */

static int
compare_filters (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

char *
http_hub_make_key (HttpSession *session, GPtrArray *filters)
{
  GString *key;

  if (filters->len == 0 || filters->len > HTTP_MAX_FILTERS)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, filters->len == 0 ? "the query parameter filter is needed" : "there are too many filters");
      return NULL;
    }
  g_ptr_array_sort (filters, compare_filters);
  for (guint i = filters->len - 1; i > 0; i--)
    if (g_str_equal (filters->pdata[i], filters->pdata[i - 1]))
      g_ptr_array_remove_index (filters, i);
  key = g_string_new (NULL);
  for (guint i = 0; i < filters->len; i++)
    g_string_append_printf (key, "%s\n", (const char *) filters->pdata[i]); /* filters of a query have no line ends */
  return g_string_free (key, FALSE);
}

static void
drop_oldest (HttpHub *self)
{
  HawserMessage *message = g_queue_pop_head (&self->messages);
  gsize size = hawser_message_get_size (message);

  self->floor = hawser_message_get_sequence (message);
  self->bytes -= size;
  self->adapter->replay_bytes -= size;
  hawser_message_unref (message);
}

static HawserDeliverResult
keep (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HttpHub *self = data;
  gsize size = hawser_message_get_size (delivery->message);

  self->head = hawser_message_get_sequence (delivery->message);
  g_queue_push_tail (&self->messages, hawser_message_ref (delivery->message));
  self->bytes += size;
  self->adapter->replay_bytes += size;
  while (self->messages.length > MAX_MESSAGES || (self->messages.length > 0 && self->adapter->replay_bytes > self->adapter->replay_size))
    drop_oldest (self);
  return HAWSER_DELIVER_DONE;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((HttpHub *) data)->receiver = NULL;
}

static const HawserReceiverFuncs hub_funcs = { keep, NULL, on_ended };

void
http_hub_free (HttpHub *self)
{
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (self->receiver);
  while (self->messages.length > 0)
    drop_oldest (self);
  g_free (self->key);
  g_free (self);
}

static void
on_forgotten (HawserTimer *timer)
{
  HttpHub *self = (HttpHub *) timer;

  g_hash_table_remove (self->adapter->hubs, self->key);
}

HttpHub *
http_hub_find (HttpAdapter *adapter, const char *key)
{
  return g_hash_table_lookup (adapter->hubs, key);
}

/* Room for one more: of those that nobody uses, any may go. */
static gboolean
make_room (HttpAdapter *adapter)
{
  GHashTableIter iter;
  gpointer value;

  if (g_hash_table_size (adapter->hubs) < MAX_HUBS)
    return TRUE;
  g_hash_table_iter_init (&iter, adapter->hubs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((HttpHub *) value)->n_users == 0)
      {
        g_hash_table_iter_remove (&iter);
        return TRUE;
      }
  return FALSE;
}

int
http_hub_use (HttpAdapter *adapter, const char *key, GPtrArray *filters, HttpHub **out_hub)
{
  HttpHub *self = http_hub_find (adapter, key);

  if (self == NULL)
    {
      if (!make_room (adapter))
        return HAWSER_ERROR_QUOTA;
      self = g_new0 (HttpHub, 1);
      self->adapter = adapter;
      self->key = g_strdup (key);
      self->id = (guint64) adapter->epoch << 32 | ++adapter->next_hub;
      self->receiver = hawser_receiver_new (adapter->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
      hawser_receiver_attach (self->receiver, NULL, &hub_funcs, self);
      for (guint i = 0; i < filters->len; i++)
        hawser_receiver_subscribe (self->receiver, filters->pdata[i], strlen (filters->pdata[i]), &(HawserSubscribeOptions) { .qos = 2, .retain_handling = 2 });
      g_hash_table_insert (adapter->hubs, self->key, self);
    }
  hawser_timer_disarm (&self->timer);
  self->n_users++;
  *out_hub = self;
  return HAWSER_RESULT_OK;
}

void
http_hub_release (HttpHub *self)
{
  if (--self->n_users == 0)
    hawser_timer_arm (&self->timer, self->adapter->lane, hawser_lane_get_now_us (self->adapter->lane) + LINGER_US, on_forgotten);
}

gboolean
http_hub_has (HttpHub *self, HttpCursor cursor)
{
  return self->receiver != NULL && cursor.hub == self->id && cursor.sequence >= self->floor && cursor.sequence <= self->head;
}

HawserMessage *
http_hub_next (HttpHub *self, HawserConnection *connection, guint64 sequence, guint64 last)
{
  gint64 now_us = hawser_lane_get_now_us (self->adapter->lane);
  HawserPolicyContext context;
  GList *link = self->messages.tail;

  if (link == NULL || self->head <= sequence)
    return NULL;
  while (link->prev != NULL && hawser_message_get_sequence (link->prev->data) > sequence)
    link = link->prev;
  hawser_connection_fill_context (connection, &context);
  for (; link != NULL && hawser_message_get_sequence (link->data) <= last; link = link->next)
    if (hawser_message_get_sequence (link->data) > sequence && hawser_message_get_remaining_s (link->data, now_us) > 0
        && hawser_bus_check_subscribe (self->adapter->bus, &context, hawser_message_get_topic (link->data)) == HAWSER_RESULT_OK)
      return link->data;
  return NULL;
}

gboolean
http_cursor_read (HttpRequest *request, gboolean *out_given, HttpCursor *out_cursor)
{
  const char *text = http_request_get_header (request, "Last-Event-ID");
  char *end;

  if (text == NULL)
    text = http_request_get_query (request, "last-event-id");
  *out_given = text != NULL && *text != '\0';
  if (!*out_given)
    return TRUE;
  if (strlen (text) > MAX_CURSOR || !g_ascii_isxdigit (text[0]))
    return FALSE;
  out_cursor->hub = g_ascii_strtoull (text, &end, 16);
  if (*end != '-' || !g_ascii_isdigit (end[1]))
    return FALSE;
  out_cursor->sequence = g_ascii_strtoull (end + 1, &end, 10);
  return *end == '\0';
}

const GString *
http_encode (HttpAdapter *adapter, HawserMessage *message)
{
  if (adapter->encoded_message != message)
    {
      if (adapter->encoded_message != NULL)
        hawser_message_unref (adapter->encoded_message);
      adapter->encoded_message = hawser_message_ref (message); /* as long as it is kept, no other can have its address */
      g_string_truncate (adapter->encoded, 0);
      hawser_cloud_event_append (adapter->encoded, message);
      adapter->n_encoded++;
    }
  return adapter->encoded;
}
