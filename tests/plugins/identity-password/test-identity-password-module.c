/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The module as the daemon opens it: found by its key file, opened on first use, its property a key of the configuration.
 * Links the shared library as every program does. */

#include <hawser/hawser.h>

static void
opens_and_takes_its_configuration (void)
{
  g_autoptr (HawserPluginRegistry) registry = hawser_plugin_registry_new ();
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) identity = NULL;
  g_autofree char *path = NULL, *report = NULL;
  g_autofree GParamSpec **pspecs = NULL;
  GObjectClass *klass;
  GType type;
  guint n;

  hawser_plugin_registry_add_path (registry, g_getenv ("HAWSER_TEST_PLUGIN_DIR"));
  type = hawser_plugin_registry_get_gtype (registry, "identity", "password", &error);
  g_assert_no_error (error);

  klass = g_type_class_ref (type);
  pspecs = g_object_class_list_properties (klass, &n);
  hawser_config_set_type_keys (config, "identity", "password", pspecs, n);
  hawser_config_add_text (config, "f", "[identity users]\ntype=password\npassword-file=/nonexistent/users\n", -1);
  hawser_config_check (config);
  report = hawser_config_report (config);
  g_assert_cmpstr (report, ==, "0 errors, 0 warnings in 1 file\n");

  identity = hawser_config_group_new_object (hawser_config_get_group (config, "identity", "users"), type, &error);
  g_assert_no_error (error);
  g_object_get (identity, "password-file", &path, NULL);
  g_assert_cmpstr (path, ==, "/nonexistent/users");
  g_assert_false (hawser_identity_load (HAWSER_IDENTITY (identity), &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
  g_type_class_unref (klass);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/identity-password/module/opens-and-takes-its-configuration", opens_and_takes_its_configuration);
  return g_test_run ();
}
