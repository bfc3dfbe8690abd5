/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser trace: messages of topics or of a client as they pass, for a while, from the daemon's tap. */

#include "tool-http.h"
#include "tool-print.h"
#include "tool-stream.h"

#include <string.h>

typedef struct {
  Tool *tool;
  ToolPrint print;
} Trace;

static void
on_message (Trace      *self,
            const char *data,
            gsize       len)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ToolMessage) message = tool_message_from_json (data, (gssize) len, &error);
  g_autoptr (JsonNode) root = json_from_string (data, NULL);
  const char *way = root != NULL && JSON_NODE_HOLDS_OBJECT (root)
    ? json_object_get_string_member_with_default (json_node_get_object (root), "hawsertap", "") : "";
  gboolean is_verbose, is_written;

  if (message == NULL)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "the stream is not one of CloudEvents"));
      return;
    }
  if (!self->tool->is_json && self->print.format == NULL)
    g_print ("%s %s %s ", message->time != NULL ? message->time : "-", strcmp (way, "subscribed") == 0 ? "→" : "←", message->source != NULL ? message->source : "-");
  is_verbose = self->tool->is_verbose;
  self->tool->is_verbose = TRUE; /* the topic in front of the payload */
  is_written = tool_print_message (self->tool, &self->print, message);
  self->tool->is_verbose = is_verbose;
  if (!is_written)
    tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "cannot write to stdout"));
}

static void
on_event (const char *event,
          const char *id,
          const char *data,
          gsize       len,
          gpointer    user_data)
{
  Trace *self = user_data;

  if (self->tool->exit_code >= 0)
    return;
  if (event == NULL || strcmp (event, "message") == 0)
    on_message (self, data, len);
  else if (strcmp (event, "end") == 0)
    {
      if (self->tool->is_verbose)
        tool_note (self->tool, "hawser: the trace ended: %.*s", (int) len, data);
      tool_quit (self->tool, TOOL_DONE);
    }
  else
    tool_note (self->tool, "hawser: %s: %.*s", event, (int) len, data);
}

int
tool_verb_trace (Tool  *tool,
                 int    argc,
                 char **argv)
{
  g_autofree char *client = NULL, *duration = NULL, *format = NULL;
  int count = 1000;
  const GOptionEntry entries[] = {
    { "client", 0, 0, G_OPTION_ARG_STRING, &client, "What this client publishes (←), and what matches its subscriptions (→)", "ID" },
    { "duration", 'd', 0, G_OPTION_ARG_STRING, &duration, "For this long (default 30s, at most 1h)", "TIME" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &count, "End after this many messages (default 1000)", "N" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "What to print, as for hawser sub", "FORMAT" },
    { NULL }
  };
  g_autoptr (GString) path = g_string_new ("/v1/admin/tap");
  g_autoptr (GError) error = NULL;
  Trace self = { .tool = tool };
  gint64 duration_us;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[FILTER…]", "Prints messages as they pass the daemon, for a while, without anybody else noticing.",
                   "Values that [admin] redact names, and members called password, token and the like, are shown as ***. Needs the admin API.\n"
                   "Examples:\n"
                   "  hawser trace 'craft/#'                what is published below craft for 30 seconds\n"
                   "  hawser trace --client ground-1 -d 5min   one client, both ways\n"
                   "  hawser trace -j -C 100 > trace.ndjson    CloudEvents, one a line", 0, -1, &code))
    return code;
  if (count < 1)
    return tool_fail (tool, TOOL_USAGE, "--count: more than nothing");
  if ((duration != NULL && !hawser_duration_parse (duration, &duration_us, &error)) || (format != NULL && !tool_format_check (format, &error)))
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);
  g_string_append_printf (path, "?count=%d&duration=%s", count, duration != NULL ? duration : "30s");
  for (int i = 1; i < argc; i++)
    {
      g_autofree char *escaped = tool_http_escape (argv[i], FALSE);

      g_string_append_printf (path, "&filter=%s", escaped);
    }
  if (client != NULL)
    {
      g_autofree char *escaped = tool_http_escape (client, FALSE);

      g_string_append_printf (path, "&client=%s", escaped);
    }
  self.print.format = format;
  return tool_stream_run (tool, path->str, on_event, &self);
}
