/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A durable subscription that configuration or admin API made for an identity is read by whoever proves it, in whatever
 * protocol. Over HTTP: by an event stream or a poll that asks for the same filter; the queue comes first, in order.
 * HTTP has no acknowledgement of its own: a message leaves the queue when its bytes were handed to the connection of a
 * stream, or the answer of a poll was written. Context: the lane. */

#include "http-owned.h"

#include <string.h>

typedef struct {
  HawserReceiver *receiver;
  guint64 position;
} HttpGiven;

gboolean
http_owned_attach (HttpOwned *self, HttpSession *session, GPtrArray *filters, const HawserReceiverFuncs *funcs, gpointer data)
{
  HawserConnection *connection = http_session_get_connection (session);
  const char *principal = hawser_connection_get_principal_name (connection);
  g_autoptr (GPtrArray) provided = NULL;

  if (principal == NULL || *principal == '\0')
    return FALSE;
  provided = hawser_bus_list_provisioned (hawser_connection_get_bus (connection), principal);
  for (guint i = 0; i < provided->len; i++)
    for (guint j = 0; j < filters->len; j++)
      if (hawser_receiver_has_filter (provided->pdata[i], filters->pdata[j]))
        {
          if (self->receivers == NULL)
            self->receivers = g_ptr_array_new ();
          g_ptr_array_add (self->receivers, provided->pdata[i]);
          break;
        }
  for (guint i = 0; self->receivers != NULL && i < self->receivers->len; i++)
    for (guint j = filters->len; j > 0; j--)
      if (hawser_receiver_has_filter (self->receivers->pdata[i], filters->pdata[j - 1]))
        g_ptr_array_remove_index (filters, j - 1);
  if (self->receivers == NULL)
    return FALSE;
  self->given = g_array_new (FALSE, FALSE, sizeof (HttpGiven));
  self->has_all = filters->len == 0;
  for (guint i = 0; i < self->receivers->len; i++)
    hawser_receiver_attach (self->receivers->pdata[i], connection, funcs, data);
  return TRUE;
}

gboolean
http_owned_has_queued (HttpOwned *self)
{
  for (guint i = 0; self->receivers != NULL && i < self->receivers->len; i++)
    if (hawser_receiver_get_n_queued (self->receivers->pdata[i]) > 0)
      return TRUE;
  return FALSE;
}

void
http_owned_resume (HttpOwned *self)
{
  for (guint i = 0; self->receivers != NULL && i < self->receivers->len; i++)
    hawser_receiver_resume (self->receivers->pdata[i]);
}

void
http_owned_note (HttpOwned *self, HawserReceiver *receiver, const HawserDelivery *delivery)
{
  HttpGiven given = { receiver, delivery->position };

  if (delivery->position != 0 && self->given != NULL)
    g_array_append_val (self->given, given);
}

void
http_owned_acknowledge (HttpOwned *self)
{
  for (guint i = 0; self->given != NULL && i < self->given->len; i++)
    {
      HttpGiven given = g_array_index (self->given, HttpGiven, i);

      hawser_receiver_ack (given.receiver, given.position);
    }
  if (self->given != NULL)
    g_array_set_size (self->given, 0);
}

gboolean
http_owned_forget (HttpOwned *self, HawserReceiver *receiver)
{
  if (self->receivers == NULL || !g_ptr_array_remove (self->receivers, receiver))
    return FALSE;
  for (guint i = self->given->len; i > 0; i--)
    if (g_array_index (self->given, HttpGiven, i - 1).receiver == receiver)
      g_array_remove_index (self->given, i - 1);
  return TRUE;
}

void
http_owned_clear (HttpOwned *self)
{
  GPtrArray *receivers = g_steal_pointer (&self->receivers);

  g_clear_pointer (&self->given, g_array_unref);
  for (guint i = 0; receivers != NULL && i < receivers->len; i++)
    hawser_receiver_detach (receivers->pdata[i], G_MAXUINT32);
  g_clear_pointer (&receivers, g_ptr_array_unref);
}
