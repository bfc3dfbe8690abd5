/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* channel=live over a list: every twin of it is asked at once, and the answer, when all have answered or at the deadline, says
 * what became of each. The asking is core/twin's; here it is tied to the request. Context: the lane. */

#include "http-twins.h"

typedef struct {
  HttpExchange base;
  HttpSession *session;
  GCancellable *cancellable;
} Query;

static void
free_query (HttpExchange *exchange)
{
  Query *self = (Query *) exchange;

  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  g_free (self);
}

/* Cancelled: the request is gone, and with it @data. */
static void
on_answered (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = hawser_twins_ask_finish (HAWSER_TWINS (source), result, &error);
  Query *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (json == NULL)
    {
      http_twins_respond_error (self->session, g_steal_pointer (&error));
      return;
    }
  http_session_add_header (self->session, "Cache-Control", "no-store");
  http_session_respond (self->session, 200, "application/json", json, strlen (json));
}

void
http_twins_ask_all (HttpSession *session, GPtrArray *ids, gint64 wait_us)
{
  Query *self = g_new0 (Query, 1);

  self->base.free = free_query;
  self->session = session;
  self->cancellable = g_cancellable_new ();
  http_session_set_exchange (session, &self->base);
  g_ptr_array_add (ids, NULL);
  hawser_twins_ask_async (http_twins (session), (const char * const *) ids->pdata, HTTP_TWIN_LIVE_SUBJECT, wait_us, self->cancellable, on_answered, self);
  g_ptr_array_unref (ids);
}
