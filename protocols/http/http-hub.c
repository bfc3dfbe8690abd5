/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory behind Last-Event-ID. Clients with the same filters share one hub: a hidden receiver that keeps references
 * to recent messages, bounded by count and bytes, for a while after the last client left. Live messages do not pass
 * through it: each client has a receiver of its own, with its own rights. Context: the lane. */

#include "http-hub.h"

#include <string.h>

#define MAX_MESSAGES 4096            /* of one hub */
#define MAX_HUBS 65536               /* distinct sets of filters in use */
#define MAX_LINGERING 4096           /* of those that nobody uses */
#define FIRST_SIZE 16
#define MAX_KEPT_TEXT (256 * 1024)   /* bytes: a larger encoding is not kept for the next message */
#define LINGER_US (120 * G_USEC_PER_SEC)

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

static HawserMessage *
peek (HttpHub *self, guint index)
{
  return self->messages[(self->begin + index) & (self->size - 1)];
}

static void
drop_oldest (HttpHub *self)
{
  HawserMessage *message = peek (self, 0);
  gsize size = hawser_message_get_size (message);

  self->begin = (self->begin + 1) & (self->size - 1);
  self->n_messages--;
  self->floor = hawser_message_get_sequence (message);
  self->bytes -= size;
  self->adapter->replay_bytes -= size;
  hawser_message_unref (message);
}

static void
grow (HttpHub *self)
{
  guint size = MAX (FIRST_SIZE, self->size * 2);
  HawserMessage **messages = g_new (HawserMessage *, size);

  for (guint i = 0; i < self->n_messages; i++)
    messages[i] = peek (self, i);
  g_free (self->messages);
  self->messages = messages;
  self->begin = 0;
  self->size = size;
}

static HawserDeliverResult
keep (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  HttpHub *self = data;
  gsize size = hawser_message_get_size (delivery->message);

  if (self->n_messages == MAX_MESSAGES)
    drop_oldest (self);
  if (self->n_messages == self->size)
    grow (self);
  self->head = hawser_message_get_sequence (delivery->message);
  self->messages[(self->begin + self->n_messages++) & (self->size - 1)] = hawser_message_ref (delivery->message);
  self->bytes += size;
  self->adapter->replay_bytes += size;
  while (self->n_messages > 0 && self->adapter->replay_bytes > self->adapter->replay_size)
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
  while (self->n_messages > 0)
    drop_oldest (self);
  g_free (self->messages);
  g_free (self->key);
  g_free (self);
}

static void
on_forgotten (HawserTimer *timer)
{
  HttpHub *self = (HttpHub *) timer;

  self->adapter->n_lingering--;
  g_hash_table_remove (self->adapter->hubs, self->key);
}

HttpHub *
http_hub_find (HttpAdapter *adapter, const char *key)
{
  return g_hash_table_lookup (adapter->hubs, key);
}

int
http_hub_use (HttpAdapter *adapter, const char *key, GPtrArray *filters, HttpHub **out_hub)
{
  HttpHub *self = http_hub_find (adapter, key);

  if (self == NULL)
    {
      if (g_hash_table_size (adapter->hubs) >= MAX_HUBS + MAX_LINGERING)
        return HAWSER_ERROR_QUOTA;
      self = g_new0 (HttpHub, 1);
      self->adapter = adapter;
      self->key = g_strdup (key);
      self->id = (guint64) adapter->epoch << 32 | ++adapter->next_hub;
      self->receiver = hawser_receiver_new (adapter->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
      hawser_receiver_attach (self->receiver, NULL, &hub_funcs, self);
      hawser_receiver_set_mount_point (self->receiver, hawser_listener_get_mount_point (adapter->listener));
      for (guint i = 0; i < filters->len; i++)
        hawser_receiver_subscribe (self->receiver, filters->pdata[i], strlen (filters->pdata[i]), &(HawserSubscribeOptions) { .qos = 2, .retain_handling = 2 });
      g_hash_table_insert (adapter->hubs, self->key, self);
    }
  else if (self->n_users == 0)
    adapter->n_lingering--;
  hawser_timer_disarm (&self->timer);
  self->n_users++;
  *out_hub = self;
  return HAWSER_RESULT_OK;
}

void
http_hub_release (HttpHub *self)
{
  HttpAdapter *adapter = self->adapter;

  if (--self->n_users > 0)
    return;
  if (adapter->n_lingering >= MAX_LINGERING || self->receiver == NULL)
    {
      g_hash_table_remove (adapter->hubs, self->key);
      return;
    }
  adapter->n_lingering++;
  hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + LINGER_US, on_forgotten);
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
  guint low = 0, high = self->n_messages;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (hawser_message_get_sequence (peek (self, middle)) <= sequence)
        low = middle + 1;
      else
        high = middle;
    }
  hawser_connection_fill_context (connection, &context);
  for (; low < self->n_messages; low++)
    {
      HawserMessage *message = peek (self, low);

      if (hawser_message_get_sequence (message) > last)
        return NULL;
      if (hawser_message_get_remaining_s (message, now_us) > 0
          && hawser_bus_check_subscribe (self->adapter->bus, &context, hawser_message_get_topic (message)) == HAWSER_RESULT_OK)
        return message;
    }
  return NULL;
}

gboolean
http_cursor_read (HttpRequest *request, gboolean *out_given, HttpCursor *out_cursor)
{
  const char *text = http_request_get_header (request, "Last-Event-ID");

  if (text == NULL)
    text = http_request_get_query (request, "last-event-id");
  *out_given = text != NULL && *text != '\0';
  if (!*out_given)
    return TRUE;
  return http_cursor_parse (text, out_cursor);
}

void
http_forget_encoded (HttpAdapter *adapter)
{
  g_clear_pointer (&adapter->encoded_message, hawser_message_unref);
  adapter->frame_message = NULL;
  if (adapter->encoded->allocated_len > MAX_KEPT_TEXT)
    {
      g_string_free (adapter->encoded, TRUE);
      adapter->encoded = g_string_new (NULL);
    }
  if (adapter->frame->allocated_len > MAX_KEPT_TEXT)
    {
      g_string_free (adapter->frame, TRUE);
      adapter->frame = g_string_new (NULL);
    }
}

static void
forget_large (gpointer data)
{
  http_forget_encoded (data);
  g_object_unref (data);
}

const GString *
http_encode (HttpAdapter *adapter, HawserMessage *message, gboolean is_retained)
{
  if (adapter->encoded_message != message || adapter->encoded_is_retained != is_retained)
    {
      hawser_message_ref (message);
      if (adapter->encoded_message != NULL)
        hawser_message_unref (adapter->encoded_message);
      adapter->encoded_is_retained = is_retained;
      adapter->frame_message = NULL;
      adapter->encoded_message = message; /* as long as it is kept, no other can have its address */
      g_string_truncate (adapter->encoded, 0);
      hawser_cloud_event_append_as (adapter->encoded, message, is_retained);
      if (adapter->encoded->len > MAX_KEPT_TEXT)
        hawser_lane_post (adapter->lane, forget_large, g_object_ref (adapter)); /* after all of this turn had it */
    }
  return adapter->encoded;
}
