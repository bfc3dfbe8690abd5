/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* FEATURES C8: leased observers of messages, numbers and errors. The clock is the test's. */

#include <hawser/hawser.h>

#include <string.h>

#define SECOND G_USEC_PER_SEC
#define MS (G_USEC_PER_SEC / 1000)

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  GPtrArray *seen;           /* of HawserMessage */
} Fixture;

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  g_ptr_array_add (((Fixture *) data)->seen, hawser_message_ref (delivery->message));
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
      hawser_clock_advance (fixture->clock, MIN (50 * MS, end_us - hawser_clock_get_monotonic_us (fixture->clock)));
      turn ();
    }
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->clock = hawser_clock_new_manual (0, G_GINT64_CONSTANT (1700000000) * SECOND);
  fixture->bus = hawser_bus_new_with_clock (fixture->clock);
  fixture->seen = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_message_unref);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_bus_close (fixture->bus);
  turn ();
  g_ptr_array_unref (fixture->seen);
  g_assert_finalize_object (fixture->bus);
  g_object_unref (fixture->clock);
}

static HawserObserver *
observe (Fixture *fixture, HawserObserverKind kind, const char *filter, guint lease_ms)
{
  g_autoptr (GError) error = NULL;
  HawserObserver *observer = hawser_bus_observe (fixture->bus, kind, filter, lease_ms, &error);
  HawserReceiver *receiver;

  g_assert_no_error (error);
  receiver = hawser_receiver_new (fixture->bus, NULL, 0, NULL);
  hawser_receiver_attach (receiver, NULL, &funcs, fixture);
  g_assert_cmpint (hawser_receiver_subscribe (receiver, hawser_observer_get_topic (observer), strlen (hawser_observer_get_topic (observer)),
                                              &(HawserSubscribeOptions) { .qos = 1 }), ==, HAWSER_RESULT_OK);
  turn ();
  return observer;
}

static void
publish (Fixture *fixture, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

  hawser_bus_publish (fixture->bus, message, NULL);
  turn ();
}

static char *
text_of (Fixture *fixture, guint i)
{
  g_assert_cmpuint (fixture->seen->len, >, i);
  return hawser_message_dup_text (g_ptr_array_index (fixture->seen, i));
}

static void
assert_last (Fixture *fixture, const char *expected)
{
  g_autofree char *text = text_of (fixture, fixture->seen->len - 1);

  g_assert_cmpstr (text, ==, expected);
}

static void
each_message_comes_with_its_topic (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_MESSAGE, "plant/#", 5000);
  g_autofree char *topic = NULL, *id = NULL, *text = NULL;
  HawserMessage *message;

  publish (fixture, "plant/a", "1");
  publish (fixture, "other/a", "2");
  publish (fixture, "plant/b", "3");
  g_assert_cmpuint (fixture->seen->len, ==, 2);
  message = g_ptr_array_index (fixture->seen, 1);
  topic = hawser_message_dup_property (message, "topic");
  id = hawser_message_dup_property (message, "id");
  text = hawser_message_dup_text (message);
  g_assert_cmpstr (hawser_message_get_topic (message), ==, hawser_observer_get_topic (observer));
  g_assert_cmpstr (topic, ==, "plant/b");
  g_assert_nonnull (id);
  g_assert_cmpstr (text, ==, "3");
}

static void
it_stops_when_its_lease_is_over (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_MESSAGE, "plant/#", 5000);
  g_autoptr (GError) error = NULL;
  guint n = 0;

  for (; hawser_clock_get_monotonic_us (fixture->clock) < 4900 * MS; n++)
    {
      publish (fixture, "plant/a", "x");
      advance (fixture, 100 * MS);
    }
  g_assert_cmpuint (fixture->seen->len, ==, n);
  g_assert_true (hawser_observer_is_live (observer));

  advance (fixture, 200 * MS);
  g_assert_false (hawser_observer_is_live (observer));
  assert_last (fixture, "{\"ended\":\"lease\"}");
  publish (fixture, "plant/a", "too late");
  advance (fixture, 10 * SECOND);
  g_assert_cmpuint (fixture->seen->len, ==, n + 1);
  g_assert_false (hawser_observer_renew (observer, 0, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
}

static void
count_change (HawserObserver *observer, GParamSpec *pspec, gpointer data)
{
  ++*(guint *) data;
}

static void
renewed_at_half_time_it_misses_nothing_for_ten_minutes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_MESSAGE, "plant/#", 5000);
  g_autoptr (HawserObserver) metric = observe (fixture, HAWSER_OBSERVER_METRIC, "plant/#", 5000);
  g_autofree char *prefix = NULL;
  guint n = 0, n_ends = 0, n_messages = 0, n_metrics = 0;

  g_signal_connect (observer, "notify::is-live", G_CALLBACK (count_change), &n_ends);
  g_signal_connect (metric, "notify::is-live", G_CALLBACK (count_change), &n_ends);
  for (gint64 renewal_us = 2500 * MS; hawser_clock_get_monotonic_us (fixture->clock) < 600 * SECOND;)
    {
      g_autofree char *text = g_strdup_printf ("%u", n++);

      publish (fixture, "plant/a", text);
      advance (fixture, 100 * MS);
      if (hawser_clock_get_monotonic_us (fixture->clock) < renewal_us)
        continue;
      g_assert_true (hawser_observer_renew (observer, 0, NULL));
      g_assert_true (hawser_observer_renew (metric, 0, NULL));
      renewal_us += 2500 * MS;
    }
  g_assert_cmpuint (n, ==, 6000);
  g_assert_cmpuint (n_ends, ==, 0);
  for (guint i = 0; i < fixture->seen->len; i++)
    {
      g_autofree char *text = text_of (fixture, i);
      g_autofree char *expected = g_strdup_printf ("%u", n_messages);

      if (g_str_has_prefix (text, "{"))
        n_metrics++;
      else
        {
          g_assert_cmpstr (text, ==, expected);
          n_messages++;
        }
    }
  g_assert_cmpuint (n_messages, ==, 6000);
  g_assert_cmpuint (n_metrics, >=, 600);

  advance (fixture, 5100 * MS);
  g_assert_cmpuint (n_ends, ==, 2);
}

static void
a_lease_can_be_made_longer (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_MESSAGE, "plant/#", 1000);
  g_autoptr (GError) error = NULL;

  g_assert_false (hawser_observer_renew (observer, 500, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_assert_true (hawser_observer_renew (observer, 20000, NULL));
  advance (fixture, 19 * SECOND);
  g_assert_true (hawser_observer_is_live (observer));
  g_assert_cmpuint (hawser_observer_get_lease_ms (observer), ==, 20000);
  hawser_observer_end (observer);
  turn ();
  g_assert_false (hawser_observer_is_live (observer));
  assert_last (fixture, "{\"ended\":\"request\"}");
}

static void
numbers_come_each_second_and_to_who_comes_late (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_METRIC, "plant/+", 5000);
  g_autofree char *text = NULL;

  g_assert_cmpuint (fixture->seen->len, ==, 1);
  publish (fixture, "plant/a", "12345");
  publish (fixture, "plant/b", "678");
  publish (fixture, "plant/b/c", "not seen");
  g_assert_cmpuint (fixture->seen->len, ==, 1);
  advance (fixture, 1100 * MS);
  g_assert_cmpuint (fixture->seen->len, ==, 2);
  text = text_of (fixture, 1);
  g_assert_true (g_str_has_prefix (text, "{\"filter\":\"plant/+\",\"messages\":2,\"bytes\":8,\"errors\":0,\"last_message\":\"2023-11-14T22:13:20"));
}

static void
errors_come_with_their_reason (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("plant/closed");
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_ERROR, "plant/#", 5000);
  g_autoptr (HawserObserver) metric = observe (fixture, HAWSER_OBSERVER_METRIC, "plant/#", 5000);
  g_autofree char *text = NULL, *json = NULL;

  g_object_set (topic, "enabled", FALSE, NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
  g_ptr_array_set_size (fixture->seen, 0);
  publish (fixture, "plant/closed", "x");
  publish (fixture, "plant/open", "x");
  g_assert_cmpuint (fixture->seen->len, ==, 1);
  text = text_of (fixture, 0);
  g_assert_true (g_str_has_prefix (text, "{\"topic\":\"plant/closed\",\"reason\":\"disabled\",\"source\":\"process\",\"detail\":\"topic 'plant/closed': is disabled\",\"time\":\"2023-"));
  json = hawser_observer_to_json (metric);
  g_assert_nonnull (strstr (json, "\"messages\":1,\"errors\":1"));
}

static HawserDeliverResult
be_busy (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  return HAWSER_DELIVER_BUSY;
}

static void
what_a_slow_reader_loses_is_an_error (Fixture *fixture, gconstpointer data)
{
  static const HawserReceiverFuncs busy_funcs = { .deliver = be_busy };
  const HawserQueueLimits limits = { .max_messages = 2 };
  HawserReceiver *slow = hawser_receiver_new (fixture->bus, NULL, 0, &limits);
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_ERROR, "plant/#", 5000);
  g_autofree char *text = NULL;

  hawser_receiver_attach (slow, NULL, &busy_funcs, NULL);
  hawser_receiver_subscribe (slow, "plant/a", strlen ("plant/a"), &(HawserSubscribeOptions) { 0 });
  for (guint i = 0; i < 3; i++)
    publish (fixture, "plant/a", "x");
  g_assert_cmpuint (fixture->seen->len, ==, 1);
  text = text_of (fixture, 0);
  g_assert_true (g_str_has_prefix (text, "{\"topic\":\"plant/a\",\"reason\":\"overflow\",\"source\":\"subscription\""));
}

static void
more_errors_than_a_turn_can_tell_are_counted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_ERROR, "plant/#", 5000);
  g_autofree char *text = NULL;

  for (guint i = 0; i < 1500; i++)
    hawser_bus_note_error (fixture->bus, "plant/a", "test", "broken", NULL);
  turn ();
  g_assert_cmpuint (fixture->seen->len, ==, 1000);
  hawser_bus_note_error (fixture->bus, "plant/a", "test", "broken", NULL);
  turn ();
  text = text_of (fixture, 1000);
  g_assert_nonnull (strstr (text, "\"lost\":500,"));
}

static void
what_cannot_be_observed_is_refused (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *filter;
    guint lease_ms;
  } wrong[] = { { "a/#/b", 5000 }, { "$share/group/a", 5000 }, { "$observer/x", 5000 }, { "a", 999 }, { "a", 86400001 } };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (hawser_bus_observe (fixture->bus, HAWSER_OBSERVER_MESSAGE, wrong[i].filter, wrong[i].lease_ms, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

static void
there_are_ten_thousand_and_no_more (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserObserver) one_more = NULL;

  for (guint i = 0; i < 10000; i++)
    {
      g_autoptr (HawserObserver) observer = hawser_bus_observe (fixture->bus, HAWSER_OBSERVER_ERROR, "a", 5000, NULL);

      g_assert_nonnull (observer);
    }
  g_assert_null (hawser_bus_observe (fixture->bus, HAWSER_OBSERVER_ERROR, "a", 5000, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA);
  advance (fixture, 5100 * MS);
  one_more = hawser_bus_observe (fixture->bus, HAWSER_OBSERVER_ERROR, "a", 5000, NULL);
  g_assert_nonnull (one_more);
}

static void
nothing_is_left_of_one_that_is_over (Fixture *fixture, gconstpointer data)
{
  guint n_topics = g_list_model_get_n_items (hawser_bus_get_topics (fixture->bus));

  for (guint kind = HAWSER_OBSERVER_MESSAGE; kind <= HAWSER_OBSERVER_ERROR; kind++)
    {
      g_autoptr (HawserObserver) observer = hawser_bus_observe (fixture->bus, kind, "plant/#", 1000, NULL);

      advance (fixture, 1100 * MS);
      g_assert_false (hawser_observer_is_live (observer));
      g_assert_null (hawser_bus_get_retained (fixture->bus, hawser_observer_get_topic (observer)));
    }
  g_assert_cmpuint (g_list_model_get_n_items (hawser_bus_get_topics (fixture->bus)), ==, n_topics);
}

static void
a_closed_bus_ends_them (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserObserver) observer = observe (fixture, HAWSER_OBSERVER_METRIC, "plant/#", 5000);
  guint n_ends = 0;

  g_signal_connect (observer, "notify::is-live", G_CALLBACK (count_change), &n_ends);
  hawser_bus_close (fixture->bus);
  g_assert_cmpuint (n_ends, ==, 1);
  g_assert_cmpint (hawser_observer_get_expires_us (observer), ==, 0);
  hawser_observer_end (observer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/bus/observer/each-message-comes-with-its-topic", Fixture, NULL, set_up, each_message_comes_with_its_topic, tear_down);
  g_test_add ("/bus/observer/it-stops-when-its-lease-is-over", Fixture, NULL, set_up, it_stops_when_its_lease_is_over, tear_down);
  g_test_add ("/bus/observer/renewed-at-half-time-it-misses-nothing-for-ten-minutes", Fixture, NULL, set_up, renewed_at_half_time_it_misses_nothing_for_ten_minutes, tear_down);
  g_test_add ("/bus/observer/a-lease-can-be-made-longer", Fixture, NULL, set_up, a_lease_can_be_made_longer, tear_down);
  g_test_add ("/bus/observer/numbers-come-each-second-and-to-who-comes-late", Fixture, NULL, set_up, numbers_come_each_second_and_to_who_comes_late, tear_down);
  g_test_add ("/bus/observer/errors-come-with-their-reason", Fixture, NULL, set_up, errors_come_with_their_reason, tear_down);
  g_test_add ("/bus/observer/what-a-slow-reader-loses-is-an-error", Fixture, NULL, set_up, what_a_slow_reader_loses_is_an_error, tear_down);
  g_test_add ("/bus/observer/more-errors-than-a-turn-can-tell-are-counted", Fixture, NULL, set_up, more_errors_than_a_turn_can_tell_are_counted, tear_down);
  g_test_add ("/bus/observer/what-cannot-be-observed-is-refused", Fixture, NULL, set_up, what_cannot_be_observed_is_refused, tear_down);
  g_test_add ("/bus/observer/there-are-ten-thousand-and-no-more", Fixture, NULL, set_up, there_are_ten_thousand_and_no_more, tear_down);
  g_test_add ("/bus/observer/nothing-is-left-of-one-that-is-over", Fixture, NULL, set_up, nothing_is_left_of_one_that_is_over, tear_down);
  g_test_add ("/bus/observer/a-closed-bus-ends-them", Fixture, NULL, set_up, a_closed_bus_ends_them, tear_down);
  return g_test_run ();
}
