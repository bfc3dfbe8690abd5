/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser VERB: finds the verb and hands over. Each verb is a file of its own, verb-NAME.c. */

#include "tool.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const ToolVerb verbs[] = {
  { "pub", "Messages", "TOPIC [PAYLOAD]", "Publish a message, or one for each line of stdin", tool_verb_pub },
  { "sub", "Messages", "FILTER…", "Print messages as they come", tool_verb_sub },
  { "replay", "Messages", "FILE", "Publish a recording made by sub --record, at its own pace", tool_verb_replay },
  { "req", "Messages", "TOPIC [PAYLOAD]", "Send a request and print the answer", tool_verb_req },
  { "reply", "Messages", "FILTER…", "Answer requests: with themselves, a text, or what a command prints", tool_verb_reply },
  { "status", "Look", "", "One screen; the exit status says ready or not", tool_verb_status },
  { "observe", "Look", "FILTER", "Look at messages, numbers or errors of topics for a while", tool_verb_observe },
  { "topic", "Look", "list|show|add|remove|purge", "Topics and their metadata", tool_verb_topic },
  { "subs", "Look", "list|show|add|remove|pause|resume", "Subscriptions", tool_verb_subs },
  { "conn", "Look", "list|show|kick", "Connections", tool_verb_conn },
  { "listener", "Look", "list|show", "Listeners", tool_verb_listener },
  { "bridge", "Look", "list", "Bridges to other brokers", tool_verb_bridge },
  { "twin", "Look", "tree|list|show|get|set|watch|query", "Twins: what things report and what is counted of them", tool_verb_twin },
  { "top", "Look", "", "Topics, sinks and connections by what passes, as it passes", tool_verb_top },
  { "slow", "Look", "", "Subscriptions that are behind, the longest queue first", tool_verb_slow },
  { "trace", "Look", "[FILTER…]", "Messages of topics or of a client as they pass, for a while", tool_verb_trace },
  { "bench", "Measure", "pub|sub|fanout|req|conn", "How many messages pass in a second, and how long each takes", tool_verb_bench },
  { "rtt", "Measure", "", "Round trips to the bus and back", tool_verb_rtt },
  { "check", "Operate", "listener|topic|sink|twin|cert|lag", "One thing, in the words and exit codes of Nagios", tool_verb_check },
  { "config", "Operate", "check|print|diff|explain|sample|import", "The configuration of hawserd", tool_verb_config },
  { "policy", "Operate", "list|show|set|remove|test", "Who may do what, and why not", tool_verb_policy },
  { "ban", "Operate", "list|add|remove", "Who may not connect for a while", tool_verb_ban },
  { "reload", "Operate", "", "Has a running daemon read its configuration again", tool_verb_reload },
  { "log", "Operate", "", "The daemon's log, from the journal", tool_verb_log },
  { "token", "Operate", "inspect", "What a JWT says", tool_verb_token },
  { "sink", "Operate", "list|show|test|pause|resume|flush|redrive", "Sinks of a running daemon", tool_verb_sink },
  { "spool", "Operate", "check", "What waits on the disk", tool_verb_spool },
  { "inspect", "Extend", "[PLUGIN|TYPE]", "What a plugin offers: types, settings, defaults", tool_verb_inspect },
  { "plugin", "Extend", "list", "Plugins that were found", tool_verb_plugin },
  { "context", "Comfort", "add|list|select|show|remove", "Saved connections", tool_verb_context },
  { "completion", "Comfort", "bash|zsh|fish", "Completion for a shell", tool_verb_completion },
  { "help", "Comfort", "[VERB]", "This list, or the options of a verb", tool_verb_help },
  { "version", "Comfort", "", "The version", tool_verb_version },
};

const ToolVerb *
tool_get_verbs (guint *out_n)
{
  *out_n = G_N_ELEMENTS (verbs);
  return verbs;
}

static const ToolVerb *
find_verb (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (verbs[i].name, name) == 0)
      return &verbs[i];
  return NULL;
}

/* Index of the verb in @argv: the first word that is neither an option nor the value of one. */
static int
find_verb_word (int    argc,
                char **argv)
{
  static const char * const with_value[] = {
    "-u", "--url", "-c", "--context", "--user", "--password-file", "--token-file", "--ca-file", "--certificate-file",
    "--private-key-file", "--color", "-W", "--timeout", "--output", "--columns", "--sort-by", NULL
  };

  for (int i = 1; i < argc; i++)
    {
      if (argv[i][0] != '-')
        return i;
      if (g_strv_contains (with_value, argv[i]))
        i++;
    }
  return argc;
}

static void
log_to_stderr (const char     *domain,
               GLogLevelFlags  level,
               const char     *text,
               gpointer        data)
{
  const Tool *tool = data;

  /* Libraries talk too: -v shows what Hawser itself has to say. */
  if ((level & G_LOG_LEVEL_MASK) <= G_LOG_LEVEL_WARNING ||
      (tool->is_verbose && domain != NULL && g_str_has_prefix (domain, "hawser")))
    g_printerr ("hawser: %s\n", text);
}

int
main (int    argc,
      char **argv)
{
  Tool tool = { .exit_code = -1, .is_terminal = isatty (STDOUT_FILENO) };
  const ToolVerb *verb;
  int word, code;

  setlocale (LC_ALL, "");
  g_set_prgname ("hawser");
  /* Sockets must not end us; a closed stdout does, in tool_flush(). */
  signal (SIGPIPE, SIG_IGN);
  g_log_set_default_handler (log_to_stderr, &tool);

  word = find_verb_word (argc, argv);
  if (word == argc)
    {
      for (int i = 1; i < argc; i++)
        if (strcmp (argv[i], "--version") == 0)
          return tool_verb_version (&tool, 1, argv);
        else if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0)
          return tool_verb_help (&tool, 1, argv);
      return tool_fail (&tool, TOOL_USAGE, "which verb? See: hawser help");
    }
  verb = find_verb (argv[word]);
  if (verb == NULL)
    return tool_fail (&tool, TOOL_USAGE, "there is no verb '%s'. See: hawser help", argv[word]);

  /* The verb leaves the middle, options before it stay: argv[0] is the verb's place. */
  memmove (argv + word, argv + word + 1, sizeof (char *) * (gsize) (argc - word));
  argc--;
  tool.program_verb = verb->name;
  code = verb->run (&tool, argc, argv);
  if (!tool_flush (&tool) && code == TOOL_DONE)
    code = tool_fail (&tool, TOOL_FAILED, "cannot write to stdout");
  return code;
}
