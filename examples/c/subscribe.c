/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* subscribe [--once] [ADDRESS [FILTER]]: a program that subscribes. It holds the bus itself and prints what others publish
 * to it over MQTT.
 *
 *     subscribe                                              (here)
 *     mosquitto_pub -p 1883 -t example/hello -m 'hello'      (in another terminal)
 *
 * ADDRESS is tcp:127.0.0.1:1883 and FILTER is # (everything) unless given. With --once it leaves after one message. */

#include <locale.h>

#include <hawser/hawser.h>

static GMainLoop *loop;
static gboolean is_once;

/* Runs in the main loop of whoever subscribed, never inside somebody's publish call. */
static void
on_message (HawserMessage *message,
            gpointer       user_data)
{
  g_autofree char *text = hawser_message_dup_text (message); /* NULL: the payload is no text */

  g_print ("%s %s\n", hawser_message_get_topic (message), text != NULL ? text : "(binary)");
  if (is_once)
    g_main_loop_quit (loop);
}

int
main (int argc, char **argv)
{
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserSubscription) subscription = NULL;
  g_autoptr (HawserListener) listener = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *bound = NULL;
  const char *address, *filter;

  setlocale (LC_ALL, ""); /* g_print() writes what the terminal can show */
  is_once = argc > 1 && g_str_equal (argv[1], "--once");
  address = argc > 1 + is_once ? argv[1 + is_once] : "tcp:127.0.0.1:1883";
  filter = argc > 2 + is_once ? argv[2 + is_once] : "#";
  loop = g_main_loop_new (NULL, FALSE);

  subscription = hawser_bus_subscribe (bus, filter, on_message, NULL, NULL, &error);
  if (subscription == NULL)
    {
      g_printerr ("subscribe: %s\n", error->message);
      return 2;
    }

  listener = hawser_listener_new (bus, "example", "mqtt", address, &error);
  if (listener != NULL)
    g_object_set (listener, "anonymous", "allow", NULL);
  if (listener == NULL || !hawser_listener_start (listener, &error))
    {
      g_printerr ("subscribe: %s\n", error->message);
      return 1;
    }
  bound = hawser_listener_dup_bound_address (listener);
  g_print ("listening on %s\n", bound);

  g_main_loop_run (loop);

  hawser_bus_unsubscribe (bus, subscription);
  hawser_listener_stop (listener);
  hawser_bus_close (bus);
  g_main_loop_unref (loop);
  return 0;
}
