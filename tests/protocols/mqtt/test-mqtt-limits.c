/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rates, flapping and bans as an MQTT client meets them, on a clock that the test moves. */

#include "mqtt-by-hand.h"

#define S G_USEC_PER_SEC

typedef struct {
  HawserHarness *harness;
  HawserListener *listener;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->harness = hawser_harness_new_for_type ("mqtt");
  fixture->listener = hawser_harness_get_listener (fixture->harness);
  hawser_harness_watch (fixture->harness, "t");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_harness_free (fixture->harness);
}

static HawserHarnessPeer *
dial (Fixture *fixture, guint8 version, const char *client_id)
{
  HawserHarnessPeer *peer = hawser_harness_dial (fixture->harness);
  g_autoptr (GByteArray) body = g_byte_array_new ();
  const guint8 rest[5] = { version, 2, 0, 0, 0 };

  by_hand_put_string (body, "MQTT");
  g_byte_array_append (body, rest, version == 5 ? 5 : 4);
  by_hand_put_string (body, client_id);
  by_hand_push (peer, 0x10, body);
  return peer;
}

static HawserHarnessPeer *
connect_client (Fixture *fixture, guint8 version, const char *client_id)
{
  HawserHarnessPeer *peer = dial (fixture, version, client_id);

  g_assert_cmphex (by_hand_pull_connack (peer), ==, 0);
  return peer;
}

/* @n messages to `t` in one write, with packet ids from 1 at QoS 1. */
static void
publish (HawserHarnessPeer *peer, guint8 version, guint8 qos, guint n, const char *payload)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();

  for (guint i = 1; i <= n; i++)
    {
      g_autoptr (GByteArray) body = g_byte_array_new ();
      const guint8 id[2] = { (guint8) (i >> 8), (guint8) i }, none = 0;
      guint8 head[2] = { (guint8) (0x30 | qos << 1), 0 };

      by_hand_put_string (body, "t");
      if (qos > 0)
        g_byte_array_append (body, id, 2);
      if (version == 5)
        g_byte_array_append (body, &none, 1);
      g_byte_array_append (body, (const guint8 *) payload, (guint) strlen (payload));
      head[1] = (guint8) body->len;
      g_byte_array_append (all, head, 2);
      g_byte_array_append (all, body->data, body->len);
    }
  hawser_harness_peer_push (peer, all->data, all->len);
}

/* In steps, as time goes. */
static void
pass_time (Fixture *fixture, gint64 us)
{
  for (gint64 left_us = us; left_us > 0; left_us -= S / 20)
    hawser_harness_advance (fixture->harness, S / 20);
}

static guint64
get_published (Fixture *fixture)
{
  HawserBusStatistics statistics;

  hawser_bus_get_statistics (hawser_harness_get_bus (fixture->harness), &statistics);
  return statistics.published;
}

static void
test_identity_is_held_back (Fixture *fixture, gconstpointer data)
{
  HawserBusStatistics statistics;
  HawserHarnessPeer *peer;

  g_object_set (fixture->listener, "identity-message-rate", 10.0, NULL);
  peer = connect_client (fixture, 4, "fast");
  publish (peer, 4, 0, 30, "x");
  g_assert_cmpuint (get_published (fixture), ==, 10);
  for (guint i = 1; i <= 20; i++)
    {
      hawser_harness_advance (fixture->harness, S / 10);
      g_assert_cmpuint (get_published (fixture), <=, 10 + i);
      g_assert_cmpuint (get_published (fixture), >=, 9 + i); /* a timer may be 8 ms late */
    }
  pass_time (fixture, S);
  g_assert_cmpuint (get_published (fixture), ==, 30);
  hawser_bus_get_statistics (hawser_harness_get_bus (fixture->harness), &statistics);
  g_assert_cmpuint (statistics.refused, ==, 0);
  g_assert_cmpuint (statistics.held_for_rate, >, 0);
}

static void
test_bytes_are_counted (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer;

  g_object_set (fixture->listener, "identity-byte-rate", (guint64) 100, NULL);
  peer = connect_client (fixture, 4, "large");
  publish (peer, 4, 0, 8, "123456789 123456789 123456789 123456789 123456789"); /* 50 with the topic */
  g_assert_cmpuint (get_published (fixture), ==, 2);
  pass_time (fixture, S);
  g_assert_cmpuint (get_published (fixture), >=, 3);
  g_assert_cmpuint (get_published (fixture), <=, 4);
  pass_time (fixture, 3 * S);
  g_assert_cmpuint (get_published (fixture), ==, 8);
}

static void
test_identities_are_apart (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *fast, *other;

  g_object_set (fixture->listener, "identity-message-rate", 10.0, NULL);
  fast = connect_client (fixture, 4, "fast");
  other = connect_client (fixture, 4, "other");
  publish (fast, 4, 0, 30, "x");
  publish (other, 4, 0, 10, "x");
  g_assert_cmpuint (get_published (fixture), ==, 20);
}

static void
test_coming_again_helps_not (Fixture *fixture, gconstpointer data)
{
  g_object_set (fixture->listener, "identity-message-rate", 10.0, NULL);
  publish (connect_client (fixture, 4, "fast"), 4, 0, 10, "x");
  publish (connect_client (fixture, 4, "fast"), 4, 0, 10, "x"); /* takes over */
  g_assert_cmpuint (get_published (fixture), ==, 11);
}

static void
test_listener_is_shared (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *first, *second;

  g_object_set (fixture->listener, "message-rate", 10.0, NULL);
  first = connect_client (fixture, 4, "first");
  second = connect_client (fixture, 4, "second");
  publish (first, 4, 0, 8, "x");
  publish (second, 4, 0, 8, "x");
  g_assert_cmpuint (get_published (fixture), ==, 10);
  pass_time (fixture, 2 * S);
  g_assert_cmpuint (get_published (fixture), ==, 16);
}

/* The first one owes, the second one is told. */
static HawserHarnessPeer *
exhaust (Fixture *fixture, guint8 version)
{
  g_object_set (fixture->listener, "message-rate", 10.0, "rate-patience", (gint64) 0, NULL);
  publish (connect_client (fixture, 4, "first"), 4, 0, 10, "x");
  return connect_client (fixture, version, "second");
}

static void
test_refused_puback (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer = exhaust (fixture, 5);
  g_autofree char *puback = NULL;

  publish (peer, 5, 1, 1, "x");
  puback = hawser_harness_peer_pull (peer, 5);
  g_assert_cmphex ((guint8) puback[0], ==, 0x40);
  g_assert_cmphex ((guint8) puback[4], ==, 0x97);
  g_assert_cmpuint (get_published (fixture), ==, 10);
}

static void
test_refused_disconnect (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer = exhaust (fixture, 5);
  g_autofree char *end = NULL;

  publish (peer, 5, 0, 1, "x");
  end = hawser_harness_peer_pull (peer, 3);
  g_assert_cmphex ((guint8) end[0], ==, 0xe0);
  g_assert_cmphex ((guint8) end[2], ==, 0x96);
}

static void
test_refused_3 (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer = exhaust (fixture, 4);

  publish (peer, 4, 1, 1, "x");
  hawser_harness_peer_expect_end (peer);
}

static void
test_change (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer = connect_client (fixture, 4, "c");

  publish (peer, 4, 0, 20, "x");
  g_assert_cmpuint (get_published (fixture), ==, 20);
  g_object_set (fixture->listener, "identity-message-rate", 5.0, NULL);
  publish (peer, 4, 0, 20, "x");
  g_assert_cmpuint (get_published (fixture), ==, 25);
  g_object_set (fixture->listener, "identity-message-rate", 0.0, NULL);
  hawser_harness_run (fixture->harness);
  g_assert_cmpuint (get_published (fixture), ==, 40);
}

static void
test_leaves_while_held (Fixture *fixture, gconstpointer data)
{
  HawserHarnessPeer *peer;

  g_object_set (fixture->listener, "identity-message-rate", 1.0, NULL);
  peer = connect_client (fixture, 4, "c");
  publish (peer, 4, 0, 20, "x");
  g_assert_cmpuint (get_published (fixture), ==, 1);
  publish (connect_client (fixture, 4, "c"), 4, 0, 1, "x"); /* takes the one over that is held back */
  pass_time (fixture, 3 * S);
  g_assert_cmpuint (get_published (fixture), ==, 2);
}

static void
test_connect_rate (Fixture *fixture, gconstpointer data)
{
  g_object_set (fixture->listener, "identity-connect-rate", 2.0, NULL);
  connect_client (fixture, 5, "c");
  connect_client (fixture, 5, "c");
  g_assert_cmphex (by_hand_pull_connack (dial (fixture, 5, "c")), ==, 0x9f);
  g_assert_cmphex (by_hand_pull_connack (dial (fixture, 4, "c")), ==, 3);
  connect_client (fixture, 5, "d");
  hawser_harness_advance (fixture->harness, S / 2);
  connect_client (fixture, 5, "c");
}

static void
test_accept_rate (Fixture *fixture, gconstpointer data)
{
  HawserBusStatistics statistics;
  HawserHarnessPeer *peers[6];

  g_object_set (fixture->listener, "connect-rate", 2.0, NULL);
  for (guint i = 0; i < 6; i++)
    {
      g_autofree char *id = g_strdup_printf ("c%u", i);

      peers[i] = dial (fixture, 4, id);
    }
  g_assert_cmpuint (hawser_listener_get_n_opened (fixture->listener), ==, 2);
  hawser_harness_advance (fixture->harness, S / 2 + 20000);
  g_assert_cmpuint (hawser_listener_get_n_opened (fixture->listener), ==, 3);
  pass_time (fixture, 2 * S);
  for (guint i = 0; i < 6; i++)
    g_assert_cmphex (by_hand_pull_connack (peers[i]), ==, 0); /* nobody was refused */
  hawser_bus_get_statistics (hawser_harness_get_bus (fixture->harness), &statistics);
  g_assert_cmpuint (statistics.connects_held, >, 0);
}

static void
test_flapping (Fixture *fixture, gconstpointer data)
{
  HawserBanStatistics bans;

  g_object_set (fixture->listener, "flapping-count", 3, "flapping-window", (gint64) 60 * S, "flapping-duration", (gint64) 300 * S, NULL);
  for (guint i = 0; i < 3; i++)
    {
      hawser_harness_peer_close (connect_client (fixture, 5, "flap"));
      hawser_harness_advance (fixture->harness, S);
    }
  g_assert_cmphex (by_hand_pull_connack (dial (fixture, 5, "flap")), ==, 0x8a);
  g_assert_cmphex (by_hand_pull_connack (dial (fixture, 4, "flap")), ==, 5);
  connect_client (fixture, 5, "calm");
  hawser_ban_list_get_statistics (hawser_harness_get_bus (fixture->harness), &bans);
  g_assert_cmpuint (bans.n_bans, ==, 1);
  g_assert_cmpuint (bans.n_flapping, ==, 1);
  g_assert_cmpuint (bans.n_refused, ==, 1);
  hawser_harness_advance (fixture->harness, 301 * (gint64) S);
  connect_client (fixture, 5, "flap");
}

static void
test_slow_comer (Fixture *fixture, gconstpointer data)
{
  g_object_set (fixture->listener, "flapping-count", 3, "flapping-window", (gint64) 10 * S, NULL);
  for (guint i = 0; i < 20; i++)
    {
      hawser_harness_peer_close (connect_client (fixture, 4, "slow"));
      hawser_harness_advance (fixture->harness, 4 * S);
    }
}

/* The second filter is one too many; @problems: what the client says about problem information. */
static char *
pull_suback (Fixture *fixture, guint8 problems)
{
  const guint8 connect[] = { 0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 0, 2, 0x17, problems, 0, 1, 's' };
  const guint8 subscribe[] = { 0x82, 11, 0, 1, 0, 0, 1, 'a', 0, 0, 1, 'b', 0 };
  HawserHarnessPeer *peer = hawser_harness_dial (fixture->harness);
  char *suback;

  g_object_set (hawser_listener_get_protocol (fixture->listener), "max-subscriptions", 1, NULL);
  hawser_harness_peer_push (peer, connect, sizeof connect);
  g_assert_cmphex (by_hand_pull_connack (peer), ==, 0);
  hawser_harness_peer_push (peer, subscribe, sizeof subscribe);
  g_assert_cmphex (by_hand_pull (peer, &suback), ==, 0x90);
  return suback;
}

static void
test_suback_says_why (Fixture *fixture, gconstpointer data)
{
  g_autofree char *told = pull_suback (fixture, 1), *silent = pull_suback (fixture, 0);
  const guint8 len = (guint8) told[2];

  g_assert_cmphex ((guint8) told[3], ==, 0x1f); /* Reason String */
  g_assert_cmpmem (told + 6, 37, "the client has as many subscriptions ", 37);
  g_assert_cmphex ((guint8) told[3 + len], ==, 0);
  g_assert_cmphex ((guint8) told[3 + len + 1], ==, 0x97);
  g_assert_cmphex ((guint8) silent[2], ==, 0);
  g_assert_cmphex ((guint8) silent[4], ==, 0x97);
}

static void
test_banned_client (Fixture *fixture, gconstpointer data)
{
  HawserBus *bus = hawser_harness_get_bus (fixture->harness);

  g_assert_true (hawser_ban_list_add (bus, "client:bad", 10 * S));
  g_assert_cmphex (by_hand_pull_connack (dial (fixture, 5, "bad")), ==, 0x8a);
  connect_client (fixture, 5, "good");
  g_assert_true (hawser_ban_list_remove (bus, "client:bad"));
  connect_client (fixture, 5, "bad");
  g_assert_false (hawser_ban_list_add (bus, "client:", S));
  g_assert_false (hawser_ban_list_add (bus, "bad", S));
}

int
main (int argc, char **argv)
{
#define ADD(path, func) g_test_add ("/mqtt/limits/" path, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("an-identity-over-its-rate-is-held-back-and-loses-nothing", test_identity_is_held_back);
  ADD ("bytes-count-with-the-topic", test_bytes_are_counted);
  ADD ("identities-do-not-slow-each-other", test_identities_are_apart);
  ADD ("who-comes-again-owes-what-it-owed", test_coming_again_helps_not);
  ADD ("peers-of-a-listener-share-its-rate", test_listener_is_shared);
  ADD ("who-owes-too-much-gets-puback-0x97", test_refused_puback);
  ADD ("who-owes-too-much-at-qos-0-is-disconnected-with-0x96", test_refused_disconnect);
  ADD ("who-owes-too-much-in-3.1.1-is-closed", test_refused_3);
  ADD ("a-rate-that-changes-holds-for-who-is-connected", test_change);
  ADD ("who-is-held-back-may-be-taken-over", test_leaves_while_held);
  ADD ("an-identity-that-connects-too-often-is-told-0x9f", test_connect_rate);
  ADD ("connections-over-the-rate-of-the-listener-wait", test_accept_rate);
  ADD ("a-client-that-flaps-is-banned-for-a-while", test_flapping);
  ADD ("a-client-that-comes-slowly-is-not-banned", test_slow_comer);
  ADD ("a-refused-filter-is-told-why-to-who-wants-to-know", test_suback_says_why);
  ADD ("a-banned-client-id-is-told-so", test_banned_client);
  return g_test_run ();
}
