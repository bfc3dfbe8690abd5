/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One exchange over libsoup with what libsoup leaves to its user: a deadline for the whole of it, a limit on the answer,
 * and a look at the address that a connection is about to be made to. Runs on the context of the caller. */

#include "webhook-call.h"

#include <hawser/hawser.h>

#include "webhook-guard.h"

typedef struct {
  SoupSession *session;
  SoupMessage *message;
  GCancellable *cancellable;   /* of this call; the caller's ends it */
  GCancellable *callers;
  gulong callers_id;
  GSource *deadline;
  gboolean allow_private;
  GError *refused;             /* why we ended it ourselves */
  guint8 *buffer;
  WebhookAnswered answered;
  gpointer data;
} Call;

static void
call_free (Call *call)
{
  if (call->callers != NULL)
    g_cancellable_disconnect (call->callers, call->callers_id);
  g_clear_object (&call->callers);
  g_source_destroy (call->deadline);
  g_source_unref (call->deadline);
  g_signal_handlers_disconnect_by_data (call->message, call);
  g_clear_object (&call->session);
  g_clear_object (&call->message);
  g_clear_object (&call->cancellable);
  g_clear_error (&call->refused);
  g_free (call->buffer);
  g_free (call);
}

static void
finish (Call *call, gsize len, const GError *error)
{
  WebhookAnswer answer = { 0 };

  if (call->refused != NULL)
    error = call->refused;
  if (error == NULL)
    {
      answer.status = soup_message_get_status (call->message);
      answer.headers = soup_message_get_response_headers (call->message);
      answer.is_cut = len > WEBHOOK_MAX_ANSWER;
      answer.body = g_bytes_new (call->buffer, answer.is_cut ? 0 : len);
    }
  call->answered (&answer, error, call->data);
  g_clear_pointer (&answer.body, g_bytes_unref);
  call_free (call);
}

static void
refuse (Call *call, HawserError code, const char *text)
{
  if (call->refused == NULL)
    call->refused = g_error_new_literal (HAWSER_ERROR, code, text);
  g_cancellable_cancel (call->cancellable);
}

static gboolean
on_deadline (gpointer data)
{
  refuse (data, HAWSER_ERROR_TIMEOUT, "no answer in time");
  return G_SOURCE_REMOVE;
}

static void
on_callers_cancelled (GCancellable *cancellable, gpointer data)
{
  g_cancellable_cancel (data);
}

/* The connection knows its remote address from G_SOCKET_CLIENT_CONNECTING on: before anything is sent. */
static void
on_network_event (SoupMessage *message, GSocketClientEvent event, GIOStream *stream, gpointer data)
{
  Call *call = data;
  g_autoptr (GSocketAddress) address = NULL;

  if ((event != G_SOCKET_CLIENT_CONNECTING && event != G_SOCKET_CLIENT_CONNECTED) || !G_IS_SOCKET_CONNECTION (stream))
    return;
  address = g_socket_connection_get_remote_address (G_SOCKET_CONNECTION (stream), NULL);
  if (address == NULL || !G_IS_INET_SOCKET_ADDRESS (address))
    return;
  if (!webhook_guard_is_public (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address))))
    refuse (call, HAWSER_ERROR_NOT_AUTHORIZED, "the host is at a private address; allow-private=true permits that");
}

static void
on_body_read (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  gsize len = 0;

  g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &len, &error);
  /* the status is here, and it decides; a body that breaks off or never ends changes nothing about it */
  g_clear_error (&call->refused);
  finish (call, error != NULL ? WEBHOOK_MAX_ANSWER + 1 : len, NULL);
}

static void
on_sent (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);

  if (stream == NULL)
    {
      finish (call, 0, error);
      return;
    }
  call->buffer = g_malloc (WEBHOOK_MAX_ANSWER + 1);
  g_input_stream_read_all_async (stream, call->buffer, WEBHOOK_MAX_ANSWER + 1, G_PRIORITY_DEFAULT, call->cancellable, on_body_read, call);
}

void
webhook_call (SoupSession *session, SoupMessage *message, gint64 timeout_us, gboolean allow_private, GCancellable *cancellable,
              WebhookAnswered answered, gpointer data)
{
  Call *call = g_new0 (Call, 1);

  call->session = g_object_ref (session);
  call->message = g_object_ref (message);
  call->cancellable = g_cancellable_new ();
  call->allow_private = allow_private;
  call->answered = answered;
  call->data = data;
  call->deadline = g_timeout_source_new ((guint) MIN (timeout_us / 1000 + 1, G_MAXUINT));
  g_source_set_callback (call->deadline, on_deadline, call, NULL);
  g_source_attach (call->deadline, g_main_context_get_thread_default ());
  if (cancellable != NULL)
    {
      call->callers = g_object_ref (cancellable);
      call->callers_id = g_cancellable_connect (cancellable, G_CALLBACK (on_callers_cancelled), g_object_ref (call->cancellable),
                                                g_object_unref);
    }
  if (!allow_private)
    g_signal_connect (message, "network-event", G_CALLBACK (on_network_event), call);
  soup_session_send_async (session, message, G_PRIORITY_DEFAULT, call->cancellable, on_sent, call);
}
