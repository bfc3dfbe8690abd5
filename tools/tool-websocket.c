/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MQTT inside a WebSocket, for a client library that speaks it over sockets only: the library connects to a Unix socket in a folder that nobody
 * else may enter, and what it writes there goes out in frames, what comes in frames goes to it. On the default context. */

#include "tool-websocket.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>

#include "tool-http.h"

#define READ_LEN 65536

struct _ToolWebsocket {
  char *folder, *path;
  GSocket *listening;
  GSocketConnection *inner;          /* the library's end */
  SoupSession *session;
  SoupWebsocketConnection *outer;
  GCancellable *cancellable;
  GSource *accept_source;
  GByteArray *pending;               /* for the library, while a write is under way or before it is there */
  gboolean is_writing;
  ToolWebsocketFailed failed;
  gpointer data;
};

static void read_inner (ToolWebsocket *self);

static void
fail (ToolWebsocket *self, const char *detail)
{
  if (!g_cancellable_is_cancelled (self->cancellable))
    self->failed (detail, self->data);
}

/* ---- Out ---- */

static void
on_inner_read (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  ToolWebsocket *self = data;

  if (bytes == NULL || g_bytes_get_size (bytes) == 0 || g_cancellable_is_cancelled (self->cancellable))
    return; /* the library has closed */
  if (soup_websocket_connection_get_state (self->outer) == SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_send_binary (self->outer, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  read_inner (self);
}

static void
read_inner (ToolWebsocket *self)
{
  g_input_stream_read_bytes_async (g_io_stream_get_input_stream (G_IO_STREAM (self->inner)), READ_LEN, G_PRIORITY_DEFAULT, self->cancellable,
                                   on_inner_read, self);
}

/* ---- In ---- */

static void write_inner (ToolWebsocket *self);

static void
on_inner_written (GObject *source, GAsyncResult *result, gpointer data)
{
  ToolWebsocket *self = data;

  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL) || g_cancellable_is_cancelled (self->cancellable))
    return;
  self->is_writing = FALSE;
  write_inner (self);
}

static void
write_inner (ToolWebsocket *self)
{
  g_autoptr (GBytes) bytes = NULL;

  if (self->is_writing || self->inner == NULL || self->pending->len == 0)
    return;
  bytes = g_byte_array_free_to_bytes (self->pending);
  self->pending = g_byte_array_new ();
  self->is_writing = TRUE;
  g_object_set_data_full (G_OBJECT (self->inner), "hawser-bytes", g_bytes_ref (bytes), (GDestroyNotify) g_bytes_unref); /* until the next ones */
  g_output_stream_write_all_async (g_io_stream_get_output_stream (G_IO_STREAM (self->inner)), g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                                   G_PRIORITY_DEFAULT, self->cancellable, on_inner_written, self);
}

static void
on_message (SoupWebsocketConnection *outer, int type, GBytes *message, gpointer data)
{
  ToolWebsocket *self = data;

  g_byte_array_append (self->pending, g_bytes_get_data (message, NULL), (guint) g_bytes_get_size (message));
  write_inner (self);
}

static void
on_closed (SoupWebsocketConnection *outer, gpointer data)
{
  fail (data, "connection lost: the other side closed the WebSocket");
}

/* ---- Opening ---- */

static void
start_if_both (ToolWebsocket *self)
{
  if (self->inner == NULL || self->outer == NULL)
    return;
  read_inner (self);
  write_inner (self);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  SoupWebsocketConnection *outer = soup_session_websocket_connect_finish (SOUP_SESSION (source), result, &error);
  ToolWebsocket *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (outer == NULL)
    {
      g_autofree char *detail = g_strdup_printf ("cannot connect: %s", error->message);

      fail (self, detail);
      return;
    }
  self->outer = outer;
  soup_websocket_connection_set_max_incoming_payload_size (outer, 0); /* the client library has a limit of its own */
  g_signal_connect (outer, "message", G_CALLBACK (on_message), self);
  g_signal_connect (outer, "closed", G_CALLBACK (on_closed), self);
  start_if_both (self);
}

static gboolean
on_inner_comes (GSocket *socket, GIOCondition condition, gpointer data)
{
  ToolWebsocket *self = data;
  g_autoptr (GSocket) accepted = g_socket_accept (socket, NULL, NULL);

  if (accepted == NULL)
    return G_SOURCE_CONTINUE;
  self->inner = g_socket_connection_factory_create_connection (accepted);
  start_if_both (self);
  return G_SOURCE_REMOVE;
}

/* NULL: *out_detail says why. */
static GSocket *
listen_in (const char *path, char **out_detail)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);

  if (socket != NULL && g_socket_bind (socket, address, FALSE, &error) && g_socket_listen (socket, &error))
    return g_steal_pointer (&socket);
  *out_detail = g_strdup (error->message);
  return NULL;
}

ToolWebsocket *
tool_websocket_open (Tool *tool, const ToolUrl *url, ToolWebsocketFailed failed, gpointer data, char **out_detail)
{
  static const char * const protocols[] = { "mqtt", NULL };
  g_autofree char *folder = g_dir_make_tmp ("hawser-XXXXXX", NULL); /* mode 0700 */
  g_autofree char *path = folder != NULL ? g_build_filename (folder, "mqtt", NULL) : NULL;
  g_autoptr (GSocket) listening = NULL;
  g_autoptr (SoupMessage) message = tool_http_message (url, "GET", url->query);
  ToolWebsocket *self;

  if (folder == NULL || message == NULL)
    {
      *out_detail = g_strdup (folder == NULL ? g_strerror (errno) : "not a URL");
      return NULL;
    }
  listening = listen_in (path, out_detail);
  if (listening == NULL)
    {
      g_rmdir (folder);
      return NULL;
    }
  self = g_new0 (ToolWebsocket, 1);
  self->folder = g_steal_pointer (&folder);
  self->path = g_steal_pointer (&path);
  self->listening = g_steal_pointer (&listening);
  self->session = tool_http_session (tool, url);
  self->cancellable = g_cancellable_new ();
  self->pending = g_byte_array_new ();
  self->failed = failed;
  self->data = data;
  self->accept_source = g_socket_create_source (self->listening, G_IO_IN, NULL);
  g_source_set_callback (self->accept_source, G_SOURCE_FUNC (on_inner_comes), self, NULL);
  g_source_attach (self->accept_source, NULL);
  soup_session_websocket_connect_async (self->session, message, NULL, (char **) protocols, G_PRIORITY_DEFAULT, self->cancellable, on_connected, self);
  return self;
}

const char *
tool_websocket_get_path (ToolWebsocket *self)
{
  return self->path;
}

static gboolean
has_output (ToolWebsocket *self)
{
  return self->outer != NULL && soup_websocket_connection_get_state (self->outer) == SOUP_WEBSOCKET_STATE_OPEN;
}

static gboolean
on_late (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

void
tool_websocket_close (ToolWebsocket *self)
{
  gboolean is_late = FALSE;
  guint late_id;

  if (self == NULL)
    return;
  g_source_destroy (self->accept_source);
  g_source_unref (self->accept_source);
  if (has_output (self))
    {
      /* What the library wrote last, its DISCONNECT, is in its socket: it goes out before the close does. */
      guint8 rest[4096];
      gssize n;

      while (self->inner != NULL && (n = g_socket_receive_with_blocking (g_socket_connection_get_socket (self->inner), (char *) rest, sizeof rest, FALSE, NULL, NULL)) > 0)
        soup_websocket_connection_send_binary (self->outer, rest, (gsize) n);
      g_signal_handlers_disconnect_by_data (self->outer, self);
      soup_websocket_connection_close (self->outer, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
      late_id = g_timeout_add (1000, on_late, &is_late);
      while (soup_websocket_connection_get_state (self->outer) != SOUP_WEBSOCKET_STATE_CLOSED && !is_late)
        g_main_context_iteration (NULL, TRUE);
      if (!is_late)
        g_source_remove (late_id);
    }
  g_cancellable_cancel (self->cancellable);
  while (g_main_context_iteration (NULL, FALSE)) /* callbacks of what was cancelled, while we are still here */
    continue;
  if (self->outer != NULL)
    g_signal_handlers_disconnect_by_data (self->outer, self);
  g_clear_object (&self->outer);
  g_clear_object (&self->inner);
  g_object_unref (self->listening);
  g_object_unref (self->session);
  g_object_unref (self->cancellable);
  g_byte_array_unref (self->pending);
  g_unlink (self->path);
  g_rmdir (self->folder);
  g_free (self->path);
  g_free (self->folder);
  g_free (self);
}
