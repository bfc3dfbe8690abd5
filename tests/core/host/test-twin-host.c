/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Behaviours under supervision, and twins that come back from the disk. */

#include <glib/gstdio.h>
#include <string.h>

#include "hawser.h"
#include "../../harness/waiting.h"
#include "spool-fixture.h"

#define FAULTY_TYPE (faulty_get_type ())
G_DECLARE_FINAL_TYPE (Faulty, faulty, FAULTY, BEHAVIOR, GObject)

/* Fails for messages that say so, as often as told; counts the others into reported `count`. */
struct _Faulty {
  GObject parent_instance;
  guint n_failures;          /* left */
  GArray *times;             /* of each call for the twin "f/bad" */
  gboolean is_down;          /* what it calls does not answer */
  guint n_calls;
  HawserClock *clock;
};

static GVariant *
handle (HawserTwinBehavior *behavior, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  Faulty *self = FAULTY_BEHAVIOR (behavior);
  g_autofree char *text = hawser_message_dup_text (message);
  g_autoptr (GVariant) reported = g_variant_lookup_value (state, "reported", G_VARIANT_TYPE_VARDICT);
  double count = 0;

  if (strcmp (id, "f/bad") == 0)
    {
      gint64 now_us = hawser_clock_get_monotonic_us (self->clock);

      g_array_append_val (self->times, now_us);
    }
  if (strstr (text, "poison") != NULL && self->n_failures > 0)
    {
      self->n_failures--;
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "it is poison");
      return NULL;
    }
  self->n_calls++;
  if (self->is_down)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "the price service does not answer");
      return NULL;
    }
  if (strstr (text, "hangs") != NULL)
    for (gint64 until_us = g_get_monotonic_time () + 400000; g_get_monotonic_time () < until_us;)
      ;
  g_variant_lookup (reported, "count", "d", &count);
  return g_variant_new_parsed ("{'reported': <{'count': <%d>}>}", count + 1);
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Faulty, faulty, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
finalize (GObject *object)
{
  g_array_unref (FAULTY_BEHAVIOR (object)->times);
  G_OBJECT_CLASS (faulty_parent_class)->finalize (object);
}

static void
faulty_class_init (FaultyClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
faulty_init (Faulty *self)
{
  self->times = g_array_new (FALSE, FALSE, sizeof (gint64));
}

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  HawserTwins *twins;
  Faulty *faulty;
  GPtrArray *dead;
} Fixture;

static void
bury (HawserMessage *message, gpointer data)
{
  g_autofree char *reason = hawser_message_dup_property (message, "reason"), *text = hawser_message_dup_text (message);

  g_ptr_array_add (data, g_strdup_printf ("%s %s %s", hawser_message_get_topic (message), text, reason));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  static const char * const topics[] = { "f/{name}", NULL };
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("f");
  g_autoptr (GError) error = NULL;

  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->twins = hawser_twins_get (f->bus);
  f->faulty = g_object_new (FAULTY_TYPE, NULL);
  f->faulty->clock = f->clock;
  f->dead = g_ptr_array_new_with_free_func (g_free);
  g_object_set (family, "topics", topics, "id", "f/{name}", NULL);
  g_assert_true (hawser_twins_add_family (f->twins, family, &error));
  g_assert_true (hawser_twin_host_set_behavior (hawser_twin_host_get (f->bus), "f", HAWSER_TWIN_BEHAVIOR (f->faulty), &error));
  g_object_unref (hawser_bus_subscribe (f->bus, "deadletter/#", bury, f->dead, NULL, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_assert_finalize_object (f->faulty);
  g_object_unref (f->clock);
  g_ptr_array_unref (f->dead);
}

static void
publish (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static void
wait_ms (Fixture *f, guint ms)
{
  for (; ms > 0; ms -= MIN (ms, 20))
    {
      hawser_clock_advance (f->clock, 20000);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
}

static double
get_count (Fixture *f, const char *id)
{
  double count = -1;

  hawser_twins_get_double (f->twins, hawser_twins_lookup (f->twins, id, FALSE, NULL), "count", &count);
  return count;
}

static void
behaviour_changes_its_twin (Fixture *f, gconstpointer data)
{
  publish (f, "f/good", "{}");
  publish (f, "f/good", "{}");
  g_assert_cmpfloat (get_count (f, "f/good"), ==, 2);
}

static void
failure_is_tried_again_and_nothing_is_lost (Fixture *f, gconstpointer data)
{
  f->faulty->n_failures = 2;
  publish (f, "f/bad", "{\"x\":\"poison\"}");
  publish (f, "f/bad", "{}");
  publish (f, "f/good", "{}");
  g_assert_cmpfloat (get_count (f, "f/good"), ==, 1); /* its neighbour notices nothing */
  g_assert_cmpfloat (get_count (f, "f/bad"), ==, -1);
  wait_ms (f, 2000);
  g_assert_cmpfloat (get_count (f, "f/bad"), ==, 2);
  g_assert_cmpuint (f->dead->len, ==, 0);
}

static void
three_restarts_then_it_is_stopped (Fixture *f, gconstpointer data)
{
  GArray *times = f->faulty->times;

  f->faulty->n_failures = 100;
  publish (f, "f/bad", "{\"x\":\"poison\"}");
  wait_ms (f, 5000);
  g_assert_cmpuint (times->len, ==, 4);
  for (guint i = 1; i < 4; i++)
    {
      gint64 pause_us = g_array_index (times, gint64, i) - g_array_index (times, gint64, i - 1), ceiling_us = 100000 << (i - 1);

      g_assert_cmpint (pause_us, >=, ceiling_us / 2);
      g_assert_cmpint (pause_us, <=, ceiling_us + 60000);
    }
  g_assert_cmpuint (f->dead->len, ==, 1);
  g_assert_cmpstr (f->dead->pdata[0], ==, "deadletter/twin/f/bad {\"x\":\"poison\"} it is poison");
  publish (f, "f/bad", "{}");
  publish (f, "f/good", "{}");
  g_assert_cmpfloat (get_count (f, "f/bad"), ==, -1);
  g_assert_cmpfloat (get_count (f, "f/good"), ==, 1);
  g_assert_true (hawser_twin_host_restart (hawser_twin_host_get (f->bus), "f/bad"));
  publish (f, "f/bad", "{}");
  g_assert_cmpfloat (get_count (f, "f/bad"), ==, 1);
}

static void
queue_of_a_failing_twin_is_bounded (Fixture *f, gconstpointer data)
{
  f->faulty->n_failures = 1;
  publish (f, "f/bad", "{\"x\":\"poison\"}");
  for (guint i = 0; i < 150; i++)
    publish (f, "f/bad", "{}");
  wait_ms (f, 1000);
  g_assert_cmpfloat (get_count (f, "f/bad"), ==, 100);
  g_assert_cmpuint (f->dead->len, ==, 51);
}

/* ---- eight threads, one twin ---- */

#define N_THREADS 8
#define N_EACH 2000

static gpointer
send_many (gpointer data)
{
  HawserTwins *twins = data;
  g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "{}");

  for (guint i = 0; i < N_EACH;)
    if (hawser_twins_send (twins, "f/one", "add", message, NULL, NULL))
      i++;
    else
      g_thread_yield (); /* full: only its senders feel it */
  return NULL;
}

static void
threads_count_exactly (Fixture *f, gconstpointer data)
{
  GThread *threads[N_THREADS];

  publish (f, "f/one", "{}");
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("producer", send_many, f->twins);
  waiting_until (NULL, get_count (f, "f/one") >= N_THREADS * N_EACH + 1);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpfloat (get_count (f, "f/one"), ==, N_THREADS * N_EACH + 1);
}

/* ---- on the disk ---- */

typedef struct {
  HawserBus *bus;
  HawserSpool *spool;
} Life;

static void
begin_life (Life *life, const char *path)
{
  static const char * const topics[] = { "lab/{name}", NULL };
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("lab");
  g_autoptr (GError) error = NULL;

  life->bus = hawser_bus_new ();
  life->spool = spool_fixture_open (life->bus, path);
  g_object_set (family, "topics", topics, "id", "lab/{name}", "persist", "on-change", NULL);
  g_assert_true (hawser_twins_add_family (hawser_twins_get (life->bus), family, &error));
  g_assert_true (hawser_twin_host_recover (hawser_twin_host_get (life->bus), &error));
}

static void
on_commit (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (hawser_twins_commit_finish (HAWSER_TWINS (source), result, &error));
  *(gboolean *) data = TRUE;
}

static void
end_life (Life *life, const char *id)
{
  gboolean is_done = FALSE;

  hawser_twins_commit_async (hawser_twins_get (life->bus), id, NULL, on_commit, &is_done);
  while (!is_done)
    g_main_context_iteration (NULL, TRUE);
  spool_fixture_close (life->bus, life->spool);
  g_object_unref (life->bus);
}

static void
twins_come_back_from_the_disk (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hawser-twins-XXXXXX", NULL), *path = g_build_filename (directory, "spool.db", NULL);
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (HawserMessage) message = hawser_message_new_text ("lab/x", "{\"t\": 20.5, \"door\": \"open\"}");
  g_autoptr (GError) error = NULL;
  Life life;

  begin_life (&life, path);
  g_assert_true (hawser_bus_publish (life.bus, message, NULL));
  g_assert_true (hawser_twins_patch (hawser_twins_get (life.bus), "lab/x", "{\"parent\":\"house\",\"desired\":{\"t\":22},\"attributes\":{\"a/b\":{\"c\":[1]}}}", -1,
                                     HAWSER_TWIN_ANY_REVISION, "/anna", NULL, &error));
  g_assert_true (hawser_twins_patch (hawser_twins_get (life.bus), "lab/gone", "{\"desired\":{\"t\":1}}", -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL));
  g_assert_true (hawser_twins_remove (hawser_twins_get (life.bus), "lab/gone", HAWSER_TWIN_ANY_REVISION, NULL));
  before = hawser_twins_dup_json (hawser_twins_get (life.bus), "lab/x", &error);
  end_life (&life, "lab/x");

  begin_life (&life, path);
  after = hawser_twins_dup_json (hawser_twins_get (life.bus), "lab/x", &error);
  g_assert_no_error (error);
  {
    g_autoptr (GString) expected = g_string_new (before);

    g_string_replace (expected, "\"state\":\"online\"", "\"state\":\"offline\"", 1);
    g_assert_cmpstr (after, ==, expected->str);
  }
  g_assert_false (hawser_twins_contains (hawser_twins_get (life.bus), "lab/gone"));
  end_life (&life, "lab/x");
  spool_fixture_remove (directory);
}

static void
what_it_calls_is_spared_while_it_is_away (Fixture *f, gconstpointer data)
{
  f->faulty->is_down = TRUE;
  g_test_expect_message ("hawser", G_LOG_LEVEL_MESSAGE, "*family 'f'*does not answer (the price service*");
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *topic = g_strdup_printf ("f/t%u", i);

      publish (f, topic, "{}");
    }
  g_assert_cmpuint (f->faulty->n_calls, ==, 5); /* then nobody is called */
  wait_ms (f, 60000);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (f->faulty->n_calls, <=, 15); /* probes, further and further apart */
  f->faulty->is_down = FALSE;
  g_test_expect_message ("hawser", G_LOG_LEVEL_MESSAGE, "*family 'f'*answers again*");
  wait_ms (f, 70000);
  g_test_assert_expected_messages ();
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *id = g_strdup_printf ("f/t%u", i);

      g_assert_cmpfloat (get_count (f, id), ==, 1); /* nothing lost, and nobody was stopped */
    }
  g_assert_cmpuint (f->dead->len, ==, 0);
}

static void
behaviour_that_hangs_is_named (Fixture *f, gconstpointer data)
{
  g_test_expect_message ("hawser", G_LOG_LEVEL_MESSAGE, "behaviour 'f' (f/long) held the lane for * ms*");
  publish (f, "f/long", "{\"x\": \"hangs\"}");
  g_test_assert_expected_messages ();
  g_assert_cmpfloat (get_count (f, "f/long"), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/twin-host" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/behaviour/changes-its-twin", behaviour_changes_its_twin);
  ADD ("/behaviour/failure-is-tried-again-and-nothing-is-lost", failure_is_tried_again_and_nothing_is_lost);
  ADD ("/behaviour/three-restarts-then-it-is-stopped", three_restarts_then_it_is_stopped);
  ADD ("/behaviour/queue-of-a-failing-twin-is-bounded", queue_of_a_failing_twin_is_bounded);
  ADD ("/behaviour/threads-count-exactly", threads_count_exactly);
  ADD ("/outage/what-it-calls-is-spared", what_it_calls_is_spared_while_it_is_away);
  ADD ("/hangs/is-named", behaviour_that_hangs_is_named);
  g_test_add_func ("/twin-host/disk/twins-come-back", twins_come_back_from_the_disk);
  return g_test_run ();
}
