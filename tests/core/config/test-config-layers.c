/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which files count, in which order, and what a later one does to an earlier one. */

#include <hawser/hawser.h>

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  char *root;
  HawserConfig *config;
} Fixture;

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) directory = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->root = g_dir_make_tmp ("hawser-layers-XXXXXX", NULL);
  fixture->config = hawser_config_new ();
  g_unsetenv ("HAWSER_CONFIG");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unsetenv ("HAWSER_CONFIG");
  g_object_unref (fixture->config);
  remove_tree (fixture->root);
  g_free (fixture->root);
}

static void
put (Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (fixture->root, name, NULL), *directory = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (directory, 0755), ==, 0);
  if (g_str_has_prefix (text, "->"))
    g_assert_cmpint (symlink (text + 2, path), ==, 0);
  else
    g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static const char *
name_of (Fixture *fixture)
{
  return hawser_config_group_get_string (hawser_config_get_group (fixture->config, "hawser", NULL), "name");
}

static void
later_layers_win_key_by_key (Fixture *fixture, gconstpointer data)
{
  HawserConfigGroup *group;

  put (fixture, "usr/lib/hawser/conf.d/90-vendor.conf", "[hawser]\nname=vendor\nsync=never\n");
  put (fixture, "run/hawser/conf.d/80-run.conf", "[hawser]\nname=run\nthreads=3\n");
  put (fixture, "etc/hawser/hawser.conf", "[hawser]\nname=main\n[log]\nlevel=debug\n");
  put (fixture, "etc/hawser/conf.d/10-a.conf", "[hawser]\nname=a\n");
  put (fixture, "etc/hawser/conf.d/20-b.conf", "[hawser]\nname=b\n");
  g_assert_cmpuint (hawser_config_add_layers (fixture->config, fixture->root), ==, 5);
  group = hawser_config_get_group (fixture->config, "hawser", NULL);
  g_assert_cmpstr (name_of (fixture), ==, "b");
  g_assert_cmpstr (hawser_config_group_get_string (group, "sync"), ==, "never");
  g_assert_cmpuint (hawser_config_group_get_uint (group, "threads"), ==, 3);
  g_assert_true (hawser_config_check (fixture->config));
}

static void
the_same_name_shadows (Fixture *fixture, gconstpointer data)
{
  put (fixture, "usr/lib/hawser/conf.d/10-x.conf", "[hawser]\nname=vendor\nthreads=9\n");
  put (fixture, "etc/hawser/conf.d/10-x.conf", "[hawser]\nname=local\n");
  g_assert_cmpuint (hawser_config_add_layers (fixture->config, fixture->root), ==, 1);
  g_assert_cmpstr (name_of (fixture), ==, "local");
  g_assert_cmpuint (hawser_config_group_get_uint (hawser_config_get_group (fixture->config, "hawser", NULL), "threads"), ==, 0);
}

static void
a_link_to_dev_null_masks (Fixture *fixture, gconstpointer data)
{
  put (fixture, "usr/lib/hawser/conf.d/10-x.conf", "[hawser]\nname=vendor\n");
  put (fixture, "etc/hawser/conf.d/10-x.conf", "->/dev/null");
  g_assert_cmpuint (hawser_config_add_layers (fixture->config, fixture->root), ==, 0);
  g_assert_null (name_of (fixture));
}

static void
links_are_followed (Fixture *fixture, gconstpointer data)
{
  put (fixture, "mounted/..data/hawser", "[hawser]\nname=mounted\n");
  put (fixture, "etc/hawser/conf.d/10-x.conf", "->../../../mounted/..data/hawser");
  g_assert_cmpuint (hawser_config_add_layers (fixture->config, fixture->root), ==, 1);
  g_assert_cmpstr (name_of (fixture), ==, "mounted");
}

static void
only_conf_counts (Fixture *fixture, gconstpointer data)
{
  static const char * const others[] = { "a.conf~", "a.conf~~", "a.conf.bak", "a.CONF", ".a.conf", "aconf", "README" };

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *name = g_build_filename ("etc/hawser/conf.d", others[i], NULL);

      put (fixture, name, "[hawser]\nname=wrong\n");
    }
  g_assert_cmpuint (hawser_config_add_layers (fixture->config, fixture->root), ==, 0);
}

static void
the_environment_names_one_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->root, "own.conf", NULL);

  put (fixture, "etc/hawser/hawser.conf", "[hawser]\nname=main\n");
  put (fixture, "own.conf", "[hawser]\nname=own\n");
  g_setenv ("HAWSER_CONFIG", path, TRUE);
  g_assert_cmpuint (hawser_config_add_layers (fixture->config, fixture->root), ==, 1);
  g_assert_cmpstr (name_of (fixture), ==, "own");
}

static void
a_replaced_value_is_not_judged (Fixture *fixture, gconstpointer data)
{
  g_autofree char *origin = NULL;

  put (fixture, "usr/lib/hawser/conf.d/10-x.conf", "[hawser]\nsync=nonsense\nname=${HAWSER_TEST_UNSET}\n");
  put (fixture, "etc/hawser/hawser.conf", "[hawser]\n\nsync=interval\nname=x\n");
  hawser_config_add_layers (fixture->config, fixture->root);
  g_assert_true (hawser_config_check (fixture->config));
  origin = hawser_config_group_get_origin (hawser_config_get_group (fixture->config, "hawser", NULL), "sync");
  g_assert_true (g_str_has_suffix (origin, "/etc/hawser/hawser.conf:3"));
}

static void
a_drop_in_can_switch_off (Fixture *fixture, gconstpointer data)
{
  hawser_config_set_type_keys (fixture->config, "listener", "mqtt", NULL, 0);
  put (fixture, "etc/hawser/hawser.conf", "[listener m]\ntype=mqtt\naddress=tcp:0.0.0.0:1883\n");
  put (fixture, "etc/hawser/conf.d/off.conf", "[listener m]\nenabled=false\n");
  hawser_config_add_layers (fixture->config, fixture->root);
  g_assert_true (hawser_config_check (fixture->config));
  g_assert_false (hawser_config_group_get_boolean (hawser_config_get_group (fixture->config, "listener", "m"), "enabled"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/config/layers/later-ones-win-key-by-key", Fixture, NULL, set_up, later_layers_win_key_by_key, tear_down);
  g_test_add ("/config/layers/the-same-name-shadows", Fixture, NULL, set_up, the_same_name_shadows, tear_down);
  g_test_add ("/config/layers/a-link-to-dev-null-masks", Fixture, NULL, set_up, a_link_to_dev_null_masks, tear_down);
  g_test_add ("/config/layers/links-are-followed", Fixture, NULL, set_up, links_are_followed, tear_down);
  g_test_add ("/config/layers/only-conf-counts", Fixture, NULL, set_up, only_conf_counts, tear_down);
  g_test_add ("/config/layers/the-environment-names-one-file", Fixture, NULL, set_up, the_environment_names_one_file, tear_down);
  g_test_add ("/config/layers/a-replaced-value-is-not-judged", Fixture, NULL, set_up, a_replaced_value_is_not_judged, tear_down);
  g_test_add ("/config/layers/a-drop-in-can-switch-off", Fixture, NULL, set_up, a_drop_in_can_switch_off, tear_down);
  return g_test_run ();
}
