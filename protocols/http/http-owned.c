/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable subscriptions over HTTP: the queue of a principal, made by configuration or the admin API, is read by whoever
 * proves that name, in any protocol. Over HTTP: by an event stream or a poll that asks for the same filter; the queue comes
 * first, in order. That bytes were written proves nothing, so a message leaves its queue when the client shows a cursor at
 * or behind it: with its next poll, when it comes back to a stream, or by POST /v1/ack. Context: the lane. */

#include "http-owned.h"

#include <string.h>

#define MAX_UNPROVED 100000            /* messages; 16 bytes each wait for them in the spool's index */

typedef struct {
  HawserReceiver *receiver;
  guint64 hash;
  guint64 position;                    /* given up to here; 0: nothing yet */
  guint64 n_given, given_bytes;
} HttpOwnedQueue;

/* FNV-1a: what a cursor calls a queue whose id may be any text. */
static guint64
hash_id (const char *id)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (; *id != '\0'; id++)
    hash = (hash ^ (guint8) *id) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* A cursor may be of another spool, or made up: then it proves nothing. */
static void
acknowledge (HawserReceiver *receiver, const HttpCursor *cursor)
{
  guint64 hash = hash_id (hawser_receiver_get_id (receiver));

  for (guint i = 0; i < cursor->n_queues; i++)
    if (cursor->queues[i].queue == hash)
      hawser_receiver_ack_through (receiver, cursor->queues[i].position);
}

static gboolean
has_one_of (HawserReceiver *receiver, GPtrArray *filters)
{
  for (guint i = 0; i < filters->len; i++)
    if (hawser_receiver_has_filter (receiver, filters->pdata[i]))
      return TRUE;
  return FALSE;
}

static HttpOwnedQueue *
get_queue (HttpOwned *self, guint i)
{
  return &g_array_index (self->queues, HttpOwnedQueue, i);
}

static guint
count (HttpOwned *self)
{
  return self->queues != NULL ? self->queues->len : 0;
}

gboolean
http_owned_attach (HttpOwned *self, HttpSession *session, GPtrArray *filters, const HttpCursor *cursor, const HawserReceiverFuncs *funcs, gpointer data)
{
  HawserConnection *connection = http_session_get_connection (session);
  const char *principal = hawser_connection_get_principal_name (connection);
  g_autoptr (GPtrArray) provided = NULL;

  if (principal == NULL || *principal == '\0')
    return FALSE;
  provided = hawser_bus_list_provisioned (hawser_connection_get_bus (connection), principal);
  for (guint i = 0; i < provided->len && count (self) < HTTP_MAX_OWNED; i++)
    if (has_one_of (provided->pdata[i], filters))
      {
        HttpOwnedQueue queue = { provided->pdata[i], hash_id (hawser_receiver_get_id (provided->pdata[i])), 0, 0, 0 };

        if (self->queues == NULL)
          self->queues = g_array_new (FALSE, FALSE, sizeof (HttpOwnedQueue));
        g_array_append_val (self->queues, queue);
        acknowledge (queue.receiver, cursor);
      }
  if (self->queues == NULL)
    return FALSE;
  for (guint j = filters->len; j > 0; j--)
    for (guint i = 0; i < self->queues->len; i++)
      if (hawser_receiver_has_filter (get_queue (self, i)->receiver, filters->pdata[j - 1]))
        {
          g_ptr_array_remove_index (filters, j - 1);
          break;
        }
  self->has_all = filters->len == 0;
  for (guint i = 0; i < self->queues->len; i++)
    hawser_receiver_attach (get_queue (self, i)->receiver, connection, funcs, data);
  return TRUE;
}

gboolean
http_owned_has_queued (HttpOwned *self)
{
  for (guint i = 0; i < count (self); i++)
    if (hawser_receiver_get_n_queued (get_queue (self, i)->receiver) > 0)
      return TRUE;
  return FALSE;
}

void
http_owned_resume (HttpOwned *self)
{
  for (guint i = 0; i < count (self); i++)
    hawser_receiver_resume (get_queue (self, i)->receiver);
}

void
http_owned_note (HttpOwned *self, HawserReceiver *receiver, const HawserDelivery *delivery)
{
  for (guint i = 0; delivery->position != 0 && i < count (self); i++)
    if (get_queue (self, i)->receiver == receiver)
      {
        get_queue (self, i)->position = MAX (get_queue (self, i)->position, delivery->position);
        get_queue (self, i)->n_given++;
        get_queue (self, i)->given_bytes += hawser_message_get_size (delivery->message);
      }
}

void
http_owned_append_cursor (HttpOwned *self, GString *out)
{
  for (guint i = 0; i < count (self); i++)
    if (get_queue (self, i)->position != 0)
      g_string_append_printf (out, "-%" G_GINT64_MODIFIER "x.%" G_GUINT64_FORMAT, get_queue (self, i)->hash, get_queue (self, i)->position);
}

gboolean
http_owned_needs_proof (HttpOwned *self)
{
  for (guint i = 0; i < count (self); i++)
    {
      HttpOwnedQueue *queue = get_queue (self, i);
      const HawserQueueLimits *limits = hawser_receiver_get_limits (queue->receiver);
      guint64 n_unproved = MIN (queue->n_given, hawser_receiver_get_n_queued (queue->receiver));

      if (n_unproved > MIN (MAX_UNPROVED, limits->max_messages / 2)
          || (n_unproved > 1 && queue->given_bytes / queue->n_given * n_unproved > limits->max_bytes / 2))
        return TRUE;
    }
  return FALSE;
}

void
http_owned_post_ack (HttpSession *session, HttpRequest *request, const char *rest)
{
  const char *principal = hawser_connection_get_principal_name (http_session_get_connection (session));
  g_autoptr (GPtrArray) provided = NULL;
  HttpCursor cursor = { 0 };
  gboolean given;

  if (!http_cursor_read (request, &given, &cursor) || !given)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "Last-Event-ID must be the id of an event, or the Hawser-Cursor of a poll");
      return;
    }
  if (principal == NULL || *principal == '\0')
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_AUTHORIZED, "only a principal has queues");
      return;
    }
  provided = hawser_bus_list_provisioned (http_session_get_adapter (session)->bus, principal);
  for (guint i = 0; i < provided->len; i++)
    acknowledge (provided->pdata[i], &cursor);
  http_session_respond (session, 204, NULL, NULL, 0);
}

gboolean
http_owned_forget (HttpOwned *self, HawserReceiver *receiver)
{
  for (guint i = 0; i < count (self); i++)
    if (get_queue (self, i)->receiver == receiver)
      {
        g_array_remove_index (self->queues, i);
        return TRUE;
      }
  return FALSE;
}

void
http_owned_clear (HttpOwned *self)
{
  g_autoptr (GArray) queues = g_steal_pointer (&self->queues);

  for (guint i = 0; queues != NULL && i < queues->len; i++)
    hawser_receiver_detach (g_array_index (queues, HttpOwnedQueue, i).receiver, G_MAXUINT32);
}
