/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The module as the daemon opens it: found by its key file, opened on first use, and a spool runs on it. */

#include <hawser/hawser.h>

#include <glib/gstdio.h>

static void
opens_and_carries_a_spool (void)
{
  g_autoptr (HawserPluginRegistry) registry = hawser_plugin_registry_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserStore) store = NULL;
  g_autoptr (HawserSpool) spool = NULL;
  g_autofree char *dir = g_dir_make_tmp ("hawser-module-XXXXXX", NULL), *path = g_build_filename (dir, "spool.db", NULL);
  g_autofree char *mark = g_strconcat (path, "-mark", NULL);
  GType type;

  hawser_plugin_registry_add_path (registry, g_getenv ("HAWSER_TEST_PLUGIN_DIR"));
  type = hawser_plugin_registry_get_gtype (registry, "store", "sqlite", &error);
  g_assert_no_error (error);
  g_assert_true (g_type_is_a (type, HAWSER_TYPE_STORE));

  store = g_object_new (type, NULL);
  spool = hawser_spool_new (store, path, HAWSER_SPOOL_SYNC_ALWAYS, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (hawser_spool_add_queue (spool, "one", NULL), ==, 1);
  hawser_spool_close (spool, 10 * G_USEC_PER_SEC);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_unlink (mark), ==, 0);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/store-sqlite/module/opens-and-carries-a-spool", opens_and_carries_a_spool);
  return g_test_run ();
}
