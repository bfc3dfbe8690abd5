/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What runs twins: it gives messages to behaviours and supervises them (hawser-twin-supervisor.c), keeps twins in a store
 * (hawser-twin-keeper.c), with the events of those that have a journal (hawser-twin-log.c), and wakes them by timers and
 * reminders (hawser-twin-reminders.c). One for the twins of a bus, which own it. Context: the bus's. */

#include "hawser-twin-host.h"
#include "hawser-twin-host-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "hawser-error.h"
#include "hawser-hash.h"

G_DEFINE_FINAL_TYPE (HawserTwinHost, hawser_twin_host, G_TYPE_OBJECT)

static const HawserTwinHostFuncs funcs = {
  .message = hawser_twin_host_on_message,
  .changed = hawser_twin_host_on_changed,
  .patched = hawser_twin_host_on_patched,
  .removed = hawser_twin_host_on_removed,
  .is_stopped = hawser_twin_host_is_stopped,
  .leave = hawser_twin_host_on_leave,
  .commit = hawser_twin_host_on_commit,
  .store = hawser_twin_host_store,
  .stored = hawser_twin_host_stored,
};

static void
dispose (GObject *object)
{
  HawserTwinHost *self = HAWSER_TWIN_HOST (object);

  hawser_twin_keeper_end (self);
  hawser_twin_reminders_end (self);
  g_hash_table_remove_all (self->wards);
  if (self->twins != NULL)
    {
      if (self->at_end.flush != NULL)
        hawser_lane_unmark_dirty (self->twins->bus->lane, &self->at_end);
      self->twins->host_funcs = NULL;
      self->twins->host = NULL;
      self->twins = NULL;
    }
  G_OBJECT_CLASS (hawser_twin_host_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserTwinHost *self = HAWSER_TWIN_HOST (object);

  g_hash_table_unref (self->wards);
  g_hash_table_unref (self->outages);
  hawser_twin_keeper_clear (self);
  hawser_twin_log_clear (self);
  hawser_twin_reminders_clear (self);
  G_OBJECT_CLASS (hawser_twin_host_parent_class)->finalize (object);
}

static void
hawser_twin_host_class_init (HawserTwinHostClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = dispose;
  object_class->finalize = finalize;
}

static void
hawser_twin_host_init (HawserTwinHost *self)
{
  self->outages = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->wards = g_hash_table_new_full (hawser_hash_string, g_str_equal, g_free, hawser_twin_ward_free);
  hawser_twin_keeper_init (self);
  hawser_twin_log_init (self);
  hawser_twin_reminders_init (self);
}

/**
 * hawser_twin_host_get:
 * @bus: a bus
 *
 * Context: the bus's.
 *
 * Returns: (transfer none): what runs the twins of @bus; made by the first call, gone with the bus
 * Since: 0.1
 */
HawserTwinHost *
hawser_twin_host_get (HawserBus *bus)
{
  HawserTwins *twins = hawser_twins_get (bus);
  HawserTwinHost *self = twins->host;

  if (self != NULL)
    return self;
  self = g_object_new (HAWSER_TYPE_TWIN_HOST, NULL);
  self->twins = twins;
  twins->host = self;
  twins->host_funcs = &funcs;
  return self;
}

/**
 * hawser_twin_host_set_behavior:
 * @self: a host
 * @family: name of a family, or of a single twin
 * @behavior: (nullable): what its twins do with messages; %NULL for nothing
 * @error: return location
 *
 * Each report is first taken as without a behaviour and then given to it; a message to the inbox goes to the device only if
 * the behaviour neither changes nor sends anything. An error restarts the twin: the message is tried again after 100 ms and
 * more, and more each time; when the third restart failed the message goes to the topic `deadletter/twin/ID` with the reason in
 * user property `reason`, and the behaviour of this one twin is stopped until hawser_twin_host_restart(). Topic $twin/failed/ID
 * tells of each failure.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND.
 *
 * Returns: %TRUE if there is such a family
 * Since: 0.1
 */
gboolean
hawser_twin_host_set_behavior (HawserTwinHost *self, const char *family, HawserTwinBehavior *behavior, GError **error)
{
  for (guint i = 1; i < self->twins->families->len; i++)
    {
      HawserTwinFamily *found = self->twins->families->pdata[i];

      if (strcmp (found->name, family) == 0)
        {
          g_set_object (&found->behavior_object, behavior != NULL ? G_OBJECT (behavior) : NULL);
          return TRUE;
        }
    }
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "there is no twin family '%s'", family);
  return FALSE;
}

/**
 * hawser_twin_host_set_page_dir:
 * @self: a host
 * @directory: (type filename): a directory on a local disk
 * @error: return location
 *
 * Where passivated twins are until they are used again: in a file without a name, which goes with the process. Without this they
 * are packed in memory. Once, before there are twins.
 *
 * Errors: %HAWSER_ERROR_UNAVAILABLE.
 *
 * Returns: %TRUE if the file is there
 * Since: 0.1
 */
gboolean
hawser_twin_host_set_page_dir (HawserTwinHost *self, const char *directory, GError **error)
{
  int fd = open (directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
    {
      /* a file system that cannot do that */
      g_autofree char *path = g_build_filename (directory, "twins-XXXXXX", NULL);

      fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
      if (fd >= 0)
        g_unlink (path);
    }
  if (fd < 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "passivated twins in '%s': %s", directory, g_strerror (errno));
      return FALSE;
    }
  hawser_twins_set_page_file (self->twins, fd);
  return TRUE;
}
