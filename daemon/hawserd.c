/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawserd: reads the configuration, checks all of it, and runs the bus it describes. Nothing here knows a protocol or a sink:
 * the library assembles what the plugins offer. */

#include "daemon.h"

#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

typedef struct {
  char **files;
  char **settings;
  char *demo;
  gboolean check;
  gboolean print;
  gboolean version;
} Options;

static void
options_clear (Options *self)
{
  g_strfreev (self->files);
  g_strfreev (self->settings);
  g_free (self->demo);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse (Options *self,
       int      argc,
       char   **argv)
{
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME_ARRAY, &self->files, "Configuration, instead of what the system has (repeatable: later wins)", "FILE" },
    { "set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->settings, "One setting, over all files (repeatable)", "KIND.NAME.KEY=VALUE" },
    { "check-config", 't', 0, G_OPTION_ARG_NONE, &self->check, "Find everything that is wrong with it and end", NULL },
    { "print-config", 0, 0, G_OPTION_ARG_NONE, &self->print, "Print what is in effect, without secrets, and end", NULL },
    { "demo", 0, 0, G_OPTION_ARG_STRING, &self->demo, "Run a demonstration on this machine: flight, sites", "NAME" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &self->version, "Print the version and end", NULL },
    { NULL }
  };
  g_autoptr (GOptionContext) options = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (options, "The message bus. Without a configuration: MQTT on 127.0.0.1:1883 and HTTP on 127.0.0.1:8080, for this "
                                "machine only, memory only.");
  g_option_context_set_description (options, "Exit status: 0 ended after draining, 1 failed, 2 usage, 3 bad configuration. See hawserd(8).");
  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, &argc, &argv, &error))
    {
      g_printerr ("hawserd: %s\n", error->message);
      return FALSE;
    }
  if (argc > 1)
    {
      g_printerr ("hawserd: '%s': see hawserd --help\n", argv[1]);
      return FALSE;
    }
  if (self->demo != NULL && self->files != NULL)
    {
      g_printerr ("hawserd: --demo brings its own configuration: --config does not go with it\n");
      return FALSE;
    }
  return TRUE;
}

/* Ten thousand connections are ten thousand descriptors; the soft limit is what a shell is comfortable with. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max)
    {
      limit.rlim_cur = limit.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
    }
}

static int
print_config (HawserConfig *config)
{
  g_autofree char *text = hawser_config_print (config, TRUE);

  g_print ("%s", text);
  return DAEMON_DONE;
}

static int
run (Options    *options,
     DaemonDemo *demo)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserConfig) config = NULL;
  g_autoptr (HawserBus) bus = NULL;
  g_autoptr (HawserAssembly) assembly = NULL;
  g_autofree char *report = NULL;
  const char *demo_files[] = { demo != NULL ? daemon_demo_get_file (demo) : NULL, NULL };
  gboolean is_good;

  config = daemon_config_read (demo != NULL ? (char **) demo_files : options->files, options->settings, daemon_builtin_config, &error);
  if (config == NULL)
    {
      g_printerr ("hawserd: %s\n", error->message);
      return DAEMON_USAGE;
    }
  daemon_log_configure (hawser_config_get_group (config, "log", NULL));
  bus = hawser_bus_new ();
  assembly = hawser_assembly_new (config, bus, hawser_plugin_registry_get_default ());
  is_good = hawser_assembly_build (assembly);
  report = hawser_config_report (config);
  if (options->check)
    g_print ("%s", report);
  else if (hawser_config_get_n_errors (config) + hawser_config_get_n_warnings (config) > 0)
    g_printerr ("%s", report);
  if (!is_good)
    return DAEMON_BAD_CONFIG;
  if (options->print)
    return print_config (config);
  if (options->check)
    return DAEMON_DONE;
  hawser_lane_wait_here (hawser_bus_get_lane (bus));
  return daemon_run (bus, assembly, demo, demo != NULL ? (char **) demo_files : options->files, options->settings);
}

int
main (int    argc,
      char **argv)
{
  g_auto (Options) options = { 0 };
  g_autoptr (DaemonDemo) demo = NULL;
  int code = DAEMON_DONE;

  setlocale (LC_ALL, "");
  g_set_prgname ("hawserd");
  /* One heap for all threads: there are few, and a second one costs resident memory in every idle daemon. */
  mallopt (M_ARENA_MAX, 1);
  /* Messages come and go at the top of the heap: given back at each lull, every burst faults its pages anew, which costs
   * more than all else that is done for a message of a kilobyte. What is kept is at most this much. */
  mallopt (M_TRIM_THRESHOLD, 4 << 20);
  mallopt (M_MMAP_THRESHOLD, 256 << 10); /* named, because naming the other would fix it at half of this */
  signal (SIGPIPE, SIG_IGN);
  daemon_log_begin ();
  if (!parse (&options, argc, argv))
    return DAEMON_USAGE;
  if (options.version)
    {
      g_print ("hawserd %s\n", HAWSER_VERSION_S);
      return DAEMON_DONE;
    }
  if (options.demo != NULL)
    {
      demo = daemon_demo_new (options.demo, &code);
      if (demo == NULL)
        return code;
    }
  raise_descriptor_limit ();
  code = run (&options, demo);
  daemon_log_end ();
  return code;
}
