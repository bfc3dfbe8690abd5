/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A twin as an actor: one activation however many threads send to it, one message at a time; many asked at once, with a
 * deadline; what was at a time, as it was seen then. */

#include <string.h>

#include "hawser.h"

#define WALL_US (G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC)

/* ---- a behaviour that counts ---- */

#define COUNTER_TYPE (counter_get_type ())
G_DECLARE_FINAL_TYPE (Counter, counter, COUNTER, BEHAVIOR, GObject)

/* `add`: one more in reported `n`, and a look at whether it is alone. `read`: answers, answers with nothing, or not, by the name
 * of the twin. `fail`: fails. */
struct _Counter {
  GObject parent_instance;
  gint inside, n_overlaps, n_activations;
};

static HawserMessage *
answer (HawserMessage *question, const char *text)
{
  g_autofree char *reply_to = hawser_message_dup_reply_to (question);
  g_autoptr (GBytes) correlation = hawser_message_dup_correlation (question);
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (reply_to);

  hawser_message_builder_set_correlation (builder, correlation);
  hawser_message_builder_set_text (builder, text);
  return hawser_message_builder_build (builder);
}

static GVariant *
handle (HawserTwinBehavior *behavior, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  Counter *self = COUNTER_BEHAVIOR (behavior);
  const char *subject = strrchr (hawser_message_get_topic (message), '/') + 1;
  g_autoptr (GVariant) reported = g_variant_lookup_value (state, "reported", G_VARIANT_TYPE_VARDICT);
  double n = 0;

  if (strcmp (subject, "fail") == 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "told to");
      return NULL;
    }
  if (strcmp (subject, "read") == 0)
    {
      g_autoptr (HawserMessage) reply = NULL;

      if (strstr (id, "slow") != NULL)
        return g_variant_ref_sink (g_variant_new_parsed ("@a{sv} {}"));
      reply = answer (message, strstr (id, "empty") != NULL ? "{}" : "{\"v\":7}");
      hawser_batch_add (out, reply);
      return NULL;
    }
  if (g_atomic_int_add (&self->inside, 1) != 0)
    g_atomic_int_inc (&self->n_overlaps);
  if (!g_variant_lookup (reported, "n", "d", &n))
    self->n_activations++;
  g_atomic_int_add (&self->inside, -1);
  return g_variant_new_parsed ("{'reported': <{'n': <%d>}>}", n + 1);
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Counter, counter, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
counter_class_init (CounterClass *klass)
{
}

static void
counter_init (Counter *self)
{
}

/* ---- the rest ---- */

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  HawserTwins *twins;
  Counter *counter;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  static const char * const topics[] = { "grid/{site}", NULL };
  g_autoptr (HawserTwinFamily) actor = hawser_twin_family_new ("actor"), site = hawser_twin_family_new ("site");
  g_autoptr (GError) error = NULL;

  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, WALL_US);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->twins = hawser_twins_get (f->bus);
  f->counter = g_object_new (COUNTER_TYPE, NULL);
  g_object_set (actor, "id", "actor/{name}", NULL);
  g_object_set (site, "topics", topics, "id", "site/{site}", "history", 2000u, NULL);
  hawser_twins_add_family (f->twins, actor, &error);
  g_assert_no_error (error);
  hawser_twins_add_family (f->twins, site, &error);
  g_assert_no_error (error);
  g_assert_true (hawser_twin_host_set_behavior (hawser_twin_host_get (f->bus), "actor", HAWSER_TWIN_BEHAVIOR (f->counter), &error));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_assert_finalize_object (f->counter);
  g_object_unref (f->clock);
}

static void
turn (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
wait_ms (Fixture *f, guint ms)
{
  for (guint i = 0; i < ms; i++)
    {
      hawser_clock_advance (f->clock, 1000);
      turn ();
    }
}

/* ---- one activation, one message at a time ---- */

#define N_THREADS 8

typedef struct {
  HawserTwins *twins;
  guint n;
} Producer;

static gpointer
produce (gpointer data)
{
  Producer *producer = data;
  g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "1");

  for (guint i = 0; i < producer->n;)
    {
      g_autoptr (GError) error = NULL;

      if (hawser_twins_send (producer->twins, "actor/one", "add", message, NULL, &error))
        i++;
      else
        {
          g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA); /* its mailbox is full: again */
          g_thread_yield ();
        }
    }
  return NULL;
}

static void
one_activation_counts_exactly (Fixture *f, gconstpointer data)
{
  const guint n = GPOINTER_TO_UINT (data);
  Producer producer = { f->twins, n / N_THREADS };
  GThread *threads[N_THREADS];
  double found = 0;

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("producer", produce, &producer);
  while (found < n)
    {
      HawserTwinRef twin;

      g_main_context_iteration (NULL, TRUE);
      twin = hawser_twins_lookup (f->twins, "actor/one", FALSE, NULL);
      if (twin != 0)
        hawser_twins_get_double (f->twins, twin, "n", &found);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  turn ();
  hawser_twins_get_double (f->twins, hawser_twins_lookup (f->twins, "actor/one", FALSE, NULL), "n", &found);
  g_assert_cmpfloat (found, ==, n);
  g_assert_cmpint (f->counter->n_overlaps, ==, 0);
  g_assert_cmpint (f->counter->n_activations, ==, 1);
}

/* ---- a question to many ---- */

static void
keep (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  *(char **) data = hawser_twins_ask_finish (HAWSER_TWINS (source), result, &error);
  g_assert_true ((*(char **) data == NULL) == (error != NULL));
  if (*(char **) data == NULL)
    *(char **) data = g_strdup (error->message);
}

static void
make_thousand (Fixture *f, GPtrArray *ids)
{
  for (guint i = 0; i < 1000; i++)
    {
      static const char * const kinds[] = { "value", "slow", "stopped", "empty" };
      char *id = g_strdup_printf ("actor/%s%u", i < 700 ? kinds[0] : kinds[(i - 600) / 100], i);
      g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "1");

      g_assert_true (hawser_twins_send (f->twins, id, strstr (id, "stopped") != NULL ? "fail" : "add", message, NULL, NULL));
      g_ptr_array_add (ids, id);
    }
  g_ptr_array_add (ids, NULL);
  wait_ms (f, 5000); /* three restarts, then they are stopped */
}

static guint
count (const char *json, const char *outcome)
{
  g_autofree char *pointer = g_strconcat ("/outcomes/", outcome, NULL);
  double n = -1;

  g_assert_true (hawser_json_pointer_get_double (pointer, json, strlen (json), &n));
  return (guint) n;
}

static void
thousand_are_asked_until_the_deadline (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *json = NULL;

  make_thousand (f, ids);
  hawser_twins_ask_async (f->twins, (const char * const *) ids->pdata, "read", 500000, NULL, keep, &json);
  turn ();
  wait_ms (f, 499);
  g_assert_null (json);
  wait_ms (f, 20);
  g_assert_nonnull (json);
  g_assert_cmpuint (count (json, "value"), ==, 700);
  g_assert_cmpuint (count (json, "timed-out"), ==, 100);
  g_assert_cmpuint (count (json, "not-available"), ==, 100);
  g_assert_cmpuint (count (json, "none-yet"), ==, 100);
  g_assert_nonnull (strstr (json, "{\"id\":\"actor/value0\",\"outcome\":\"value\",\"value\":{\"v\":7}}"));
  g_assert_nonnull (strstr (json, "{\"id\":\"actor/stopped899\",\"outcome\":\"not-available\"}"));
}

static void
nobody_waits_for_those_who_answered (Fixture *f, gconstpointer data)
{
  static const char * const ids[] = { "actor/value1", "actor/empty2", "actor/none", "nobody", "actor/value1", NULL };
  g_autofree char *json = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "1");

      g_assert_true (hawser_twins_send (f->twins, ids[i], "add", message, NULL, NULL));
    }
  hawser_twins_ask_async (f->twins, ids, "read", 60 * (gint64) G_USEC_PER_SEC, NULL, keep, &json);
  g_assert_null (json);
  turn ();
  g_assert_cmpstr (json, ==, "{\"items\":[{\"id\":\"actor/value1\",\"outcome\":\"value\",\"value\":{\"v\":7}},{\"id\":\"actor/empty2\",\"outcome\":\"none-yet\"},"
                   "{\"id\":\"actor/none\",\"outcome\":\"not-available\"},{\"id\":\"nobody\",\"outcome\":\"not-available\"},"
                   "{\"id\":\"actor/value1\",\"outcome\":\"not-available\"}],\"next\":null,\"outcomes\":{\"timed-out\":0,\"not-available\":3,\"none-yet\":1,\"value\":1}}");
}

static void
question_is_cancelled (Fixture *f, gconstpointer data)
{
  static const char * const ids[] = { "actor/slow1", NULL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "1");
  g_autofree char *before = NULL, *during = NULL;

  g_assert_true (hawser_twins_send (f->twins, ids[0], "add", message, NULL, NULL));
  hawser_twins_ask_async (f->twins, ids, "read", 60 * (gint64) G_USEC_PER_SEC, cancellable, keep, &during);
  turn ();
  g_assert_null (during);
  g_cancellable_cancel (cancellable);
  turn ();
  g_assert_cmpstr (during, ==, "Operation was cancelled");
  hawser_twins_ask_async (f->twins, ids, "read", 60 * (gint64) G_USEC_PER_SEC, cancellable, keep, &before);
  turn ();
  g_assert_cmpstr (before, ==, "Operation was cancelled");
}

static void
bus_that_closes_answers (Fixture *f, gconstpointer data)
{
  static const char * const ids[] = { "actor/slow1", NULL };
  g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "1");
  char *json = NULL;

  g_assert_true (hawser_twins_send (f->twins, ids[0], "add", message, NULL, NULL));
  hawser_twins_ask_async (f->twins, ids, "read", 60 * (gint64) G_USEC_PER_SEC, NULL, keep, &json);
  turn ();
  g_assert_null (json);
  hawser_bus_close (f->bus);
  g_object_run_dispose (G_OBJECT (f->twins));
  turn ();
  g_assert_nonnull (json);
  g_free (json);
}

/* ---- what was ---- */

#define N_CAPTURED 1500

static void
state_at_a_time_is_what_was_seen_then (Fixture *f, gconstpointer data)
{
  static const char * const keys[] = { "a", "b", "c", "mode" };
  g_autoptr (GRand) chance = g_rand_new_with_seed (10);
  g_autofree gint64 *times = g_new (gint64, N_CAPTURED);
  g_autoptr (GPtrArray) captured = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; i < N_CAPTURED; i++)
    {
      g_autofree char *text = NULL;
      g_autoptr (HawserMessage) message = NULL;
      guint key = (guint) g_rand_int_range (chance, 0, 4);

      hawser_clock_advance (f->clock, g_rand_int_range (chance, 1, 3000000));
      turn ();
      text = key == 3 ? g_strdup_printf ("{\"mode\": \"m%u\"}", i) : g_strdup_printf ("{\"%s\": %u, \"a\": %u}", keys[key], i, i / 2);
      message = hawser_message_new_text ("grid/s", text);
      g_assert_true (hawser_bus_publish (f->bus, message, NULL));
      times[i] = hawser_clock_get_wall_us (f->clock);
      g_ptr_array_add (captured, hawser_twins_dup_json (f->twins, "site/s", NULL));
    }
  for (guint round = 0; round < 1000; round++)
    {
      guint i = (guint) g_rand_int_range (chance, 0, N_CAPTURED);
      gint64 until_us = i + 1 < N_CAPTURED ? times[i + 1] : times[i] + G_USEC_PER_SEC;
      gint64 time_us = times[i] + (gint64) (g_rand_double (chance) * (double) (until_us - times[i] - 1));

      g_string_truncate (out, 0);
      g_assert_true (hawser_twins_write_at (f->twins, "site/s", time_us, out, NULL));
      for (guint k = 0; k < G_N_ELEMENTS (keys); k++)
        {
          g_autofree char *value = g_strdup_printf ("/reported/%s/value", keys[k]), *time = g_strdup_printf ("/reported/%s/time", keys[k]);
          const char *live = captured->pdata[i];

          for (guint p = 0; p < 2; p++)
            {
              HawserJsonSlice then, now;
              gboolean was = hawser_json_pointer_get (p == 0 ? value : time, live, strlen (live), &then);

              g_assert_true (hawser_json_pointer_get (p == 0 ? value : time, out->str, out->len, &now) == was);
              if (was)
                g_assert_cmpmem (then.text, then.len, now.text, now.len);
            }
        }
    }
}

int
main (int argc, char **argv)
{
  guint n = g_getenv ("HAWSER_TEST_INCREMENTS") != NULL ? (guint) g_ascii_strtoull (g_getenv ("HAWSER_TEST_INCREMENTS"), NULL, 10) : 40000;

  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/twin" path, Fixture, NULL, set_up, func, tear_down)
  g_test_add ("/twin/actor/one-activation-counts-exactly", Fixture, GUINT_TO_POINTER (n), set_up, one_activation_counts_exactly, tear_down);
  ADD ("/ask/thousand-are-asked-until-the-deadline", thousand_are_asked_until_the_deadline);
  ADD ("/ask/nobody-waits-for-those-who-answered", nobody_waits_for_those_who_answered);
  ADD ("/ask/is-cancelled", question_is_cancelled);
  ADD ("/ask/bus-that-closes-answers", bus_that_closes_answers);
  ADD ("/history/state-at-a-time-is-what-was-seen-then", state_at_a_time_is_what_was_seen_then);
  return g_test_run ();
}
