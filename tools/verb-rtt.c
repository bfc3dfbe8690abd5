/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser rtt: how long a message takes to the bus and back to whoever published it. One at a time: nothing waits but the bus. */

#include "tool-histogram.h"
#include "tool-link.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_COUNT 100
#define DEFAULT_TIMEOUT_US (5 * G_USEC_PER_SEC)   /* of one trip */

typedef struct {
  Tool *tool;
  ToolLink *link;
  ToolMessage *probe;
  ToolHistogram histogram;
  gint64 interval_us;
  gint64 sent_us;
  int count;
  guint interval_id, deadline_id;
} Rtt;

static void send_probe (Rtt *self);

static gboolean
on_deadline (gpointer data)
{
  Rtt *self = data;

  self->deadline_id = 0;
  tool_quit (self->tool, tool_fail (self->tool, self->histogram.n > 0 ? TOOL_PARTLY : TOOL_TIMED_OUT, "a message did not come back in time"));
  return G_SOURCE_REMOVE;
}

static void
send_probe (Rtt *self)
{
  gint64 timeout_us = self->tool->timeout_us > 0 ? self->tool->timeout_us : DEFAULT_TIMEOUT_US;

  self->sent_us = g_get_monotonic_time ();
  self->deadline_id = g_timeout_add ((guint) MIN (timeout_us / 1000 + 1, G_MAXUINT), on_deadline, self);
  tool_link_publish (self->link, self->probe);
}

static gboolean
on_interval (gpointer data)
{
  Rtt *self = data;

  self->interval_id = 0;
  send_probe (self);
  return G_SOURCE_REMOVE;
}

static void
on_message (const ToolMessage *message,
            gpointer           data)
{
  Rtt *self = data;
  guint64 took_us;

  if (self->sent_us == 0)
    return;
  took_us = (guint64) (g_get_monotonic_time () - self->sent_us);
  self->sent_us = 0;
  g_clear_handle_id (&self->deadline_id, g_source_remove);
  tool_histogram_add (&self->histogram, took_us);
  if (self->tool->is_verbose)
    tool_note (self->tool, "%" G_GUINT64_FORMAT ": %.3f ms", self->histogram.n, (double) took_us / 1000);
  if (self->histogram.n >= (guint64) self->count)
    tool_quit (self->tool, TOOL_DONE);
  else
    self->interval_id = g_timeout_add ((guint) (self->interval_us / 1000), on_interval, self);
}

static void
on_ready (gpointer data)
{
  send_probe (data);
}

static void
on_published (int         code,
              const char *detail,
              gpointer    data)
{
  Rtt *self = data;

  if (code != TOOL_DONE)
    tool_quit (self->tool, tool_fail (self->tool, code, "%s: %s", self->probe->topic, detail));
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Rtt *self = data;

  tool_quit (self->tool, tool_fail (self->tool, code, "%s", detail));
}

static void
print_bars (const ToolHistogram *histogram)
{
  static const double steps[] = { 0, 10, 25, 50, 75, 90, 95, 99, 99.9, 100 };

  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      double ms = (double) tool_histogram_percentile (histogram, steps[i]) / 1000;
      int width = histogram->max_us > 0 ? (int) (ms * 1000 / (double) histogram->max_us * 40) : 0;

      printf ("%6.1f %% %10.3f ms ", steps[i], ms);
      for (int n = 0; n <= width; n++)
        fputs ("▇", stdout);
      fputc ('\n', stdout);
    }
}

static void
print (Rtt      *self,
       gboolean  with_bars)
{
  const ToolHistogram *h = &self->histogram;
  double values[6] = {
    (double) h->min_us / 1000, tool_histogram_mean (h) / 1000, (double) tool_histogram_percentile (h, 50) / 1000,
    (double) tool_histogram_percentile (h, 90) / 1000, (double) tool_histogram_percentile (h, 99) / 1000, (double) h->max_us / 1000,
  };

  if (self->tool->is_json)
    printf ("{\"n\":%" G_GUINT64_FORMAT ",\"min_ms\":%.3f,\"mean_ms\":%.3f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
            h->n, values[0], values[1], values[2], values[3], values[4], values[5]);
  else
    printf ("%" G_GUINT64_FORMAT " round trips: min %.3f  mean %.3f  p50 %.3f  p90 %.3f  p99 %.3f  max %.3f ms\n",
            h->n, values[0], values[1], values[2], values[3], values[4], values[5]);
  if (with_bars && !self->tool->is_json)
    print_bars (h);
}

int
tool_verb_rtt (Tool  *tool,
               int    argc,
               char **argv)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .message = on_message, .published = on_published, .failed = on_failed };
  g_autofree char *interval = NULL, *topic = NULL;
  gboolean with_bars = FALSE;
  int count = DEFAULT_COUNT, qos = 0, size = 16;
  const GOptionEntry entries[] = {
    { "count", 'C', 0, G_OPTION_ARG_INT, &count, "Round trips (default 100)", "N" },
    { "interval", 'i', 0, G_OPTION_ARG_STRING, &interval, "Pause between two (default 10ms)", "TIME" },
    { "qos", 'Q', 0, G_OPTION_ARG_INT, &qos, "0 (default), 1 or 2", "N" },
    { "size", 's', 0, G_OPTION_ARG_INT, &size, "Bytes of the payload (default 16)", "N" },
    { "topic", 0, 0, G_OPTION_ARG_STRING, &topic, "Topic to use; default: one of our own below hawser/rtt", "TOPIC" },
    { "histogram", 'H', 0, G_OPTION_ARG_NONE, &with_bars, "Print the spread as bars", NULL },
    { NULL }
  };
  g_autoptr (ToolMessage) probe = tool_message_new ();
  g_autoptr (GError) error = NULL;
  Rtt self = { .tool = tool, .probe = probe, .interval_us = 10000 };
  const char *filters[2] = { NULL, NULL };
  ToolLinkOptions options = { .filters = filters, .no_retained = TRUE };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "", "Measures round trips: a message to the bus and back.",
                   "-W says how long one may take (default 5s); -v prints each.\n"
                   "Exit status: 0 all came back, 4 cannot connect, 5 not authorized, 7 the first did not come back, 8 a later one did not.", 0, 0, &code))
    return code;
  if (count < 1 || qos < 0 || qos > 2 || size < 0 || size > 64 * 1024 * 1024)
    return tool_fail (tool, TOOL_USAGE, count < 1 ? "--count: at least one" : size < 0 || size > 64 * 1024 * 1024 ? "--size: 0 to 67108864" : "--qos: 0, 1 or 2");
  if (interval != NULL && !hawser_duration_parse (interval, &self.interval_us, &error))
    return tool_fail (tool, TOOL_USAGE, "%s", error->message);
  probe->topic = topic != NULL ? g_steal_pointer (&topic) : g_strdup_printf ("hawser/rtt/%08x%08x", g_random_int (), g_random_int ());
  probe->payload = g_bytes_new_take (g_strnfill ((gsize) size, 'r'), (gsize) size);
  probe->qos = (guint8) qos;
  filters[0] = probe->topic;
  options.qos = (guint8) qos;
  self.count = count;
  self.link = tool_link_open (tool, &options, &funcs, &self, &code);
  if (self.link == NULL)
    return code;
  code = tool_wait (tool);
  g_clear_handle_id (&self.interval_id, g_source_remove);
  g_clear_handle_id (&self.deadline_id, g_source_remove);
  tool_link_close (self.link);
  if (self.histogram.n > 0)
    print (&self, with_bars);
  return code;
}
