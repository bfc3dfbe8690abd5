/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every verb shares: global options, messages to stderr, the waiting loop and how it ends. A verb returns its exit
 * status and writes data, and nothing else, to stdout. */

#include "tool.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SECRET_LEN 65536 /* bytes; ours: no password, token or key file of a sane size is longer */

static gboolean
resolve_timeout (Tool    *tool,
                 GError **error)
{
  if (tool->timeout == NULL)
    return TRUE;
  if (!hawser_duration_parse (tool->timeout, &tool->timeout_us, error))
    return FALSE;
  /* "At once" is the shortest time there is; 0 would mean none. */
  if (tool->timeout_us == 0)
    tool->timeout_us = 1;
  return TRUE;
}

static gboolean
resolve_output (Tool *tool)
{
  if (tool->output == NULL || strcmp (tool->output, "table") == 0)
    return TRUE;
  if (strcmp (tool->output, "json") == 0)
    tool->is_json = TRUE;
  else if (strcmp (tool->output, "csv") == 0)
    tool->is_csv = TRUE;
  else if (strcmp (tool->output, "names") == 0)
    tool->is_names = TRUE;
  else
    {
      tool_fail (tool, TOOL_USAGE, "--output=%s: table, json, csv or names", tool->output);
      return FALSE;
    }
  return TRUE;
}

/* `-C1` is what people write: the value of a one-letter option may stand with it. What is made lives as long as the program: verbs keep words. */
static char **
split_words (int                 argc,
             char              **argv,
             const GOptionEntry *entries,
             int                *out_argc)
{
  static GPtrArray *kept;
  GPtrArray *words = g_ptr_array_new ();
  gboolean is_over = FALSE;

  if (kept == NULL)
    kept = g_ptr_array_new ();
  for (int i = 0; i < argc; i++)
    {
      gboolean has_value = FALSE;

      is_over |= strcmp (argv[i], "--") == 0;
      if (!is_over && i > 0 && argv[i][0] == '-' && g_ascii_isalpha (argv[i][1]) && argv[i][2] != '\0' && argv[i][2] != '=')
        {
          has_value = strchr ("ucW", argv[i][1]) != NULL;
          for (const GOptionEntry *entry = entries; entry != NULL && entry->long_name != NULL; entry++)
            if (entry->short_name == argv[i][1])
              has_value = entry->arg != G_OPTION_ARG_NONE;
        }
      if (has_value)
        {
          g_ptr_array_add (kept, g_strndup (argv[i], 2));
          g_ptr_array_add (words, kept->pdata[kept->len - 1]);
        }
      g_ptr_array_add (words, has_value ? argv[i] + 2 : argv[i]);
    }
  *out_argc = (int) words->len;
  g_ptr_array_add (words, NULL);
  g_ptr_array_add (kept, words);
  return (char **) words->pdata;
}

static void
add_global_options (Tool           *tool,
                    GOptionContext *options)
{
  const GOptionEntry entries[] = {
    { "url", 'u', 0, G_OPTION_ARG_STRING, &tool->url, "Where the bus is: mqtt://HOST:PORT, mqtts:, ws:, wss:, http:, https:, unix:PATH", "URL" },
    { "context", 'c', 0, G_OPTION_ARG_STRING, &tool->context, "A saved connection (hawser context)", "NAME" },
    { "user", 0, 0, G_OPTION_ARG_STRING, &tool->user, "User name", "NAME" },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &tool->password_file, "File with the password", "FILE" },
    { "token-file", 0, 0, G_OPTION_ARG_FILENAME, &tool->token_file, "File with a bearer token", "FILE" },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &tool->ca_file, "Certificates that are trusted, PEM", "FILE" },
    { "certificate-file", 0, 0, G_OPTION_ARG_FILENAME, &tool->certificate_file, "Our certificate, PEM", "FILE" },
    { "private-key-file", 0, 0, G_OPTION_ARG_FILENAME, &tool->private_key_file, "Its private key, PEM", "FILE" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &tool->is_json, "One JSON document, or one a line for streams", NULL },
    { "output", 0, 0, G_OPTION_ARG_STRING, &tool->output, "Lists: table, json, csv or names", "FORM" },
    { "columns", 0, 0, G_OPTION_ARG_STRING, &tool->columns, "Lists: these only, such as id,LAG=n_queued,LAT=/gps/lat", "NAMES" },
    { "sort-by", 0, 0, G_OPTION_ARG_STRING, &tool->sort_by, "Lists: in the order of this; -NAME for the largest first", "NAME" },
    { "names", 0, 0, G_OPTION_ARG_NONE, &tool->is_names, "Lists: names only, one a line", NULL },
    { "full", 0, 0, G_OPTION_ARG_NONE, &tool->is_full, "Lists: do not shorten to the width of the terminal", NULL },
    { "no-legend", 0, 0, G_OPTION_ARG_NONE, &tool->has_no_legend, "Lists: no heading", NULL },
    { "color", 0, 0, G_OPTION_ARG_STRING, &tool->color, "auto, always or never (also NO_COLOR)", "WHEN" },
    { "timeout", 'W', 0, G_OPTION_ARG_STRING, &tool->timeout, "End after this time: seconds, or 500ms, 2min, ...", "TIME" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &tool->is_quiet, "Nothing on stderr but failures", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &tool->is_verbose, "More; for sub: the topic before each payload", NULL },
    { NULL }
  };

  g_option_context_add_main_entries (options, entries, NULL);
}

/**
 * tool_parse:
 * @min_args: positional arguments that must be there
 * @max_args: and may, -1 for any number
 * @out_code: exit status when %FALSE is returned
 *
 * Parses the options of one verb together with the global ones. On success @argv holds the verb and its positional arguments.
 */
gboolean
tool_parse (Tool               *tool,
            int                *argc,
            char             ***argv,
            const GOptionEntry *entries,
            const char         *usage,
            const char         *summary,
            const char         *description,
            int                 min_args,
            int                 max_args,
            int                *out_code)
{
  g_autoptr (GOptionContext) options = g_option_context_new (usage);
  g_autofree char *name = g_strdup_printf ("hawser %s", tool->program_verb);
  g_autoptr (GError) error = NULL;

  g_set_prgname (name); /* what the usage line begins with */
  *argv = split_words (*argc, *argv, entries, argc);
  g_option_context_set_summary (options, summary);
  if (description != NULL)
    g_option_context_set_description (options, description);
  if (entries != NULL)
    g_option_context_add_main_entries (options, entries, NULL);
  add_global_options (tool, options);

  *out_code = TOOL_USAGE;
  if (!g_option_context_parse (options, argc, argv, &error) || !resolve_timeout (tool, &error))
    {
      tool_fail (tool, TOOL_USAGE, "%s", error->message);
      return FALSE;
    }
  /* GOption leaves the "--" that separates options from operands that begin with a dash. */
  if (*argc > 1 && strcmp ((*argv)[1], "--") == 0)
    {
      memmove (*argv + 1, *argv + 2, sizeof (char *) * (gsize) (*argc - 1));
      (*argc)--;
    }
  if (!resolve_output (tool))
    return FALSE;
  if (tool->color != NULL && strcmp (tool->color, "auto") != 0 && strcmp (tool->color, "always") != 0 &&
      strcmp (tool->color, "never") != 0)
    {
      tool_fail (tool, TOOL_USAGE, "--color=%s: auto, always or never", tool->color);
      return FALSE;
    }
  if (*argc - 1 < min_args || (max_args >= 0 && *argc - 1 > max_args))
    {
      tool_fail (tool, TOOL_USAGE, "usage: hawser %s %s", tool->program_verb, usage);
      return FALSE;
    }
  *out_code = TOOL_DONE;
  return TRUE;
}

/* `hawser topic list`: the second word picks from a table of its own. */
int
tool_run_sub_verb (Tool           *tool,
                   const ToolVerb *verbs,
                   guint           n_verbs,
                   int             argc,
                   char          **argv)
{
  g_autoptr (GString) names = g_string_new (NULL);
  int word = 1;

  /* Global options may stand between the two words; those with a value take the next word with them. */
  while (word < argc && argv[word][0] == '-' && strcmp (argv[word], "--help") != 0 && strcmp (argv[word], "-h") != 0)
    {
      gboolean has_value = strlen (argv[word]) == 2 ? strchr ("ucW", argv[word][1]) != NULL
        : strchr (argv[word], '=') == NULL &&
          (g_str_has_suffix (argv[word], "-file") || strcmp (argv[word], "--url") == 0 ||
           strcmp (argv[word], "--context") == 0 || strcmp (argv[word], "--user") == 0 ||
           strcmp (argv[word], "--color") == 0 || strcmp (argv[word], "--output") == 0 ||
           strcmp (argv[word], "--columns") == 0 || strcmp (argv[word], "--sort-by") == 0 || strcmp (argv[word], "--timeout") == 0);

      word += has_value ? 2 : 1;
    }
  for (guint i = 0; i < n_verbs; i++)
    {
      g_string_append_printf (names, "%s%s", i > 0 ? "|" : "", verbs[i].name);
      if (word < argc && strcmp (argv[word], verbs[i].name) == 0)
        {
          g_autofree char *full = g_strdup_printf ("%s %s", tool->program_verb, verbs[i].name);

          /* The second word goes; the options that stood before it stay. */
          memmove (argv + word, argv + word + 1, sizeof (char *) * (gsize) (argc - word));
          tool->program_verb = g_intern_string (full);
          return verbs[i].run (tool, argc - 1, argv);
        }
    }
  if (word < argc && (strcmp (argv[word], "--help") == 0 || strcmp (argv[word], "-h") == 0))
    {
      for (guint i = 0; i < n_verbs; i++)
        g_print ("  hawser %s %s %s\n      %s\n", tool->program_verb, verbs[i].name, verbs[i].usage, verbs[i].summary);
      return TOOL_DONE;
    }
  if (word < argc)
    return tool_fail (tool, TOOL_USAGE, "no '%s' in hawser %s: %s", argv[word], tool->program_verb, names->str);
  return tool_fail (tool, TOOL_USAGE, "usage: hawser %s %s", tool->program_verb, names->str);
}

/* One line to stderr; returns @code, so that a verb can end with it. */
int
tool_fail (Tool       *tool,
           int         code,
           const char *format,
           ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("hawser: %s\n", text);
  return code;
}

/* The exit status that answers "what should the caller do differently?" as the error code does. */
int
tool_fail_error (Tool         *tool,
                 const GError *error)
{
  int code = TOOL_FAILED;

  if (error->domain == HAWSER_ERROR)
    switch ((HawserError) error->code)
      {
      case HAWSER_ERROR_NOT_AUTHORIZED: code = TOOL_NOT_AUTHORIZED; break;
      case HAWSER_ERROR_NOT_FOUND: code = TOOL_NOT_FOUND; break;
      case HAWSER_ERROR_TIMEOUT: code = TOOL_TIMED_OUT; break;
      case HAWSER_ERROR_UNAVAILABLE: code = TOOL_NO_CONNECTION; break;
      default: break;
      }
  else if (error->domain == G_OPTION_ERROR)
    code = TOOL_USAGE;
  return tool_fail (tool, code, "%s", error->message);
}

/* Something a person likes to know and a script does not need. */
void
tool_note (Tool       *tool,
           const char *format,
           ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (tool->is_quiet)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("%s\n", text);
}

/* The first line of a file that holds a secret; NULL with *out_code set when there is none. */
char *
tool_read_secret (Tool       *tool,
                  const char *file,
                  int        *out_code)
{
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  GStatBuf info;
  gsize len = 0;

  if (g_stat (file, &info) == 0 && S_ISREG (info.st_mode))
    {
      if (info.st_size > MAX_SECRET_LEN)
        {
          *out_code = tool_fail (tool, TOOL_USAGE, "%s: longer than %d bytes", file, MAX_SECRET_LEN);
          return NULL;
        }
      if ((info.st_mode & (S_IRGRP | S_IROTH)) != 0)
        tool_note (tool, "hawser: warning: others may read %s", file);
    }
  if (!g_file_get_contents (file, &bytes, &len, &error))
    {
      *out_code = tool_fail (tool, TOOL_USAGE, "%s", error->message);
      return NULL;
    }
  bytes[strcspn (bytes, "\r\n")] = '\0';
  return g_steal_pointer (&bytes);
}

gboolean
tool_uses_color (Tool *tool)
{
  const char *no_color = g_getenv ("NO_COLOR");

  if (tool->color != NULL && strcmp (tool->color, "auto") != 0)
    return strcmp (tool->color, "always") == 0;
  return tool->is_terminal && (no_color == NULL || no_color[0] == '\0') && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

/* Writes out what stdout holds. A reader that went away ends us without a word, by the signal, as it ends cat(1). */
gboolean
tool_flush (Tool *tool)
{
  errno = 0;
  if (fflush (stdout) == 0 && !ferror (stdout))
    return TRUE;
  if (errno == EPIPE || errno == 0)
    {
      signal (SIGPIPE, SIG_DFL);
      raise (SIGPIPE);
    }
  return FALSE;
}

static gboolean
on_interrupted (gpointer data)
{
  tool_quit (data, TOOL_INTERRUPTED);
  return G_SOURCE_REMOVE;
}

/* Runs until tool_quit(), which may have come before; returns its code. */
int
tool_wait (Tool *tool)
{
  if (tool->exit_code >= 0)
    return tool->exit_code;
  g_unix_signal_add (SIGINT, on_interrupted, tool);
  g_unix_signal_add (SIGTERM, on_interrupted, tool);
  tool->loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (tool->loop);
  g_clear_pointer (&tool->loop, g_main_loop_unref);
  return tool->exit_code;
}

/* The first code stays. */
void
tool_quit (Tool *tool,
           int   code)
{
  if (tool->exit_code < 0)
    tool->exit_code = code;
  if (tool->loop != NULL)
    g_main_loop_quit (tool->loop);
}
