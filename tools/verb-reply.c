/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser reply FILTER…: answers requests with their own payload, a text, or what a command prints. */

#include "tool-link.h"

#include <string.h>

#define MAX_RUNNING 16           /* ours: commands at a time; further requests wait in order */
#define MAX_WAITING 10000        /* then they are dropped, and said so */

typedef struct {
  Tool *tool;
  ToolLink *link;
  const char *text;              /* NULL: echo, or command */
  const char *command;
  const char *content_type;
  gboolean is_echo;
  int count;                     /* 0: no limit */
  guint8 qos;
  guint64 n_taken;
  guint64 n_answered;
  guint n_in_flight;             /* answers that are on their way */
  guint n_running;
  GQueue waiting;                /* of ToolMessage */
  guint timeout_id;
} Reply;

typedef struct {
  Reply *self;
  ToolMessage *request;
} Run;

static void run_next (Reply *self);

static ToolMessage *
copy_request (const ToolMessage *message)
{
  ToolMessage *copy = tool_message_new ();

  copy->topic = g_strdup (message->topic);
  copy->payload = g_bytes_ref (message->payload);
  copy->content_type = g_strdup (message->content_type);
  copy->reply_to = g_strdup (message->reply_to);
  copy->correlation = g_strdup (message->correlation);
  copy->correlation_data = message->correlation_data != NULL ? g_bytes_ref (message->correlation_data) : NULL;
  copy->id = g_strdup (message->id);
  return copy;
}

static void
finish_if_done (Reply *self)
{
  if (self->count > 0 && self->n_taken >= (guint64) self->count && self->n_in_flight == 0 && self->n_running == 0 && self->waiting.length == 0)
    tool_quit (self->tool, TOOL_DONE);
}

static void
answer (Reply             *self,
        const ToolMessage *request,
        GBytes            *payload,
        int                status)
{
  g_autoptr (ToolMessage) reply = tool_message_new ();

  reply->topic = g_strdup (request->reply_to);
  reply->payload = g_bytes_ref (payload);
  reply->content_type = g_strdup (self->content_type != NULL ? self->content_type : self->is_echo ? request->content_type : NULL);
  reply->correlation = g_strdup (request->correlation);
  reply->correlation_data = request->correlation_data != NULL ? g_bytes_ref (request->correlation_data) : NULL;
  reply->qos = self->qos;
  if (status != 0)
    {
      g_autofree char *number = g_strdup_printf ("%d", status);

      tool_message_add (reply, "exitstatus", number);
    }
  self->n_in_flight++;
  tool_link_publish (self->link, reply);
}

static void
on_command_done (GObject      *source,
                 GAsyncResult *result,
                 gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) out = NULL;
  GSubprocess *process = G_SUBPROCESS (source);
  Run *run = data;
  Reply *self = run->self;
  int status = 1;

  self->n_running--;
  if (!g_subprocess_communicate_finish (process, result, &out, NULL, &error))
    {
      tool_note (self->tool, "hawser: %s: %s", run->request->topic, error->message);
    }
  else
    {
      status = g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process) : 128 + g_subprocess_get_term_sig (process);
      if (status != 0)
        tool_note (self->tool, "hawser: %s: the command ended with status %d", run->request->topic, status);
      answer (self, run->request, out, status);
    }
  tool_message_free (run->request);
  g_free (run);
  run_next (self);
  finish_if_done (self);
}

static void
run_next (Reply *self)
{
  while (self->n_running < MAX_RUNNING && self->waiting.length > 0)
    {
      g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
      g_autoptr (GSubprocess) process = NULL;
      g_autoptr (GError) error = NULL;
      ToolMessage *request = g_queue_pop_head (&self->waiting);
      Run *run;

      g_subprocess_launcher_setenv (launcher, "HAWSER_TOPIC", request->topic, TRUE);
      if (request->content_type != NULL)
        g_subprocess_launcher_setenv (launcher, "HAWSER_CONTENT_TYPE", request->content_type, TRUE);
      if (request->id != NULL)
        g_subprocess_launcher_setenv (launcher, "HAWSER_ID", request->id, TRUE);
      process = g_subprocess_launcher_spawn (launcher, &error, "/bin/sh", "-c", self->command, NULL);
      if (process == NULL)
        {
          tool_message_free (request);
          tool_quit (self->tool, tool_fail (self->tool, TOOL_FAILED, "%s", error->message));
          return;
        }
      run = g_new (Run, 1);
      run->self = self;
      run->request = request;
      self->n_running++;
      g_subprocess_communicate_async (process, request->payload, NULL, on_command_done, run);
    }
}

static void
on_ready (gpointer data)
{
  Reply *self = data;

  if (self->tool->is_verbose)
    tool_note (self->tool, "hawser: subscribed");
}

static void
on_message (const ToolMessage *message,
            gpointer           data)
{
  Reply *self = data;
  g_autoptr (GBytes) text = NULL;

  if (self->count > 0 && self->n_taken >= (guint64) self->count)
    return;
  if (message->reply_to == NULL)
    {
      tool_note (self->tool, "hawser: %s: a message that asks for no answer", message->topic);
      return;
    }
  self->n_taken++;
  if (self->tool->is_verbose)
    tool_note (self->tool, "hawser: %s asks for %s", message->topic, message->reply_to);
  if (self->command == NULL)
    {
      text = self->is_echo ? g_bytes_ref (message->payload) : g_bytes_new_static (self->text, strlen (self->text));
      answer (self, message, text, 0);
      return;
    }
  if (self->waiting.length >= MAX_WAITING)
    {
      tool_note (self->tool, "hawser: %s: dropped, %d requests wait already", message->topic, MAX_WAITING);
      return;
    }
  g_queue_push_tail (&self->waiting, copy_request (message));
  run_next (self);
}

static void
on_published (int         code,
              const char *detail,
              gpointer    data)
{
  Reply *self = data;

  self->n_in_flight--;
  if (code == TOOL_DONE)
    self->n_answered++;
  else
    tool_note (self->tool, "hawser: an answer was refused: %s", detail);
  finish_if_done (self);
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Reply *self = data;

  tool_quit (self->tool, tool_fail (self->tool, code, "%s", detail));
}

static gboolean
on_timeout (gpointer data)
{
  Reply *self = data;

  self->timeout_id = 0;
  tool_quit (self->tool, self->count > 0 ? TOOL_TIMED_OUT : TOOL_DONE);
  return G_SOURCE_REMOVE;
}

static int
run (Reply                 *self,
     const ToolLinkOptions *options)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .message = on_message, .published = on_published, .failed = on_failed };
  int code = TOOL_FAILED;

  self->link = tool_link_open (self->tool, options, &funcs, self, &code);
  if (self->link == NULL)
    return code;
  if (self->tool->timeout_us > 0)
    self->timeout_id = g_timeout_add ((guint) MIN (self->tool->timeout_us / 1000 + 1, G_MAXUINT), on_timeout, self);
  code = tool_wait (self->tool);
  g_clear_handle_id (&self->timeout_id, g_source_remove);
  tool_link_close (self->link);
  g_queue_clear_full (&self->waiting, (GDestroyNotify) tool_message_free);
  return code;
}

int
tool_verb_reply (Tool  *tool,
                 int    argc,
                 char **argv)
{
  g_autofree char *text = NULL, *command = NULL, *content_type = NULL, *id = NULL;
  gboolean is_echo = FALSE;
  int qos = 1, count = 0;
  const GOptionEntry entries[] = {
    { "echo", 'e', 0, G_OPTION_ARG_NONE, &is_echo, "Answer with the request", NULL },
    { "text", 0, 0, G_OPTION_ARG_STRING, &text, "Answer with a text", "TEXT" },
    { "command", 'x', 0, G_OPTION_ARG_STRING, &command, "Answer with what a command of the shell prints; the request is its stdin, HAWSER_TOPIC its topic", "COMMAND" },
    { "content-type", 't', 0, G_OPTION_ARG_STRING, &content_type, "Media type of the answers", "TYPE" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &count, "End after this many requests", "N" },
    { "qos", 'Q', 0, G_OPTION_ARG_INT, &qos, "0, 1 (default) or 2", "N" },
    { "id", 'i', 0, G_OPTION_ARG_STRING, &id, "Client id", "ID" },
    { NULL }
  };
  Reply self = { .tool = tool };
  ToolLinkOptions options = { .no_retained = TRUE };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "FILTER…", "Answers requests.",
                   "A command that fails is answered too; its exit status is property exitstatus of the answer. Share the work among several:\n"
                   "hawser reply '$share/GROUP/FILTER' over mqtt:.\n"
                   "Exit status: 0 as many as asked for, 4 cannot connect or connection lost, 5 not authorized, 7 timed out before -C requests.", 1, -1, &code))
    return code;
  if (is_echo + (text != NULL) + (command != NULL) != 1)
    return tool_fail (tool, TOOL_USAGE, "reply wants one of: --echo, --text TEXT, --command COMMAND");
  if (qos < 0 || qos > 2 || count < 0)
    return tool_fail (tool, TOOL_USAGE, count < 0 ? "--count: more than nothing" : "--qos: 0, 1 or 2");
  self.text = text;
  self.command = command;
  self.is_echo = is_echo;
  self.content_type = content_type;
  self.count = count;
  self.qos = (guint8) qos;
  options.filters = (const char * const *) argv + 1;
  options.client_id = id;
  options.qos = (guint8) qos;
  return run (&self, &options);
}
