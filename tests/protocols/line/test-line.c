/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The teaching protocol, as its author would test it: with the installed harness alone. */

#include <hawser-harness.h>

#include <string.h>

static void
a_message_comes_as_a_line (void)
{
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type ("line");
  HawserHarnessPeer *peer = hawser_harness_dial (harness);

  hawser_harness_peer_push (peer, "SUB craft/#\n", -1);
  hawser_harness_publish (harness, "craft/note", "hello");
  hawser_harness_peer_expect (peer, "MSG craft/note hello\n", -1);
}

static void
a_line_becomes_a_message (void)
{
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type ("line");
  HawserHarnessPeer *peer = hawser_harness_dial (harness);
  g_autoptr (HawserMessage) message = NULL;
  g_autofree char *text = NULL;

  hawser_harness_watch (harness, "#");
  hawser_harness_peer_push_split (peer, "PUB craft/note hello world\r\n", -1);
  message = hawser_harness_pull (harness);
  text = hawser_message_dup_text (message);
  g_assert_cmpstr (hawser_message_get_topic (message), ==, "craft/note");
  g_assert_cmpstr (text, ==, "hello world");
}

static void
a_line_that_is_too_long_ends_the_peer (void)
{
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type ("line");
  HawserHarnessPeer *peer = hawser_harness_dial (harness);
  g_autofree char *line = g_strnfill (9000, 'x');

  hawser_harness_peer_push (peer, line, -1);
  hawser_harness_peer_expect (peer, "ERR too-large\n", -1);
  hawser_harness_peer_expect_end (peer);
}

static void
who_stops_listening_hears_nothing (void)
{
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_type ("line");
  HawserHarnessPeer *peer = hawser_harness_dial (harness);

  hawser_harness_peer_push (peer, "SUB a\nSUB b\nUNSUB a\n", -1);
  hawser_harness_publish (harness, "a", "1");
  hawser_harness_publish (harness, "b", "2");
  hawser_harness_peer_expect (peer, "MSG b 2\n", -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/line/a-message-comes-as-a-line", a_message_comes_as_a_line);
  g_test_add_func ("/line/a-line-becomes-a-message", a_line_becomes_a_message);
  g_test_add_func ("/line/a-line-that-is-too-long-ends-the-peer", a_line_that_is_too_long_ends_the_peer);
  g_test_add_func ("/line/who-stops-listening-hears-nothing", who_stops_listening_hears_nothing);
  return g_test_run ();
}
