/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties that are a field of the struct. */

#include <hawser/hawser.h>

static guint n_finalized;

G_DECLARE_FINAL_TYPE (Thing, thing, TEST, THING, GObject)

struct _Thing {
  GObject parent_instance;
  gboolean is_on;
  int depth;
  guint count;
  gint64 pause_us;
  guint64 size;
  double ratio;
  HawserOverflow overflow;
  char *name;
};

G_DEFINE_FINAL_TYPE (Thing, thing, G_TYPE_OBJECT)

static void
finalize (GObject *object)
{
  n_finalized += TEST_THING (object)->name != NULL; /* still there */
  G_OBJECT_CLASS (thing_parent_class)->finalize (object);
}

static void
thing_class_init (ThingClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  HAWSER_SETTING (klass, Thing, is_on, g_param_spec_boolean ("is-on", NULL, NULL, TRUE, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, depth, g_param_spec_int ("depth", NULL, NULL, -10, 10, -3, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, count, g_param_spec_uint ("count", NULL, NULL, 0, 10, 4, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, pause_us, hawser_param_spec_duration ("pause", NULL, 0, G_MAXINT64, 5, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, size, hawser_param_spec_size ("size", NULL, 0, G_MAXINT64, G_GUINT64_CONSTANT (1) << 40, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, ratio, g_param_spec_double ("ratio", NULL, NULL, 0, 1, 0.5, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, overflow,
                  g_param_spec_enum ("overflow", NULL, NULL, HAWSER_TYPE_OVERFLOW, HAWSER_OVERFLOW_REJECT, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, Thing, name, g_param_spec_string ("name", NULL, NULL, "nobody", HAWSER_SETTING_FLAGS));
}

static void
thing_init (Thing *self)
{
}

static void
test_defaults (void)
{
  g_autoptr (Thing) thing = g_object_new (thing_get_type (), NULL);

  g_assert_true (thing->is_on);
  g_assert_cmpint (thing->depth, ==, -3);
  g_assert_cmpuint (thing->count, ==, 4);
  g_assert_cmpint (thing->pause_us, ==, 5);
  g_assert_cmpuint (thing->size, ==, G_GUINT64_CONSTANT (1) << 40);
  g_assert_cmpfloat (thing->ratio, ==, 0.5);
  g_assert_cmpint (thing->overflow, ==, HAWSER_OVERFLOW_REJECT);
  g_assert_cmpstr (thing->name, ==, "nobody");
}

static void
test_set_and_read (void)
{
  g_autoptr (Thing) thing = g_object_new (thing_get_type (), "count", 9, NULL);
  g_autofree char *name = NULL;
  gboolean is_on;
  int depth;
  guint count;
  gint64 pause_us;
  guint64 size;
  double ratio;
  HawserOverflow overflow;

  g_object_set (thing, "is-on", FALSE, "depth", 7, "pause", (gint64) 1 << 50, "size", (guint64) 1 << 51, "ratio", 0.25, "overflow", HAWSER_OVERFLOW_BLOCK,
                "name", "somebody", NULL);
  g_object_get (thing, "is-on", &is_on, "depth", &depth, "count", &count, "pause", &pause_us, "size", &size, "ratio", &ratio, "overflow", &overflow,
                "name", &name, NULL);
  g_assert_false (is_on);
  g_assert_cmpint (depth, ==, 7);
  g_assert_cmpuint (count, ==, 9);
  g_assert_cmpint (pause_us, ==, (gint64) 1 << 50);
  g_assert_cmpuint (size, ==, (guint64) 1 << 51);
  g_assert_cmpfloat (ratio, ==, 0.25);
  g_assert_cmpint (overflow, ==, HAWSER_OVERFLOW_BLOCK);
  g_assert_cmpstr (name, ==, "somebody");
}

static void
test_empty_string (void)
{
  g_autoptr (Thing) thing = g_object_new (thing_get_type (), "name", "", NULL);

  g_assert_null (thing->name);
}

static void
test_own_finalize (void)
{
  Thing *thing = g_object_new (thing_get_type (), NULL);

  n_finalized = 0;
  g_object_unref (thing);
  g_assert_cmpuint (n_finalized, ==, 1);
}

static void
test_wrong_field (void)
{
  if (g_test_subprocess ())
    {
      GObjectClass *klass = g_type_class_ref (thing_get_type ());

      hawser_setting_install (klass, G_STRUCT_OFFSET (Thing, count), sizeof (guint), g_param_spec_uint64 ("wide", NULL, NULL, 0, 1, 0, HAWSER_SETTING_FLAGS));
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*find_size*size*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/setting/has-the-default-of-its-specification", test_defaults);
  g_test_add_func ("/base/setting/is-the-field", test_set_and_read);
  g_test_add_func ("/base/setting/empty-string-is-none", test_empty_string);
  g_test_add_func ("/base/setting/is-freed-after-the-object's-own-finalize", test_own_finalize);
  g_test_add_func ("/base/setting/field-of-another-size-is-refused", test_wrong_field);
  return g_test_run ();
}
