/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* receiver: a subscription of one's own type. hawser_bus_subscribe() with a function is shorter; this is for a type that
 * takes messages by the batch, wants to know what it lost, or keeps state. It needs no network and ends by itself. */

#include <hawser/hawser.h>

#define EXAMPLE_TYPE_COUNTER (example_counter_get_type ())
G_DECLARE_FINAL_TYPE (ExampleCounter, example_counter, EXAMPLE, COUNTER, GObject)

struct _ExampleCounter {
  GObject parent_instance;
  GMainLoop *loop;
  guint n_received;
};

static char *
dup_filter (HawserSubscription *subscription)
{
  return g_strdup ("sensor/+/temperature");
}

/* All that came since the last time, in order. */
static void
deliver (HawserSubscription *subscription, HawserBatch *batch)
{
  ExampleCounter *self = EXAMPLE_COUNTER (subscription);

  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      HawserMessage *message = hawser_batch_get_message (batch, i);
      g_autofree char *text = hawser_message_dup_text (message);

      g_print ("received %s %s\n", hawser_message_get_topic (message), text);
      self->n_received++;
    }
  if (self->n_received == 3)
    g_main_loop_quit (self->loop);
}

/* Optional: we were too slow. */
static void
lost (HawserSubscription *subscription, guint64 n_messages)
{
  g_print ("lost %" G_GUINT64_FORMAT "\n", n_messages);
}

/* Optional: nothing will come any more. */
static void
ended (HawserSubscription *subscription)
{
  ExampleCounter *self = EXAMPLE_COUNTER (subscription);

  g_print ("ended after %u\n", self->n_received);
  g_main_loop_quit (self->loop);
}

static void
subscription_iface_init (HawserSubscriptionInterface *iface)
{
  iface->dup_filter = dup_filter;
  iface->deliver = deliver;
  iface->lost = lost;
  iface->ended = ended;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (ExampleCounter, example_counter, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SUBSCRIPTION, subscription_iface_init))

static void
example_counter_class_init (ExampleCounterClass *klass)
{
}

static void
example_counter_init (ExampleCounter *self)
{
}

int
main (void)
{
  static const char * const rooms[] = { "kitchen", "hall", "cellar" };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (ExampleCounter) counter = g_object_new (EXAMPLE_TYPE_COUNTER, NULL);
  g_autoptr (GError) error = NULL;

  counter->loop = loop;
  if (!hawser_bus_add_subscription (bus, HAWSER_SUBSCRIPTION (counter), &error))
    g_error ("%s", error->message);

  for (guint i = 0; i < G_N_ELEMENTS (rooms); i++)
    {
      g_autofree char *topic = g_strdup_printf ("sensor/%s/temperature", rooms[i]);
      g_autofree char *text = g_strdup_printf ("%u", 20 - i);
      g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

      if (!hawser_bus_publish (bus, message, &error))
        g_error ("%s", error->message);
    }
  g_main_loop_run (loop); /* deliver() ends it */

  hawser_bus_unsubscribe (bus, HAWSER_SUBSCRIPTION (counter));
  g_main_loop_run (loop); /* ended() ends it */
  hawser_bus_close (bus);
  return 0;
}
