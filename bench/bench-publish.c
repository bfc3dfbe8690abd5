/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a message costs inside one process: bench-publish [--seconds N] [--trim]. One publisher, one callback, one thread: making the
 * message, hawser_bus_publish() with everything it means, the batch, the callback. No socket and no disk. For payloads of
 * 16 bytes to 64 KiB, and once with retained messages. Prints nanoseconds of CPU for each message, everything included.
 * The heap is set as in hawserd; --trim leaves it at the C library's default, which gives the top of the heap back at each
 * lull: from about a kilobyte on (what its caches for a thread do not hold) that is the larger part of the cost. */

#include <malloc.h>
#include <sys/resource.h>

#include <hawser/hawser.h>

#define BURST 500   /* messages between two runs of the loop: below what waits for a callback at once */

typedef struct {
  guint64 n_received;
} Counter;

static void
count (HawserMessage *message, gpointer data)
{
  ((Counter *) data)->n_received++;
}

static gint64
cpu_us (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
measure (gsize size, gboolean retain, double seconds)
{
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autofree char *text = g_strnfill (size, 'x');
  g_autoptr (GBytes) payload = g_bytes_new_static (text, size);
  g_autoptr (GError) error = NULL;
  Counter counter = { 0 };
  g_autoptr (HawserSubscription) subscription = hawser_bus_subscribe (bus, "bench/+", count, &counter, NULL, &error);
  gint64 began_us = cpu_us (), end_us = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  guint64 n_published = 0;

  g_assert_no_error (error);
  while (g_get_monotonic_time () < end_us)
    {
      for (guint i = 0; i < BURST; i++)
        {
          g_autoptr (HawserMessageBuilder) builder = retain ? hawser_message_builder_new ("bench/publish") : NULL;
          g_autoptr (HawserMessage) message = NULL;

          if (retain)
            {
              hawser_message_builder_set_payload (builder, payload);
              hawser_message_builder_set_retain (builder, TRUE);
              message = hawser_message_builder_build (builder);
            }
          else
            message = hawser_message_new ("bench/publish", payload);
          if (!hawser_bus_publish (bus, message, &error))
            g_error ("%s", error->message);
        }
      n_published += BURST;
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  g_assert_cmpuint (counter.n_received, ==, n_published);
  g_print ("%6" G_GSIZE_FORMAT " bytes%s  %8.0f ns/message  %6.2f M messages/CPU s\n", size, retain ? " retained" : "         ",
           (double) (cpu_us () - began_us) * 1000 / (double) n_published, (double) n_published / (double) (cpu_us () - began_us));
  hawser_bus_close (bus);
}

int
main (int argc, char **argv)
{
  static const gsize sizes[] = { 16, 256, 1024, 16384, 65536 };
  double seconds = 1;
  gboolean trims = FALSE;
  const GOptionEntry entries[] = {
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "of each row", "N" },
    { "trim", 0, 0, G_OPTION_ARG_NONE, &trims, "give the heap back at each lull", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  if (!trims)
    mallopt (M_TRIM_THRESHOLD, 4 << 20);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    measure (sizes[i], FALSE, seconds);
  measure (256, TRUE, seconds);
  return 0;
}
