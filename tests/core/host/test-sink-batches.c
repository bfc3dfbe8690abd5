/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the sink runner puts into one write: by count, size, age and key. */

#include "sink-fixture.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  SINK_FACT ("batch/ten-thousand-messages-by-thousand-are-ten-writes", test_exactly_ten);
  SINK_FACT ("batch/lone-message-is-written-at-its-age", test_age);
  SINK_FACT ("batch/size-is-a-bound-and-larger-messages-travel-alone", test_size);
  SINK_FACT ("batch/holds-one-key-and-keeps-its-order", test_keys);
  SINK_FACT ("batch/is-no-larger-than-the-sink-takes", test_max_batch);
  SINK_FACT ("batch/open-keys-are-bounded", test_many_keys);
  return g_test_run ();
}
