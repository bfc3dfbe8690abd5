/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable receivers on a real spool: what is acknowledged when, order, absence, restart, limits. */

#include <hawser/hawser.h>

#include "store-sqlite.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir, *path;
  HawserClock *clock;
  HawserBus *bus;
  HawserSpool *spool;
  HawserReceiver *receiver;
  GString *got;
  guint64 last_position;
  guint n_until_busy;       /* deliveries taken before the party says "not now" */
  gboolean acks;
  guint64 n_lost;
  guint n_published;
} Fixture;

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Fixture *fixture = data;
  g_autofree char *text = hawser_message_dup_text (delivery->message);

  if (fixture->n_until_busy == 0)
    return HAWSER_DELIVER_BUSY;
  fixture->n_until_busy--;
  g_string_append_printf (fixture->got, "%s%s ", text, delivery->is_redelivered ? "!" : "");
  fixture->last_position = delivery->position;
  if (fixture->acks)
    hawser_receiver_ack (receiver, delivery->position);
  return HAWSER_DELIVER_DONE;
}

static void
lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  ((Fixture *) data)->n_lost += n;
}

static const HawserReceiverFuncs funcs = { deliver, lost, NULL };

static void
start (Fixture *fixture)
{
  g_autoptr (StoreSqlite) store = store_sqlite_new ();
  g_autoptr (GError) error = NULL;

  fixture->bus = hawser_bus_new_with_clock (fixture->clock);
  fixture->spool = hawser_spool_new (HAWSER_STORE (store), fixture->path, HAWSER_SPOOL_SYNC_ALWAYS, 0, &error);
  g_assert_no_error (error);
  hawser_bus_set_spool (fixture->bus, fixture->spool, &error);
  g_assert_no_error (error);
}

static void
stop (Fixture *fixture)
{
  hawser_bus_close (fixture->bus);
  hawser_bus_set_spool (fixture->bus, NULL, NULL);
  hawser_spool_close (fixture->spool, 10 * G_USEC_PER_SEC);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&fixture->spool);
  g_assert_finalize_object (fixture->bus);
  fixture->receiver = NULL;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("hawser-durable-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "spool.db", NULL);
  fixture->got = g_string_new (NULL);
  fixture->n_until_busy = G_MAXUINT;
  fixture->acks = TRUE;
  fixture->clock = g_object_ref (hawser_clock_get_system ());
  start (fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);
  const char *name;

  stop (fixture);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (fixture->dir, name, NULL);

      g_unlink (file);
    }
  g_rmdir (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
  g_string_free (fixture->got, TRUE);
  g_object_unref (fixture->clock);
}

static void
make_receiver (Fixture *fixture, const HawserQueueLimits *limits)
{
  const HawserSubscribeOptions options = { .qos = 1 };

  fixture->receiver = hawser_receiver_new (fixture->bus, "party", HAWSER_RECEIVER_DURABLE, limits);
  g_assert_cmpint (hawser_receiver_subscribe (fixture->receiver, "d/#", 3, &options), ==, 0);
}

static void
on_published (GObject *bus, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  hawser_bus_publish_finish (HAWSER_BUS (bus), result, &error);
  g_assert_no_error (error);
  ((Fixture *) data)->n_published++;
}

static void
publish (Fixture *fixture, const char *text)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("d/1");
  g_autoptr (HawserMessage) message = NULL;

  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  hawser_message_builder_set_text (builder, text);
  message = hawser_message_builder_build (builder);
  hawser_bus_publish_async (fixture->bus, message, NULL, on_published, fixture);
}

static void
wait_published (Fixture *fixture, guint n)
{
  while (fixture->n_published < n)
    g_main_context_iteration (NULL, TRUE);
}

static void
wait_got (Fixture *fixture, const char *text)
{
  while (strlen (fixture->got->str) < strlen (text))
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpstr (fixture->got->str, ==, text);
}

static void
test_acknowledges_after_commit (Fixture *fixture, gconstpointer data)
{
  HawserSpoolStats stats;

  make_receiver (fixture, NULL);
  publish (fixture, "1");
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpuint (fixture->n_published, ==, 0);
  g_assert_cmpuint (stats.depth, ==, 1);
  wait_published (fixture, 1);
  hawser_spool_get_stats (fixture->spool, &stats);
  g_assert_cmpuint (stats.n_pending, ==, 0);
  g_assert_cmpuint (stats.n_commits, >=, 1);
}

static void
test_keeps_order_over_absence (Fixture *fixture, gconstpointer data)
{
  make_receiver (fixture, NULL);
  publish (fixture, "1");
  publish (fixture, "2");
  wait_published (fixture, 2);
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  publish (fixture, "3"); /* live, but behind what waits */
  publish (fixture, "4");
  wait_got (fixture, "1 2 3 4 ");
  publish (fixture, "5");
  wait_got (fixture, "1 2 3 4 5 ");
  wait_published (fixture, 5);
}

static void
test_survives_restart (Fixture *fixture, gconstpointer data)
{
  make_receiver (fixture, NULL);
  publish (fixture, "1");
  publish (fixture, "2");
  wait_published (fixture, 2);
  stop (fixture);
  start (fixture);
  fixture->receiver = hawser_bus_find_receiver (fixture->bus, "party");
  g_assert_nonnull (fixture->receiver);
  g_assert_cmpuint (hawser_receiver_get_n_filters (fixture->receiver), ==, 1);
  g_assert_cmpuint (hawser_receiver_get_n_queued (fixture->receiver), ==, 2);
  publish (fixture, "3");
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  wait_got (fixture, "1 2 3 ");
  wait_published (fixture, 3);
}

static void
test_gives_again_what_was_not_acknowledged (Fixture *fixture, gconstpointer data)
{
  make_receiver (fixture, NULL);
  fixture->acks = FALSE;
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  publish (fixture, "1");
  publish (fixture, "2");
  wait_got (fixture, "1 2 ");
  hawser_receiver_ack (fixture->receiver, fixture->last_position);
  wait_published (fixture, 2);
  hawser_receiver_detach (fixture->receiver, G_MAXUINT32);
  publish (fixture, "3");
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  wait_got (fixture, "1 2 1! 3 ");
  wait_published (fixture, 3);
}

static void
test_busy_party_gets_all_later (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GString) expected = g_string_new (NULL);

  make_receiver (fixture, NULL);
  fixture->n_until_busy = 3;
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  for (guint i = 0; i < 1000; i++) /* more than memory holds for one party: the rest stays on disk */
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (fixture, text);
      g_string_append_printf (expected, "%u ", i);
    }
  wait_published (fixture, 1000);
  g_assert_cmpstr (fixture->got->str, ==, "0 1 2 ");
  fixture->n_until_busy = G_MAXUINT;
  hawser_receiver_resume (fixture->receiver);
  wait_got (fixture, expected->str);
}

static void
test_drops_oldest_over_limit (Fixture *fixture, gconstpointer data)
{
  const HawserQueueLimits limits = { .max_messages = 3 };
  HawserBusStatistics statistics;

  make_receiver (fixture, &limits);
  for (guint i = 1; i <= 5; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (fixture, text);
    }
  wait_published (fixture, 5);
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.dropped[HAWSER_DROP_OVERFLOW], ==, 2);
  g_assert_cmpuint (statistics.queued, ==, 3);
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  wait_got (fixture, "3 4 5 ");
  g_assert_cmpuint (fixture->n_lost, ==, 2);
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.matched, ==, 5);
  g_assert_cmpuint (statistics.delivered, ==, 3);
  g_assert_cmpuint (statistics.queued, ==, 0);
}

static void
test_reject_refuses_publisher (Fixture *fixture, gconstpointer data)
{
  const HawserQueueLimits limits = { .max_messages = 2, .overflow = HAWSER_OVERFLOW_REJECT };
  g_autoptr (HawserMessage) message = hawser_message_new_text ("d/1", "3");
  g_autoptr (GError) error = NULL;

  make_receiver (fixture, &limits);
  publish (fixture, "1");
  publish (fixture, "2");
  wait_published (fixture, 2);
  g_assert_false (hawser_bus_publish (fixture->bus, message, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA);
}

static void
test_retained_survives_restart (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("r");
  g_autoptr (HawserMessage) message = NULL, kept = NULL;
  g_autofree char *text = NULL;

  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  hawser_message_builder_set_retain (builder, TRUE);
  hawser_message_builder_set_text (builder, "kept");
  message = hawser_message_builder_build (builder);
  hawser_bus_publish_async (fixture->bus, message, NULL, on_published, fixture);
  wait_published (fixture, 1);
  stop (fixture);
  start (fixture);
  kept = hawser_bus_get_retained (fixture->bus, "r");
  g_assert_nonnull (kept);
  text = hawser_message_dup_text (kept);
  g_assert_cmpstr (text, ==, "kept");
}

static void
declare_history (Fixture *fixture, guint history)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("d/#");
  g_autoptr (GError) error = NULL;

  g_object_set (topic, "create", "auto", "history", history, NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), &error));
  g_assert_no_error (error);
  hawser_bus_idle_unclaimed (fixture->bus); /* all is declared */
}

static void
restart_with_history (Fixture *fixture, guint history)
{
  stop (fixture);
  start (fixture);
  declare_history (fixture, history);
}

static HawserDeliverResult
note_number (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  g_autofree char *text = hawser_message_dup_text (delivery->message);

  g_string_append_printf (((Fixture *) data)->got, "%s=%" G_GUINT64_FORMAT " ", text, hawser_message_get_sequence (delivery->message));
  return HAWSER_DELIVER_DONE;
}

/* "PAYLOAD=NUMBER " of each. */
static void
check_slice (Fixture *fixture, const char *since, const char *expected)
{
  static const HawserReceiverFuncs note = { .deliver = note_number };
  HawserReceiver *receiver = hawser_receiver_new (fixture->bus, NULL, 0, NULL);

  g_string_truncate (fixture->got, 0);
  hawser_receiver_attach (receiver, NULL, &note, fixture);
  g_assert_cmpint (hawser_receiver_subscribe (receiver, "d/#", 3, &(HawserSubscribeOptions) { .qos = 1, .since = since }), ==, 0);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  hawser_receiver_remove (receiver);
  g_assert_cmpstr (fixture->got->str, ==, expected);
}

static void
publish_until (Fixture *fixture, guint n)
{
  for (guint i = 1; i <= n; i++)
    {
      g_autofree char *text = g_strdup_printf ("m%u", i);

      publish (fixture, text);
    }
  g_assert_cmpuint (fixture->n_published, ==, 0); /* none before the commit, though no subscription is durable */
  wait_published (fixture, n);
}

static void
test_history_survives_restart (Fixture *fixture, gconstpointer data)
{
  declare_history (fixture, 3);
  publish_until (fixture, 5);
  check_slice (fixture, "0", "m3=3 m4=4 m5=5 ");
  restart_with_history (fixture, 3);
  check_slice (fixture, "0", "m3=3 m4=4 m5=5 ");
  check_slice (fixture, "4", "m4=4 m5=5 ");
  check_slice (fixture, "6", "");
  check_slice (fixture, "1h", "m3=3 m4=4 m5=5 ");
}

/* Numbers may have been given that no commit saw: those from the restart on are above them. */
static void
test_history_gives_no_number_twice (Fixture *fixture, gconstpointer data)
{
  declare_history (fixture, 3);
  publish_until (fixture, 2);
  restart_with_history (fixture, 3);
  publish (fixture, "new");
  wait_published (fixture, 3);
  check_slice (fixture, "3", "new=65538 ");
  check_slice (fixture, "2", "m2=2 new=65538 ");
}

static void
test_history_is_bounded_on_disk (Fixture *fixture, gconstpointer data)
{
  declare_history (fixture, 3);
  publish_until (fixture, 5);
  restart_with_history (fixture, 2);
  check_slice (fixture, "0", "m4=4 m5=5 ");
  restart_with_history (fixture, 3); /* what left is not there for a wider bound */
  check_slice (fixture, "0", "m4=4 m5=5 ");
  restart_with_history (fixture, 0);
  restart_with_history (fixture, 3);
  check_slice (fixture, "0", "");
}

static void
note_end (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  *(int *) data = reason;
}

static HawserDeliverResult
take (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  return HAWSER_DELIVER_DONE;
}

static const HawserReceiverFuncs former_funcs = { take, NULL, note_end };

static void
test_second_party_takes_over (Fixture *fixture, gconstpointer data)
{
  int end = 0;

  make_receiver (fixture, NULL);
  hawser_receiver_attach (fixture->receiver, NULL, &former_funcs, &end);
  publish (fixture, "1");
  wait_published (fixture, 1);
  g_assert_cmpint (end, ==, 0);
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  g_assert_cmpint (end, ==, HAWSER_ERROR_EXISTS);
  publish (fixture, "2");
  wait_got (fixture, "1! 2 ");
  wait_published (fixture, 2);
}

static void
test_configuration_is_taken_anew (Fixture *fixture, gconstpointer data)
{
  const HawserReceiverFlags flags = HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_CONFIGURED;
  const HawserQueueLimits old_limits = { .max_messages = 1, .max_age_us = 5 }, new_limits = { .max_messages = 2 };
  const HawserSubscribeOptions options = { .qos = 1 };
  HawserReceiver *gone, *kept;

  gone = hawser_receiver_new (fixture->bus, "gone", flags, &old_limits);
  kept = hawser_receiver_new (fixture->bus, "kept", flags, &old_limits);
  g_assert_cmpint (hawser_receiver_subscribe (gone, "d/#", 3, &options), ==, 0);
  g_assert_cmpint (hawser_receiver_subscribe (kept, "e/#", 3, &options), ==, 0);
  publish (fixture, "1");
  wait_published (fixture, 1);
  stop (fixture);
  start (fixture);

  kept = hawser_receiver_new (fixture->bus, "kept", flags, &new_limits);
  g_assert_cmpint (hawser_receiver_subscribe (kept, "d/1", 3, &options), ==, 0);
  g_test_expect_message ("hawser", G_LOG_LEVEL_WARNING, "*'gone' is not configured any more: 1 messages wait*");
  hawser_bus_idle_unclaimed (fixture->bus);
  g_test_assert_expected_messages ();
  for (guint i = 2; i <= 4; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (fixture, text);
    }
  wait_published (fixture, 4);
  gone = hawser_bus_find_receiver (fixture->bus, "gone");
  g_assert_cmpuint (hawser_receiver_get_n_filters (gone), ==, 0);
  g_assert_cmpuint (hawser_receiver_get_n_queued (gone), ==, 1); /* kept, and not added to */
  g_assert_cmpuint (hawser_receiver_get_n_filters (kept), ==, 1);
  g_assert_cmpuint (hawser_receiver_get_n_queued (kept), ==, 2);
}

static void
test_kept_topic_survives_restart (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("k/#"), other = hawser_local_topic_new ("k/#");
  HawserTopic *recovered;
  g_autofree char *description = NULL, *expires = NULL;
  gint64 expiry;
  guint64 limit;
  gboolean is_enabled;
  HawserRetain retain;

  g_object_set (topic, "description", "kept", "enabled", FALSE, "expires", "2099-01-01T00:00:00Z", "message-expiry", (gint64) 5000000,
                "max-message-size", (guint64) 77, "retain", HAWSER_RETAIN_LAST, NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
  hawser_bus_keep_topic (fixture->bus, HAWSER_TOPIC (topic));
  stop (fixture);
  start (fixture);
  recovered = hawser_bus_get_topic (fixture->bus, "k/#");
  g_assert_nonnull (recovered);
  g_object_get (recovered, "description", &description, "enabled", &is_enabled, "expires", &expires, "message-expiry", &expiry,
                "max-message-size", &limit, "retain", &retain, NULL);
  g_assert_cmpstr (description, ==, "kept");
  g_assert_false (is_enabled);
  g_assert_cmpstr (expires, ==, "2099-01-01T00:00:00Z");
  g_assert_cmpint (expiry, ==, 5000000);
  g_assert_cmpuint (limit, ==, 77);
  g_assert_cmpint (retain, ==, HAWSER_RETAIN_LAST);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (other), NULL)); /* the configuration's */
  g_assert_true (hawser_bus_get_topic (fixture->bus, "k/#") == HAWSER_TOPIC (other));
  stop (fixture);
  start (fixture);
  g_assert_null (hawser_bus_get_topic (fixture->bus, "k/#"));
}

static void
test_absent_too_long_is_removed (Fixture *fixture, gconstpointer data)
{
  make_receiver (fixture, NULL);
  hawser_receiver_attach (fixture->receiver, NULL, &funcs, fixture);
  hawser_receiver_detach (fixture->receiver, 10);
  hawser_clock_advance (fixture->clock, 9 * G_USEC_PER_SEC);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_nonnull (hawser_bus_find_receiver (fixture->bus, "party"));
  hawser_clock_advance (fixture->clock, 1100000);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (hawser_bus_find_receiver (fixture->bus, "party"));
}

static void
set_up_manual (Fixture *fixture, gconstpointer data)
{
  set_up (fixture, data);
  stop (fixture);
  g_object_unref (fixture->clock);
  fixture->clock = hawser_clock_new_manual (1000000, g_get_real_time ());
  start (fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/bus/durable/publisher-is-acknowledged-after-the-commit", test_acknowledges_after_commit);
  ADD ("/bus/durable/order-is-kept-over-absence-and-return", test_keeps_order_over_absence);
  ADD ("/bus/durable/filters-and-messages-survive-a-restart", test_survives_restart);
  ADD ("/bus/durable/what-was-not-acknowledged-is-given-again", test_gives_again_what_was_not_acknowledged);
  ADD ("/bus/durable/a-busy-party-gets-everything-later-in-order", test_busy_party_gets_all_later);
  ADD ("/bus/durable/drop-oldest-drops-counts-and-tells", test_drops_oldest_over_limit);
  ADD ("/bus/durable/reject-refuses-the-publisher", test_reject_refuses_publisher);
  ADD ("/bus/durable/retained-values-survive-a-restart", test_retained_survives_restart);
  ADD ("/bus/durable/history-survives-a-restart-with-its-numbers", test_history_survives_restart);
  ADD ("/bus/durable/history-gives-no-number-twice-over-a-restart", test_history_gives_no_number_twice);
  ADD ("/bus/durable/history-is-as-bounded-on-disk-as-in-memory", test_history_is_bounded_on_disk);
  ADD ("/bus/durable/a-second-party-takes-over-what-the-first-did-not-acknowledge", test_second_party_takes_over);
  ADD ("/bus/durable/configured-receivers-take-limits-and-filters-of-this-start", test_configuration_is_taken_anew);
  ADD ("/bus/topic/a-kept-declaration-survives-a-restart-and-yields-to-the-configuration", test_kept_topic_survives_restart);
  g_test_add ("/bus/durable/a-party-absent-too-long-is-removed", Fixture, NULL, set_up_manual, test_absent_too_long_is_removed, tear_down);
  return g_test_run ();
}
