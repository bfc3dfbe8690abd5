/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser req TOPIC [PAYLOAD]: a request, and what is answered. The answer comes on a topic of our own and repeats our correlation
 * (MQTT 5.0 section 4.10; ce-replyto and ce-correlationid over HTTP). */

#include "tool-link.h"
#include "tool-print.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_US (4 * G_USEC_PER_SEC)
#define MAX_STDIN_LEN (256 * 1024 * 1024)        /* bytes; the largest message that Hawser carries */

typedef struct {
  Tool *tool;
  ToolLink *link;
  ToolMessage *request;
  ToolPrint print;
  int count;                   /* answers wanted */
  int n_answers;
  guint timeout_id;
} Req;

static void
on_ready (gpointer data)
{
  Req *self = data;

  tool_link_publish (self->link, self->request);
}

static void
on_published (int         code,
              const char *detail,
              gpointer    data)
{
  Req *self = data;

  if (code != TOOL_DONE)
    tool_quit (self->tool, tool_fail (self->tool, code, "%s: %s", self->request->topic, detail));
}

static void
on_message (const ToolMessage *message,
            gpointer           data)
{
  Req *self = data;

  /* an answer without correlation is believed: the topic is ours alone */
  if (self->n_answers >= self->count || (message->correlation != NULL && strcmp (message->correlation, self->request->correlation) != 0))
    return;
  if (!tool_print_message (self->tool, &self->print, message))
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "cannot write to stdout"));
      return;
    }
  if (++self->n_answers == self->count)
    tool_quit (self->tool, TOOL_DONE);
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Req *self = data;

  tool_quit (self->tool, tool_fail (self->tool, code, "%s", detail));
}

static gboolean
on_timeout (gpointer data)
{
  Req *self = data;

  self->timeout_id = 0;
  if (self->n_answers > 0)
    tool_quit (self->tool, tool_fail (self->tool, TOOL_PARTLY, "%d of %d answers in time", self->n_answers, self->count));
  else
    tool_quit (self->tool, tool_fail (self->tool, TOOL_TIMED_OUT, "%s: no answer in time", self->request->topic));
  return G_SOURCE_REMOVE;
}

static int
run (Req                   *self,
     const ToolLinkOptions *options)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .message = on_message, .published = on_published, .failed = on_failed };
  gint64 timeout_us = self->tool->timeout_us > 0 ? self->tool->timeout_us : DEFAULT_TIMEOUT_US;
  int code = TOOL_FAILED;

  self->link = tool_link_open (self->tool, options, &funcs, self, &code);
  if (self->link == NULL)
    return code;
  self->timeout_id = g_timeout_add ((guint) MIN (timeout_us / 1000 + 1, G_MAXUINT), on_timeout, self);
  code = tool_wait (self->tool);
  g_clear_handle_id (&self->timeout_id, g_source_remove);
  tool_link_close (self->link);
  return code;
}

/* NULL: said so. */
static GBytes *
read_stdin (Tool *tool)
{
  g_autoptr (GByteArray) held = g_byte_array_new ();
  guint8 buffer[65536];
  gssize n;

  while ((n = read (STDIN_FILENO, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 || held->len + (gsize) n > MAX_STDIN_LEN)
        {
          tool_fail (tool, TOOL_FAILED, "stdin: %s", n < 0 ? g_strerror (errno) : "more than 256 MiB in one message");
          return NULL;
        }
      g_byte_array_append (held, buffer, (guint) n);
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&held));
}

int
tool_verb_req (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autofree char *content_type = NULL, *reply_to = NULL, *correlation = NULL, *format = NULL;
  g_auto (GStrv) properties = NULL;
  gboolean from_stdin = FALSE, is_hex = FALSE, is_base64 = FALSE, no_newline = FALSE;
  int qos = 1, count = 1;
  const GOptionEntry entries[] = {
    { "stdin", 's', 0, G_OPTION_ARG_NONE, &from_stdin, "All of stdin is the request", NULL },
    { "qos", 'Q', 0, G_OPTION_ARG_INT, &qos, "0, 1 (default) or 2", "N" },
    { "content-type", 't', 0, G_OPTION_ARG_STRING, &content_type, "Media type of the request", "TYPE" },
    { "property", 'P', 0, G_OPTION_ARG_STRING_ARRAY, &properties, "A property of the request (repeatable)", "NAME=VALUE" },
    { "reply-to", 0, 0, G_OPTION_ARG_STRING, &reply_to, "Topic for the answer; default: one of our own below hawser/reply", "TOPIC" },
    { "correlation", 0, 0, G_OPTION_ARG_STRING, &correlation, "What the answer is to repeat; default: drawn", "TEXT" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &count, "Answers to wait for (default 1)", "N" },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "What to print of an answer, as for hawser sub", "FORMAT" },
    { "hex", 0, 0, G_OPTION_ARG_NONE, &is_hex, "Payload as hexadecimal", NULL },
    { "base64", 0, 0, G_OPTION_ARG_NONE, &is_base64, "Payload as base64", NULL },
    { "no-newline", 'N', 0, G_OPTION_ARG_NONE, &no_newline, "No newline after the answer", NULL },
    { NULL }
  };
  g_autoptr (ToolMessage) request = tool_message_new ();
  g_autoptr (GError) error = NULL;
  Req self = { .tool = tool, .request = request };
  const char *filters[2] = { NULL, NULL };
  ToolLinkOptions options = { .filters = filters, .no_retained = TRUE };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "TOPIC [PAYLOAD]", "Sends a request and prints the answer: payload only, -v with the topic, "
                   "-j as CloudEvents.", "-W says how long to wait (default 4s).\n"
                   "Exit status: 0 answered, 4 cannot connect, 5 not authorized, 7 no answer in time, 8 fewer than -C.", 1, 2, &code))
    return code;
  if (qos < 0 || qos > 2 || count < 1)
    return tool_fail (tool, TOOL_USAGE, count < 1 ? "--count: at least one" : "--qos: 0, 1 or 2");
  if (from_stdin && argc > 2)
    return tool_fail (tool, TOOL_USAGE, "req wants PAYLOAD or -s, not both");
  if (argv[1][0] == '\0' || strpbrk (argv[1], "+#") != NULL)
    return tool_fail (tool, TOOL_USAGE, "topic '%s': a request goes to one topic, without + and #", argv[1]);
  if (reply_to != NULL && (*reply_to == '\0' || strpbrk (reply_to, "+#") != NULL))
    return tool_fail (tool, TOOL_USAGE, "--reply-to=%s: one topic, without + and #", reply_to);
  if (is_hex && is_base64)
    return tool_fail (tool, TOOL_USAGE, "--hex or --base64, not both");
  if (format != NULL && !tool_format_check (format, &error))
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);
  if (!tool_message_set_properties (request, properties, &error))
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);

  request->payload = from_stdin ? read_stdin (tool) : g_bytes_new (argc > 2 ? argv[2] : "", argc > 2 ? strlen (argv[2]) : 0);
  if (request->payload == NULL)
    return TOOL_FAILED;
  request->topic = g_strdup (argv[1]);
  request->content_type = g_steal_pointer (&content_type);
  request->qos = (guint8) qos;
  request->reply_to = reply_to != NULL ? g_steal_pointer (&reply_to) : g_strdup_printf ("hawser/reply/%08x%08x", g_random_int (), g_random_int ());
  request->correlation = correlation != NULL ? g_steal_pointer (&correlation) : g_strdup_printf ("%08x%08x", g_random_int (), g_random_int ());
  filters[0] = request->reply_to;
  options.qos = request->qos;
  self.count = count;
  self.print = (ToolPrint) { .format = format, .payload = is_hex ? TOOL_PAYLOAD_HEX : is_base64 ? TOOL_PAYLOAD_BASE64 : TOOL_PAYLOAD_AUTO, .no_newline = no_newline };
  return run (&self, &options);
}
