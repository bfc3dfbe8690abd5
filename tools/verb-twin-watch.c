/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser twin watch: changes of twins from the event stream, a line for each. */

#include "tool-sse.h"
#include "tool-table.h"
#include "tool-twin.h"

#include <string.h>

#define READ_LEN 65536

typedef struct {
  Tool *tool;
  GInputStream *stream;
  SoupMessage *message;
  GCancellable *cancellable;
  ToolSse sse;
  gint count;                  /* lines to come; 0: no limit */
} Watch;

static void
print_change (JsonObject *change)
{
  static const char * const known[] = { "id", "revision", "time", "change" };
  g_autoptr (GList) members = json_object_get_members (change);
  g_autofree char *id = tool_member_text (change, "id");

  g_print ("%s", id);
  for (GList *l = members; l != NULL; l = l->next)
    {
      g_autofree char *text = NULL;
      gboolean is_known = FALSE;

      for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
        is_known |= strcmp (l->data, known[i]) == 0;
      if (is_known)
        continue;
      text = tool_member_text (change, l->data);
      g_print ("  %s %s", (const char *) l->data, text);
    }
  g_print ("\n");
}

static void
on_event (const char *event,
          const char *id,
          const char *data,
          gsize       len,
          gpointer    user_data)
{
  Watch *self = user_data;
  g_autoptr (JsonParser) parser = json_parser_new ();

  if (self->tool->exit_code >= 0)
    return;
  if (event != NULL && strcmp (event, "gap") == 0)
    {
      tool_note (self->tool, "hawser: some changes were lost: %.*s", (int) len, data);
      return;
    }
  if (self->tool->is_json)
    g_print ("%.*s\n", (int) len, data);
  else if (json_parser_load_from_data (parser, data, (gssize) len, NULL) && JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    print_change (json_node_get_object (json_parser_get_root (parser)));
  if (!tool_flush (self->tool))
    tool_quit (self->tool, TOOL_FAILED);
  if (self->count > 0 && --self->count == 0)
    tool_quit (self->tool, TOOL_DONE);
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  Watch *self = data;

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
  Watch *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (stream == NULL)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_NO_CONNECTION, "cannot connect: %s", error->message));
      return;
    }
  self->stream = g_steal_pointer (&stream);
  g_input_stream_read_bytes_async (self->stream, READ_LEN, G_PRIORITY_DEFAULT, self->cancellable, on_read, self);
}

static gboolean
on_over (gpointer data)
{
  tool_quit (data, TOOL_TIMED_OUT);
  return G_SOURCE_REMOVE;
}

static char *
make_path (const char *ids,
           const char *filter,
           const char *fields,
           const char *changes)
{
  const char *names[] = { "id", "filter", "fields", "changes" };
  const char *values[] = { ids, filter, fields, changes };
  GString *path = g_string_new ("/v1/twins/events");

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *escaped = values[i] != NULL ? tool_http_escape (values[i], FALSE) : NULL;

      if (escaped != NULL)
        g_string_append_printf (path, "%c%s=%s", strchr (path->str, '?') != NULL ? '&' : '?', names[i], escaped);
    }
  return g_string_free (path, FALSE);
}

int
tool_twin_watch (Tool  *tool,
                 int    argc,
                 char **argv)
{
  g_autofree char *filter = NULL, *fields = NULL, *changes = NULL, *path = NULL;
  Watch self = { .tool = tool };
  const GOptionEntry entries[] = {
    { "filter", 'f', 0, G_OPTION_ARG_STRING, &filter, "Only of twins for which this holds", "EXPRESSION" },
    { "fields", 0, 0, G_OPTION_ARG_STRING, &fields, "Only these members, such as reported/soc,state", "PATHS" },
    { "changes", 0, 0, G_OPTION_ARG_STRING, &changes, "Only of these kinds: reported, desired, attributes, parent, state, aggregate, added, removed", "KINDS" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &self.count, "End after so many", "N" },
    { NULL }
  };
  g_autoptr (ToolUrl) url = NULL;
  g_autoptr (SoupSession) session = NULL;
  guint timeout_id = 0;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[IDS]", "Prints changes of twins as they come; IDS is a filter over ids, such as 'site/north/#'.", NULL, 0, 1, &code))
    return code;
  url = tool_url_resolve (tool, TOOL_URL_ADMIN, &code);
  if (url == NULL)
    return code;
  session = tool_http_session (tool, url);
  path = make_path (argc > 1 ? argv[1] : NULL, filter, fields, changes);
  self.message = tool_http_message (url, "GET", path);
  self.cancellable = g_cancellable_new ();
  tool_sse_init (&self.sse, on_event, &self);
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
