/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of the sink role: written to directly, as the runner writes, and through a runner at the end. */

#include "contract-sink.h"

#include <string.h>

#include "../harness/waiting.h"
#include "hawser-sink-private.h"

#define OVERSIZE (8 * 1024 * 1024)

typedef struct {
  const ContractSink *contract;
  gpointer world;
  HawserSink *sink;
  HawserLane *lane;
  gint n_answers;                  /* atomic */
  HawserSinkOutcome outcome;       /* of the last */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->contract = data;
  f->world = f->contract->open ();
  f->sink = f->contract->make (f->world);
  g_assert_true (hawser_sink_start (f->sink, &error));
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_sink_stop (f->sink);
  g_object_unref (f->sink);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  f->contract->close (f->world);
  g_free (f->outcome.reason);
}

static void
on_answered (HawserSinkWrite *write, gpointer data)
{
  Fixture *f = data;
  const HawserSinkOutcome *outcome = hawser_sink_write_get_outcome (write);

  g_free (f->outcome.reason);
  f->outcome = *outcome;
  f->outcome.reason = g_strdup (outcome->reason);
  g_atomic_int_inc (&f->n_answers);
}

static void
wait_for_answers (Fixture *f, gint n)
{
  waiting_until (NULL, g_atomic_int_get (&f->n_answers) >= n);
}

static HawserBatch *
make_batch (guint first, guint n)
{
  HawserBatch *batch = hawser_batch_new ();

  for (guint i = first; i < first + n; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);
      g_autoptr (HawserMessage) message = hawser_message_new_text ("in/a", text);

      hawser_batch_add (batch, message);
    }
  return batch;
}

static GCancellable *
begin (Fixture *f, HawserBatch *batch, guint attempt, gboolean is_cancelled)
{
  g_autofree char *key = hawser_batch_get_size (batch) > 0 ? hawser_sink_dup_key (f->sink, hawser_batch_get_message (batch, 0)) : NULL;
  g_autoptr (HawserSinkWrite) write = hawser_sink_write_new (batch, key, attempt, 0, on_answered, f);
  GCancellable *cancellable = g_object_ref (hawser_sink_write_get_cancellable (write));

  if (is_cancelled)
    g_cancellable_cancel (cancellable);
  hawser_sink_write (f->sink, write);
  return cancellable;
}

static void
write_and_wait (Fixture *f, HawserBatch *batch, guint attempt)
{
  gint n = g_atomic_int_get (&f->n_answers) + 1;
  g_autoptr (GCancellable) cancellable = begin (f, batch, attempt, FALSE);

  wait_for_answers (f, n);
}

static void
assert_arrived (Fixture *f, guint n)
{
  g_autoptr (GPtrArray) got = f->contract->list (f->world);

  g_assert_cmpuint (got->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (g_ascii_strtoll (g_ptr_array_index (got, i), NULL, 10), ==, i);
}

static void
test_empty (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserBatch) batch = hawser_batch_new ();

  write_and_wait (f, batch, 1);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
  assert_arrived (f, 0);
}

static void
test_one (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserBatch) batch = make_batch (0, 1);

  write_and_wait (f, batch, 1);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
  g_assert_cmpuint (f->outcome.n_safe, ==, 1);
  assert_arrived (f, 1);
}

static void
test_many (Fixture *f, gconstpointer data)
{
  guint most = hawser_sink_get_max_batch (f->sink), each = most == 0 ? 100 : MIN (most, 100);

  for (guint first = 0; first < 500; first += each)
    {
      g_autoptr (HawserBatch) batch = make_batch (first, each);

      write_and_wait (f, batch, 1);
      g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
      g_assert_cmpuint (f->outcome.n_safe, ==, each);
    }
  assert_arrived (f, 500);
}

static void
test_oversize (Fixture *f, gconstpointer data)
{
  g_autofree char *text = g_strnfill (OVERSIZE, 'x');
  g_autoptr (HawserMessage) message = NULL;
  g_autoptr (HawserBatch) batch = hawser_batch_new ();
  g_autoptr (GPtrArray) got = NULL;

  text[0] = text[OVERSIZE - 1] = '"';
  message = hawser_message_new_text ("in/a", text);
  hawser_batch_add (batch, message);
  write_and_wait (f, batch, 1);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
  got = f->contract->list (f->world);
  g_assert_cmpuint (got->len, ==, 1);
  g_assert_cmpuint (strlen (g_ptr_array_index (got, 0)), ==, OVERSIZE);
}

static void
test_cancelled_before (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserBatch) batch = make_batch (0, 1);
  g_autoptr (GCancellable) cancellable = begin (f, batch, 1, TRUE);

  wait_for_answers (f, 1);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_TEMPORARY);
  g_assert_cmpuint (f->outcome.n_safe, ==, 0);
  assert_arrived (f, 0);
  write_and_wait (f, batch, 2);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
  assert_arrived (f, 1);
}

static void
test_cancelled_halfway (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (HawserBatch) batch = make_batch (0, 1);
      g_autoptr (GCancellable) cancellable = begin (f, batch, 1, FALSE);

      for (guint turn = 0; turn < i; turn++)
        g_main_context_iteration (NULL, FALSE);
      g_cancellable_cancel (cancellable);
      wait_for_answers (f, (gint) i + 1);
      g_assert_true (f->outcome.result == HAWSER_SINK_DONE || f->outcome.result == HAWSER_SINK_TEMPORARY);
    }
  g_assert_cmpint (f->n_answers, ==, 20);
}

static void
test_failure (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserBatch) batch = make_batch (0, 1);

  f->contract->fail (f->world);
  for (guint attempt = 1; attempt <= 3; attempt++)
    {
      write_and_wait (f, batch, attempt);
      g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_TEMPORARY);
      g_assert_cmpuint (f->outcome.n_safe, ==, 0);
      g_assert_nonnull (f->outcome.reason);
      g_assert_null (strchr (f->outcome.reason, '\n'));
    }
  f->contract->mend (f->world);
  write_and_wait (f, batch, 4);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
  assert_arrived (f, 1);
}

static void
test_stop (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserBatch) batch = make_batch (0, 1);
  g_autoptr (GCancellable) cancellable = begin (f, batch, 1, FALSE);
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  hawser_sink_stop (f->sink);
  wait_for_answers (f, 1);
  g_assert_true (hawser_sink_start (f->sink, &error));
  g_assert_no_error (error);
  write_and_wait (f, batch, 2);
  g_assert_cmpint (f->outcome.result, ==, HAWSER_SINK_DONE);
}

static void
on_drained (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (hawser_sink_runner_drain_finish (HAWSER_SINK_RUNNER (source), result, &error));
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

static void
test_drain (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserSink) sink = f->contract->make (f->world);
  g_autoptr (HawserSinkRunner) runner = hawser_sink_runner_new (bus, "contract", sink, "in/#");
  g_autoptr (GError) error = NULL;
  gboolean is_drained = FALSE;

  g_object_set (runner, "batch-age", 3600 * (gint64) G_USEC_PER_SEC, NULL);
  g_assert_true (hawser_sink_runner_start (runner, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);
      g_autoptr (HawserMessage) message = hawser_message_new_text ("in/a", text);

      g_assert_true (hawser_bus_publish (bus, message, &error));
    }
  hawser_sink_runner_drain_async (runner, NULL, on_drained, &is_drained);
  waiting_until (NULL, is_drained);
  assert_arrived (f, 50);
  hawser_bus_close (bus);
}

void
contract_sink_add (const ContractSink *sink)
{
  static const struct {
    const char *name;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "empty-batch-is-done", test_empty },
    { "one-message-arrives", test_one },
    { "many-messages-arrive-in-order", test_many },
    { "message-of-8-mib-arrives-whole", test_oversize },
    { "cancelled-write-writes-nothing", test_cancelled_before },
    { "write-cancelled-halfway-is-answered-once", test_cancelled_halfway },
    { "failure-is-temporary-and-the-next-attempt-arrives-once", test_failure },
    { "stop-with-a-write-under-way-answers-it-and-start-works-again", test_stop },
    { "drain-writes-everything", test_drain },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/sink/%s/%s", sink->name, tests[i].name);

      g_test_add (path, Fixture, sink, set_up, tests[i].func, tear_down);
    }
}
