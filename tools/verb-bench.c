/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser bench: publishers, subscribers and callers in this one process, each with a connection of its own, through whatever protocol
 * the URL names. Each message carries when it was sent, so that no clocks are compared. It measures itself as much as the bus:
 * libmosquitto makes a system call for each message. */

#include "tool-histogram.h"
#include "tool-link.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_MESSAGES 10000
#define MAX_PEERS 10000
#define MIN_SIZE 16               /* bytes: when it was sent, and by whom */
#define WINDOW 100                /* messages of a publisher that are not acknowledged */
#define TICK_MS 5                 /* of a rate */
#define IDLE_US (5 * G_USEC_PER_SEC)   /* nothing came for so long: the rest is lost */

typedef enum { BENCH_PUB, BENCH_SUB, BENCH_FANOUT, BENCH_REQ, BENCH_CONN } BenchKind;

typedef struct _Bench Bench;

typedef struct {
  Bench *bench;
  ToolLink *link;
  ToolMessage *message;          /* NULL: it publishes nothing */
  gint64 *sent_us;               /* ring of WINDOW: of what is not acknowledged */
  guint64 n_sent, n_acked;
  gboolean answers;
} Peer;

struct _Bench {
  Tool *tool;
  BenchKind kind;
  GPtrArray *peers;              /* of Peer */
  guint n_publishers, n_subscribers;
  guint64 n_messages;            /* of all publishers */
  gint64 duration_us;            /* 0: by n_messages */
  double rate;                   /* of all publishers; 0: as fast as it goes */
  guint size;
  guint8 qos;
  char *topic;
  guint n_ready;
  guint64 n_sent, n_acked, n_refused, n_received, received_bytes;
  gint64 begin_us, end_us, first_us, last_us;
  ToolHistogram ack, way;
  gboolean is_publishing;
  guint tick_id, end_id, idle_id;
};

static gboolean
may_send (Bench *self)
{
  if (!self->is_publishing || (self->duration_us == 0 && self->n_sent >= self->n_messages))
    return FALSE;
  return self->rate <= 0 || (double) self->n_sent < self->rate * (double) (g_get_monotonic_time () - self->begin_us) / 1e6;
}

static guint64
count_expected (Bench *self)
{
  return self->kind == BENCH_REQ ? self->n_sent : self->n_acked * self->n_subscribers;
}

static gboolean
has_sent_all (Bench *self)
{
  return (self->duration_us > 0 ? !self->is_publishing : self->n_sent >= self->n_messages) && self->n_acked + self->n_refused >= self->n_sent;
}

static void
finish_if_done (Bench *self)
{
  if (self->kind == BENCH_SUB)
    {
      if (self->duration_us == 0 && self->n_received >= self->n_messages)
        tool_quit (self->tool, TOOL_DONE);
      return;
    }
  if (has_sent_all (self) && self->n_received >= count_expected (self))
    tool_quit (self->tool, TOOL_DONE);
}

static void
send_message (Peer *peer)
{
  Bench *self = peer->bench;
  g_autofree guint8 *data = g_malloc0 (self->size);
  gint64 now_us = g_get_monotonic_time ();

  memcpy (data, &now_us, sizeof now_us);
  g_bytes_unref (peer->message->payload);
  peer->message->payload = g_bytes_new_take (g_steal_pointer (&data), self->size);
  peer->sent_us[peer->n_sent++ % WINDOW] = now_us;
  self->n_sent++;
  tool_link_publish (peer->link, peer->message);
}

static void
pump (Peer *peer)
{
  guint window = peer->bench->kind == BENCH_REQ ? 1 : WINDOW;

  while (may_send (peer->bench) && peer->n_sent - peer->n_acked < window)
    send_message (peer);
}

static void
pump_all (Bench *self)
{
  for (guint round = 0; round < WINDOW && may_send (self); round++)
    for (guint i = 0; i < self->peers->len && may_send (self); i++)
      {
        Peer *peer = self->peers->pdata[i];

        if (peer->message != NULL && !peer->answers && peer->n_sent - peer->n_acked < (self->kind == BENCH_REQ ? 1 : WINDOW))
          send_message (peer);
      }
}

static gboolean
on_tick (gpointer data)
{
  pump_all (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_end (gpointer data)
{
  Bench *self = data;

  self->end_id = 0;
  self->is_publishing = FALSE;
  if (self->kind == BENCH_SUB)
    tool_quit (self->tool, TOOL_DONE);
  else
    finish_if_done (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_idle (gpointer data)
{
  Bench *self = data;

  if (self->is_publishing && self->rate > 0 && !has_sent_all (self) && self->rate < 1)
    return G_SOURCE_CONTINUE;
  if (g_get_monotonic_time () - self->last_us < IDLE_US)
    return G_SOURCE_CONTINUE;
  self->idle_id = 0;
  tool_quit (self->tool, tool_fail (self->tool, self->n_received + self->n_acked > 0 ? TOOL_PARTLY : TOOL_TIMED_OUT,
                                    "nothing came for %d seconds", (int) (IDLE_US / G_USEC_PER_SEC)));
  return G_SOURCE_REMOVE;
}

static void
begin (Bench *self)
{
  self->begin_us = self->last_us = g_get_monotonic_time ();
  self->is_publishing = TRUE;
  if (self->kind == BENCH_CONN)
    {
      tool_quit (self->tool, TOOL_DONE);
      return;
    }
  if (self->duration_us > 0)
    self->end_id = g_timeout_add ((guint) (self->duration_us / 1000), on_end, self);
  if (self->kind != BENCH_SUB)
    self->idle_id = g_timeout_add (500, on_idle, self);
  if (self->rate > 0)
    self->tick_id = g_timeout_add (TICK_MS, on_tick, self);
  pump_all (self);
}

static void
on_ready (gpointer data)
{
  Bench *self = ((Peer *) data)->bench;

  if (++self->n_ready == self->peers->len)
    begin (self);
}

static void
on_acked (Peer *peer)
{
  Bench *self = peer->bench;

  tool_histogram_add (&self->ack, (guint64) (g_get_monotonic_time () - peer->sent_us[peer->n_acked++ % WINDOW]));
  self->n_acked++;
  self->end_us = self->last_us = g_get_monotonic_time ();
}

static void
on_published (int         code,
              const char *detail,
              gpointer    data)
{
  Peer *peer = data;
  Bench *self = peer->bench;

  if (peer->answers)
    return;
  if (code != TOOL_DONE)
    {
      if (self->n_refused++ == 0)
        tool_fail (self->tool, code, "%s: %s", self->topic, detail);
      peer->n_acked++;
      self->last_us = g_get_monotonic_time ();
    }
  else if (self->kind != BENCH_REQ)
    on_acked (peer);
  if (self->rate <= 0)
    pump (peer);
  finish_if_done (self);
}

static void
answer (Peer              *peer,
        const ToolMessage *request)
{
  g_autoptr (ToolMessage) reply = tool_message_new ();

  if (request->reply_to == NULL)
    return;
  reply->topic = g_strdup (request->reply_to);
  reply->payload = g_bytes_ref (request->payload);
  reply->correlation = g_strdup (request->correlation);
  reply->qos = peer->bench->qos;
  tool_link_publish (peer->link, reply);
}

static void
on_message (const ToolMessage *message,
            gpointer           data)
{
  Peer *peer = data;
  Bench *self = peer->bench;
  gint64 now_us = g_get_monotonic_time (), sent_us;
  gsize len;
  const guint8 *payload = g_bytes_get_data (message->payload, &len);

  if (peer->answers)
    {
      answer (peer, message);
      return;
    }
  self->last_us = now_us;
  if (self->n_received++ == 0)
    self->first_us = now_us;
  self->received_bytes += len;
  if (self->kind != BENCH_SUB && len >= MIN_SIZE)
    {
      memcpy (&sent_us, payload, sizeof sent_us);
      if (sent_us > 0 && sent_us <= now_us)
        tool_histogram_add (&self->way, (guint64) (now_us - sent_us));
    }
  if (self->kind == BENCH_REQ)
    {
      on_acked (peer);
      if (self->rate <= 0)
        pump (peer);
    }
  finish_if_done (self);
}

static void
on_failed (int         code,
           const char *detail,
           gpointer    data)
{
  Bench *self = ((Peer *) data)->bench;

  tool_quit (self->tool, tool_fail (self->tool, self->n_received + self->n_acked > 0 ? TOOL_PARTLY : code, "%s", detail));
}

/* ---- Peers ---- */

static void
peer_free (gpointer data)
{
  Peer *peer = data;

  tool_link_close (peer->link);
  g_clear_pointer (&peer->message, tool_message_free);
  g_free (peer->sent_us);
  g_free (peer);
}

static int
add_peer (Bench      *self,
          const char *filter,
          const char *publishes_to,
          gboolean    answers)
{
  static const ToolLinkFuncs funcs = { .ready = on_ready, .message = on_message, .published = on_published, .failed = on_failed };
  const char *filters[2] = { filter, NULL };
  const ToolLinkOptions options = { .filters = filter != NULL ? filters : NULL, .qos = self->qos, .no_retained = TRUE };
  Peer *peer = g_new0 (Peer, 1);
  int code = TOOL_DONE;

  peer->bench = self;
  peer->answers = answers;
  if (publishes_to != NULL)
    {
      peer->sent_us = g_new0 (gint64, WINDOW);
      peer->message = tool_message_new ();
      peer->message->topic = g_strdup (publishes_to);
      peer->message->payload = g_bytes_new (NULL, 0);
      peer->message->qos = self->qos;
      if (self->kind == BENCH_REQ)
        {
          peer->message->reply_to = g_strdup (filter);
          peer->message->correlation = g_strdup ("1");
        }
    }
  g_ptr_array_add (self->peers, peer);
  peer->link = tool_link_open (self->tool, &options, &funcs, peer, &code);
  return peer->link != NULL ? TOOL_DONE : code;
}

static int
add_peers (Bench *self)
{
  int code = TOOL_DONE;

  if (self->kind == BENCH_REQ)
    code = add_peer (self, self->topic, NULL, TRUE);
  for (guint i = 0; i < self->n_subscribers && code == TOOL_DONE; i++)
    code = add_peer (self, self->topic, NULL, FALSE);
  for (guint i = 0; i < self->n_publishers && code == TOOL_DONE; i++)
    {
      g_autofree char *own = self->kind == BENCH_REQ ? g_strdup_printf ("%s/reply/%u", self->topic, i) : NULL;

      code = add_peer (self, own, self->topic, FALSE);
    }
  return code;
}

/* ---- The result ---- */

typedef struct {
  const char *name;
  guint64 n;
  guint64 n_failed;
  double seconds;
  double bytes;
  const ToolHistogram *histogram;
} Row;

static double
ms (const ToolHistogram *histogram,
    double               percent)
{
  return (double) tool_histogram_percentile (histogram, percent) / 1000;
}

static void
print_row (Tool      *tool,
           const Row *row,
           gboolean   is_csv,
           gboolean   is_first)
{
  double per_s = row->seconds > 0 ? (double) row->n / row->seconds : 0, bytes_per_s = row->seconds > 0 ? row->bytes / row->seconds : 0;
  const ToolHistogram *h = row->histogram;

  if (tool->is_json)
    printf ("%s\"%s\":{\"n\":%" G_GUINT64_FORMAT ",\"failed\":%" G_GUINT64_FORMAT ",\"seconds\":%.6f,\"per_s\":%.1f,\"bytes_per_s\":%.0f"
            ",\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", is_first ? "" : ",", row->name, row->n, row->n_failed, row->seconds,
            per_s, bytes_per_s, ms (h, 50), ms (h, 90), ms (h, 99), ms (h, 100));
  else if (is_csv)
    printf ("%s,%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%.6f,%.1f,%.0f,%.3f,%.3f,%.3f,%.3f\n", row->name, row->n, row->n_failed, row->seconds,
            per_s, bytes_per_s, ms (h, 50), ms (h, 90), ms (h, 99), ms (h, 100));
  else
    printf ("%-9s %10" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT " %9.3f %12.1f %10.2f %9.3f %9.3f %9.3f %9.3f\n", row->name, row->n, row->n_failed,
            row->seconds, per_s, bytes_per_s / 1e6, ms (h, 50), ms (h, 90), ms (h, 99), ms (h, 100));
}

static void
print_result (Bench    *self,
              gint64    open_us,
              gboolean  is_csv)
{
  static const ToolHistogram none;
  guint64 expected = self->kind == BENCH_SUB ? self->n_received : count_expected (self);
  Row rows[2];
  guint n_rows = 0;

  if (self->kind == BENCH_CONN)
    rows[n_rows++] = (Row) { "connect", self->n_ready, 0, (double) (self->begin_us - open_us) / 1e6, 0, &none };
  else if (self->kind == BENCH_REQ)
    rows[n_rows++] = (Row) { "request", self->n_acked, self->n_sent - self->n_acked, (double) (self->end_us - self->begin_us) / 1e6,
                             (double) self->n_acked * self->size, &self->ack };
  else if (self->kind != BENCH_SUB)
    rows[n_rows++] = (Row) { "publish", self->n_acked, self->n_sent - self->n_acked, (double) (self->end_us - self->begin_us) / 1e6,
                             (double) self->n_acked * self->size, &self->ack };
  if (self->n_subscribers > 0 && self->kind != BENCH_CONN)
    rows[n_rows++] = (Row) { "receive", self->n_received, expected - MIN (expected, self->n_received),
                             (double) (self->last_us - (self->kind == BENCH_SUB && self->first_us > 0 ? self->first_us : self->begin_us)) / 1e6,
                             (double) self->received_bytes, &self->way };
  if (self->tool->is_json)
    putchar ('{');
  else if (is_csv)
    puts ("what,n,failed,seconds,per_s,bytes_per_s,p50_ms,p90_ms,p99_ms,max_ms");
  else if (!self->tool->has_no_legend)
    printf ("%-9s %10s %8s %9s %12s %10s %9s %9s %9s %9s\n", "", "MESSAGES", "FAILED", "SECONDS", "PER SECOND", "MB/s", "P50 ms", "P90 ms", "P99 ms", "MAX ms");
  for (guint i = 0; i < n_rows; i++)
    print_row (self->tool, &rows[i], is_csv, i == 0);
  if (self->tool->is_json)
    puts ("}");
}

/* ---- The verb ---- */

static int
run (Bench    *self,
     gboolean  is_csv)
{
  gint64 open_us = g_get_monotonic_time ();
  int code;

  self->peers = g_ptr_array_new_with_free_func (peer_free);
  code = add_peers (self);
  if (code == TOOL_DONE)
    {
      code = tool_wait (self->tool);
      g_clear_handle_id (&self->tick_id, g_source_remove);
      g_clear_handle_id (&self->end_id, g_source_remove);
      g_clear_handle_id (&self->idle_id, g_source_remove);
      if (self->begin_us > 0)
        print_result (self, open_us, is_csv);
      if (code == TOOL_DONE && self->n_refused > 0)
        code = self->n_acked > 0 ? TOOL_PARTLY : TOOL_FAILED;
    }
  g_ptr_array_unref (self->peers);
  return code;
}

int
tool_verb_bench (Tool  *tool,
                 int    argc,
                 char **argv)
{
  static const char * const kinds[] = { "pub", "sub", "fanout", "req", "conn" };
  g_autofree char *duration = NULL, *topic = NULL;
  gboolean is_csv = FALSE;
  int n_publishers = -1, n_subscribers = -1, n_messages = DEFAULT_MESSAGES, size = 128, qos = 0;
  double rate = 0;
  const GOptionEntry entries[] = {
    { "publishers", 'p', 0, G_OPTION_ARG_INT, &n_publishers, "Publishers, or callers of req, or connections of conn (default 1; conn: 100)", "N" },
    { "subscribers", 's', 0, G_OPTION_ARG_INT, &n_subscribers, "Subscribers (default: pub 0, sub 1, fanout 10)", "N" },
    { "messages", 'n', 0, G_OPTION_ARG_INT, &n_messages, "Messages of all publishers (default 10000); of sub: messages to wait for", "N" },
    { "duration", 'd', 0, G_OPTION_ARG_STRING, &duration, "For this long, in place of a number of messages", "TIME" },
    { "size", 'S', 0, G_OPTION_ARG_INT, &size, "Bytes of a payload (default 128)", "N" },
    { "qos", 'Q', 0, G_OPTION_ARG_INT, &qos, "0 (default), 1 or 2", "N" },
    { "rate", 'r', 0, G_OPTION_ARG_DOUBLE, &rate, "Messages a second of all publishers; default: as fast as it goes", "N" },
    { "topic", 't', 0, G_OPTION_ARG_STRING, &topic, "Topic; default: one of our own below hawser/bench", "TOPIC" },
    { "csv", 0, 0, G_OPTION_ARG_NONE, &is_csv, "The table with commas", NULL },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  Bench self = { .tool = tool };
  int code, kind = 0;

  if (!tool_parse (tool, &argc, &argv, entries, "pub|sub|fanout|req|conn", "Measures how many messages pass in a second, and how long each takes.",
                   "pub: publishers, with -s subscribers too; sub: subscribers of what others publish; fanout: one publisher, many subscribers;\n"
                   "req: callers, each with one request at a time, and one that answers; conn: connections only.\n"
                   "Times of publish are until the acknowledgement (QoS 0: until it was sent), of receive from publisher to subscriber.\n"
                   "Exit status: 0 all passed, 4 cannot connect, 5 not authorized, 7 nothing passed, 8 some were lost or refused.", 1, 1, &code))
    return code;
  while (kind < (int) G_N_ELEMENTS (kinds) && strcmp (kinds[kind], argv[1]) != 0)
    kind++;
  if (kind == G_N_ELEMENTS (kinds))
    return tool_fail (tool, TOOL_USAGE, "bench '%s': pub, sub, fanout, req or conn", argv[1]);
  self.kind = (BenchKind) kind;
  if (n_publishers < 0)
    n_publishers = self.kind == BENCH_SUB ? 0 : self.kind == BENCH_CONN ? 100 : 1;
  if (n_subscribers < 0)
    n_subscribers = self.kind == BENCH_SUB ? 1 : self.kind == BENCH_FANOUT ? 10 : 0;
  if (n_publishers > MAX_PEERS || n_subscribers > MAX_PEERS || n_publishers + n_subscribers == 0)
    return tool_fail (tool, TOOL_USAGE, "--publishers, --subscribers: 1 to %d", MAX_PEERS);
  if (n_messages < 1 || size < MIN_SIZE || size > 64 * 1024 * 1024 || qos < 0 || qos > 2 || rate < 0)
    return tool_fail (tool, TOOL_USAGE, n_messages < 1 ? "--messages: at least one" : rate < 0 ? "--rate: more than nothing"
                      : qos < 0 || qos > 2 ? "--qos: 0, 1 or 2" : "--size: 16 to 67108864");
  if (duration != NULL && (!hawser_duration_parse (duration, &self.duration_us, &error) || self.duration_us <= 0))
    return tool_fail (tool, TOOL_USAGE, "%s", error != NULL ? error->message : "--duration: more than nothing");
  if (self.kind == BENCH_SUB && topic == NULL)
    return tool_fail (tool, TOOL_USAGE, "bench sub needs --topic: what others publish to");
  self.n_publishers = (guint) n_publishers;
  self.n_subscribers = self.kind == BENCH_REQ || self.kind == BENCH_CONN ? 0 : (guint) n_subscribers;
  self.n_messages = (guint64) n_messages;
  self.size = (guint) size;
  self.qos = (guint8) qos;
  self.rate = rate;
  self.topic = topic != NULL ? g_steal_pointer (&topic) : g_strdup_printf ("hawser/bench/%08x", g_random_int ());
  code = run (&self, is_csv);
  g_free (self.topic);
  return code;
}
