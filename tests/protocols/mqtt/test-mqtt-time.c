/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens after a while happens within a quarter of a second of it (HARDENING, goals): on a clock that the test moves. */

#include "mqtt-by-hand.h"

#define S G_USEC_PER_SEC
#define SLACK (S / 4)

typedef struct {
  HawserHarness *harness;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->harness = hawser_harness_new_for_type ("mqtt");
  hawser_harness_watch (fixture->harness, "will");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_harness_free (fixture->harness);
}

/* In turns of a tenth of a second, as time goes. */
static void
pass_time (Fixture *fixture, gint64 us)
{
  for (gint64 left_us = us; left_us > 0; left_us -= S / 10)
    hawser_harness_advance (fixture->harness, MIN (left_us, S / 10));
}

static guint64
get_published (Fixture *fixture)
{
  HawserBusStatistics statistics;

  hawser_bus_get_statistics (hawser_harness_get_bus (fixture->harness), &statistics);
  return statistics.published;
}

/* MQTT 5.0. @will_delay_s: -1 for no will. Whether there was a session. */
static HawserHarnessPeer *
connect_client (Fixture *fixture, gboolean clean, guint8 keep_alive_s, guint8 expiry_s, int will_delay_s, gboolean *out_session)
{
  HawserHarnessPeer *peer = hawser_harness_dial (fixture->harness);
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autofree char *connack = NULL;
  const guint8 flags = (guint8) ((clean ? 2 : 0) | (will_delay_s >= 0 ? 4 : 0));
  const guint8 rest[] = { 5, flags, 0, keep_alive_s, 5, 0x11, 0, 0, 0, expiry_s };

  by_hand_put_string (body, "MQTT");
  g_byte_array_append (body, rest, sizeof rest);
  by_hand_put_string (body, "c");
  if (will_delay_s >= 0)
    {
      const guint8 delay[] = { 5, 0x18, 0, 0, 0, (guint8) will_delay_s };

      g_byte_array_append (body, delay, sizeof delay);
      by_hand_put_string (body, "will");
      by_hand_put_string (body, "gone");
    }
  by_hand_push (peer, 0x10, body);
  g_assert_cmphex (by_hand_pull (peer, &connack), ==, 0x20);
  g_assert_cmphex ((guint8) connack[1], ==, 0);
  if (out_session != NULL)
    *out_session = connack[0] == 1;
  return peer;
}

static void
test_will_delay (Fixture *fixture, gconstpointer data)
{
  hawser_harness_peer_close (connect_client (fixture, TRUE, 0, 60, 5, NULL));
  pass_time (fixture, 5 * S - SLACK);
  g_assert_cmpuint (get_published (fixture), ==, 0);
  pass_time (fixture, 2 * SLACK);
  g_assert_cmpuint (get_published (fixture), ==, 1);
}

static void
test_will_of_a_session_that_ends (Fixture *fixture, gconstpointer data)
{
  hawser_harness_peer_close (connect_client (fixture, TRUE, 0, 3, 60, NULL));
  pass_time (fixture, 3 * S - SLACK);
  g_assert_cmpuint (get_published (fixture), ==, 0);
  pass_time (fixture, 2 * SLACK);
  g_assert_cmpuint (get_published (fixture), ==, 1);
}

static void
test_will_is_dropped (Fixture *fixture, gconstpointer data)
{
  hawser_harness_peer_close (connect_client (fixture, TRUE, 0, 60, 5, NULL));
  pass_time (fixture, 5 * S - SLACK);
  connect_client (fixture, FALSE, 0, 60, -1, NULL);
  pass_time (fixture, 10 * S);
  g_assert_cmpuint (get_published (fixture), ==, 0);
}

static void
test_session_expiry (Fixture *fixture, gconstpointer data)
{
  const gint64 steps_us[] = { 10 * S - SLACK, 10 * S + SLACK };

  for (guint i = 0; i < 2; i++)
    {
      gboolean there;

      hawser_harness_peer_close (connect_client (fixture, TRUE, 0, 10, -1, NULL));
      pass_time (fixture, steps_us[i]);
      hawser_harness_peer_close (connect_client (fixture, FALSE, 0, 0, -1, &there));
      g_assert_cmpint (there, ==, i == 0);
    }
}

/* Silent, and then with a PING between: from the last whole packet. */
static void
test_keep_alive (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer = connect_client (fixture, TRUE, 2, 0, 0, NULL);
  g_autofree char *end = NULL, *pong = NULL;

  pass_time (fixture, 2 * S);
  hawser_harness_peer_push (peer, "\xc0\0", 2);
  pong = hawser_harness_peer_pull (peer, 2);
  pass_time (fixture, 3 * S - SLACK);
  g_assert_cmpuint (get_published (fixture), ==, 0);
  pass_time (fixture, 2 * SLACK);
  g_assert_cmphex (by_hand_pull (peer, &end), ==, 0xe0);
  g_assert_cmphex ((guint8) end[0], ==, 0x8d);
  g_assert_cmpuint (get_published (fixture), ==, 1); /* its will */
}

/* Bytes of a packet that never ends are no sign of life (HARDENING M10). */
static void
test_dripped_packet (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer = connect_client (fixture, TRUE, 2, 0, -1, NULL);
  g_autofree char *end = NULL;

  hawser_harness_peer_push (peer, "\x30\x64\0\1a", 5);
  for (guint i = 0; i < 31; i++)
    {
      pass_time (fixture, S / 10);
      hawser_harness_peer_push (peer, "x", 1);
    }
  pass_time (fixture, SLACK);
  g_assert_cmphex (by_hand_pull (peer, &end), ==, 0xe0);
  g_assert_cmphex ((guint8) end[0], ==, 0x8d);
}

static void
test_connect_deadline (Fixture *fixture, gconstpointer data)
{
  static const char connect[] = "\x10\x7f\0\4MQTT\5\2\0\0\0\0\1c______";
  HawserHarnessPeer *peer = hawser_harness_dial (fixture->harness);
  guint64 n;

  for (guint i = 0; i < 19; i++)
    {
      hawser_harness_peer_push (peer, &connect[i], 1); /* byte by byte */
      pass_time (fixture, S / 2);
    }
  pass_time (fixture, S / 2 - SLACK);
  n = g_list_model_get_n_items (hawser_bus_get_connections (hawser_harness_get_bus (fixture->harness)));
  g_assert_cmpuint (n, ==, 1);
  pass_time (fixture, 2 * SLACK);
  hawser_harness_peer_expect_end (peer);
}

static void
test_message_expiry (Fixture *fixture, gconstpointer data)
{
  const gint64 steps_us[] = { 3 * S - SLACK, 3 * S + SLACK };

  for (guint i = 0; i < 2; i++)
    {
      HawserHarnessPeer *subscriber = connect_client (fixture, TRUE, 0, 60, -1, NULL), *publisher;
      const guint8 subscribe[] = { 0x82, 7, 0, 1, 0, 0, 1, 't', 1 };
      const guint8 publish[] = { 0x32, 12, 0, 1, 't', 0, 1, 5, 2, 0, 0, 0, 3, 'x' };
      g_autofree char *suback = NULL, *puback = NULL, *pong = NULL;
      HawserBusStatistics before, after;

      hawser_harness_peer_push (subscriber, subscribe, sizeof subscribe);
      suback = hawser_harness_peer_pull (subscriber, 6);
      hawser_harness_peer_close (subscriber);
      publisher = hawser_harness_dial (fixture->harness);
      hawser_harness_peer_push (publisher, "\x10\x0e\0\4MQTT\5\2\0\0\0\0\1p", 16);
      g_assert_cmphex (by_hand_pull_connack (publisher), ==, 0);
      hawser_harness_peer_push (publisher, publish, sizeof publish);
      puback = hawser_harness_peer_pull (publisher, 4);
      pass_time (fixture, steps_us[i]);
      hawser_bus_get_statistics (hawser_harness_get_bus (fixture->harness), &before);
      subscriber = connect_client (fixture, FALSE, 0, 60, -1, NULL);
      hawser_harness_run (fixture->harness);
      hawser_bus_get_statistics (hawser_harness_get_bus (fixture->harness), &after);
      g_assert_cmpuint (after.delivered - before.delivered, ==, i == 0 ? 1 : 0);
      g_assert_cmpuint (after.dropped[HAWSER_DROP_EXPIRED] - before.dropped[HAWSER_DROP_EXPIRED], ==, i == 0 ? 0 : 1);
    }
}

int
main (int argc, char **argv)
{
#define ADD(path, func) g_test_add ("/mqtt/time/" path, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("a-will-comes-after-its-delay", test_will_delay);
  ADD ("a-will-comes-when-its-session-ends-first", test_will_of_a_session_that_ends);
  ADD ("a-client-that-comes-back-within-the-delay-has-no-will", test_will_is_dropped);
  ADD ("a-session-waits-as-long-as-was-agreed", test_session_expiry);
  ADD ("silence-of-one-and-a-half-keep-alives-ends-the-connection", test_keep_alive);
  ADD ("bytes-of-a-packet-that-is-not-whole-are-silence", test_dripped_packet);
  ADD ("a-connect-that-takes-ten-seconds-is-too-late", test_connect_deadline);
  ADD ("a-message-is-delivered-until-it-expires", test_message_expiry);
  return g_test_run ();
}
