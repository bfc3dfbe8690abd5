/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --demo=flight and --demo=sites: the configuration of an example with a state of its own in a fresh directory, a simulator
 * that fills it with life, and what to type next. Everything is removed at the end. */

#include "daemon.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A demonstration: an example of the source tree, installed under its name. */
typedef struct {
  const char *name;
  const char *folder;          /* of examples/ */
  const char *simulator;
  const char *directory_variable, *page_variable; /* of its configuration */
  const char *page;            /* under which path */
  const char *title;
  const char *hints;           /* two ports of MQTT, one of HTTP */
} Demo;

static const Demo demos[] = {
  { "flight", "pegasus", "flight-simulator", "FLIGHT_DIR", "FLIGHT_PAGE", "flight", "flight",
    "  hawser sub -u mqtt://127.0.0.1:%u -v 'craft/#'\n"
    "  mosquitto_sub -p %u -v -t 'craft/#'\n"
    "  curl -N 'http://127.0.0.1:%u/v1/events?filter=craft/%%23'\n" },
  { "sites", "power-plant", "site-simulator", "SITES_DIR", "SITES_PAGE", "sites", "power plant",
    "  hawser sub -u mqtt://127.0.0.1:%u -v 'grid/north/#'\n"
    "  mosquitto_sub -p %u -v -t 'grid/+/f1/s01/#'\n"
    "  curl 'http://127.0.0.1:%u/v1/twins/fleet/aggregate'\n" },
};

struct _DaemonDemo {
  const Demo *demo;
  char *file;
  char *state_dir;
  char *simulator;
  GSubprocess *process;
  GCancellable *cancellable;
};

/* The folder of this program, links resolved. */
static char *
find_program_dir (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  return path != NULL ? g_path_get_dirname (path) : g_strdup (".");
}

/* The first that exists: in $@variable, installed beside us, in the source tree above a build tree. */
static char *
find_file (const char *variable,
           const char *name,
           const char *installed,
           const char *in_tree)
{
  g_autofree char *program_dir = find_program_dir ();
  const char *directory = g_getenv (variable);
  char *candidates[] = {
    directory != NULL ? g_build_filename (directory, name, NULL) : NULL,
    g_build_filename (program_dir, "..", installed, name, NULL),
    g_build_filename (program_dir, "..", in_tree, name, NULL),
  };
  char *found = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++)
    {
      if (found == NULL && candidates[i] != NULL && g_file_test (candidates[i], G_FILE_TEST_EXISTS))
        found = g_canonicalize_filename (candidates[i], NULL);
      g_free (candidates[i]);
    }
  return found;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

static const Demo *
find_demo (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (demos); i++)
    if (strcmp (demos[i].name, name) == 0)
      return &demos[i];
  return NULL;
}

/* NULL: said why, *out_code is the exit status. */
DaemonDemo *
daemon_demo_new (const char *name,
                 int        *out_code)
{
  g_autoptr (DaemonDemo) self = g_new0 (DaemonDemo, 1);
  g_autofree char *page = NULL, *installed = NULL, *in_tree = NULL, *built = NULL, *template = NULL;
  g_autoptr (GError) error = NULL;

  self->demo = find_demo (name);
  if (self->demo == NULL)
    {
      g_printerr ("hawserd: --demo=%s: there are --demo=flight and --demo=sites\n", name);
      *out_code = DAEMON_USAGE;
      return NULL;
    }
  installed = g_build_filename (HAWSER_DEMO_FROM_BIN, name, NULL);
  in_tree = g_build_filename ("..", "examples", self->demo->folder, NULL);
  built = g_build_filename ("examples", self->demo->folder, self->demo->simulator, NULL);
  self->file = find_file ("HAWSER_DEMO_DIR", "hawser.conf", installed, in_tree);
  page = find_file ("HAWSER_DEMO_DIR", "page", installed, in_tree);
  self->simulator = find_file ("HAWSER_LIBEXEC_DIR", self->demo->simulator, HAWSER_LIBEXEC_FROM_BIN, built);
  if (self->file == NULL || page == NULL)
    {
      g_printerr ("hawserd: the files of the demo '%s' are not installed; HAWSER_DEMO_DIR says where they are\n", name);
      *out_code = DAEMON_FAILED;
      return NULL;
    }
  template = g_strdup_printf ("hawser-%s-XXXXXX", name);
  self->state_dir = g_dir_make_tmp (template, &error);
  if (self->state_dir == NULL)
    {
      g_printerr ("hawserd: %s\n", error->message);
      *out_code = DAEMON_FAILED;
      return NULL;
    }
  /* The configuration has these as variables. */
  g_setenv (self->demo->directory_variable, self->state_dir, TRUE);
  g_setenv (self->demo->page_variable, page, TRUE);
  self->cancellable = g_cancellable_new ();
  return g_steal_pointer (&self);
}

const char *
daemon_demo_get_name (DaemonDemo *self)
{
  return self->demo->name;
}

const char *
daemon_demo_get_file (DaemonDemo *self)
{
  return self->file;
}

/* In the child: the signals that we take through a descriptor work as usual, and our end is its end. */
static void
set_up_child (gpointer data)
{
  sigset_t none;

  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static void
on_simulator_ended (GObject      *source,
                    GAsyncResult *result,
                    gpointer      data)
{
  g_autoptr (GError) error = NULL;

  if (!g_subprocess_wait_check_finish (G_SUBPROCESS (source), result, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_warning ("the simulator ended: %s", error->message);
}

static void
start_simulator (DaemonDemo *self,
                 guint       port)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autofree char *url = g_strdup_printf ("mqtt://127.0.0.1:%u", port);
  g_autoptr (GError) error = NULL;

  g_subprocess_launcher_set_child_setup (launcher, set_up_child, NULL, NULL);
  self->process = g_subprocess_launcher_spawn (launcher, &error, self->simulator, "--url", url, "--exit-with-parent", NULL);
  if (self->process == NULL)
    {
      g_warning ("cannot start %s: %s", self->demo->simulator, error->message);
      return;
    }
  g_subprocess_wait_check_async (self->process, self->cancellable, on_simulator_ended, NULL);
}

static guint
find_port (HawserAssembly *assembly,
           const char     *name)
{
  GListModel *listeners = hawser_assembly_get_listeners (assembly);

  for (guint i = 0; i < g_list_model_get_n_items (listeners); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (listeners, i);

      if (strcmp (hawser_listener_get_name (listener), name) == 0)
        return hawser_listener_get_port (listener);
    }
  return 0;
}

/* After `ready`: it begins, and the reader learns where to look. */
void
daemon_demo_start (DaemonDemo     *self,
                   HawserAssembly *assembly)
{
  guint mqtt = find_port (assembly, "mqtt"), web = find_port (assembly, "web");
  g_autofree char *title = g_strdup_printf ("The %s:", self->demo->title);

  g_print ("\n%-17shttp://127.0.0.1:%u/%s/\n%-16shttp://127.0.0.1:%u/\n\nIn a second terminal:\n", title, web, self->demo->page, "The dashboard:", web);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* from the table above */
  g_print (self->demo->hints, mqtt, mqtt, web);
#pragma GCC diagnostic pop
  g_print ("\nCtrl-C ends it; what it stores is in %s until then.\n", self->state_dir);
  fflush (stdout);
  if (self->simulator != NULL)
    start_simulator (self, mqtt);
  else
    g_warning ("there is no %s here: the page stays still", self->demo->simulator);
}

void
daemon_demo_free (DaemonDemo *self)
{
  if (self == NULL)
    return;
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  if (self->process != NULL)
    {
      g_subprocess_send_signal (self->process, SIGTERM);
      g_subprocess_wait (self->process, NULL, NULL);
    }
  g_clear_object (&self->process);
  g_clear_object (&self->cancellable);
  if (self->state_dir != NULL)
    remove_tree (self->state_dir);
  g_free (self->state_dir);
  g_free (self->simulator);
  g_free (self->file);
  g_free (self);
}
