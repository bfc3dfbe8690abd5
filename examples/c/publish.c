/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* publish [--once] [ADDRESS]: a program that publishes. It holds the bus itself, so no daemon is needed: whoever speaks
 * MQTT connects to it.
 *
 *     publish                                          (here)
 *     mosquitto_sub -p 1883 -t example/time            (in another terminal)
 *
 * ADDRESS is tcp:127.0.0.1:1883 unless given; port 0 takes a free one. With --once it publishes one message and leaves
 * when somebody has connected, read and gone. */

#include <hawser/hawser.h>

static GMainLoop *loop;

static void
publish_time (HawserBus *bus)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *text = g_date_time_format_iso8601 (now);
  /* A message never changes, so there is a builder for all that is not topic and payload. */
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("example/time");
  g_autoptr (HawserMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  hawser_message_builder_set_text (builder, text);
  hawser_message_builder_set_retain (builder, TRUE); /* who comes later gets the last one */
  message = hawser_message_builder_build (builder);
  if (hawser_bus_publish (bus, message, &error))
    g_print ("published %s\n", text);
  else
    g_printerr ("not published: %s\n", error->message);
}

static gboolean
on_tick (gpointer bus)
{
  publish_time (bus);
  return G_SOURCE_CONTINUE;
}

static void
on_connections_changed (HawserListener *listener)
{
  if (hawser_listener_get_n_opened (listener) > 0 && hawser_listener_get_n_connections (listener) == 0)
    g_main_loop_quit (loop);
}

int
main (int argc, char **argv)
{
  gboolean is_once = argc > 1 && g_str_equal (argv[1], "--once");
  const char *address = argc > 1 + is_once ? argv[1 + is_once] : "tcp:127.0.0.1:1883";
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserListener) listener = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *bound = NULL;

  loop = g_main_loop_new (NULL, FALSE);

  /* Where others connect. This one lets in everybody, which is only right on loopback. */
  listener = hawser_listener_new (bus, "example", "mqtt", address, &error);
  if (listener != NULL)
    g_object_set (listener, "anonymous", "allow", NULL);
  if (listener == NULL || !hawser_listener_start (listener, &error))
    {
      g_printerr ("publish: %s\n", error->message);
      return 1;
    }
  bound = hawser_listener_dup_bound_address (listener);
  g_print ("listening on %s\n", bound);

  publish_time (bus);
  if (is_once)
    g_signal_connect (listener, "notify::n-connections", G_CALLBACK (on_connections_changed), NULL);
  else
    g_timeout_add_seconds (1, on_tick, bus);
  g_main_loop_run (loop);

  hawser_listener_stop (listener);
  hawser_bus_close (bus);
  g_main_loop_unref (loop);
  return 0;
}
