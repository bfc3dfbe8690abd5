/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* embed-listener [ADDRESS]: the whole broker inside a program, on a main context of its own, no thread started.
 * It answers one request: mosquitto_rr -p 1883 -t ask -e answer -m 'are you there?' */

#include <hawser/hawser.h>

typedef struct { HawserBus *bus; GMainLoop *loop; } Program;

static void
on_ask (HawserMessage *message, gpointer data)
{
  Program *program = data;
  g_autofree char *text = hawser_message_dup_text (message), *reply_to = hawser_message_dup_reply_to (message);
  g_autoptr (HawserMessage) answer = hawser_message_new_text (reply_to != NULL ? reply_to : "answer", "yes");

  g_print ("asked: %s\n", text);
  hawser_bus_publish (program->bus, answer, NULL);
}

static void
on_connections_changed (HawserListener *listener, GParamSpec *property, Program *program)
{
  if (hawser_listener_get_n_connections (listener) == 0)
    g_main_loop_quit (program->loop);
}

int
main (int argc, char **argv)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GError) error = NULL;

  g_main_context_push_thread_default (context); /* what is made from here on lives there */
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  Program program = { bus, loop };
  g_autoptr (HawserSubscription) subscription = hawser_bus_subscribe (bus, "ask", on_ask, &program, NULL, NULL);
  g_autoptr (HawserListener) listener = hawser_listener_new (bus, "mqtt", "mqtt", argc > 1 ? argv[1] : "tcp:127.0.0.1:1883", &error);
  if (listener != NULL)
    g_object_set (listener, "anonymous", "allow", NULL);
  if (listener == NULL || !hawser_listener_start (listener, &error))
    g_error ("%s", error->message);
  g_signal_connect (listener, "notify::n-connections", G_CALLBACK (on_connections_changed), &program);
  g_print ("listening on port %u\n", hawser_listener_get_port (listener));
  g_main_loop_run (loop); /* until the last peer has left */
  hawser_bus_close (bus);
  g_main_context_pop_thread_default (context);
  return 0;
}
