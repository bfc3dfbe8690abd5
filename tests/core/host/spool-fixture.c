/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "spool-fixture.h"

#include <glib/gstdio.h>

#include "store-sqlite.h"

#define DRAIN_US (10 * (gint64) G_USEC_PER_SEC)

HawserSpool *
spool_fixture_open (HawserBus *bus, const char *path)
{
  g_autoptr (StoreSqlite) store = store_sqlite_new ();
  g_autoptr (HawserSpool) spool = NULL;
  g_autoptr (GError) error = NULL;

  spool = hawser_spool_new (HAWSER_STORE (store), path, HAWSER_SPOOL_SYNC_ALWAYS, 0, &error);
  g_assert_no_error (error);
  hawser_bus_set_spool (bus, spool, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&spool);
}

void
spool_fixture_close (HawserBus *bus, HawserSpool *spool)
{
  hawser_bus_close (bus);
  hawser_spool_close (spool, DRAIN_US);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_object_unref (spool);
}

void
spool_fixture_remove (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_unlink (file);
    }
  g_rmdir (path);
}
