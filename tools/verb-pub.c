/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser pub TOPIC [PAYLOAD]: one message from the argument or stdin, or one for each line of stdin. At QoS 1, which is the
 * default, "done" means that the daemon has said so. */

#include "tool-link.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#define MAX_IN_FLIGHT 256                        /* ours: enough to hide a round trip, few enough to stop soon */
#define MAX_PAYLOAD_LEN (256 * 1024 * 1024)      /* bytes; the largest message that Hawser carries (FEATURES C15) */

typedef struct {
  Tool *tool;
  ToolLink *link;
  ToolMessage *template;       /* all but the payload */
  GInputStream *input;         /* NULL: one payload, at hand */
  GByteArray *held;            /* of stdin: what is not yet a line */
  gboolean per_line;
  gboolean is_reading;
  gboolean at_end;
  guint n_in_flight;
  guint64 n_done;
  guint64 n_failed;
  int first_code;
  guint timeout_id;
  const char *client_id;       /* NULL: a random one */
} Pub;

static void pull (Pub *self);

static void
publish (Pub    *self,
         GBytes *payload)
{
  GBytes *previous = self->template->payload;

  /* They may be the same. */
  self->template->payload = g_bytes_ref (payload);
  g_bytes_unref (previous);
  self->n_in_flight++;
  tool_link_publish (self->link, self->template);
}

/* Takes whole lines out of what is held, as many as may be in flight. */
static void
publish_lines (Pub *self)
{
  gsize from = 0;

  while (self->n_in_flight < MAX_IN_FLIGHT && from < self->held->len)
    {
      const guint8 *start = self->held->data + from;
      const guint8 *end = memchr (start, '\n', self->held->len - from);
      g_autoptr (GBytes) line = NULL;

      if (end == NULL && !self->at_end)
        break;
      line = g_bytes_new (start, end != NULL ? (gsize) (end - start) : self->held->len - from);
      from += g_bytes_get_size (line) + (end != NULL ? 1 : 0);
      publish (self, line);
    }
  g_byte_array_remove_range (self->held, 0, (guint) from);
}

static void
finish_if_done (Pub *self)
{
  if (!self->at_end || self->n_in_flight > 0 || self->held->len > 0)
    return;
  tool_quit (self->tool, self->n_failed == 0 ? TOOL_DONE : self->n_done > 0 ? TOOL_PARTLY : self->first_code);
}

static void
on_input (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  Pub *self = data;
  gsize len = 0;
  const guint8 *read;

  self->is_reading = FALSE;
  if (bytes == NULL)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "stdin: %s", error->message));
      return;
    }
  read = g_bytes_get_data (bytes, &len);
  g_byte_array_append (self->held, read, (guint) len);
  if (self->held->len > MAX_PAYLOAD_LEN)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "stdin: more than 256 MiB in one message"));
      return;
    }
  self->at_end = len == 0;
  pull (self);
}

static void
pull (Pub *self)
{
  if (self->per_line)
    {
      publish_lines (self);
    }
  else if (self->at_end && self->input != NULL)
    {
      g_autoptr (GBytes) whole = g_byte_array_free_to_bytes (self->held);

      self->held = g_byte_array_new ();
      g_clear_object (&self->input);
      publish (self, whole);
    }
  if (!self->at_end && !self->is_reading && self->n_in_flight < MAX_IN_FLIGHT)
    {
      self->is_reading = TRUE;
      g_input_stream_read_bytes_async (self->input, 65536, G_PRIORITY_DEFAULT, NULL, on_input, self);
    }
  finish_if_done (self);
}

static void
on_ready (gpointer data)
{
  Pub *self = data;

  if (self->input != NULL)
    pull (self);
  else
    publish (self, self->template->payload);
}

static void
on_published (int         code,
              const char *detail,
              gpointer    data)
{
  Pub *self = data;

  self->n_in_flight--;
  if (code == TOOL_DONE)
    {
      self->n_done++;
    }
  else
    {
      if (self->n_failed++ == 0)
        {
          self->first_code = code;
          tool_fail (self->tool, code, "%s: %s", self->template->topic, detail);
        }
    }
  if (self->per_line)
    pull (self);
  finish_if_done (self);
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Pub *self = data;

  tool_fail (self->tool, code, "%s", detail);
  if (self->n_done > 0)
    tool_note (self->tool, "hawser: %" G_GUINT64_FORMAT " messages were taken before that", self->n_done);
  tool_quit (self->tool, self->n_done > 0 ? TOOL_PARTLY : code);
}

static gboolean
on_timeout (gpointer data)
{
  Pub *self = data;

  self->timeout_id = 0;
  tool_quit (self->tool, tool_fail (self->tool, TOOL_TIMED_OUT, "no answer in time"));
  return G_SOURCE_REMOVE;
}

static int
run (Pub *self)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .published = on_published, .failed = on_failed };
  const ToolLinkOptions options = { .qos = self->template->qos, .client_id = self->client_id };
  int code = TOOL_FAILED;

  self->link = tool_link_open (self->tool, &options, &funcs, self, &code);
  if (self->link == NULL)
    return code;
  if (self->tool->timeout_us > 0)
    self->timeout_id = g_timeout_add ((guint) MIN (self->tool->timeout_us / 1000 + 1, G_MAXUINT), on_timeout, self);
  code = tool_wait (self->tool);
  g_clear_handle_id (&self->timeout_id, g_source_remove);
  tool_link_close (self->link);
  return code;
}

int
tool_verb_pub (Tool  *tool,
               int    argc,
               char **argv)
{
  g_autofree char *content_type = NULL, *id = NULL, *reply_to = NULL, *correlation = NULL, *expiry = NULL, *file = NULL, *client_id = NULL;
  g_auto (GStrv) properties = NULL;
  gboolean per_line = FALSE, from_stdin = FALSE, is_retained = FALSE, is_empty = FALSE;
  int qos = 1;
  const GOptionEntry entries[] = {
    { "lines", 'l', 0, G_OPTION_ARG_NONE, &per_line, "A message for each line of stdin", NULL },
    { "stdin", 's', 0, G_OPTION_ARG_NONE, &from_stdin, "All of stdin as one message", NULL },
    { "file", 'f', 0, G_OPTION_ARG_FILENAME, &file, "A file as one message", "FILE" },
    { "null", 'n', 0, G_OPTION_ARG_NONE, &is_empty, "An empty message; with -r it clears the retained value", NULL },
    { "retain", 'r', 0, G_OPTION_ARG_NONE, &is_retained, "Keep as the last value of the topic", NULL },
    { "qos", 'Q', 0, G_OPTION_ARG_INT, &qos, "0, 1 (default) or 2", "N" },
    { "expiry", 'e', 0, G_OPTION_ARG_STRING, &expiry, "Not delivered after this time", "TIME" },
    { "content-type", 't', 0, G_OPTION_ARG_STRING, &content_type, "Media type of the payload", "TYPE" },
    { "id", 0, 0, G_OPTION_ARG_STRING, &id, "Message id", "ID" },
    { "client-id", 'i', 0, G_OPTION_ARG_STRING, &client_id, "Client id", "ID" },
    { "reply-to", 0, 0, G_OPTION_ARG_STRING, &reply_to, "Topic for the answer", "TOPIC" },
    { "correlation", 0, 0, G_OPTION_ARG_STRING, &correlation, "What the answer is to repeat", "TEXT" },
    { "property", 'P', 0, G_OPTION_ARG_STRING_ARRAY, &properties, "A property of the message (repeatable)", "NAME=VALUE" },
    { NULL }
  };
  g_autoptr (ToolMessage) message = tool_message_new ();
  Pub self = { .tool = tool, .template = message };
  g_autoptr (GError) error = NULL;
  gint64 expiry_us = 0;
  int code, fd = -1;

  if (!tool_parse (tool, &argc, &argv, entries, "TOPIC [PAYLOAD]", "Publishes a message.",
                   "Examples:\n"
                   "  hawser pub note/today hello\n"
                   "  hawser pub -r -t application/json craft/state '{\"altitude\":25913.4}'   kept as the last value\n"
                   "  seq 100 | hawser pub -l count                  a message for each line\n"
                   "Exit status: 0 taken, 4 cannot connect, 5 not authorized, 7 timed out, 8 some of the lines were not taken.",
                   1, 2, &code))
    return code;
  if ((argc > 2) + per_line + from_stdin + is_empty + (file != NULL) != 1)
    return tool_fail (tool, TOOL_USAGE, "pub wants one of: PAYLOAD, -l, -s, -f FILE, -n");
  if (qos < 0 || qos > 2)
    return tool_fail (tool, TOOL_USAGE, "--qos=%d: 0, 1 or 2", qos);
  if (argv[1][0] == '\0' || strpbrk (argv[1], "+#") != NULL)
    return tool_fail (tool, TOOL_USAGE, "topic '%s': a message goes to one topic, without + and #", argv[1]);
  if (expiry != NULL)
    {
      if (!hawser_duration_parse (expiry, &expiry_us, &error))
        return tool_fail (tool, TOOL_USAGE, "%s", error->message);
    }
  if (!tool_message_set_properties (message, properties, &error))
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);
  if (file != NULL && (fd = open (file, O_RDONLY | O_CLOEXEC)) < 0)
    return tool_fail (tool, TOOL_FAILED, "%s: %s", file, g_strerror (errno));

  message->topic = g_strdup (argv[1]);
  message->content_type = g_steal_pointer (&content_type);
  message->id = g_steal_pointer (&id);
  message->reply_to = g_steal_pointer (&reply_to);
  message->correlation = g_steal_pointer (&correlation);
  message->qos = (guint8) qos;
  message->is_retained = is_retained;
  message->expiry_s = (guint32) MIN ((expiry_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, G_MAXUINT32);
  message->payload = argc > 2 ? g_bytes_new (argv[2], strlen (argv[2])) : g_bytes_new (NULL, 0);
  self.per_line = per_line;
  self.client_id = client_id;
  self.held = g_byte_array_new ();
  if (per_line || from_stdin)
    self.input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  else if (fd >= 0)
    self.input = g_unix_input_stream_new (fd, TRUE);
  self.at_end = self.input == NULL;
  code = run (&self);
  g_clear_object (&self.input);
  g_byte_array_unref (self.held);
  return code;
}
