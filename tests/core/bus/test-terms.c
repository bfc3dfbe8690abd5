/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is agreed for a subscription beside its filter and limits: rate of a backlog, rule over messages, end. The clock is
 * the test's. */

#include <hawser/hawser.h>

#include <string.h>

#define SECOND G_USEC_PER_SEC

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  HawserReceiver *receiver;
  GPtrArray *got;            /* of char * */
  GPtrArray *ended;          /* events of the bus */
  guint n_ended;
} Fixture;

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  g_ptr_array_add (((Fixture *) data)->got, hawser_message_dup_text (delivery->message));
  return HAWSER_DELIVER_DONE;
}

static void
ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((Fixture *) data)->receiver = NULL;
  ((Fixture *) data)->n_ended++;
}

static const HawserReceiverFuncs funcs = { .deliver = deliver, .ended = ended };

static HawserDeliverResult
note_event (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  g_ptr_array_add (((Fixture *) data)->ended, hawser_message_dup_text (delivery->message));
  return HAWSER_DELIVER_DONE;
}

static const HawserReceiverFuncs event_funcs = { .deliver = note_event };

static void
turn (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
wait (Fixture *fixture, gint64 us)
{
  for (gint64 end_us = hawser_clock_get_monotonic_us (fixture->clock) + us; hawser_clock_get_monotonic_us (fixture->clock) < end_us;)
    {
      hawser_clock_advance (fixture->clock, MIN (10000, end_us - hawser_clock_get_monotonic_us (fixture->clock)));
      turn ();
    }
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  HawserReceiver *events;

  fixture->clock = hawser_clock_new_manual (0, G_GINT64_CONSTANT (1700000000) * SECOND);
  fixture->bus = hawser_bus_new_with_clock (fixture->clock);
  fixture->got = g_ptr_array_new_with_free_func (g_free);
  fixture->ended = g_ptr_array_new_with_free_func (g_free);
  events = hawser_receiver_new (fixture->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
  hawser_receiver_attach (events, NULL, &event_funcs, fixture);
  g_assert_cmpint (hawser_receiver_subscribe (events, "$SYS/#", 6, &(HawserSubscribeOptions) { .qos = 1 }), ==, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_bus_close (fixture->bus);
  turn ();
  g_assert_finalize_object (fixture->bus);
  g_object_unref (fixture->clock);
  g_ptr_array_unref (fixture->got);
  g_ptr_array_unref (fixture->ended);
}

static void
make (Fixture *fixture, const HawserQueueLimits *limits, const HawserSubscriptionTerms *terms)
{
  g_autoptr (GError) error = NULL;

  fixture->receiver = hawser_receiver_new (fixture->bus, "queue", HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED, limits);
  g_assert_cmpint (hawser_receiver_subscribe (fixture->receiver, "a/#", 3, &(HawserSubscribeOptions) { .qos = 1, .retain_handling = 2 }), ==, 0);
  hawser_receiver_set_terms (fixture->receiver, terms, &error);
  g_assert_no_error (error);
}

static void
attach (Fixture *fixture)
{
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  turn ();
}

static void
publish (Fixture *fixture, const char *topic, guint number, const char *name, const char *value)
{
  g_autofree char *text = g_strdup_printf ("%u", number);
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (topic);
  g_autoptr (HawserMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  hawser_message_builder_set_text (builder, text);
  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  if (name != NULL)
    hawser_message_builder_add_property (builder, name, value);
  message = hawser_message_builder_build (builder);
  g_assert_no_error (error);
  g_assert_true (hawser_bus_publish (fixture->bus, message, &error));
}

static void
backlog_comes_at_its_rate (Fixture *fixture, gconstpointer data)
{
  guint before;

  make (fixture, NULL, &(HawserSubscriptionTerms) { .spool_rate = 100 });
  for (guint i = 0; i < 1000; i++)
    publish (fixture, "a/b", i, NULL, NULL);
  attach (fixture);
  g_assert_cmpuint (fixture->got->len, <=, 10);
  for (guint second = 1; second <= 9; second++)
    {
      before = fixture->got->len;
      wait (fixture, SECOND);
      g_assert_cmpuint (fixture->got->len - before, >=, 90);
      g_assert_cmpuint (fixture->got->len - before, <=, 110);
    }
  wait (fixture, 2 * SECOND);
  g_assert_cmpuint (fixture->got->len, ==, 1000);
  for (guint i = 0; i < 1000; i++)
    g_assert_cmpuint (g_ascii_strtoull (fixture->got->pdata[i], NULL, 10), ==, i);
}

static void
what_is_published_meanwhile_comes_behind_it (Fixture *fixture, gconstpointer data)
{
  make (fixture, NULL, &(HawserSubscriptionTerms) { .spool_rate = 10 });
  for (guint i = 0; i < 20; i++)
    publish (fixture, "a/b", i, NULL, NULL);
  attach (fixture);
  publish (fixture, "a/b", 20, NULL, NULL);
  g_assert_cmpuint (fixture->got->len, <, 5);
  wait (fixture, 3 * SECOND);
  g_assert_cmpuint (fixture->got->len, ==, 21);
  g_assert_cmpstr (fixture->got->pdata[20], ==, "20");
}

static void
what_is_live_is_not_held_back (Fixture *fixture, gconstpointer data)
{
  make (fixture, NULL, &(HawserSubscriptionTerms) { .spool_rate = 1 });
  attach (fixture);
  for (guint i = 0; i < 500; i++)
    publish (fixture, "a/b", i, NULL, NULL);
  g_assert_cmpuint (fixture->got->len, ==, 500);
}

static void
nothing_older_than_the_ttl_comes (Fixture *fixture, gconstpointer data)
{
  make (fixture, &(HawserQueueLimits) { .max_age_us = 5 * SECOND }, &(HawserSubscriptionTerms) { .spool_rate = 100 });
  for (guint i = 0; i < 1000; i++)
    {
      publish (fixture, "a/b", i, NULL, NULL);
      hawser_clock_advance (fixture->clock, SECOND / 100); /* ten seconds of messages: half of them is too old at the end */
    }
  attach (fixture);
  wait (fixture, 10 * SECOND);
  /* each waits five seconds at most, and leaves at the pace at which it came: only what was young enough then */
  g_assert_cmpuint (g_ascii_strtoull (fixture->got->pdata[0], NULL, 10), >=, 499);
  g_assert_cmpuint (fixture->got->len, >=, 490);
  g_assert_cmpuint (fixture->got->len, <=, 501);
}

static void
a_rule_takes_exactly_what_it_names (Fixture *fixture, gconstpointer data)
{
  HawserBusStatistics statistics;
  guint n = 0;

  make (fixture, NULL, &(HawserSubscriptionTerms) { .attributes = "region == \"eu\" and not kind == \"debug\"" });
  attach (fixture);
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);
      g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("a/b");
      g_autoptr (HawserMessage) message = NULL;

      hawser_message_builder_set_text (builder, text);
      hawser_message_builder_add_property (builder, "region", i % 2 == 0 ? "eu" : "us");
      hawser_message_builder_add_property (builder, "kind", i % 3 == 0 ? "debug" : "data");
      message = hawser_message_builder_build (builder);
      g_assert_true (hawser_bus_publish (fixture->bus, message, NULL));
      if (i % 2 == 0 && i % 3 != 0)
        g_assert_cmpstr (fixture->got->pdata[n++], ==, text);
    }
  g_assert_cmpuint (fixture->got->len, ==, n);
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.matched, ==, n);
  g_assert_cmpuint (statistics.delivered, ==, n);
}

static void
a_wrong_rule_changes_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  HawserSubscriptionTerms terms;

  make (fixture, NULL, &(HawserSubscriptionTerms) { .attributes = "region == \"eu\"", .description = "as it was" });
  g_assert_false (hawser_receiver_set_terms (fixture->receiver, &(HawserSubscriptionTerms) { .attributes = "region ==" }, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  hawser_receiver_get_terms (fixture->receiver, &terms);
  g_assert_cmpstr (terms.attributes, ==, "region == \"eu\"");
  g_assert_cmpstr (terms.description, ==, "as it was");
}

static void
it_ends_at_its_date (Fixture *fixture, gconstpointer data)
{
  make (fixture, NULL, &(HawserSubscriptionTerms) { .expires_us = hawser_clock_get_wall_us (fixture->clock) + 60 * SECOND });
  attach (fixture);
  wait (fixture, 59 * SECOND);
  publish (fixture, "a/b", 1, NULL, NULL);
  g_assert_cmpuint (fixture->got->len, ==, 1);
  wait (fixture, 2 * SECOND);
  g_assert_cmpuint (fixture->n_ended, ==, 1);
  g_assert_null (hawser_bus_find_receiver (fixture->bus, "queue"));
  g_assert_cmpuint (fixture->ended->len, ==, 1);
  g_assert_cmpstr (fixture->ended->pdata[0], ==, "{\"filter\":\"a/#\",\"id\":\"queue\",\"reason\":\"expired\"}");
}

static void
live (Fixture *fixture, const char *filter)
{
  fixture->receiver = hawser_receiver_new (fixture->bus, NULL, 0, NULL);
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  g_assert_cmpint (hawser_receiver_subscribe (fixture->receiver, filter, strlen (filter), &(HawserSubscribeOptions) { .qos = 1 }), ==, 0);
}

static void
a_topic_lets_a_subscription_live_so_long (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("a/#");

  g_object_set (topic, "max-subscription-duration", 2 * SECOND, "create", "auto", NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
  for (guint i = 0; i < 3; i++)
    {
      const char *filters[] = { "a/b", "a/+", "#" };

      live (fixture, filters[i]);
      wait (fixture, 1900000);
      g_assert_cmpuint (fixture->n_ended, ==, i);
      /* asking again is no new life */
      g_assert_cmpint (hawser_receiver_subscribe (fixture->receiver, filters[i], strlen (filters[i]), &(HawserSubscribeOptions) { .qos = 1 }), ==, 0);
      wait (fixture, 200000);
      g_assert_cmpuint (fixture->n_ended, ==, i + 1);
      g_assert_cmpuint (fixture->ended->len, ==, i + 1);
      g_assert_nonnull (strstr (fixture->ended->pdata[i], "max-subscription-duration"));
    }
  live (fixture, "b/#");
  wait (fixture, 10 * SECOND);
  g_assert_cmpuint (fixture->n_ended, ==, 3);
}

static void
who_leaves_earlier_is_not_ended_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("a");

  g_object_set (topic, "max-subscription-duration", 2 * SECOND, NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
  live (fixture, "a");
  g_assert_true (hawser_receiver_unsubscribe (fixture->receiver, "a", 1));
  wait (fixture, 5 * SECOND);
  g_assert_cmpuint (fixture->ended->len, ==, 0);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/bus/terms/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("backlog-comes-at-its-rate", backlog_comes_at_its_rate);
  ADD ("what-is-published-meanwhile-comes-behind-it", what_is_published_meanwhile_comes_behind_it);
  ADD ("what-is-live-is-not-held-back", what_is_live_is_not_held_back);
  ADD ("nothing-older-than-the-ttl-comes", nothing_older_than_the_ttl_comes);
  ADD ("a-rule-takes-exactly-what-it-names", a_rule_takes_exactly_what_it_names);
  ADD ("a-wrong-rule-changes-nothing", a_wrong_rule_changes_nothing);
  ADD ("it-ends-at-its-date", it_ends_at_its_date);
  ADD ("a-topic-lets-a-subscription-live-so-long", a_topic_lets_a_subscription_live_so_long);
  ADD ("who-leaves-earlier-is-not-ended-again", who_leaves_earlier_is_not_ended_again);
  return g_test_run ();
}
