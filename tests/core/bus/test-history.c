/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* FEATURES D13: the last messages of topics with `history`, as slices from a sequence number or a time on, at once or at the
 * speed of then. The clock is the test's. */

#include <hawser/hawser.h>

#include <string.h>

#include "hawser-history.h"

#define SECOND G_USEC_PER_SEC
#define MS (G_USEC_PER_SEC / 1000)
#define WALL_US (G_GINT64_CONSTANT (1700000000) * SECOND) /* 2023-11-14T22:13:20Z, when the clock shows 0 */

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  GString *got;              /* "PAYLOAD@MILLISECONDS " of each, in whole tenths of a second: timers come a step of the clock later */
} Fixture;

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Fixture *fixture = data;
  g_autofree char *text = hawser_message_dup_text (delivery->message);

  g_string_append_printf (fixture->got, "%s@%d ", text, (int) (hawser_clock_get_monotonic_us (fixture->clock) / (100 * MS) * 100));
  return HAWSER_DELIVER_DONE;
}

static const HawserReceiverFuncs funcs = { .deliver = deliver };

static void
turn (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
advance (Fixture *fixture, gint64 us)
{
  for (gint64 end_us = hawser_clock_get_monotonic_us (fixture->clock) + us; hawser_clock_get_monotonic_us (fixture->clock) < end_us;)
    {
      hawser_clock_advance (fixture->clock, MIN (10 * MS, end_us - hawser_clock_get_monotonic_us (fixture->clock)));
      turn ();
    }
}

static void
declare (Fixture *fixture, const char *name, guint history)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new (name);
  g_autoptr (GError) error = NULL;

  g_object_set (topic, "create", "auto", "history", history, NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), &error));
  g_assert_no_error (error);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->clock = hawser_clock_new_manual (0, WALL_US);
  fixture->bus = hawser_bus_new_with_clock (fixture->clock);
  fixture->got = g_string_new (NULL);
  declare (fixture, "log/#", 5);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_bus_close (fixture->bus);
  turn ();
  g_assert_finalize_object (fixture->bus);
  g_object_unref (fixture->clock);
  g_string_free (fixture->got, TRUE);
}

static void
publish_expiring (Fixture *fixture, const char *topic, const char *text, guint32 expiry_s)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (topic);
  g_autoptr (HawserMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  hawser_message_builder_set_text (builder, text);
  if (expiry_s > 0)
    hawser_message_builder_set_expiry_s (builder, expiry_s);
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_bus_publish (fixture->bus, message, &error));
  g_assert_no_error (error);
}

static void
publish (Fixture *fixture, const char *topic, const char *text)
{
  publish_expiring (fixture, topic, text, 0);
}

static int
subscribe (Fixture *fixture, HawserReceiver **out_receiver, const char *filter, const char *since, double speed)
{
  HawserReceiver *receiver = hawser_receiver_new (fixture->bus, NULL, 0, NULL);
  int result;

  g_string_truncate (fixture->got, 0);
  hawser_receiver_attach (receiver, NULL, &funcs, fixture);
  result = hawser_receiver_subscribe (receiver, filter, strlen (filter), &(HawserSubscribeOptions) { .qos = 1, .since = since, .replay_speed = speed });
  turn ();
  if (out_receiver != NULL)
    *out_receiver = receiver;
  else
    hawser_receiver_remove (receiver);
  return result;
}

static void
check_slice (Fixture *fixture, const char *filter, const char *since, const char *expected)
{
  g_autoptr (GRegex) times = g_regex_new ("@[0-9]+", 0, 0, NULL);
  g_autofree char *payloads = NULL;

  g_assert_cmpint (subscribe (fixture, NULL, filter, since, 0), ==, 0);
  payloads = g_regex_replace_literal (times, fixture->got->str, -1, 0, "", 0, NULL);
  g_assert_cmpstr (payloads, ==, expected);
}

/* 0 to 3, a second apart, in two topics by turns. */
static void
publish_four (Fixture *fixture)
{
  const char *texts[] = { "0", "1", "2", "3" };

  for (guint i = 0; i < 4; i++)
    {
      publish (fixture, i % 2 == 0 ? "log/b" : "log/a", texts[i]);
      advance (fixture, SECOND);
    }
}

static void
slice_from_a_time_is_exact (Fixture *fixture, gconstpointer data)
{
  publish_four (fixture); /* at 0, 1, 2 and 3 s; it is 4 s now */
  check_slice (fixture, "log/#", "2023-11-14T22:13:20Z", "0 1 2 3 ");
  check_slice (fixture, "log/#", "2023-11-14T22:13:21Z", "1 2 3 ");
  check_slice (fixture, "log/#", "2023-11-14T22:13:21.000001Z", "2 3 ");
  check_slice (fixture, "log/#", "2023-11-14T23:13:23+01:00", "3 ");
  check_slice (fixture, "log/#", "2023-11-14T22:13:24Z", "");
  check_slice (fixture, "log/#", "2s", "2 3 ");
  check_slice (fixture, "log/#", "1999ms", "3 ");
  check_slice (fixture, "log/a", "1h", "1 3 ");
}

static void
slice_from_a_number_is_exact (Fixture *fixture, gconstpointer data)
{
  publish_four (fixture);
  check_slice (fixture, "log/#", "0", "0 1 2 3 ");
  check_slice (fixture, "log/#", "1", "0 1 2 3 ");
  check_slice (fixture, "log/#", "3", "2 3 ");
  check_slice (fixture, "log/+", "4", "3 ");
  check_slice (fixture, "log/#", "5", "");
  check_slice (fixture, "log/#", "9223372036854775807", "");
}

static void
only_the_last_of_each_topic_are_kept (Fixture *fixture, gconstpointer data)
{
  publish (fixture, "log/quiet", "q");
  for (guint i = 0; i < 12; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (fixture, "log/x", text);
      publish (fixture, "other", text);
    }
  check_slice (fixture, "#", "0", "q 7 8 9 10 11 ");
}

static void
what_has_expired_is_left_out (Fixture *fixture, gconstpointer data)
{
  publish_expiring (fixture, "log/a", "short", 1);
  publish_expiring (fixture, "log/a", "long", 100);
  advance (fixture, 2 * SECOND);
  check_slice (fixture, "log/#", "0", "long ");
}

static void
what_is_new_comes_behind_the_slice (Fixture *fixture, gconstpointer data)
{
  HawserReceiver *receiver;

  publish (fixture, "log/a", "old");
  subscribe (fixture, &receiver, "log/#", "0", 0);
  publish (fixture, "log/a", "new");
  turn ();
  g_assert_cmpstr (fixture->got->str, ==, "old@0 new@0 ");
  hawser_receiver_remove (receiver);
}

static void
replay_has_the_pauses_of_then (Fixture *fixture, gconstpointer data)
{
  HawserReceiver *receiver;

  publish_four (fixture);
  subscribe (fixture, &receiver, "log/#", "2", 1);
  advance (fixture, 1500 * MS);
  publish (fixture, "log/a", "live");
  advance (fixture, 10 * SECOND);
  g_assert_cmpstr (fixture->got->str, ==, "1@4000 2@5000 live@5500 3@6000 ");
  hawser_receiver_remove (receiver);
}

static void
replay_can_be_faster_and_slower (Fixture *fixture, gconstpointer data)
{
  HawserReceiver *receiver;

  publish_four (fixture);
  subscribe (fixture, &receiver, "log/#", "0", 10);
  advance (fixture, SECOND);
  g_assert_cmpstr (fixture->got->str, ==, "0@4000 1@4100 2@4200 3@4300 ");
  hawser_receiver_remove (receiver);
  subscribe (fixture, &receiver, "log/#", "3", 0.5);
  advance (fixture, 3 * SECOND);
  g_assert_cmpstr (fixture->got->str, ==, "2@5000 3@7000 ");
  hawser_receiver_remove (receiver);
}

static void
replay_ends_with_its_receiver (Fixture *fixture, gconstpointer data)
{
  HawserReceiver *receiver;

  publish_four (fixture);
  subscribe (fixture, &receiver, "log/#", "0", 1);
  advance (fixture, 50 * MS);
  hawser_receiver_remove (receiver);
  advance (fixture, 10 * SECOND);
  g_assert_cmpstr (fixture->got->str, ==, "0@4000 ");
}

static void
since_that_means_nothing_is_refused (Fixture *fixture, gconstpointer data)
{
  const char *wrong[] = { "yesterday", "", "-1", "2023-11-14", "2023-13-14T22:13:20Z", "18446744073709551616" };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    g_assert_cmpint (subscribe (fixture, NULL, "log/#", wrong[i], 0), ==, HAWSER_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/bus/history/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("slice-from-a-time-is-exact", slice_from_a_time_is_exact);
  ADD ("slice-from-a-number-is-exact", slice_from_a_number_is_exact);
  ADD ("only-the-last-of-each-topic-are-kept", only_the_last_of_each_topic_are_kept);
  ADD ("what-has-expired-is-left-out", what_has_expired_is_left_out);
  ADD ("what-is-new-comes-behind-the-slice", what_is_new_comes_behind_the_slice);
  ADD ("replay-has-the-pauses-of-then", replay_has_the_pauses_of_then);
  ADD ("replay-can-be-faster-and-slower", replay_can_be_faster_and_slower);
  ADD ("replay-ends-with-its-receiver", replay_ends_with_its_receiver);
  ADD ("since-that-means-nothing-is-refused", since_that_means_nothing_is_refused);
  return g_test_run ();
}
