/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sink runner with a scripted sink and a clock that moves when the test says so. */

#include <hawser/hawser.h>

#include "hawser-sink-private.h"
#include "store-sqlite.h"

#define SECOND ((gint64) G_USEC_PER_SEC)
#define STEP_US 10000           /* how far the clock moves at a time: above the 8 ms of the timer wheel */

/* ---- A sink that does as it is told ---- */

typedef enum { SAY_DONE, SAY_TEMPORARY, SAY_PERMANENT, SAY_GONE, SAY_NOTHING, SAY_TWICE, SAY_LET_GO } Answer;

typedef struct {
  gint64 time_us;
  guint n, attempt, n_repeated;
  gsize n_bytes;
  char *key, *first, *last;
} Seen;

#define TEST_TYPE_SINK (test_sink_get_type())
G_DECLARE_FINAL_TYPE (TestSink, test_sink, TEST, SINK, GObject)

struct _TestSink {
  GObject parent_instance;
  HawserClock *clock;
  GArray *seen;                /* of Seen */
  Answer answer;               /* to everything */
  guint n_failures;            /* of the first attempts; then done */
  gint64 retry_after_us;
  const char *poison;          /* a payload that is refused */
  gboolean has_keys;
  gboolean replies;
  guint max_batch;
  guint n_stopped;
  HawserSinkWrite *held;
};

static void
clear_seen (gpointer data)
{
  Seen *seen = data;

  g_free (seen->key);
  g_free (seen->first);
  g_free (seen->last);
}

static guint
find_poison (TestSink *self, HawserBatch *batch)
{
  for (guint i = 0; self->poison != NULL && i < hawser_batch_get_size (batch); i++)
    {
      g_autofree char *text = hawser_message_dup_text (hawser_batch_get_message (batch, i));

      if (g_strcmp0 (text, self->poison) == 0)
        return i;
    }
  return G_MAXUINT;
}

static void
answer (TestSink *self, HawserSinkWrite *write, Answer what)
{
  guint n = hawser_batch_get_size (hawser_sink_write_get_batch (write));

  switch (what)
    {
    case SAY_DONE: hawser_sink_write_done (write, n); break;
    case SAY_TEMPORARY: hawser_sink_write_fail_temporary (write, 0, "503", self->retry_after_us); break;
    case SAY_PERMANENT: hawser_sink_write_fail_permanent (write, 0, "400"); break;
    case SAY_GONE: hawser_sink_write_fail_gone (write, 0, "410"); break;
    case SAY_NOTHING: g_set_object (&self->held, write); break;
    case SAY_TWICE:
      hawser_sink_write_done (write, n);
      hawser_sink_write_fail_permanent (write, 0, "too late");
      break;
    case SAY_LET_GO: break;
    }
}

static void
write_batch (HawserSink *sink, HawserSinkWrite *write)
{
  TestSink *self = TEST_SINK (sink);
  HawserBatch *batch = hawser_sink_write_get_batch (write);
  guint n = hawser_batch_get_size (batch);
  Seen seen = {
    .time_us = hawser_clock_get_monotonic_us (self->clock), .n = n, .n_bytes = hawser_batch_get_n_bytes (batch),
    .attempt = hawser_sink_write_get_attempt (write), .n_repeated = hawser_sink_write_get_n_repeated (write),
    .key = g_strdup (hawser_sink_write_get_key (write)), .first = hawser_message_dup_text (hawser_batch_get_message (batch, 0)),
    .last = hawser_message_dup_text (hawser_batch_get_message (batch, n - 1)),
  };

  g_array_append_val (self->seen, seen);
  if (find_poison (self, batch) != G_MAXUINT)
    {
      hawser_sink_write_fail_permanent (write, 0, "poison");
      return;
    }
  if (self->replies)
    {
      g_autoptr (HawserMessage) reply = hawser_message_new_text ("replies/x", "pong");

      hawser_sink_write_add_reply (write, reply);
    }
  if (self->n_failures > 0)
    {
      self->n_failures--;
      answer (self, write, SAY_TEMPORARY);
      return;
    }
  answer (self, write, self->answer);
}

static char *
dup_key (HawserSink *sink, HawserMessage *message)
{
  return TEST_SINK (sink)->has_keys ? g_strdup (hawser_message_get_topic (message)) : NULL;
}

static guint
get_max_batch (HawserSink *sink)
{
  return TEST_SINK (sink)->max_batch;
}

static void
stop (HawserSink *sink)
{
  TEST_SINK (sink)->n_stopped++;
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->write = write_batch;
  iface->dup_key = dup_key;
  iface->get_max_batch = get_max_batch;
  iface->stop = stop;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestSink, test_sink, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_iface_init))

static void
finalize (GObject *object)
{
  TestSink *self = TEST_SINK (object);

  g_clear_object (&self->held);
  g_clear_object (&self->clock);
  g_array_unref (self->seen);
  G_OBJECT_CLASS (test_sink_parent_class)->finalize (object);
}

static void
test_sink_class_init (TestSinkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
test_sink_init (TestSink *self)
{
  self->seen = g_array_new (FALSE, FALSE, sizeof (Seen));
  g_array_set_clear_func (self->seen, clear_seen);
}

/* ---- Fixture ---- */

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  TestSink *sink;
  HawserSinkRunner *runner;
  GPtrArray *letters;          /* of HawserMessage: what arrived in dead/# and replies/# */
} Fixture;

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
pass (Fixture *f, gint64 us)
{
  settle ();
  for (gint64 done = 0; done < us; done += STEP_US)
    {
      hawser_clock_advance (f->clock, MIN (STEP_US, us - done));
      settle ();
    }
}

static void
on_letter (HawserMessage *message, gpointer data)
{
  g_ptr_array_add (((Fixture *) data)->letters, hawser_message_ref (message));
}

static TestSink *
make_sink (HawserClock *clock)
{
  TestSink *sink = g_object_new (TEST_TYPE_SINK, NULL);

  sink->clock = g_object_ref (clock);
  return sink;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->clock = hawser_clock_new_manual (1000 * SECOND, 1700000000 * SECOND);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->sink = make_sink (f->clock);
  f->letters = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_message_unref);
  g_object_unref (hawser_bus_subscribe (f->bus, "dead/#", on_letter, f, NULL, &error));
  g_assert_no_error (error);
  g_object_unref (hawser_bus_subscribe (f->bus, "replies/#", on_letter, f, NULL, &error));
  g_assert_no_error (error);
  f->runner = hawser_sink_runner_new (f->bus, "archive", HAWSER_SINK (f->sink), "in/#");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_sink_runner_stop (f->runner);
  if (f->sink->held != NULL)
    answer (f->sink, f->sink->held, SAY_TEMPORARY);   /* a runner lives until its last write is answered */
  settle ();
  g_assert_finalize_object (f->runner);
  hawser_bus_close (f->bus);
  settle ();
  g_object_unref (f->bus);
  g_object_unref (f->sink);
  g_ptr_array_unref (f->letters);
  g_object_unref (f->clock);
}

static void
run (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  hawser_sink_runner_start (f->runner, &error);
  g_assert_no_error (error);
}

static void
publish (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);
  g_autoptr (GError) error = NULL;

  hawser_bus_publish (f->bus, message, &error);
  g_assert_no_error (error);
}

static Seen *
seen (Fixture *f, guint i)
{
  g_assert_cmpuint (i, <, f->sink->seen->len);
  return &g_array_index (f->sink->seen, Seen, i);
}

static HawserSinkStatistics
figures (Fixture *f)
{
  HawserSinkStatistics s;

  hawser_sink_runner_get_statistics (f->runner, &s);
  g_assert_cmpuint (s.n_taken, ==, s.n_written + s.n_dead_letters + s.n_given_up + s.n_filtered + s.n_expired + s.n_in_memory);
  return s;
}

/* ---- Batches ---- */

static void
test_exactly_ten (Fixture *f, gconstpointer data)
{
  g_object_set (f->runner, "batch-count", 1000, "batch-age", (gint64) 3600 * SECOND, NULL);
  run (f);
  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (f, "in/a", text);
      if (i % 100 == 0)
        settle ();
    }
  settle ();
  g_assert_cmpuint (f->sink->seen->len, ==, 10);
  for (guint i = 0; i < 10; i++)
    {
      g_assert_cmpuint (seen (f, i)->n, ==, 1000);
      g_assert_cmpint (g_ascii_strtoll (seen (f, i)->first, NULL, 10), ==, i * 1000);
    }
  g_assert_cmpuint (figures (f).n_written, ==, 10000);
}

static void
test_age (Fixture *f, gconstpointer data)
{
  gint64 published_us, late_us;

  g_object_set (f->runner, "batch-age", (gint64) 2 * SECOND, NULL);
  run (f);
  pass (f, SECOND / 3);
  published_us = hawser_clock_get_monotonic_us (f->clock);
  publish (f, "in/a", "alone");
  pass (f, 2 * SECOND - 2 * STEP_US);
  g_assert_cmpuint (f->sink->seen->len, ==, 0);
  pass (f, SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 1);
  late_us = seen (f, 0)->time_us - published_us - 2 * SECOND;
  g_test_message ("written %" G_GINT64_FORMAT " us after its batch age", late_us);
  g_assert_cmpint (late_us, >=, -STEP_US);
  g_assert_cmpint (late_us, <=, 100000);
}

static void
test_size (Fixture *f, gconstpointer data)
{
  g_autofree char *ten = g_strnfill (10, 'x');
  g_autofree char *large = g_strnfill (5000, 'y');

  g_object_set (f->runner, "batch-size", (guint64) 1000, "batch-age", (gint64) SECOND, NULL);
  run (f);
  for (guint i = 0; i < 250; i++)
    publish (f, "in/a", ten);
  publish (f, "in/a", large);
  pass (f, 2 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 4);
  g_assert_cmpuint (seen (f, 0)->n, ==, 100);
  g_assert_cmpuint (seen (f, 1)->n_bytes, ==, 1000);
  g_assert_cmpuint (seen (f, 2)->n, ==, 50);
  g_assert_cmpuint (seen (f, 3)->n, ==, 1);
  g_assert_cmpuint (seen (f, 3)->n_bytes, ==, 5000);
}

static void
test_keys (Fixture *f, gconstpointer data)
{
  f->sink->has_keys = TRUE;
  g_object_set (f->runner, "batch-age", (gint64) SECOND, NULL);
  run (f);
  for (guint i = 0; i < 30; i++)
    {
      g_autofree char *topic = g_strdup_printf ("in/%u", i % 3);
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (f, topic, text);
    }
  pass (f, 2 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (seen (f, i)->n, ==, 10);
      g_assert_cmpint (seen (f, i)->key[3] - '0', ==, g_ascii_strtoll (seen (f, i)->first, NULL, 10) % 3);
    }
}

static void
test_max_batch (Fixture *f, gconstpointer data)
{
  f->sink->max_batch = 1;
  run (f);
  for (guint i = 0; i < 5; i++)
    publish (f, "in/a", "x");
  settle ();
  g_assert_cmpuint (f->sink->seen->len, ==, 5);
}

static void
test_many_keys (Fixture *f, gconstpointer data)
{
  f->sink->has_keys = TRUE;
  g_object_set (f->runner, "batch-age", (gint64) 3600 * SECOND, NULL);
  run (f);
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *topic = g_strdup_printf ("in/%u", i);

      publish (f, topic, "x");
    }
  pass (f, SECOND);
  /* more keys than may be open: the oldest are written early, the youngest wait */
  g_assert_cmpuint (figures (f).n_written, >=, 1000 - 256);
  hawser_sink_runner_flush (f->runner);
  settle ();
  g_assert_cmpuint (figures (f).n_written, ==, 1000);
}

/* ---- Failures ---- */

static void
test_envelope (Fixture *f, gconstpointer data)
{
  gint64 ceiling_us = SECOND;

  f->sink->answer = SAY_TEMPORARY;
  g_object_set (f->runner, "batch-age", (gint64) 0, "retry-initial", (gint64) SECOND, "retry-maximum", (gint64) 8 * SECOND,
                "jitter-seed", (guint64) 7, NULL);
  run (f);
  publish (f, "in/a", "x");
  pass (f, 120 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, >=, 15);  /* mean pause 4 s at the most */
  for (guint i = 1; i < f->sink->seen->len; i++)
    {
      gint64 pause_us = seen (f, i)->time_us - seen (f, i - 1)->time_us;

      g_assert_cmpint (pause_us, <=, ceiling_us + 3 * STEP_US);
      g_assert_cmpuint (seen (f, i)->attempt, ==, i + 1);
      ceiling_us = MIN (ceiling_us * 2, 8 * SECOND);
    }
  f->sink->answer = SAY_DONE;
  pass (f, 10 * SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 1);
}

static void
test_retry_after (Fixture *f, gconstpointer data)
{
  f->sink->n_failures = 1;
  f->sink->retry_after_us = 20 * SECOND;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  publish (f, "in/a", "x");
  settle ();
  publish (f, "in/b", "y");
  pass (f, 19 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 1);
  pass (f, 2 * SECOND);
  g_assert_cmpint (seen (f, 1)->time_us - seen (f, 0)->time_us, >=, 20 * SECOND);
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 2);
}

/* FEATURES S12: a server that answers 503 for a minute, as itself and asking for pauses. */
static void
test_minute_of_failures (Fixture *f, gconstpointer data)
{
  const gint64 asked_us[] = { 0, 7 * SECOND };

  f->sink->answer = SAY_TEMPORARY;
  g_object_set (f->runner, "batch-age", (gint64) 0, "retry-initial", (gint64) SECOND, "retry-maximum", (gint64) 60 * SECOND,
                "breaker-failures", 0, "jitter-seed", (guint64) 7, NULL);
  run (f);
  for (gsize k = 0; k < G_N_ELEMENTS (asked_us); k++)
    {
      guint first = f->sink->seen->len;
      gint64 ceiling_us = SECOND, sum_us = 0, most_us = 0;

      f->sink->answer = SAY_TEMPORARY;
      f->sink->retry_after_us = asked_us[k];
      publish (f, "in/a", "x");
      pass (f, 60 * SECOND);
      g_assert_cmpuint (f->sink->seen->len - first, >=, 4);
      for (guint i = first + 1; i < f->sink->seen->len; i++)
        {
          gint64 pause_us = seen (f, i)->time_us - seen (f, i - 1)->time_us;

          g_assert_cmpint (pause_us, >=, asked_us[k]);
          g_assert_cmpint (pause_us, <=, MAX (ceiling_us, asked_us[k]) + 3 * STEP_US);
          sum_us += pause_us;
          most_us += ceiling_us;
          ceiling_us = MIN (ceiling_us * 2, 60 * SECOND);
        }
      if (asked_us[k] == 0)
        g_assert_cmpint (sum_us, <, most_us);   /* drawn from the envelope, not its edge */
      f->sink->answer = SAY_DONE;
      pass (f, 120 * SECOND);
      g_assert_cmpuint (figures (f).n_written, ==, k + 1);
      g_assert_cmpuint (figures (f).n_dead_letters, ==, 0);
    }
}

static void
test_dead_letter (Fixture *f, gconstpointer data)
{
  HawserMessage *letter;
  g_autofree char *reason = NULL, *attempts = NULL, *topic = NULL, *subscription = NULL, *text = NULL;

  f->sink->poison = "3";
  g_object_set (f->runner, "batch-age", (gint64) SECOND, "dead-letter", "dead/archive", NULL);
  run (f);
  for (guint i = 0; i < 10; i++)
    {
      char digit[2] = { (char) ('0' + i), 0 };

      publish (f, "in/a", digit);
    }
  pass (f, 3 * SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 9);
  g_assert_cmpuint (f->letters->len, ==, 1);
  letter = g_ptr_array_index (f->letters, 0);
  g_assert_cmpstr (hawser_message_get_topic (letter), ==, "dead/archive");
  text = hawser_message_dup_text (letter);
  g_assert_cmpstr (text, ==, "3");
  reason = hawser_message_dup_property (letter, "reason");
  attempts = hawser_message_dup_property (letter, "attempts");
  topic = hawser_message_dup_property (letter, "original-topic");
  subscription = hawser_message_dup_property (letter, "subscription");
  g_assert_cmpstr (reason, ==, "poison");
  g_assert_cmpstr (attempts, ==, "1");
  g_assert_cmpstr (topic, ==, "in/a");
  g_assert_cmpstr (subscription, ==, "archive");
}

static void
test_redrive (Fixture *f, gconstpointer data)
{
  guint64 n = 99;

  f->sink->answer = SAY_PERMANENT;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  g_assert_false (hawser_bus_redrive (f->bus, "archive", &n));
  hawser_sink_runner_stop (f->runner);
  g_object_set (f->runner, "dead-letter", "dead/archive", NULL);
  run (f);
  publish (f, "in/a", "x");
  publish (f, "in/b", "y");
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_dead_letters, ==, 2);
  g_assert_true (hawser_bus_redrive (f->bus, "archive", &n));
  g_assert_cmpuint (n, ==, 2);
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_dead_letters, ==, 4); /* once each, and they are there for the next time */

  f->sink->answer = SAY_DONE;
  g_assert_true (hawser_bus_redrive (f->bus, "archive", &n));
  g_assert_cmpuint (n, ==, 2);
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 2);
  g_assert_true (hawser_bus_redrive (f->bus, "archive", &n));
  g_assert_cmpuint (n, ==, 0);
  g_assert_cmpuint (f->letters->len, ==, 4);
}

static void
test_max_attempts (Fixture *f, gconstpointer data)
{
  f->sink->answer = SAY_TEMPORARY;
  g_object_set (f->runner, "batch-age", (gint64) 0, "max-attempts", 3, "retry-initial", (gint64) SECOND, "dead-letter", "dead/x",
                "breaker-failures", 2, NULL);
  run (f);
  publish (f, "in/a", "x");
  settle ();
  publish (f, "in/a", "y");
  pass (f, 60 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 6);
  g_assert_cmpuint (f->letters->len, ==, 2);
  g_assert_cmpuint (figures (f).n_dead_letters, ==, 2);
}

static void
test_no_dead_letter (Fixture *f, gconstpointer data)
{
  f->sink->answer = SAY_PERMANENT;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  publish (f, "in/a", "x");
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_given_up, ==, 1);
  g_assert_cmpstr (hawser_sink_runner_get_last_error (f->runner), ==, "400");
}

static void
test_breaker (Fixture *f, gconstpointer data)
{
  guint n;

  f->sink->has_keys = TRUE;
  f->sink->answer = SAY_TEMPORARY;
  g_object_set (f->runner, "batch-age", (gint64) 0, "breaker-failures", 3, "max-in-flight", 10, "retry-initial", (gint64) SECOND,
                "retry-maximum", (gint64) 4 * SECOND, NULL);
  run (f);
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *topic = g_strdup_printf ("in/%u", i);

      publish (f, topic, "x");
    }
  settle ();
  g_assert_cmpint (hawser_sink_runner_get_breaker (f->runner), ==, HAWSER_BREAKER_OPEN);
  g_assert_cmpint (hawser_sink_runner_get_state (f->runner), ==, HAWSER_SINK_STATE_FAILING);
  n = f->sink->seen->len;
  publish (f, "in/new", "x");
  settle ();
  g_assert_cmpuint (f->sink->seen->len, ==, n);   /* the destination is spared */

  f->sink->answer = SAY_NOTHING;
  pass (f, 10 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, n + 1);   /* one probe, although three are due */
  g_assert_cmpint (hawser_sink_runner_get_breaker (f->runner), ==, HAWSER_BREAKER_HALF_OPEN);

  f->sink->answer = SAY_DONE;
  answer (f->sink, f->sink->held, SAY_DONE);
  pass (f, SECOND);
  g_assert_cmpint (hawser_sink_runner_get_breaker (f->runner), ==, HAWSER_BREAKER_CLOSED);
  g_assert_cmpint (hawser_sink_runner_get_state (f->runner), ==, HAWSER_SINK_STATE_RUNNING);
  g_assert_cmpuint (figures (f).n_written, ==, 4);
  g_assert_cmpuint (figures (f).n_opened, ==, 1);
}

static void
test_neighbour (Fixture *f, gconstpointer data)
{
  g_autoptr (TestSink) other = make_sink (f->clock);
  g_autoptr (HawserSinkRunner) runner = hawser_sink_runner_new (f->bus, "other", HAWSER_SINK (other), "in/#");
  g_autoptr (GError) error = NULL;

  f->sink->answer = SAY_NOTHING;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  g_object_set (runner, "batch-age", (gint64) 0, NULL);
  run (f);
  hawser_sink_runner_start (runner, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 100; i++)
    {
      publish (f, "in/a", "x");
      settle ();
    }
  g_assert_cmpuint (f->sink->seen->len, ==, 1);
  g_assert_cmpuint (other->seen->len, ==, 100);
  hawser_sink_runner_stop (runner);
}

static void
test_let_go (Fixture *f, gconstpointer data)
{
  f->sink->answer = SAY_LET_GO;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  publish (f, "in/a", "x");
  settle ();
  g_assert_cmpuint (figures (f).n_temporary, ==, 1);
  f->sink->answer = SAY_DONE;
  pass (f, 5 * SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 1);
}

static void
test_twice (Fixture *f, gconstpointer data)
{
  f->sink->answer = SAY_TWICE;
  g_object_set (f->runner, "batch-age", (gint64) 0, "dead-letter", "dead/x", NULL);
  run (f);
  publish (f, "in/a", "x");
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 1);
  g_assert_cmpuint (f->letters->len, ==, 0);
}

static void
test_gone (Fixture *f, gconstpointer data)
{
  f->sink->answer = SAY_GONE;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  publish (f, "in/a", "x");
  pass (f, 600 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 1);
  g_assert_cmpint (hawser_sink_runner_get_state (f->runner), ==, HAWSER_SINK_STATE_PAUSED);
  f->sink->answer = SAY_DONE;
  hawser_sink_runner_resume (f->runner);
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 1);
}

static void
test_timeout (Fixture *f, gconstpointer data)
{
  f->sink->answer = SAY_NOTHING;
  g_object_set (f->runner, "batch-age", (gint64) 0, "write-timeout", (gint64) 5 * SECOND, NULL);
  run (f);
  publish (f, "in/a", "x");
  pass (f, 4 * SECOND);
  g_assert_false (g_cancellable_is_cancelled (hawser_sink_write_get_cancellable (f->sink->held)));
  pass (f, 2 * SECOND);
  g_assert_true (g_cancellable_is_cancelled (hawser_sink_write_get_cancellable (f->sink->held)));
  answer (f->sink, f->sink->held, SAY_TEMPORARY);
  settle ();
}

/* ---- What is written at all ---- */

static void
test_filter (Fixture *f, gconstpointer data)
{
  g_object_set (f->runner, "batch-age", (gint64) 0, "filter", "/altitude > 25000 or /battery/volts < 3.4", NULL);
  run (f);
  publish (f, "in/a", "{\"altitude\": 26000, \"battery\": {\"volts\": 4}}");
  publish (f, "in/a", "{\"altitude\": 100, \"battery\": {\"volts\": 3.9}}");
  publish (f, "in/a", "{\"altitude\": 100, \"battery\": {\"volts\": 3.3}}");
  publish (f, "in/a", "not json");
  pass (f, SECOND);
  g_assert_cmpuint (figures (f).n_written, ==, 2);
  g_assert_cmpuint (figures (f).n_filtered, ==, 2);
}

static void
test_expired (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("in/a");
  g_autoptr (HawserMessage) message = NULL;

  g_object_set (f->runner, "batch-age", (gint64) 3 * SECOND, NULL);
  run (f);
  hawser_message_builder_set_expiry_s (builder, 1);
  message = hawser_message_builder_build (builder);
  hawser_bus_publish (f->bus, message, NULL);
  pass (f, 5 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 0);
  g_assert_cmpuint (figures (f).n_expired, ==, 1);
}

static void
test_reply (Fixture *f, gconstpointer data)
{
  f->sink->replies = TRUE;
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  publish (f, "in/a", "ping");
  pass (f, SECOND);
  g_assert_cmpuint (f->letters->len, ==, 1);
}

static void
test_settings (Fixture *f, gconstpointer data)
{
  static const struct { const char *name, *value; } wrong[] = {
    { "topic", "a/#/b" }, { "filter", "/a >" }, { "dead-letter", "in/dead" }, { "dead-letter", "a/+" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (HawserSinkRunner) runner = hawser_sink_runner_new (f->bus, "wrong", HAWSER_SINK (f->sink), "in/#");
      g_autoptr (GError) error = NULL;

      g_object_set (runner, wrong[i].name, wrong[i].value, NULL);
      g_assert_false (hawser_sink_runner_start (runner, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

/* ---- Pause, drain, test ---- */

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  g_set_object ((GAsyncResult **) data, result);
}

static void
test_drain (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_object_set (f->runner, "batch-age", (gint64) 3600 * SECOND, NULL);
  run (f);
  for (guint i = 0; i < 7; i++)
    publish (f, "in/a", "x");
  settle ();
  g_assert_cmpuint (f->sink->seen->len, ==, 0);
  hawser_sink_runner_drain_async (f->runner, NULL, on_done, &result);
  g_assert_null (result);
  settle ();
  g_assert_nonnull (result);
  g_assert_true (hawser_sink_runner_drain_finish (f->runner, result, &error));
  g_assert_cmpuint (seen (f, 0)->n, ==, 7);
  g_assert_cmpint (hawser_sink_runner_get_state (f->runner), ==, HAWSER_SINK_STATE_STOPPED);
  g_assert_cmpuint (f->sink->n_stopped, ==, 1);
  publish (f, "in/a", "x");
  pass (f, SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 1);
}

static void
test_drain_failing (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  f->sink->answer = SAY_TEMPORARY;
  g_object_set (f->runner, "batch-age", (gint64) 3600 * SECOND, NULL);
  run (f);
  publish (f, "in/a", "x");
  hawser_sink_runner_drain_async (f->runner, NULL, on_done, &result);
  pass (f, SECOND);
  g_assert_nonnull (result);
  g_assert_false (hawser_sink_runner_drain_finish (f->runner, result, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
}

static void
test_drain_cancelled (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  f->sink->answer = SAY_NOTHING;
  run (f);
  publish (f, "in/a", "x");
  hawser_sink_runner_drain_async (f->runner, cancellable, on_done, &result);
  pass (f, 10 * SECOND);
  g_assert_null (result);
  g_cancellable_cancel (cancellable);
  settle ();
  g_assert_nonnull (result);
  g_assert_false (hawser_sink_runner_drain_finish (f->runner, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (g_cancellable_is_cancelled (hawser_sink_write_get_cancellable (f->sink->held)));
  answer (f->sink, f->sink->held, SAY_DONE);
  settle ();
}

static void
test_pause (Fixture *f, gconstpointer data)
{
  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  hawser_sink_runner_pause (f->runner);
  publish (f, "in/a", "x");
  pass (f, 10 * SECOND);
  g_assert_cmpuint (f->sink->seen->len, ==, 0);
  g_assert_cmpuint (hawser_sink_runner_get_depth (f->runner), ==, 1);
  g_assert_cmpint (hawser_sink_runner_get_oldest_age_us (f->runner), >=, 10 * SECOND);
  hawser_sink_runner_resume (f->runner);
  settle ();
  g_assert_cmpuint (f->sink->seen->len, ==, 1);
}

static void
test_probe (Fixture *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL, refused = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  run (f);
  hawser_sink_runner_test_async (f->runner, NULL, on_done, &result);
  settle ();
  text = hawser_sink_runner_test_finish (f->runner, result, &error);
  g_assert_cmpstr (text, ==, "ok");
  f->sink->answer = SAY_PERMANENT;
  hawser_sink_runner_test_async (f->runner, NULL, on_done, &refused);
  settle ();
  g_assert_null (hawser_sink_runner_test_finish (f->runner, refused, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_assert_cmpuint (figures (f).n_taken, ==, 0);
}

static void
on_notify (GObject *object, GParamSpec *pspec, gpointer data)
{
  (*(guint *) data)++;
}

static void
test_notify (Fixture *f, gconstpointer data)
{
  guint n = 0;

  g_object_set (f->runner, "batch-age", (gint64) 0, NULL);
  run (f);
  pass (f, SECOND);
  g_signal_connect (f->runner, "notify::n-written", G_CALLBACK (on_notify), &n);
  for (guint i = 0; i < 100; i++)
    {
      publish (f, "in/a", "x");
      pass (f, STEP_US);
    }
  pass (f, SECOND);
  g_assert_cmpuint (n, >=, 2);
  g_assert_cmpuint (n, <=, 12);   /* a second of changes, told at most every 100 ms */
}

/* ---- With a spool ---- */

typedef struct {
  char *dir;
  HawserBus *bus;
  HawserSpool *spool;
  TestSink *sink;
  HawserSinkRunner *runner;
} Durable;

static void
wait_for (gboolean (*holds) (Durable *d), Durable *d)
{
  gint64 deadline_us = g_get_monotonic_time () + 30 * SECOND;

  while (!holds (d))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline_us);
      g_main_context_iteration (NULL, FALSE);
      g_usleep (200);
    }
}

static gboolean
nothing_queued (Durable *d)
{
  return hawser_sink_runner_get_depth (d->runner) == 0;
}

static gboolean
has_written_once (Durable *d)
{
  return d->sink->seen->len > 0;
}

static gboolean
all_committed (Durable *d)
{
  HawserSpoolStats stats;

  hawser_spool_get_stats (d->spool, &stats);
  return stats.depth == 5 && stats.n_pending == 0;
}

static void
open_durable (Durable *d, Answer what)
{
  g_autoptr (GObject) store = g_object_new (STORE_TYPE_SQLITE, NULL);
  g_autofree char *path = g_build_filename (d->dir, "spool.db", NULL);
  g_autoptr (GError) error = NULL;

  d->bus = hawser_bus_new ();
  d->spool = hawser_spool_new (HAWSER_STORE (store), path, HAWSER_SPOOL_SYNC_ALWAYS, 0, &error);
  g_assert_no_error (error);
  hawser_bus_set_spool (d->bus, d->spool, &error);
  g_assert_no_error (error);
  d->sink = make_sink (hawser_clock_get_system ());
  d->sink->answer = what;
  d->runner = hawser_sink_runner_new (d->bus, "archive", HAWSER_SINK (d->sink), "in/#");
  g_object_set (d->runner, "batch-age", (gint64) 10000, NULL);
  hawser_sink_runner_start (d->runner, &error);
  g_assert_no_error (error);
}

static void
close_durable (Durable *d)
{
  hawser_sink_runner_stop (d->runner);
  if (d->sink->held != NULL)
    answer (d->sink, d->sink->held, SAY_TEMPORARY);
  settle ();
  g_object_unref (d->runner);
  hawser_bus_close (d->bus);
  hawser_bus_set_spool (d->bus, NULL, NULL);
  hawser_spool_close (d->spool, 10 * SECOND);
  settle ();
  g_object_unref (d->spool);
  g_object_unref (d->bus);
  g_object_unref (d->sink);
}

static void
test_spool (void)
{
  Durable d = { .dir = g_dir_make_tmp ("hawser-runner-XXXXXX", NULL) };
  g_autofree char *command = g_strdup_printf ("rm -r %s", d.dir);

  open_durable (&d, SAY_NOTHING);
  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);
      g_autoptr (HawserMessage) message = hawser_message_new_text ("in/a", text);

      hawser_bus_publish (d.bus, message, NULL);
    }
  wait_for (has_written_once, &d);
  wait_for (all_committed, &d);   /* given to the sink, which has not said yes: all of it is still in the spool */
  close_durable (&d);

  open_durable (&d, SAY_DONE);
  wait_for (has_written_once, &d);
  g_assert_cmpuint (g_array_index (d.sink->seen, Seen, 0).n, ==, 5);
  g_assert_cmpuint (g_array_index (d.sink->seen, Seen, 0).n_repeated, ==, 5);
  g_assert_cmpstr (g_array_index (d.sink->seen, Seen, 0).first, ==, "0");
  wait_for (nothing_queued, &d);
  close_durable (&d);

  open_durable (&d, SAY_DONE);
  g_assert_cmpuint (hawser_sink_runner_get_depth (d.runner), ==, 0);
  close_durable (&d);
  g_assert_cmpint (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL), ==, TRUE);
  g_free (d.dir);
}

/* ---- Backoff alone ---- */

static void
test_backoff (void)
{
  HawserBackoff a, b;
  gint64 low_us = G_MAXINT64, high_us = 0;

  hawser_backoff_init (&a, SECOND, 60 * SECOND, 42);
  hawser_backoff_init (&b, SECOND, 60 * SECOND, 42);
  for (guint i = 1; i <= 1000; i++)
    {
      gint64 pause_us = hawser_backoff_fail (&a);

      g_assert_cmpint (pause_us, ==, hawser_backoff_fail (&b));
      g_assert_cmpint (pause_us, >=, 0);
      g_assert_cmpint (pause_us, <=, hawser_backoff_ceiling (&a, i));
      if (i > 10)
        {
          low_us = MIN (low_us, pause_us);
          high_us = MAX (high_us, pause_us);
        }
    }
  g_assert_cmpint (hawser_backoff_ceiling (&a, 1), ==, SECOND);
  g_assert_cmpint (hawser_backoff_ceiling (&a, 4), ==, 8 * SECOND);
  g_assert_cmpint (hawser_backoff_ceiling (&a, G_MAXUINT), ==, 60 * SECOND);
  /* full jitter: the whole range is used */
  g_assert_cmpint (low_us, <, SECOND);
  g_assert_cmpint (high_us, >, 59 * SECOND);
}

#define ADD(path, func) g_test_add ("/sink/" path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sink/backoff/every-pause-is-within-the-envelope-and-repeatable", test_backoff);
  ADD ("batch/ten-thousand-messages-by-thousand-are-ten-writes", test_exactly_ten);
  ADD ("batch/lone-message-is-written-at-its-age", test_age);
  ADD ("batch/size-is-a-bound-and-larger-messages-travel-alone", test_size);
  ADD ("batch/holds-one-key-and-keeps-its-order", test_keys);
  ADD ("batch/is-no-larger-than-the-sink-takes", test_max_batch);
  ADD ("batch/open-keys-are-bounded", test_many_keys);
  ADD ("retry/times-of-attempts-follow-the-envelope", test_envelope);
  ADD ("retry/destination-is-not-called-before-retry-after", test_retry_after);
  ADD ("retry/minute-of-503-follows-full-jitter-and-retry-after", test_minute_of_failures);
  ADD ("dead-letter/only-the-refused-message-of-a-batch", test_dead_letter);
  ADD ("dead-letter/driven-again-once-for-each-command", test_redrive);
  ADD ("dead-letter/after-max-attempts-the-next-batch-has-its-turn", test_max_attempts);
  ADD ("dead-letter/without-topic-it-is-counted", test_no_dead_letter);
  ADD ("breaker/opens-probes-once-and-closes", test_breaker);
  ADD ("runner/stuck-sink-does-not-hold-up-its-neighbour", test_neighbour);
  ADD ("runner/write-that-is-let-go-of-is-repeated", test_let_go);
  ADD ("runner/second-answer-is-ignored", test_twice);
  ADD ("runner/destination-that-is-gone-pauses-it", test_gone);
  ADD ("runner/slow-write-is-cancelled", test_timeout);
  ADD ("runner/filter-decides-what-is-written", test_filter);
  ADD ("runner/expired-message-is-not-written", test_expired);
  ADD ("runner/reply-is-published", test_reply);
  ADD ("runner/wrong-settings-are-refused", test_settings);
  ADD ("runner/drain-writes-what-is-open-then-stops", test_drain);
  ADD ("runner/drain-does-not-wait-for-a-failing-destination", test_drain_failing);
  ADD ("runner/drain-can-be-cancelled", test_drain_cancelled);
  ADD ("runner/pause-holds-and-resume-writes", test_pause);
  ADD ("runner/test-tells-what-the-destination-said", test_probe);
  ADD ("runner/properties-change-at-most-every-100-ms", test_notify);
  g_test_add_func ("/sink/spool/message-leaves-only-after-the-sink-said-yes", test_spool);
  return g_test_run ();
}
