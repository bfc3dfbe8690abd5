/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The paths whose instructions are counted: budget-paths under callgrind, which bench/budget runs. One process and one thread
 * (and the spool's): the whole broker with its MQTT listener, and raw clients that do nothing but send what was made
 * before and receive. Each path runs warm, then counted, and prints its name and how many messages it was. What a
 * client costs here, a few calls for each batch, is in the count. */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <hawser/hawser.h>
#include <netinet/in.h>
#include <valgrind/callgrind.h>

#define PAYLOAD 256
#define MAX_CLIENTS 101
#define MAX_BATCH 200
#define PACKET_ROOM (PAYLOAD + 64)

typedef struct {
  int fd;
  gsize n_in;                  /* bytes received in this batch */
  guint8 *in;
} Client;

typedef struct {
  HawserBus *bus;
  guint port;
  Client clients[MAX_CLIENTS];
  guint8 batch[MAX_BATCH * PACKET_ROOM];
} Paths;

static const char config_text[] =
  "[hawser]\nname=budget\nstate-dir=%s\nsync=never\n"
  "[policy anyone]\nallow=true\n"
  "[topic #]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\n"
  "[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\nmax-inflight=1000\n"
  "[subscription kept]\ntopic=spool/#\nidentity=nobody\ndurable=true\nspool-limit=1GiB\n";

/* ---- A client ---- */

static void
send_all (Client *client, const guint8 *data, gsize len)
{
  if (send (client->fd, data, len, MSG_NOSIGNAL) != (gssize) len)
    g_error ("send: %s", g_strerror (errno));
}

/* Runs the broker until @client has @len bytes; @waits: a thread has to do something first. */
static void
receive (Client *client, gsize len, gboolean waits)
{
  client->n_in = 0;
  while (client->n_in < len)
    {
      gssize n = recv (client->fd, client->in + client->n_in, MAX_BATCH * PACKET_ROOM - client->n_in, MSG_DONTWAIT);

      if (n == 0)
        g_error ("the broker closed the connection");
      if (n > 0)
        client->n_in += (gsize) n;
      else
        g_main_context_iteration (NULL, waits);
    }
  g_assert_cmpuint (client->n_in, ==, len);
}

static void
open_client (Paths *self, Client *client, guint number)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((guint16) self->port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  guint8 hello[] = { 0x10, 17, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 5, 'c', '0', '0', '0', '0' };

  for (guint i = 0; i < 4; i++, number /= 10)
    hello[sizeof hello - 1 - i] = (guint8) ('0' + number % 10);
  client->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect (client->fd, (struct sockaddr *) &address, sizeof address) != 0)
    g_error ("connect: %s", g_strerror (errno));
  if (client->in == NULL)
    client->in = g_malloc (MAX_BATCH * PACKET_ROOM);
  send_all (client, hello, sizeof hello);
  receive (client, 4, FALSE);
}

static void
close_client (Client *client)
{
  static const guint8 bye[] = { 0xe0, 0 };

  send_all (client, bye, sizeof bye);
  close (client->fd);
  g_main_context_iteration (NULL, FALSE);
}

static void
subscribe (Client *client, const char *filter, guint8 qos)
{
  guint8 packet[64] = { 0x82, (guint8) (5 + strlen (filter)), 0, 1, 0, (guint8) strlen (filter) };

  memcpy (packet + 6, filter, strlen (filter));
  packet[6 + strlen (filter)] = qos;
  send_all (client, packet, 7 + strlen (filter));
  receive (client, 5, FALSE);
}

/* PUBLISH packets into the batch; their length. */
static gsize
make_batch (Paths *self, const char *topic, guint8 first, guint n)
{
  guint8 *to = self->batch;
  gsize topic_len = strlen (topic), remaining = 2 + topic_len + (first & 6 ? 2 : 0) + PAYLOAD;

  for (guint i = 0; i < n; i++)
    {
      *to++ = first;
      *to++ = (guint8) (remaining % 128 | 128);
      *to++ = (guint8) (remaining / 128);
      *to++ = 0;
      *to++ = (guint8) topic_len;
      memcpy (to, topic, topic_len);
      to += topic_len;
      if (first & 6)
        {
          *to++ = 0;
          *to++ = (guint8) (i + 1);
        }
      memset (to, 'x', PAYLOAD);
      to += PAYLOAD;
    }
  return (gsize) (to - self->batch);
}

/* PUBACK for each of the packets that came, all of @len bytes; the packet id stands at @id_at. */
static void
acknowledge (Client *client, gsize len, gsize id_at)
{
  guint8 acks[4 * MAX_BATCH];
  guint n = 0;

  for (gsize at = 0; at < client->n_in; at += len, n++)
    {
      acks[4 * n] = 0x40;
      acks[4 * n + 1] = 2;
      memcpy (acks + 4 * n + 2, client->in + at + id_at, 2);
    }
  send_all (client, acks, 4 * n);
}

/* ---- Paths ---- */

/* @n_batch messages in one write, each to @n_subscribers. Returns deliveries. */
static guint
flow (Paths *self, guint n_subscribers, guint8 qos, guint n_batch, guint n_rounds)
{
  Client *publisher = &self->clients[0];
  const char *topic = "budget/flow";
  gsize len;

  open_client (self, publisher, 0);
  for (guint i = 1; i <= n_subscribers; i++)
    {
      open_client (self, &self->clients[i], i);
      subscribe (&self->clients[i], "budget/+", qos);
    }
  len = make_batch (self, topic, (guint8) (0x30 | qos << 1), n_batch);
  for (guint round = 0; round < 2 * n_rounds; round++)
    {
      if (round == n_rounds)
        CALLGRIND_START_INSTRUMENTATION;
      send_all (publisher, self->batch, len);
      g_main_context_iteration (NULL, FALSE);
      for (guint i = 1; i <= n_subscribers; i++)
        receive (&self->clients[i], len, FALSE);
      if (qos == 0)
        continue;
      receive (publisher, 4 * n_batch, FALSE);
      for (guint i = 1; i <= n_subscribers; i++)
        acknowledge (&self->clients[i], len / n_batch, 5 + strlen (topic));
      g_main_context_iteration (NULL, FALSE);
    }
  return n_rounds * n_batch * n_subscribers;
}

static void
close_flow (Paths *self, guint n_subscribers)
{
  for (guint i = 0; i <= n_subscribers; i++)
    close_client (&self->clients[i]);
}

/* Acknowledged to the publisher when a durable subscription has them on disk. */
static guint
spool (Paths *self, guint n_batch, guint n_rounds)
{
  Client *publisher = &self->clients[0];
  gsize len;

  open_client (self, publisher, 0);
  len = make_batch (self, "spool/flow", 0x32, n_batch);
  for (guint round = 0; round < 2 * n_rounds; round++)
    {
      if (round == n_rounds)
        CALLGRIND_START_INSTRUMENTATION;
      send_all (publisher, self->batch, len);
      receive (publisher, 4 * n_batch, TRUE);
    }
  return n_batch * n_rounds;
}

static guint
connects (Paths *self, guint n)
{
  for (guint i = 0; i < 2 * n; i++)
    {
      if (i == n)
        CALLGRIND_START_INSTRUMENTATION;
      open_client (self, &self->clients[0], i);
      subscribe (&self->clients[0], "budget/one", 0);
      close_client (&self->clients[0]);
    }
  return n;
}

static void
count (HawserMessage *message, gpointer data)
{
  ++*(guint *) data;
}

static guint
in_process (Paths *self, guint n_batch, guint n_rounds)
{
  guint n_received = 0;
  g_autoptr (GBytes) payload = g_bytes_new_static (self->batch, PAYLOAD);
  g_autoptr (HawserSubscription) subscription = hawser_bus_subscribe (self->bus, "budget/+", count, &n_received, NULL, NULL);

  for (guint round = 0; round < 2 * n_rounds; round++)
    {
      if (round == n_rounds)
        CALLGRIND_START_INSTRUMENTATION;
      for (guint i = 0; i < n_batch; i++)
        {
          g_autoptr (HawserMessage) message = hawser_message_new ("budget/flow", payload);

          hawser_bus_publish (self->bus, message, NULL);
        }
      while (n_received < (round + 1) * n_batch)
        g_main_context_iteration (NULL, FALSE);
    }
  hawser_bus_unsubscribe (self->bus, subscription);
  return n_batch * n_rounds;
}

/* ---- */

#define DUMP(name, n) \
  G_STMT_START { guint n_ = (n); CALLGRIND_STOP_INSTRUMENTATION; CALLGRIND_DUMP_STATS_AT (name); g_print ("%s %u\n", name, n_); } G_STMT_END

static void
run (Paths *self)
{
  DUMP ("in-process", in_process (self, 100, 20));
  DUMP ("one-to-one-qos0", flow (self, 1, 0, 100, 20));
  close_flow (self, 1);
  DUMP ("one-to-one-qos0-one-at-a-time", flow (self, 1, 0, 1, 200));
  close_flow (self, 1);
  DUMP ("one-to-one-qos1", flow (self, 1, 1, 100, 20));
  close_flow (self, 1);
  DUMP ("one-to-one-qos1-one-at-a-time", flow (self, 1, 1, 1, 200));
  close_flow (self, 1);
  DUMP ("fan-out-100-qos0", flow (self, 100, 0, 10, 10));
  close_flow (self, 100);
  DUMP ("fan-out-100-qos0-one-at-a-time", flow (self, 100, 0, 1, 10));
  close_flow (self, 100);
  DUMP ("fan-out-100-qos1", flow (self, 100, 1, 10, 10));
  close_flow (self, 100);
  DUMP ("spool", spool (self, 100, 10));
  close_client (&self->clients[0]);
  DUMP ("connect-and-subscribe", connects (self, 100));
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("budget-XXXXXX", NULL), *state = g_build_filename (dir, "state", NULL);
  g_autofree char *text = g_strdup_printf (config_text, state), *report = NULL;
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autoptr (HawserAssembly) assembly = NULL;
  g_autoptr (HawserListener) listener = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree Paths *self = g_new0 (Paths, 1);

  hawser_config_add_text (config, "budget.conf", text, -1);
  self->bus = hawser_bus_new ();
  assembly = hawser_assembly_new (config, self->bus, hawser_plugin_registry_get_default ());
  if (!hawser_assembly_build (assembly))
    g_error ("%s", report = hawser_config_report (config));
  if (!hawser_assembly_start (assembly, &error))
    g_error ("%s", error->message);
  listener = g_list_model_get_item (hawser_assembly_get_listeners (assembly), 0);
  self->port = hawser_listener_get_port (listener);
  run (self);
  hawser_assembly_stop (assembly);
  hawser_bus_close (self->bus);
  for (guint i = 0; i < MAX_CLIENTS; i++)
    g_free (self->clients[i].in);
  g_object_unref (self->bus);
  g_print ("%s\n", dir);
  return 0;
}
