/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sink-fixture.h"

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

void
sink_fixture_answer (TestSink *self, HawserSinkWrite *write, Answer what)
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
      sink_fixture_answer (self, write, SAY_TEMPORARY);
      return;
    }
  sink_fixture_answer (self, write, self->answer);
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

void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

void
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

TestSink *
sink_fixture_make_sink (HawserClock *clock)
{
  TestSink *sink = g_object_new (TEST_TYPE_SINK, NULL);

  sink->clock = g_object_ref (clock);
  return sink;
}

void
sink_fixture_set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->clock = hawser_clock_new_manual (1000 * SECOND, 1700000000 * SECOND);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->sink = sink_fixture_make_sink (f->clock);
  f->letters = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_message_unref);
  g_object_unref (hawser_bus_subscribe (f->bus, "dead/#", on_letter, f, NULL, &error));
  g_assert_no_error (error);
  g_object_unref (hawser_bus_subscribe (f->bus, "replies/#", on_letter, f, NULL, &error));
  g_assert_no_error (error);
  f->runner = hawser_sink_runner_new (f->bus, "archive", HAWSER_SINK (f->sink), "in/#");
}

void
sink_fixture_tear_down (Fixture *f, gconstpointer data)
{
  hawser_sink_runner_stop (f->runner);
  if (f->sink->held != NULL)
    sink_fixture_answer (f->sink, f->sink->held, SAY_TEMPORARY);   /* a runner lives until its last write is answered */
  settle ();
  g_assert_finalize_object (f->runner);
  hawser_bus_close (f->bus);
  settle ();
  g_object_unref (f->bus);
  g_object_unref (f->sink);
  g_ptr_array_unref (f->letters);
  g_object_unref (f->clock);
}

void
run (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  hawser_sink_runner_start (f->runner, &error);
  g_assert_no_error (error);
}

void
publish (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);
  g_autoptr (GError) error = NULL;

  hawser_bus_publish (f->bus, message, &error);
  g_assert_no_error (error);
}

Seen *
seen (Fixture *f, guint i)
{
  g_assert_cmpuint (i, <, f->sink->seen->len);
  return &g_array_index (f->sink->seen, Seen, i);
}

HawserSinkStatistics
figures (Fixture *f)
{
  HawserSinkStatistics s;

  hawser_sink_runner_get_statistics (f->runner, &s);
  g_assert_cmpuint (s.n_taken, ==, s.n_written + s.n_dead_letters + s.n_given_up + s.n_filtered + s.n_expired + s.n_in_memory);
  return s;
}
