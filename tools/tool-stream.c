/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An event stream of the bus, read until the verb has enough of it. */

#include "tool-stream.h"

#include "tool-http.h"

#define READ_LEN 65536

typedef struct {
  Tool *tool;
  GInputStream *stream;
  SoupMessage *message;
  GCancellable *cancellable;
  ToolSse sse;
} Stream;

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  Stream *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_NO_CONNECTION, "%s", error != NULL ? error->message : "the server ended the stream"));
      return;
    }
  if (!SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (self->message)))
    {
      g_autofree char *detail = NULL;
      int code = tool_http_problem (soup_message_get_status (self->message), soup_message_get_reason_phrase (self->message), bytes, &detail);

      tool_quit (self->tool, tool_fail (self->tool, code, "%s", detail));
      return;
    }
  tool_sse_push (&self->sse, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (!g_cancellable_is_cancelled (self->cancellable))
    g_input_stream_read_bytes_async (self->stream, READ_LEN, G_PRIORITY_DEFAULT, self->cancellable, on_read, self);
}

static void
on_sent (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  Stream *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (stream == NULL)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_NO_CONNECTION, "cannot connect: %s", error->message));
      return;
    }
  if (self->tool->is_verbose && SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (self->message)))
    tool_note (self->tool, "hawser: live");
  self->stream = g_steal_pointer (&stream);
  g_input_stream_read_bytes_async (self->stream, READ_LEN, G_PRIORITY_DEFAULT, self->cancellable, on_read, self);
}

static gboolean
on_over (gpointer data)
{
  tool_quit (data, TOOL_TIMED_OUT);
  return G_SOURCE_REMOVE;
}

int
tool_stream_run (Tool        *tool,
                 const char  *path,
                 ToolSseFunc  func,
                 gpointer     user_data)
{
  Stream self = { .tool = tool };
  g_autoptr (ToolUrl) url = NULL;
  g_autoptr (SoupSession) session = NULL;
  guint timeout_id = 0;
  int code;

  url = tool_url_resolve (tool, TOOL_URL_ADMIN, &code);
  if (url == NULL)
    return code;
  session = tool_http_session (tool, url);
  self.message = tool_http_message (url, "GET", path);
  self.cancellable = g_cancellable_new ();
  tool_sse_init (&self.sse, func, user_data);
  soup_session_send_async (session, self.message, G_PRIORITY_DEFAULT, self.cancellable, on_sent, &self);
  if (tool->timeout_us > 0)
    timeout_id = g_timeout_add ((guint) (tool->timeout_us / 1000), on_over, tool);
  code = tool_wait (tool);
  g_cancellable_cancel (self.cancellable);
  if (code != TOOL_TIMED_OUT && timeout_id != 0)
    g_source_remove (timeout_id);
  soup_session_abort (session);
  /* The callbacks of what was cancelled run now, while we are still here. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_clear_object (&self.stream);
  g_clear_object (&self.message);
  g_clear_object (&self.cancellable);
  tool_sse_clear (&self.sse);
  return code;
}
