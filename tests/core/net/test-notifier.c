/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Notifications that are put together, on a clock that the test moves. */

#include "hawser-notifier-private.h"

typedef struct {
  GObject parent_instance;
  HawserNotifier notifier;
  guint n;
  const char *text;
} Thing;

typedef GObjectClass ThingClass;

enum { PROP_N = 1, PROP_TEXT, N_PROPS };

static GParamSpec *props[N_PROPS];

static GType thing_get_type (void);
G_DEFINE_TYPE (Thing, thing, G_TYPE_OBJECT)

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  Thing *self = (Thing *) object;

  if (id == PROP_N)
    g_value_set_uint (value, self->n);
  else
    g_value_set_string (value, self->text);
}

static void
dispose (GObject *object)
{
  hawser_notifier_clear (&((Thing *) object)->notifier);
  G_OBJECT_CLASS (thing_parent_class)->dispose (object);
}

static void
thing_class_init (ThingClass *klass)
{
  const GParamFlags shown = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  klass->get_property = get_property;
  klass->dispose = dispose;
  props[PROP_N] = g_param_spec_uint ("n", NULL, NULL, 0, G_MAXUINT, 0, shown);
  props[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, shown);
  g_object_class_install_properties (klass, N_PROPS, props);
}

static void
thing_init (Thing *self)
{
}

typedef struct {
  GMainContext *context;
  HawserClock *clock;
  HawserLane *lane;
  Thing *thing;
  guint n_told, n_text_told;
} Fixture;

static void
count (GObject *object, GParamSpec *pspec, gpointer data)
{
  ++*(guint *) data;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->context = g_main_context_new ();
  g_main_context_push_thread_default (f->context);
  f->clock = hawser_clock_new_manual (1000000, 0);
  f->lane = hawser_lane_new (f->context, f->clock);
  f->thing = g_object_new (thing_get_type (), NULL);
  hawser_notifier_init (&f->thing->notifier, f->thing, f->lane, &props[PROP_N], 2);
  g_signal_connect (f->thing, "notify::n", G_CALLBACK (count), &f->n_told);
  g_signal_connect (f->thing, "notify::text", G_CALLBACK (count), &f->n_text_told);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->thing);
  hawser_lane_unref (f->lane);
  g_object_unref (f->clock);
  g_main_context_pop_thread_default (f->context);
  g_main_context_unref (f->context);
}

static void
turn (Fixture *f, gint64 us)
{
  hawser_clock_advance (f->clock, us);
  while (g_main_context_iteration (f->context, FALSE))
    ;
}

static void
test_together (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 1000; i++)
    {
      f->thing->n++;
      hawser_notifier_changed (&f->thing->notifier);
    }
  turn (f, 90 * 1000);
  g_assert_cmpuint (f->n_told, ==, 0);
  turn (f, 30 * 1000);
  g_assert_cmpuint (f->n_told, ==, 1);
  turn (f, 10 * G_USEC_PER_SEC);
  g_assert_cmpuint (f->n_told, ==, 1);
}

static void
test_differences (Fixture *f, gconstpointer data)
{
  f->thing->text = "a";
  hawser_notifier_changed (&f->thing->notifier);
  turn (f, 200 * 1000);
  g_assert_cmpuint (f->n_text_told, ==, 1);
  f->thing->n = 1;
  hawser_notifier_changed (&f->thing->notifier);
  f->thing->n = 0;
  turn (f, 200 * 1000);
  g_assert_cmpuint (f->n_told, ==, 0);
  g_assert_cmpuint (f->n_text_told, ==, 1);
}

static void
test_gone (Fixture *f, gconstpointer data)
{
  hawser_notifier_changed (&f->thing->notifier);
  g_object_run_dispose (G_OBJECT (f->thing));
  f->thing->n = 7;
  hawser_notifier_changed (&f->thing->notifier);
  turn (f, G_USEC_PER_SEC);
  g_assert_cmpuint (f->n_told, ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define FACT(path, func) g_test_add ("/net/notifier/" path, Fixture, NULL, set_up, func, tear_down)
  FACT ("a-thousand-changes-are-told-once", test_together);
  FACT ("what-is-as-it-was-is-not-told", test_differences);
  FACT ("nothing-is-told-of-what-was-disposed", test_gone);
#undef FACT
  return g_test_run ();
}
