/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a delivery costs when many receive: bench-route [--seconds N] [RECEIVERS...] (default 1 10 100 1000 10000).
 * Receivers of the hot path, as adapters have them, that only count; no encoding and no socket. Three rows for each
 * number: all subscribed to the topic itself; all by a wildcard; and the topic itself while another filter of its first
 * level comes and goes before each message, so that its routes are worked out anew each time. One thread. */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <hawser/hawser.h>

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  ++*(guint64 *) data;
  return HAWSER_DELIVER_DONE;
}

static const HawserReceiverFuncs funcs = { deliver, NULL, NULL };

static gint64
cpu_us (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static HawserReceiver *
add_receiver (HawserBus *bus, const char *filter, guint64 *counter)
{
  const HawserSubscribeOptions options = { .qos = 0, .retain_handling = 2 };
  HawserReceiver *receiver = hawser_receiver_new (bus, NULL, 0, NULL);

  hawser_receiver_attach (receiver, NULL, &funcs, counter);
  if (hawser_receiver_subscribe (receiver, filter, strlen (filter), &options) != HAWSER_RESULT_OK)
    g_error ("subscribing was refused");
  return receiver;
}

static void
measure (const char *label, guint n, const char *filter, gboolean churn, double seconds)
{
  const HawserSubscribeOptions options = { .qos = 0, .retain_handling = 2 };
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserMessage) message = hawser_message_new_text ("fleet/7/speed", "21.5");
  guint64 n_delivered = 0, n_published = 0, nothing = 0;
  HawserReceiver *other = add_receiver (bus, "fleet/8/speed", &nothing);
  gint64 began_us, end_us;

  for (guint i = 0; i < n; i++)
    add_receiver (bus, filter, &n_delivered);
  began_us = cpu_us ();
  end_us = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  do
    for (guint i = 0; i < 16; i++, n_published++)
      {
        if (churn && n_published % 2 == 0)
          hawser_receiver_subscribe (other, "fleet/9/speed", 13, &options);
        else if (churn)
          hawser_receiver_unsubscribe (other, "fleet/9/speed", 13);
        if (!hawser_bus_publish (bus, message, NULL))
          g_error ("publishing was refused");
      }
  while (g_get_monotonic_time () < end_us);
  g_assert_cmpuint (n_delivered, ==, n_published * n);
  g_print ("%6u %-10s %8.1f ns/delivery  %10.0f ns/message\n", n, label, (double) (cpu_us () - began_us) * 1000 / (double) n_delivered,
           (double) (cpu_us () - began_us) * 1000 / (double) n_published);
  hawser_bus_close (bus);
}

int
main (int argc, char **argv)
{
  static const guint numbers[] = { 1, 10, 100, 1000, 10000 };
  double seconds = 0.5;
  const GOptionEntry entries[] = {
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "of each row", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[RECEIVERS...]");
  g_autoptr (GError) error = NULL;
  int n_rows;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  n_rows = argc > 1 ? argc - 1 : (int) G_N_ELEMENTS (numbers);
  for (int i = 0; i < n_rows; i++)
    {
      guint n = argc > 1 ? (guint) CLAMP (atoi (argv[i + 1]), 1, 1000000) : numbers[i];

      measure ("exact", n, "fleet/7/speed", FALSE, seconds);
      measure ("wildcard", n, "fleet/+/speed", FALSE, seconds);
      measure ("churning", n, "fleet/7/speed", TRUE, seconds);
    }
  return 0;
}
