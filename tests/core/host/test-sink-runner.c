/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sink runner itself: its life from start to drain, what it leaves out, and what it has in the spool. */

#include "sink-fixture.h"

#include "../../harness/waiting.h"
#include "spool-fixture.h"

static void
test_neighbour (Fixture *f, gconstpointer data)
{
  g_autoptr (TestSink) other = sink_fixture_make_sink (f->clock);
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
  sink_fixture_answer (f->sink, f->sink->held, SAY_TEMPORARY);
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
  sink_fixture_answer (f->sink, f->sink->held, SAY_DONE);
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
  g_autofree char *path = g_build_filename (d->dir, "spool.db", NULL);
  g_autoptr (GError) error = NULL;

  d->bus = hawser_bus_new ();
  d->spool = spool_fixture_open (d->bus, path);
  d->sink = sink_fixture_make_sink (hawser_clock_get_system ());
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
    sink_fixture_answer (d->sink, d->sink->held, SAY_TEMPORARY);
  settle ();
  g_object_unref (d->runner);
  spool_fixture_close (d->bus, d->spool);
  g_object_unref (d->bus);
  g_object_unref (d->sink);
}

static void
test_spool (void)
{
  Durable d = { .dir = g_dir_make_tmp ("hawser-runner-XXXXXX", NULL) };

  open_durable (&d, SAY_NOTHING);
  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);
      g_autoptr (HawserMessage) message = hawser_message_new_text ("in/a", text);

      hawser_bus_publish (d.bus, message, NULL);
    }
  waiting_until (NULL, has_written_once (&d));
  waiting_until (NULL, all_committed (&d));   /* given to the sink, which has not said yes: all of it is still in the spool */
  close_durable (&d);

  open_durable (&d, SAY_DONE);
  waiting_until (NULL, has_written_once (&d));
  g_assert_cmpuint (g_array_index (d.sink->seen, Seen, 0).n, ==, 5);
  g_assert_cmpuint (g_array_index (d.sink->seen, Seen, 0).n_repeated, ==, 5);
  g_assert_cmpstr (g_array_index (d.sink->seen, Seen, 0).first, ==, "0");
  waiting_until (NULL, nothing_queued (&d));
  close_durable (&d);

  open_durable (&d, SAY_DONE);
  g_assert_cmpuint (hawser_sink_runner_get_depth (d.runner), ==, 0);
  close_durable (&d);
  spool_fixture_remove (d.dir);
  g_free (d.dir);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  SINK_FACT ("runner/stuck-sink-does-not-hold-up-its-neighbour", test_neighbour);
  SINK_FACT ("runner/write-that-is-let-go-of-is-repeated", test_let_go);
  SINK_FACT ("runner/second-answer-is-ignored", test_twice);
  SINK_FACT ("runner/destination-that-is-gone-pauses-it", test_gone);
  SINK_FACT ("runner/slow-write-is-cancelled", test_timeout);
  SINK_FACT ("runner/filter-decides-what-is-written", test_filter);
  SINK_FACT ("runner/expired-message-is-not-written", test_expired);
  SINK_FACT ("runner/reply-is-published", test_reply);
  SINK_FACT ("runner/wrong-settings-are-refused", test_settings);
  SINK_FACT ("runner/drain-writes-what-is-open-then-stops", test_drain);
  SINK_FACT ("runner/drain-does-not-wait-for-a-failing-destination", test_drain_failing);
  SINK_FACT ("runner/drain-can-be-cancelled", test_drain_cancelled);
  SINK_FACT ("runner/pause-holds-and-resume-writes", test_pause);
  SINK_FACT ("runner/test-tells-what-the-destination-said", test_probe);
  SINK_FACT ("runner/properties-change-at-most-every-100-ms", test_notify);
  g_test_add_func ("/sink/spool/message-leaves-only-after-the-sink-said-yes", test_spool);
  return g_test_run ();
}
