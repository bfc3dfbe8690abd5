/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sink: a destination that nobody connects from; here it prints. A sink only writes one batch and says how it went. The
 * runner around it batches, retries, and keeps messages until the sink said that they are safe. It needs no network and
 * ends by itself. */

#include <hawser/hawser.h>

#define EXAMPLE_TYPE_PRINTER (example_printer_get_type ())
G_DECLARE_FINAL_TYPE (ExamplePrinter, example_printer, EXAMPLE, PRINTER, GObject)

struct _ExamplePrinter {
  GObject parent_instance;
};

/* Answer each write exactly once: now as here, or later from a callback or another thread. */
static void
write_batch (HawserSink *sink, HawserSinkWrite *write)
{
  HawserBatch *batch = hawser_sink_write_get_batch (write);

  if (hawser_sink_write_get_attempt (write) == 1)
    {
      g_print ("not ready yet\n");
      hawser_sink_write_fail_temporary (write, 0, "the printer warms up", 0); /* the runner comes again */
      return;
    }
  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      g_autofree char *text = hawser_message_dup_text (hawser_batch_get_message (batch, i));

      g_print ("wrote %s\n", text);
    }
  hawser_sink_write_done (write, hawser_batch_get_size (batch)); /* all of it is safe */
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->write = write_batch;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (ExamplePrinter, example_printer, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_iface_init))

static void
example_printer_class_init (ExamplePrinterClass *klass)
{
}

static void
example_printer_init (ExamplePrinter *self)
{
}

static void
on_written (HawserSinkRunner *runner, GParamSpec *property, GMainLoop *loop)
{
  guint64 n_written;

  g_object_get (runner, "n-written", &n_written, NULL);
  if (n_written == 3)
    g_main_loop_quit (loop);
}

int
main (void)
{
  static const char * const texts[] = { "one", "two", "three" };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserSink) printer = g_object_new (EXAMPLE_TYPE_PRINTER, NULL);
  g_autoptr (HawserSinkRunner) runner = hawser_sink_runner_new (bus, "printer", printer, "jobs/#");
  g_autoptr (GError) error = NULL;

  /* A write as soon as three messages wait, or when one has waited for 100 ms (times are in microseconds). */
  g_object_set (runner, "batch-count", 3, "batch-age", G_GINT64_CONSTANT (100000), "retry-initial", G_GINT64_CONSTANT (50000), NULL);
  g_signal_connect (runner, "notify::n-written", G_CALLBACK (on_written), loop);
  if (!hawser_sink_runner_start (runner, &error))
    g_error ("%s", error->message);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text ("jobs/office", texts[i]);

      if (!hawser_bus_publish (bus, message, &error))
        g_error ("%s", error->message);
    }
  g_main_loop_run (loop);

  g_print ("all of them are safe\n");
  hawser_sink_runner_stop (runner);
  hawser_bus_close (bus);
  return 0;
}
