/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a good configuration says: values, defaults, variables, properties of objects, and the texts made from the tables. */

#include <hawser/hawser.h>

#include <glib/gstdio.h>
#include <string.h>

/* ---- an object with one property of each sort, as a plugin would have ---- */

typedef struct {
  GObject parent_instance;
  guint credit;
  gint64 timeout_us;
  guint64 limit;
  gboolean on;
  char *label;
  char **versions;
} Thing;

typedef GObjectClass ThingClass;

enum { PROP_0, PROP_CREDIT, PROP_TIMEOUT, PROP_LIMIT, PROP_ON, PROP_LABEL, PROP_VERSIONS };

static GType thing_get_type (void);
G_DEFINE_TYPE (Thing, thing, G_TYPE_OBJECT)

static void
thing_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  Thing *self = (Thing *) object;

  if (id == PROP_CREDIT)
    self->credit = g_value_get_uint (value);
  else if (id == PROP_TIMEOUT)
    self->timeout_us = g_value_get_int64 (value);
  else if (id == PROP_LIMIT)
    self->limit = g_value_get_uint64 (value);
  else if (id == PROP_ON)
    self->on = g_value_get_boolean (value);
  else if (id == PROP_LABEL)
    {
      g_free (self->label);
      self->label = g_value_dup_string (value);
    }
  else
    {
      g_strfreev (self->versions);
      self->versions = g_value_dup_boxed (value);
    }
}

static void
thing_finalize (GObject *object)
{
  g_free (((Thing *) object)->label);
  g_strfreev (((Thing *) object)->versions);
  G_OBJECT_CLASS (thing_parent_class)->finalize (object);
}

static void
thing_class_init (ThingClass *klass)
{
  klass->set_property = thing_set_property;
  klass->finalize = thing_finalize;
  g_object_class_install_property (klass, PROP_CREDIT, g_param_spec_uint ("credit", NULL, "Messages ahead", 1, 65535, 100, G_PARAM_WRITABLE));
  g_object_class_install_property (klass, PROP_TIMEOUT, hawser_param_spec_duration ("timeout", "Time to wait", 0, G_MAXINT64, 30 * G_USEC_PER_SEC, G_PARAM_WRITABLE));
  g_object_class_install_property (klass, PROP_LIMIT, hawser_param_spec_size ("limit", "Bytes to hold", 1, 1 << 30, 4096, G_PARAM_WRITABLE));
  g_object_class_install_property (klass, PROP_ON, g_param_spec_boolean ("on", NULL, "Whether", FALSE, G_PARAM_WRITABLE));
  g_object_class_install_property (klass, PROP_LABEL, g_param_spec_string ("label", NULL, "Words", "none", G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY));
  g_object_class_install_property (klass, PROP_VERSIONS, g_param_spec_boxed ("versions", NULL, "Versions", G_TYPE_STRV, G_PARAM_WRITABLE));
}

static void
thing_init (Thing *self)
{
}

static HawserConfig *
read_text (const char *text)
{
  HawserConfig *config = hawser_config_new ();
  GObjectClass *klass = g_type_class_ref (thing_get_type ());
  guint n;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties (klass, &n);

  for (gsize i = 0; i < 5; i++)
    hawser_config_set_type_keys (config, ((const char *[]) { "listener", "identity", "subscription", "bridge", "twin" })[i], "thing", pspecs, n);
  hawser_config_add_text (config, "f", text, -1);
  g_type_class_unref (klass);
  return config;
}

static void
assert_clean (HawserConfig *config)
{
  g_autofree char *report = NULL;

  hawser_config_check (config);
  report = hawser_config_report (config);
  g_assert_cmpstr (report, ==, "0 errors, 0 warnings in 1 file\n");
}

static void
values_and_defaults_are_read (void)
{
  g_autoptr (HawserConfig) config = read_text ("\xef\xbb\xbf# comment\r\n; another\n  [hawser]  \n name = edge 1 \t\r\nmax-message-size=4MiB\nplugins=mqtt; http;;\nthreads=2\n"
                                               "[subscription s]\ntopic=a/#\nbatch-age=1min\nspool-rate=2.5\ndurable=false\n[topic a/+/b#c d]\n");
  HawserConfigGroup *hawser = hawser_config_get_group (config, "hawser", NULL), *subscription = hawser_config_get_group (config, "subscription", "s");
  g_auto (GStrv) plugins = hawser_config_group_get_list (hawser, "plugins"), keys = hawser_config_group_list_keys (subscription);
  g_autofree char *origin = hawser_config_group_get_origin (hawser, "name"), *group_origin = hawser_config_group_get_origin (subscription, NULL);

  g_assert_cmpstr (hawser_config_group_get_string (hawser, "name"), ==, "edge 1");
  g_assert_cmpuint (hawser_config_group_get_size (hawser, "max-message-size"), ==, 4 << 20);
  g_assert_cmpstrv (plugins, ((const char *[]) { "mqtt", "http", NULL }));
  g_assert_cmpuint (hawser_config_group_get_uint (hawser, "threads"), ==, 2);
  g_assert_cmpstr (hawser_config_group_get_string (hawser, "sync"), ==, "always");
  g_assert_cmpint (hawser_config_group_get_duration_us (hawser, "sync-interval"), ==, G_USEC_PER_SEC);
  g_assert_null (hawser_config_group_get_string (hawser, "state-dir"));
  g_assert_cmpint (hawser_config_group_get_duration_us (subscription, "batch-age"), ==, 60 * G_USEC_PER_SEC);
  g_assert_cmpfloat (hawser_config_group_get_double (subscription, "spool-rate"), ==, 2.5);
  g_assert_false (hawser_config_group_get_boolean (subscription, "durable"));
  g_assert_true (hawser_config_group_get_boolean (subscription, "enabled"));
  g_assert_false (hawser_config_group_has (subscription, "enabled"));
  g_assert_cmpstrv (keys, ((const char *[]) { "topic", "batch-age", "spool-rate", "durable", NULL }));
  g_assert_cmpstr (origin, ==, "f:4");
  g_assert_cmpstr (group_origin, ==, "f:8");
  g_assert_nonnull (hawser_config_get_group (config, "topic", "a/+/b#c d"));
  g_assert_null (hawser_config_get_group (config, "topic", "b"));
  g_assert_cmpstr (hawser_config_group_get_string (hawser_config_get_group (config, "log", NULL), "level"), ==, "info");
}

static void
a_getter_reports_what_it_cannot_read (void)
{
  g_autoptr (HawserConfig) config = read_text ("[hawser]\nthreads=many\n");
  HawserConfigGroup *hawser = hawser_config_get_group (config, "hawser", NULL);

  g_assert_cmpuint (hawser_config_group_get_uint (hawser, "threads"), ==, 0);
  g_assert_cmpuint (hawser_config_group_get_uint (hawser, "threads"), ==, 0);
  g_assert_cmpuint (hawser_config_get_n_errors (config), ==, 1);
  hawser_config_check (config);
  g_assert_cmpuint (hawser_config_get_n_errors (config), ==, 1);
  hawser_config_group_add_problem (hawser, "threads", HAWSER_CONFIG_SEVERITY_ERROR, "more than the machine has");
  g_assert_cmpuint (hawser_config_get_n_errors (config), ==, 2);
}

static const struct {
  const char *raw, *text;
} expansions[] = {
  { "${HAWSER_TEST_SET}", "value" }, { "a${HAWSER_TEST_SET}b${HAWSER_TEST_SET}", "avaluebvalue" }, { "${HAWSER_TEST_UNSET:-default}", "default" },
  { "${HAWSER_TEST_EMPTY:-default}", "default" }, { "x${HAWSER_TEST_EMPTY}y", "xy" }, { "${HAWSER_TEST_UNSET:-}", "" }, { "${HAWSER_TEST_SET:-x}", "value" },
  { "${HAWSER_TEST_SET:?x}", "value" }, { "$$", "$" }, { "$${HAWSER_TEST_SET}", "${HAWSER_TEST_SET}" }, { "$x {y}", "$x {y}" }, { "100$", "100$" },
  { "${HAWSER_TEST_NESTED}", "${HAWSER_TEST_SET}" }, { "${HAWSER_TEST_GROUP}", "[listener evil]" }, { "${HAWSER_TEST_UNSET:-https://h:1/x}", "https://h:1/x" },
};

static void
variables_are_replaced_once (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (expansions); i++)
    {
      g_autofree char *text = g_strdup_printf ("[hawser]\nname=%s\n", expansions[i].raw);
      g_autoptr (HawserConfig) config = read_text (text);
      g_autoptr (GPtrArray) listeners = hawser_config_list_groups (config, "listener");

      g_assert_cmpstr (hawser_config_group_get_string (hawser_config_get_group (config, "hawser", NULL), "name"), ==, expansions[i].text);
      g_assert_cmpuint (listeners->len, ==, 0);
      assert_clean (config);
    }
}

#define THING "[listener t]\ntype=thing\naddress=unix:/run/t\n"

static void
properties_are_set (void)
{
  g_autoptr (HawserConfig) config = read_text (THING "credit=7\ntimeout=1.5s\nlimit=2KiB\non=true\nlabel=x\nversions=5.0;3.1.1;\n");
  HawserConfigGroup *group = hawser_config_get_group (config, "listener", "t");
  g_autoptr (GError) error = NULL;
  g_autoptr (GObject) object = hawser_config_group_new_object (group, thing_get_type (), &error);
  Thing *thing = (Thing *) object;

  g_assert_no_error (error);
  g_assert_cmpuint (thing->credit, ==, 7);
  g_assert_cmpint (thing->timeout_us, ==, 1500000);
  g_assert_cmpuint (thing->limit, ==, 2048);
  g_assert_true (thing->on);
  g_assert_cmpstr (thing->label, ==, "x");
  g_assert_cmpstrv (thing->versions, ((const char *[]) { "5.0", "3.1.1", NULL }));
  thing->credit = 0;
  g_assert_true (hawser_config_group_apply_properties (group, object, &error));
  g_assert_cmpuint (thing->credit, ==, 7);
  assert_clean (config);
}

static void
a_bad_property_sets_nothing (void)
{
  g_autoptr (HawserConfig) config = read_text (THING "on=true\ncredit=0\n");
  g_autoptr (GObject) object = g_object_new (thing_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (hawser_config_group_apply_properties (hawser_config_get_group (config, "listener", "t"), object, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "[listener t] credit=0: must be 1 to 65535");
  g_assert_false (((Thing *) object)->on);
  g_assert_cmpuint (hawser_config_get_n_errors (config), ==, 1);
}

static HawserConfig *
read_data (const char *name, gboolean skip)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "config", name, NULL);
  g_autoptr (GError) error = NULL;
  HawserConfig *config = hawser_config_new ();

  hawser_config_add_file (config, path, &error);
  g_assert_no_error (error);
  if (skip)
    hawser_config_add_text (config, "skip", "[hawser]\non-plugin-error=skip\n", -1);
  return config;
}

/* Both samples are right apart from the plugins, which this test does not load: unknown types are errors, or warnings. */
static void
the_samples_are_accepted (void)
{
  static const struct { const char *name; guint n_typed, n_groups; } samples[] = { { "pegasus.conf", 13, 35 }, { "open.conf", 4, 7 } };

  for (gsize i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autoptr (HawserConfig) strict = read_data (samples[i].name, FALSE), lax = read_data (samples[i].name, TRUE);
      g_autoptr (GPtrArray) groups = hawser_config_list_groups (strict, NULL);

      g_assert_false (hawser_config_check (strict));
      g_assert_cmpuint (hawser_config_get_n_errors (strict), ==, samples[i].n_typed);
      if (!hawser_config_check (lax))
        {
          g_autofree char *report = hawser_config_report (lax);

          g_error ("%s", report);
        }
      g_assert_cmpuint (hawser_config_get_n_warnings (lax), ==, samples[i].n_typed);
      g_assert_cmpuint (groups->len, ==, samples[i].n_groups);
    }
}

static void
what_is_printed_reads_back_the_same (void)
{
  g_autoptr (HawserConfig) config = read_data ("pegasus.conf", FALSE);
  g_autofree char *printed = hawser_config_print (config, FALSE), *with_origin = hawser_config_print (config, TRUE);

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (HawserConfig) again = hawser_config_new ();
      g_autofree char *printed_again = NULL;

      hawser_config_add_text (again, "again", i == 0 ? printed : with_origin, -1);
      g_assert_cmpuint (hawser_config_get_n_errors (again), ==, 0);
      printed_again = hawser_config_print (again, FALSE);
      g_assert_cmpstr (printed_again, ==, printed);
    }
  g_assert_nonnull (strstr (with_origin, "pegasus.conf:7\nname=pegasus-edge-1\n"));
  g_assert_nonnull (strstr (printed, "endpoint=${BLOB_ENDPOINT:-https://pegasus.blob.example.net}\n"));
}

static void
what_is_printed_holds_no_secret (void)
{
  g_autoptr (HawserConfig) config = read_text ("[hawser]\nname=${HAWSER_TEST_SET}\n[subscription s]\ntopic=a\nendpoint=https://me:hunter2@h/x@y\n");
  g_autofree char *printed = hawser_config_print (config, TRUE);

  g_assert_null (strstr (printed, "hunter2"));
  g_assert_null (strstr (printed, "value"));
  g_assert_nonnull (strstr (printed, "endpoint=https://me:***@h/x@y\n"));
}

static void
a_key_is_explained (void)
{
  g_autoptr (HawserConfig) config = read_text ("");
  g_autoptr (GError) error = NULL;
  g_autofree char *core = hawser_config_explain (config, "listener.connect-timeout", NULL), *plugin = hawser_config_explain (config, "listener.thing.timeout", NULL);
  g_autofree char *absent = hawser_config_explain (config, "listener.thing.nothing", &error);

  g_assert_cmpstr (core, ==,
                   "listener.connect-timeout\n  type     duration\n  default  10s\n  range    100ms to 1h\n  reload   hot: takes effect at once\n  since    0.1\n\n"
                   "  Time from connection to a complete introduction.\n");
  g_assert_true (g_str_has_prefix (plugin, "listener.thing.timeout\n  type     duration\n  default  30s\n"));
  g_assert_null (absent);
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
}

static void
every_sample_is_accepted (void)
{
  static const char * const kinds[] = { "hawser", "log", "admin", "tls", "identity", "policy", "listener", "topic", "subscription", "bridge", "twin" };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      gboolean has_type = g_strv_contains (((const char *[]) { "identity", "listener", "subscription", "bridge", "twin", NULL }), kinds[i]);
      g_autoptr (HawserConfig) tables = read_text ("");
      g_autofree char *sample = hawser_config_sample (tables, kinds[i], has_type ? "thing" : NULL, NULL);
      g_autoptr (HawserConfig) config = read_text (sample);
      g_autoptr (GString) uncommented = g_string_new (sample);
      g_autoptr (HawserConfig) all = NULL;

      assert_clean (config);
      /* with its comment signs taken away, every key is one that is known */
      g_string_replace (uncommented, "\n#", "\n# ", 0);
      g_string_replace (uncommented, "\n#  ", "\n# ", 0);
      all = read_text (uncommented->str);
      assert_clean (all);
      g_assert_true (!has_type || strstr (sample, "#credit=100\n") != NULL);
      g_assert_true (!has_type || strstr (sample, "# Messages ahead (1 to 65535)\n") != NULL);
    }
}

static void
a_secret_is_found_by_its_credential (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hawser-config-XXXXXX", NULL), *path = g_build_filename (directory, "edge-key", NULL);
  g_autoptr (HawserConfig) config = read_text ("[tls t]\ncertificate-file=/nonexistent\nprivate-key-credential=edge-key\n");
  HawserConfigGroup *group = hawser_config_get_group (config, "tls", "t");
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = NULL, *file_secret = NULL;

  g_assert_true (g_file_set_contents (path, "hunter2\r\n\n", -1, NULL));
  g_setenv ("CREDENTIALS_DIRECTORY", directory, TRUE);
  secret = hawser_config_group_read_secret (group, "private-key", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (secret, ==, "hunter2");
  file_secret = hawser_config_read_secret (NULL, path, NULL);
  g_assert_cmpstr (file_secret, ==, "hunter2");

  g_assert_null (hawser_config_group_read_secret (group, "certificate", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (hawser_config_group_read_secret (group, "client-ca", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (hawser_config_read_secret ("../edge-key", NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (hawser_config_read_secret ("absent", NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
  g_unsetenv ("CREDENTIALS_DIRECTORY");
  g_unlink (path);
  g_rmdir (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_setenv ("HAWSER_TEST_SET", "value", TRUE);
  g_setenv ("HAWSER_TEST_EMPTY", "", TRUE);
  g_setenv ("HAWSER_TEST_NESTED", "${HAWSER_TEST_SET}", TRUE);
  g_setenv ("HAWSER_TEST_GROUP", "[listener evil]", TRUE);
  g_unsetenv ("HAWSER_TEST_UNSET");
  g_test_add_func ("/config/document/values-and-defaults-are-read", values_and_defaults_are_read);
  g_test_add_func ("/config/document/a-getter-reports-what-it-cannot-read", a_getter_reports_what_it_cannot_read);
  g_test_add_func ("/config/document/variables-are-replaced-once", variables_are_replaced_once);
  g_test_add_func ("/config/document/properties-are-set", properties_are_set);
  g_test_add_func ("/config/document/a-bad-property-sets-nothing", a_bad_property_sets_nothing);
  g_test_add_func ("/config/document/the-samples-are-accepted", the_samples_are_accepted);
  g_test_add_func ("/config/document/what-is-printed-reads-back-the-same", what_is_printed_reads_back_the_same);
  g_test_add_func ("/config/document/what-is-printed-holds-no-secret", what_is_printed_holds_no_secret);
  g_test_add_func ("/config/document/a-key-is-explained", a_key_is_explained);
  g_test_add_func ("/config/document/every-sample-is-accepted", every_sample_is_accepted);
  g_test_add_func ("/config/document/a-secret-is-found-by-its-credential", a_secret_is_found_by_its_credential);
  return g_test_run ();
}
