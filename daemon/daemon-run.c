/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From start to end: the assembly is started, `ready` is said, signals end it. SIGTERM, SIGINT and
 * SIGHUP (the configuration is read again, sinks reopen their files) come through a descriptor in the main loop, so nothing runs in a signal handler and GLib needs no thread of its own for them. */

#include "daemon.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

typedef struct {
  HawserAssembly *assembly;
  char **files, **settings;  /* of the command line */
  GMainLoop *loop;
  GCancellable *deadline;
  guint deadline_id;
  guint watch_id;
  int signal_fd;
  gboolean is_stopping;
  int code;
} Run;

static void
on_drained (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (GError) error = NULL;
  Run *self = data;

  if (!hawser_assembly_drain_finish (HAWSER_ASSEMBLY (source), result, &error))
    g_warning ("%s", error->message);
  g_main_loop_quit (self->loop);
}

static gboolean
on_deadline (gpointer data)
{
  Run *self = data;

  self->deadline_id = 0;
  g_cancellable_cancel (self->deadline);
  return G_SOURCE_REMOVE;
}

static void
stop (Run *self)
{
  HawserConfigGroup *group = hawser_config_get_group (hawser_assembly_get_config (self->assembly), "hawser", NULL);
  gint64 timeout_us = hawser_config_group_get_duration_us (group, "stop-timeout");

  self->is_stopping = TRUE;
  daemon_notify ("STOPPING=1");
  g_message ("stopping");
  self->deadline_id = g_timeout_add ((guint) MIN (timeout_us / 1000, G_MAXUINT), on_deadline, self);
  hawser_assembly_drain_async (self->assembly, self->deadline, on_drained, self);
}

/* The same files again: what takes effect with the next start only. NULL: what is wrong is said with its place, and nothing has
 * changed. */
static char **
reload (gpointer data, GError **error)
{
  g_autofree char *reloading = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());
  Run *self = data;
  g_autoptr (GError) problem = NULL;
  g_autoptr (HawserConfig) config = NULL;
  char **cold = NULL;

  if (self->is_stopping)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the daemon stops");
      return NULL;
    }
  daemon_notify (reloading);
  hawser_assembly_reopen (self->assembly);
  config = daemon_config_read (self->files, self->settings, daemon_builtin_config, &problem);
  if (config != NULL && hawser_assembly_reload (self->assembly, config, &cold, &problem))
    {
      for (guint i = 0; cold[i] != NULL; i++)
        g_warning ("%s takes effect with the next start", cold[i]);
      daemon_log_configure (hawser_config_get_group (config, "log", NULL));
      g_message ("the configuration was reloaded");
    }
  else
    {
      g_autofree char *report = config != NULL ? hawser_config_report (config) : g_strdup ("");

      fputs (report, stderr);
      g_warning ("the configuration stays as it was: %s", problem->message);
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s%s%s", problem->message, *report != '\0' ? "\n" : "", report);
    }
  daemon_notify ("READY=1");
  return cold;
}

static gboolean
on_signal (int          fd,
           GIOCondition condition,
           gpointer     data)
{
  struct signalfd_siginfo info;
  Run *self = data;

  if (read (fd, &info, sizeof info) != sizeof info)
    return G_SOURCE_CONTINUE;
  if (info.ssi_signo == SIGHUP)
    {
      g_strfreev (reload (self, NULL));
      return G_SOURCE_CONTINUE;
    }
  if (!self->is_stopping)
    {
      stop (self);
      return G_SOURCE_CONTINUE;
    }
  g_warning ("stopped at once by a second signal");
  hawser_assembly_stop (self->assembly);
  self->code = DAEMON_FAILED;
  g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

/* Blocked before any thread exists, so that every thread inherits it. */
static gboolean
take_signals (Run *self)
{
  sigset_t wanted;

  sigemptyset (&wanted);
  sigaddset (&wanted, SIGTERM);
  sigaddset (&wanted, SIGINT);
  sigaddset (&wanted, SIGHUP);
  if (sigprocmask (SIG_BLOCK, &wanted, NULL) == 0)
    self->signal_fd = signalfd (-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  if (self->signal_fd < 0)
    {
      g_printerr ("hawserd: signals: %s\n", g_strerror (errno));
      return FALSE;
    }
  g_unix_fd_add (self->signal_fd, G_IO_IN, on_signal, self);
  return TRUE;
}

static void
say_ready (Run *self)
{
  g_autofree char *line = hawser_assembly_dup_ready_line (self->assembly);

  g_print ("%s\n", line);
  fflush (stdout);
  daemon_notify ("READY=1");
  self->watch_id = daemon_watch ();
}

int
daemon_run (HawserBus      *bus,
            HawserAssembly *assembly,
            DaemonDemo     *demo,
            char          **files,
            char          **settings)
{
  g_autoptr (GError) error = NULL;
  Run self = { .assembly = assembly, .signal_fd = -1, .files = files, .settings = settings };

  if (!take_signals (&self))
    return DAEMON_FAILED;
  if (!hawser_assembly_start (assembly, &error))
    {
      g_printerr ("hawserd: %s\n", error->message);
      if (demo != NULL)
        g_printerr ("hawserd: another port: hawserd --demo=%s --set listener.mqtt.address=tcp:127.0.0.1:0 "
                    "--set listener.web.address=tcp:127.0.0.1:0\n", daemon_demo_get_name (demo));
      return DAEMON_FAILED;
    }
  hawser_bus_set_reload (bus, reload, &self);
  self.loop = g_main_loop_new (NULL, FALSE);
  self.deadline = g_cancellable_new ();
  say_ready (&self);
  if (demo != NULL)
    daemon_demo_start (demo, assembly);
  g_main_loop_run (self.loop);
  hawser_bus_set_reload (bus, NULL, NULL);
  g_clear_handle_id (&self.deadline_id, g_source_remove);
  g_clear_handle_id (&self.watch_id, g_source_remove);
  g_object_unref (self.deadline);
  g_main_loop_unref (self.loop);
  close (self.signal_fd);
  return self.code;
}
