/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The book-keeping of QoS 1 and 2: the window out, and what is owed in. */

#include <hawser/hawser.h>

#include "mqtt-alias.h"
#include "mqtt-exact.h"
#include "mqtt-inflow.h"
#include "mqtt-window.h"

static guint16
send_one (MqttWindow *window, guint64 position)
{
  guint16 id;
  MqttSlot *slot = mqtt_window_push (window, &id);

  slot->position = position;
  slot->receiver = MQTT_OWN_RECEIVER;
  slot->qos = 1;
  slot->state = MQTT_SLOT_PUBACK;
  return id;
}

static void
test_ids_run_in_sequence_and_skip_zero (void)
{
  MqttWindow *window = mqtt_window_new (10);

  for (guint i = 0; i < 200000; i++)
    {
      guint16 id = send_one (window, i);

      g_assert_cmpuint (id, ==, i % 65535 + 1);
      mqtt_window_release (window, mqtt_window_find (window, id));
    }
  g_assert_cmpuint (window->n_inflight, ==, 0);
  g_assert_cmpuint (window->size, ==, 8);
  mqtt_window_free (window);
}

static void
test_is_full_at_its_limit (void)
{
  MqttWindow *window = mqtt_window_new (3);
  guint16 first = send_one (window, 1);

  send_one (window, 2);
  g_assert_false (mqtt_window_is_full (window));
  send_one (window, 3);
  g_assert_true (mqtt_window_is_full (window));
  mqtt_window_release (window, mqtt_window_find (window, first));
  g_assert_false (mqtt_window_is_full (window));
  mqtt_window_free (window);
}

/* A client that never acknowledges the first message and always all others: bounded, and no id is given twice. */
static void
test_is_bounded_when_the_oldest_stays (void)
{
  MqttWindow *window = mqtt_window_new (16);
  guint n = 0;

  send_one (window, 1);
  while (!mqtt_window_is_full (window) && n < 1000000)
    {
      guint16 id = send_one (window, ++n);

      g_assert_cmpuint (id, !=, 1);
      mqtt_window_release (window, mqtt_window_find (window, id));
    }
  g_assert_cmpuint (n, <, 100);
  g_assert_cmpuint (window->size, ==, 32);
  mqtt_window_free (window);
}

static void
test_largest_window_has_distinct_ids (void)
{
  MqttWindow *window = mqtt_window_new (65535);
  g_autofree guint8 *seen = g_new0 (guint8, 65536);
  guint n = 0;

  while (!mqtt_window_is_full (window))
    {
      guint16 id = send_one (window, n++);

      g_assert_cmpuint (seen[id], ==, 0);
      seen[id] = 1;
    }
  g_assert_cmpuint (n, ==, 65535);
  g_assert_cmpuint (mqtt_window_find (window, 65535)->position, ==, 65534);
  mqtt_window_free (window);
}

static void
test_finds_nothing_under_a_foreign_id (void)
{
  MqttWindow *window = mqtt_window_new (10);

  g_assert_null (mqtt_window_find (window, 0));
  g_assert_null (mqtt_window_find (window, 1));
  send_one (window, 1);
  g_assert_null (mqtt_window_find (window, 2));
  g_assert_null (mqtt_window_find (window, 65535));
  mqtt_window_free (window);
}

static void
test_suspended_messages_keep_their_ids (void)
{
  MqttWindow *window = mqtt_window_new (10);
  guint16 a = send_one (window, 101), b = send_one (window, 102), id = 0;

  mqtt_window_find (window, b)->state = MQTT_SLOT_PUBCOMP;
  mqtt_window_suspend (window);
  g_assert_cmpuint (window->n_inflight, ==, 1); /* the PUBREL under way */
  g_assert_null (mqtt_window_reclaim (window, 999, &id));
  g_assert_nonnull (mqtt_window_reclaim (window, 101, &id));
  g_assert_cmpuint (id, ==, a);
  g_assert_cmpuint (window->n_inflight, ==, 2);
  mqtt_window_free (window);
}

static void
test_forgotten_messages_free_their_slots (void)
{
  MqttWindow *window = mqtt_window_new (4);

  for (guint i = 1; i <= 4; i++)
    send_one (window, i);
  mqtt_window_suspend (window);
  mqtt_window_forget (window);
  g_assert_cmpuint (window->n_resend, ==, 0);
  g_assert_cmpuint (window->tail, ==, window->head);
  mqtt_window_free (window);
}

static void
test_acknowledgements_keep_the_order_of_publishing (void)
{
  MqttInflow *inflow = mqtt_inflow_new ();
  guint64 first = mqtt_inflow_next_cookie (inflow), second;
  MqttOwed owed;

  mqtt_inflow_owe (inflow, 10, 1, FALSE, 0);
  second = mqtt_inflow_next_cookie (inflow);
  mqtt_inflow_owe (inflow, 11, 1, FALSE, 0);
  mqtt_inflow_owe (inflow, 12, 1, TRUE, 7);
  mqtt_inflow_resolve (inflow, second, 5);
  g_assert_false (mqtt_inflow_pop (inflow, &owed));
  mqtt_inflow_resolve (inflow, first, 0);
  for (guint i = 0; i < 3; i++)
    {
      static const int results[] = { 0, 5, 7 };

      g_assert_true (mqtt_inflow_pop (inflow, &owed));
      g_assert_cmpuint (owed.packet_id, ==, 10 + i);
      g_assert_cmpint (owed.result, ==, results[i]);
    }
  g_assert_false (mqtt_inflow_pop (inflow, &owed));
  mqtt_inflow_free (inflow);
}

static void
test_answers_of_an_earlier_connection_are_ignored (void)
{
  MqttInflow *inflow = mqtt_inflow_new ();
  guint64 old = mqtt_inflow_next_cookie (inflow);
  MqttOwed owed;

  mqtt_inflow_owe (inflow, 1, 1, FALSE, 0);
  mqtt_inflow_suspend (inflow);
  mqtt_inflow_owe (inflow, 2, 1, FALSE, 0);
  mqtt_inflow_resolve (inflow, old, 0);
  g_assert_false (mqtt_inflow_pop (inflow, &owed));
  mqtt_inflow_free (inflow);
}

static void
test_one_id_a_million_times_is_one_entry (void)
{
  MqttInflow *inflow = mqtt_inflow_new ();

  for (guint i = 0; i < 1000000; i++)
    if (!mqtt_inflow_has (inflow, 7))
      mqtt_inflow_add (inflow, 7);
  g_assert_cmpuint (inflow->n_ids, ==, 1);
  g_assert_true (mqtt_inflow_remove (inflow, 7));
  g_assert_false (mqtt_inflow_remove (inflow, 7));
  mqtt_inflow_free (inflow);
}

static void
test_all_ids_fit (void)
{
  MqttInflow *inflow = mqtt_inflow_new ();

  for (guint id = 1; id <= 65535; id++)
    mqtt_inflow_add (inflow, (guint16) id);
  g_assert_cmpuint (inflow->n_ids, ==, 65535);
  for (guint id = 65535; id >= 1; id--)
    g_assert_true (mqtt_inflow_remove (inflow, (guint16) id));
  g_assert_null (inflow->bits);
  mqtt_inflow_add (inflow, 3);
  g_assert_true (mqtt_inflow_has (inflow, 3));
  mqtt_inflow_free (inflow);
}

static void
test_positions_keep_their_ids (void)
{
  for (guint64 position = 1; position < 200000; position += 7)
    {
      g_assert_cmpuint (mqtt_exact_make_id (position), !=, 0);
      g_assert_cmpuint (mqtt_exact_make_id (position), ==, mqtt_exact_make_id (position + 65535));
    }
}

static void
test_suspended_exchanges_wait_in_order (void)
{
  MqttExact *exact = mqtt_exact_new ();
  g_autoptr (GPtrArray) list = NULL;

  for (guint16 id = 1; id <= 5; id++)
    mqtt_exact_add (exact, id, MQTT_EXACT_PUBREC);
  mqtt_exact_move (exact, mqtt_exact_find (exact, 4), MQTT_EXACT_RELEASING);
  mqtt_exact_move (exact, mqtt_exact_find (exact, 2), MQTT_EXACT_RELEASING);
  mqtt_exact_move (exact, mqtt_exact_find (exact, 4), MQTT_EXACT_PUBCOMP);
  mqtt_exact_move (exact, mqtt_exact_find (exact, 5), MQTT_EXACT_ENDING);
  g_assert_cmpuint (exact->n_inflight, ==, 4);
  mqtt_exact_suspend (exact);
  g_assert_cmpuint (exact->n_inflight, ==, 2);
  g_assert_null (mqtt_exact_find (exact, 5));
  g_assert_cmpint (mqtt_exact_find (exact, 1)->state, ==, MQTT_EXACT_RESEND);
  list = mqtt_exact_list (exact);
  g_assert_cmpuint (list->len, ==, 2);
  g_assert_cmpuint (((MqttExactSlot *) list->pdata[0])->packet_id, ==, 4);
  g_assert_cmpuint (((MqttExactSlot *) list->pdata[1])->packet_id, ==, 2);
  mqtt_exact_free (exact);
}

static void
test_aliases_come_the_second_time (void)
{
  MqttAliases *aliases = mqtt_aliases_new (1);
  gboolean is_known;

  g_assert_cmpuint (mqtt_aliases_choose (aliases, "first/topic", 11, &is_known), ==, 0);
  g_assert_cmpuint (mqtt_aliases_choose (aliases, "first/topic", 11, &is_known), ==, 1);
  g_assert_false (is_known);
  mqtt_aliases_note (aliases, 1, "first/topic", 11);
  g_assert_cmpuint (mqtt_aliases_choose (aliases, "first/topic", 11, &is_known), ==, 1);
  g_assert_true (is_known);
  /* another one takes it over when it comes twice in a row */
  g_assert_cmpuint (mqtt_aliases_choose (aliases, "second/topic", 12, &is_known), ==, 0);
  g_assert_cmpuint (mqtt_aliases_choose (aliases, "second/topic", 12, &is_known), ==, 1);
  g_assert_false (is_known);
  mqtt_aliases_note (aliases, 1, "second/topic", 12);
  g_assert_cmpuint (mqtt_aliases_choose (aliases, "first/topic", 11, &is_known), ==, 0);
  g_assert_cmpuint (mqtt_aliases_choose (aliases, "short", 5, &is_known), ==, 0);
  mqtt_aliases_free (aliases);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mqtt/window/ids-run-in-sequence-and-skip-zero", test_ids_run_in_sequence_and_skip_zero);
  g_test_add_func ("/mqtt/window/is-full-at-its-limit", test_is_full_at_its_limit);
  g_test_add_func ("/mqtt/window/is-bounded-when-the-oldest-stays", test_is_bounded_when_the_oldest_stays);
  g_test_add_func ("/mqtt/window/largest-window-has-distinct-ids", test_largest_window_has_distinct_ids);
  g_test_add_func ("/mqtt/window/finds-nothing-under-a-foreign-id", test_finds_nothing_under_a_foreign_id);
  g_test_add_func ("/mqtt/window/suspended-messages-keep-their-ids", test_suspended_messages_keep_their_ids);
  g_test_add_func ("/mqtt/window/forgotten-messages-free-their-slots", test_forgotten_messages_free_their_slots);
  g_test_add_func ("/mqtt/inflow/acknowledgements-keep-the-order-of-publishing", test_acknowledgements_keep_the_order_of_publishing);
  g_test_add_func ("/mqtt/inflow/answers-of-an-earlier-connection-are-ignored", test_answers_of_an_earlier_connection_are_ignored);
  g_test_add_func ("/mqtt/inflow/one-id-a-million-times-is-one-entry", test_one_id_a_million_times_is_one_entry);
  g_test_add_func ("/mqtt/inflow/all-ids-fit", test_all_ids_fit);
  g_test_add_func ("/mqtt/exact/positions-keep-their-ids", test_positions_keep_their_ids);
  g_test_add_func ("/mqtt/exact/suspended-exchanges-wait-in-order", test_suspended_exchanges_wait_in_order);
  g_test_add_func ("/mqtt/alias/aliases-come-the-second-time", test_aliases_come_the_second_time);
  return g_test_run ();
}
