/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the sink runner does when a write fails: pauses, dead letters, the breaker. */

#include "sink-fixture.h"

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
  sink_fixture_answer (f->sink, f->sink->held, SAY_DONE);
  pass (f, SECOND);
  g_assert_cmpint (hawser_sink_runner_get_breaker (f->runner), ==, HAWSER_BREAKER_CLOSED);
  g_assert_cmpint (hawser_sink_runner_get_state (f->runner), ==, HAWSER_SINK_STATE_RUNNING);
  g_assert_cmpuint (figures (f).n_written, ==, 4);
  g_assert_cmpuint (figures (f).n_opened, ==, 1);
}

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sink/backoff/every-pause-is-within-the-envelope-and-repeatable", test_backoff);
  SINK_FACT ("retry/times-of-attempts-follow-the-envelope", test_envelope);
  SINK_FACT ("retry/destination-is-not-called-before-retry-after", test_retry_after);
  SINK_FACT ("retry/minute-of-503-follows-full-jitter-and-retry-after", test_minute_of_failures);
  SINK_FACT ("dead-letter/only-the-refused-message-of-a-batch", test_dead_letter);
  SINK_FACT ("dead-letter/driven-again-once-for-each-command", test_redrive);
  SINK_FACT ("dead-letter/after-max-attempts-the-next-batch-has-its-turn", test_max_attempts);
  SINK_FACT ("dead-letter/without-topic-it-is-counted", test_no_dead_letter);
  SINK_FACT ("breaker/opens-probes-once-and-closes", test_breaker);
  return g_test_run ();
}
