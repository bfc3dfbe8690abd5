/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser sub FILTER…: prints messages as they come. Payload and a newline by default, so that a pipe gets what was published. */

#include <errno.h>
#include <stdio.h>

#include "tool-link.h"
#include "tool-print.h"

typedef struct {
  Tool *tool;
  ToolLink *link;
  ToolPrint print;
  FILE *record;                /* NULL: none */
  gint64 wait_us;              /* idle limit, 0: none */
  int count;                   /* 0: no limit */
  guint64 n_messages;
  guint timeout_id;
  guint wait_id;
} Sub;

static gboolean
on_waited (gpointer data)
{
  Sub *self = data;

  self->wait_id = 0;
  tool_quit (self->tool, self->n_messages > 0 && self->count == 0 ? TOOL_DONE : TOOL_TIMED_OUT);
  return G_SOURCE_REMOVE;
}

static gboolean
on_timeout (gpointer data)
{
  Sub *self = data;

  self->timeout_id = 0;
  tool_quit (self->tool, self->n_messages > 0 && self->count == 0 ? TOOL_DONE : TOOL_TIMED_OUT);
  return G_SOURCE_REMOVE;
}

static void
restart_wait (Sub *self)
{
  g_clear_handle_id (&self->wait_id, g_source_remove);
  if (self->wait_us > 0)
    self->wait_id = g_timeout_add ((guint) MIN (self->wait_us / 1000 + 1, G_MAXUINT), on_waited, self);
}

static void
on_ready (gpointer data)
{
  Sub *self = data;

  if (self->tool->is_verbose)
    tool_note (self->tool, "hawser: subscribed");
  restart_wait (self);
}

static void
on_message (const ToolMessage *message,
            gpointer           data)
{
  Sub *self = data;

  if (self->count > 0 && self->n_messages >= (guint64) self->count)
    return;
  if (!tool_print_message (self->tool, &self->print, message))
    tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "cannot write to stdout"));
  if (self->record != NULL)
    {
      ToolMessage stamped = *message;
      g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
      g_autofree char *time = g_date_time_format_iso8601 (now), *json = NULL;

      if (stamped.time == NULL)
        stamped.time = time; /* when it came: the pace of a replay */
      json = tool_message_to_json (&stamped, FALSE);
      if (fprintf (self->record, "%s\n", json) < 0 || fflush (self->record) != 0)
        tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "the recording: %s", g_strerror (errno)));
    }
  self->n_messages++;
  if (self->count > 0 && self->n_messages == (guint64) self->count)
    tool_quit (self->tool, TOOL_DONE);
  restart_wait (self);
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Sub *self = data;

  tool_quit (self->tool, tool_fail (self->tool, code, "%s", detail));
}

static int
run (Sub                   *self,
     const ToolLinkOptions *options)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .message = on_message, .failed = on_failed };
  int code = TOOL_FAILED;

  self->link = tool_link_open (self->tool, options, &funcs, self, &code);
  if (self->link == NULL)
    return code;
  if (self->tool->timeout_us > 0)
    self->timeout_id = g_timeout_add ((guint) MIN (self->tool->timeout_us / 1000 + 1, G_MAXUINT), on_timeout, self);
  code = tool_wait (self->tool);
  g_clear_handle_id (&self->timeout_id, g_source_remove);
  g_clear_handle_id (&self->wait_id, g_source_remove);
  tool_link_close (self->link);
  return code;
}

int
tool_verb_sub (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autofree char *format = NULL, *id = NULL, *wait = NULL, *keep = NULL, *record = NULL;
  gboolean is_hex = FALSE, is_base64 = FALSE, no_newline = FALSE, is_durable = FALSE, no_retained = FALSE;
  int qos = 1, count = 0;
  const GOptionEntry entries[] = {
    { "count", 'C', 0, G_OPTION_ARG_INT, &count, "End after this many messages", "N" },
    { "wait", 'w', 0, G_OPTION_ARG_STRING, &wait, "End when nothing came for this time", "TIME" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "What to print, such as '%I %t %p'", "FORMAT" },
    { "hex", 0, 0, G_OPTION_ARG_NONE, &is_hex, "Payload as hexadecimal", NULL },
    { "base64", 0, 0, G_OPTION_ARG_NONE, &is_base64, "Payload as base64", NULL },
    { "no-newline", 'N', 0, G_OPTION_ARG_NONE, &no_newline, "No newline after each message", NULL },
    { "no-retained", 'R', 0, G_OPTION_ARG_NONE, &no_retained, "Only what is published from now on", NULL },
    { "qos", 'Q', 0, G_OPTION_ARG_INT, &qos, "Highest QoS wanted: 0, 1 (default) or 2", "N" },
    { "id", 'i', 0, G_OPTION_ARG_STRING, &id, "Client id", "ID" },
    { "durable", 0, 0, G_OPTION_ARG_NONE, &is_durable, "Messages are kept while we are away (needs --id, mqtt: only)", NULL },
    { "record", 0, 0, G_OPTION_ARG_FILENAME, &record, "Write each message to a file, too: hawser replay publishes it again", "FILE" },
    { "keep", 0, 0, G_OPTION_ARG_STRING, &keep, "With --durable: for this long (default: for ever)", "TIME" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  Sub self = { .tool = tool };
  ToolLinkOptions options = { 0 };
  gint64 keep_us = 0;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "FILTER…", "Prints messages as they come: payload only, -v with the topic, -j as "
                   "CloudEvents, -f in a form of your own.",
                   "FORMAT: %t topic, %p payload, %x payload in hex, %l its length, %q QoS, %r retained, %i id, %c content type,\n"
                   "%s source, %T time of the message, %I now, %U now in seconds, %j JSON, %{NAME} a property, %% a percent sign;\n"
                   "%20t and %-20t pad; \\n \\t \\e as in C.\n"
                   "Examples:\n"
                   "  hawser sub 'craft/#' -v              topic and payload, as they come\n"
                   "  hawser sub 'craft/#' -j -C 10        ten messages as CloudEvents\n"
                   "  hawser sub 'craft/#' --record FILE   for hawser replay\n"
                   "Exit status: 0 as many as asked for, 4 cannot connect or connection lost, 5 not authorized, 7 timed out before "
                   "-C messages (or, without -C, before any).", 1, -1, &code))
    return code;
  if (count < 0 || qos < 0 || qos > 2)
    return tool_fail (tool, TOOL_USAGE, count < 0 ? "--count: more than nothing" : "--qos: 0, 1 or 2");
  if (is_hex && is_base64)
    return tool_fail (tool, TOOL_USAGE, "--hex or --base64, not both");
  if (is_durable && id == NULL)
    return tool_fail (tool, TOOL_USAGE, "--durable needs --id: it says whose messages are kept");
  if (keep != NULL && !is_durable)
    return tool_fail (tool, TOOL_USAGE, "--keep needs --durable");
  if ((wait != NULL && !hawser_duration_parse (wait, &self.wait_us, &error)) ||
      (keep != NULL && !hawser_duration_parse (keep, &keep_us, &error)) ||
      (format != NULL && !tool_format_check (format, &error)))
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);

  self.print = (ToolPrint) { .format = format, .payload = is_hex ? TOOL_PAYLOAD_HEX : is_base64 ? TOOL_PAYLOAD_BASE64 : TOOL_PAYLOAD_AUTO, .no_newline = no_newline };
  self.count = count;
  options.filters = (const char * const *) argv + 1;
  options.client_id = id;
  options.qos = (guint8) qos;
  options.no_retained = no_retained;
  if (is_durable)
    options.keep_s = keep == NULL ? G_MAXUINT32 : (guint32) CLAMP (keep_us / G_USEC_PER_SEC, 1, G_MAXUINT32);
  if (record != NULL && (self.record = fopen (record, "we")) == NULL)
    return tool_fail (tool, TOOL_FAILED, "%s: %s", record, g_strerror (errno));
  code = run (&self, &options);
  if (self.record != NULL && fclose (self.record) != 0 && code == TOOL_DONE)
    code = tool_fail (tool, TOOL_FAILED, "%s: %s", record, g_strerror (errno));
  return code;
}
