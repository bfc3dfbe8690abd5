/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser replay FILE: publishes what sub --record (or sub -j) wrote, at the pace at which it was published then. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tool-link.h"

#define MAX_LINE_LEN (512u * 1024 * 1024) /* bytes; ours: a message of 256 MiB in base64 must pass */

typedef struct {
  Tool *tool;
  ToolLink *link;
  FILE *file;
  char *line;
  size_t size;
  ToolMessage *next;           /* read, not yet due */
  double speed;                /* 0: as fast as it goes */
  char *prefix;                /* in front of topics; NULL: none */
  gint64 first_us;             /* when the first one was published then */
  gint64 started_us;
  guint due_id;
  guint64 n_sent, n_done, n_failed, n_line;
  int first_code;
  gboolean at_end;
} Replay;

static gint64
time_of (const ToolMessage *message)
{
  g_autoptr (GDateTime) time = message->time != NULL ? g_date_time_new_from_iso8601 (message->time, NULL) : NULL;

  return time != NULL ? g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) : 0;
}

/* The next line that is no empty one. FALSE: said so, and it ends. */
static gboolean
read_next (Replay *self)
{
  g_autoptr (GError) error = NULL;
  gssize len;

  while ((len = getline (&self->line, &self->size, self->file)) >= 0)
    {
      self->n_line++;
      if (len == 0 || self->line[0] == '\n')
        continue;
      self->next = (gsize) len <= MAX_LINE_LEN ? tool_message_from_json (self->line, len, &error) : NULL;
      if (self->next == NULL || self->next->topic == NULL)
        {
          tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "line %" G_GUINT64_FORMAT " is not a message as hawser sub -j prints it%s%s", self->n_line,
                                            error != NULL ? ": " : "", error != NULL ? error->message : ""));
          return FALSE;
        }
      return TRUE;
    }
  self->at_end = TRUE;
  return TRUE;
}

static void
finish_if_done (Replay *self)
{
  if (self->at_end && self->n_done == self->n_sent)
    tool_quit (self->tool, self->n_failed == 0 ? TOOL_DONE : self->n_failed < self->n_sent ? TOOL_PARTLY : self->first_code);
}

static void
send_next (Replay *self)
{
  g_autoptr (ToolMessage) message = g_steal_pointer (&self->next);
  char *topic = self->prefix != NULL ? g_strconcat (self->prefix, message->topic, NULL) : NULL;

  if (topic != NULL)
    {
      g_free (message->topic);
      message->topic = topic;
    }
  g_clear_pointer (&message->id, g_free); /* it is published anew: the same id would be taken for a repetition */
  self->n_sent++;
  tool_link_publish (self->link, message);
}

static void go_on (Replay *self);

static gboolean
on_due (gpointer data)
{
  Replay *self = data;

  self->due_id = 0;
  send_next (self);
  go_on (self);
  return G_SOURCE_REMOVE;
}

/* One message a round of the loop at most: answers have their turn. */
static void
go_on (Replay *self)
{
  gint64 wait_us = 0;

  if (self->tool->exit_code >= 0 || self->due_id != 0 || (self->next == NULL && !read_next (self)))
    return;
  if (self->at_end)
    {
      finish_if_done (self);
      return;
    }
  if (self->speed > 0 && time_of (self->next) > 0)
    {
      if (self->first_us == 0)
        self->first_us = time_of (self->next);
      wait_us = self->started_us + (gint64) ((double) (time_of (self->next) - self->first_us) / self->speed) - g_get_monotonic_time ();
    }
  self->due_id = wait_us > 0 ? g_timeout_add ((guint) MIN (wait_us / 1000 + 1, G_MAXUINT), on_due, self) : g_idle_add (on_due, self);
}

static void
on_ready (gpointer data)
{
  Replay *self = data;

  self->started_us = g_get_monotonic_time ();
  go_on (self);
}

static void
on_published (int         code,
              const char *detail,
              gpointer    data)
{
  Replay *self = data;

  self->n_done++;
  if (code != TOOL_DONE && self->n_failed++ == 0)
    self->first_code = tool_fail (self->tool, code, "%s", detail);
  finish_if_done (self);
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Replay *self = data;

  tool_quit (self->tool, tool_fail (self->tool, code, "%s", detail));
}

int
tool_verb_replay (Tool  *tool,
                  int    argc,
                  char **argv)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .published = on_published, .failed = on_failed };
  const ToolLinkOptions options = { .qos = 1 };
  g_autofree char *prefix = NULL;
  double speed = 1;
  gboolean is_fast = FALSE;
  const GOptionEntry entries[] = {
    { "speed", 0, 0, G_OPTION_ARG_DOUBLE, &speed, "2 is twice as fast as then (default 1)", "N" },
    { "fast", 0, 0, G_OPTION_ARG_NONE, &is_fast, "As fast as it goes", NULL },
    { "prefix", 0, 0, G_OPTION_ARG_STRING, &prefix, "In front of each topic, such as again/", "TEXT" },
    { NULL }
  };
  Replay self = { .tool = tool };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "FILE", "Publishes a recording at its own pace: what hawser sub --record wrote, or sub -j printed. FILE may be -.",
                   "Topic, payload, QoS, content type and properties are those of then; ids are new.\n"
                   "Examples:\n  hawser sub 'craft/#' --record flight.ndjson\n  hawser replay flight.ndjson --speed 10 --prefix again/\n"
                   "Exit status: 0 all taken, 8 some of them, 1 a line cannot be read.", 1, 1, &code))
    return code;
  if (!(speed > 0))
    return tool_fail (tool, TOOL_USAGE, "--speed: more than nothing");
  self.speed = is_fast ? 0 : speed;
  self.prefix = prefix;
  self.file = strcmp (argv[1], "-") == 0 ? stdin : fopen (argv[1], "re");
  if (self.file == NULL)
    return tool_fail (tool, errno == ENOENT ? TOOL_NOT_FOUND : TOOL_FAILED, "%s: %s", argv[1], g_strerror (errno));
  self.link = tool_link_open (tool, &options, &funcs, &self, &code);
  if (self.link != NULL)
    {
      code = tool_wait (tool);
      g_clear_handle_id (&self.due_id, g_source_remove);
      tool_link_close (self.link);
    }
  if (self.next != NULL)
    tool_message_free (self.next);
  if (self.file != stdin)
    fclose (self.file);
  free (self.line);
  return code;
}
