/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tls-load --port N --server-pid PID --ca FILE [--pubs 8 --subs 8 --topics 8 ...|--connects]: MQTT 3.1.1 at QoS 0 under TLS 1.3
 * for bench/compare; prints one JSON object. What is outstanding is bounded, so that no server need drop anything, and
 * what counts is deliveries, or connections, for each second of the server's CPU. One thread; 127.0.0.1 only. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#define CIPHER "TLS_AES_128_GCM_SHA256"
#define RECORD 16384            /* the longest record of TLS: what one write makes at most */
#define STALL_US (1500 * 1000)

static int port, server_pid, n_pubs = 8, n_subs = 8, n_topics = 8, payload_len = 256, window = 2048;
static double seconds = 1.6, warm = 0.4;
static char *ca;
static gboolean connects;

static const GOptionEntry entries[] = {
  { "port", 0, 0, G_OPTION_ARG_INT, &port, "Port of the server on 127.0.0.1", "N" },
  { "server-pid", 0, 0, G_OPTION_ARG_INT, &server_pid, "Whose CPU counts", "PID" },
  { "ca", 0, 0, G_OPTION_ARG_FILENAME, &ca, "Certificate that the server's is checked against", "FILE" },
  { "pubs", 0, 0, G_OPTION_ARG_INT, &n_pubs, "Publishers", "N" },
  { "subs", 0, 0, G_OPTION_ARG_INT, &n_subs, "Subscribers", "N" },
  { "topics", 0, 0, G_OPTION_ARG_INT, &n_topics, "Topics: client number i has number i modulo N", "N" },
  { "payload", 0, 0, G_OPTION_ARG_INT, &payload_len, "Bytes of a message", "N" },
  { "window", 0, 0, G_OPTION_ARG_INT, &window, "Deliveries outstanding at most; a publisher writes its part of that at once", "N" },
  { "secs", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "Measured", "SECONDS" },
  { "warm", 0, 0, G_OPTION_ARG_DOUBLE, &warm, "Not measured, before", "SECONDS" },
  { "connects", 0, 0, G_OPTION_ARG_NONE, &connects, "Connect, be greeted and leave, again and again", NULL },
  { NULL, 0, 0, 0, NULL, NULL, NULL },
};

typedef struct {
  SSL *ssl;
  int fd;
  int topic;
  guint8 *out;            /* publisher: a record's worth of one message again and again */
  gsize offset;           /* subscriber: in the packet under way */
  gsize unsent;           /* publisher: of the write that the socket did not take */
} Client;

static SSL_CTX *context;
static gsize packet_len;
static guint64 n_delivered, n_published, n_wrong;

/* ---- One client, waiting ---- */

static void
write_all (SSL *ssl, const void *data, gsize len)
{
  if (SSL_write (ssl, data, (int) len) != (int) len)
    g_error ("the server closed while it was written to");
}

static void
expect (SSL *ssl, guint8 type, gsize len)
{
  guint8 answer[16];
  gsize n = 0;

  while (n < len)
    {
      int got = SSL_read (ssl, answer + n, (int) (len - n));

      if (got <= 0)
        g_error ("the server closed instead of an answer of type 0x%02x", type);
      n += (gsize) got;
    }
  if (answer[0] != type || answer[len - 1] > 2)
    g_error ("the server answered 0x%02x, not 0x%02x", answer[0], type);
}

static void
open_client (Client *self, guint number)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((guint16) port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  g_autoptr (GByteArray) packet = g_byte_array_new ();
  g_autofree char *name = g_strdup_printf ("tls-load-%08u", number);
  guint8 name_len = (guint8) strlen (name);
  guint8 head[] = { 0x10, (guint8) (12 + name_len), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, name_len };
  int on = 1;

  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect (self->fd, (struct sockaddr *) &address, sizeof address) != 0)
    g_error ("connect: %s", g_strerror (errno));
  self->ssl = SSL_new (context);
  SSL_set_fd (self->ssl, self->fd);
  if (SSL_connect (self->ssl) != 1)
    g_error ("the server's certificate was refused, or there is no TLS 1.3 with " CIPHER);
  g_byte_array_append (packet, head, sizeof head);
  g_byte_array_append (packet, (const guint8 *) name, name_len);
  write_all (self->ssl, packet->data, packet->len);
  expect (self->ssl, 0x20, 4);
}

static void
close_client (Client *self)
{
  const guint8 disconnect[] = { 0xe0, 0 };

  SSL_write (self->ssl, disconnect, sizeof disconnect);
  SSL_shutdown (self->ssl);
  SSL_free (self->ssl);
  close (self->fd);
  g_free (self->out);
}

static char *
make_topic (int number)
{
  return g_strdup_printf ("tls-load/%05d", number);
}

static void
subscribe (Client *self)
{
  g_autofree char *topic = make_topic (self->topic);
  guint8 len = (guint8) strlen (topic);
  guint8 packet[64] = { 0x82, (guint8) (5 + len), 0, 1, 0, len };

  memcpy (packet + 6, topic, len);
  write_all (self->ssl, packet, 7u + len);
  expect (self->ssl, 0x90, 5);
}

/* As many equal messages as fit a record. */
static void
prepare (Client *self)
{
  g_autofree char *topic = make_topic (self->topic);
  gsize topic_len = strlen (topic), rest = 2 + topic_len + (gsize) payload_len, len = 0;
  g_autofree guint8 *packet = g_malloc0 (rest + 8);

  packet[len++] = 0x30;
  for (gsize value = rest; value > 0; value /= 128)
    packet[len++] = (guint8) (value % 128 | (value >= 128 ? 128 : 0));
  packet[len++] = 0;
  packet[len++] = (guint8) topic_len;
  memcpy (packet + len, topic, topic_len);
  packet_len = len + topic_len + (gsize) payload_len;
  self->out = g_malloc (MAX (packet_len, RECORD));
  for (gsize at = 0; at + packet_len <= MAX (packet_len, RECORD); at += packet_len)
    memcpy (self->out + at, packet, packet_len);
}

/* ---- Figures ---- */

static double
server_cpu_s (void)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%d/task", server_pid);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint64 ns = 0;

  for (const char *task = dir != NULL ? g_dir_read_name (dir) : NULL; task != NULL; task = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (folder, task, "schedstat", NULL);
      g_autofree char *text = NULL;

      if (g_file_get_contents (path, &text, NULL, NULL))
        ns += g_ascii_strtoull (text, NULL, 10);
    }
  return (double) ns / 1e9;
}

/* ---- Loads ---- */

static void
run_connects (void)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * 1e6);
  double before = server_cpu_s (), used;
  guint n = 0;

  while (g_get_monotonic_time () < end)
    {
      Client client = { 0 };

      open_client (&client, n++);
      close_client (&client);
    }
  used = server_cpu_s () - before;
  g_print ("{\"connects\": %u, \"connects_per_srv_cpu_s\": %.0f}\n", n, n / used);
}

static void
read_some (Client *self)
{
  guint8 data[RECORD];
  int n;

  while ((n = SSL_read (self->ssl, data, sizeof data)) > 0)
    for (gsize at = 0; at < (gsize) n;)
      {
        gsize part = MIN (packet_len - self->offset, (gsize) n - at);

        if (self->offset == 0 && data[at] != 0x30)
          n_wrong++;
        at += part;
        self->offset += part;
        if (self->offset == packet_len)
          {
            self->offset = 0;
            n_delivered++;
          }
      }
  if (SSL_get_error (self->ssl, n) != SSL_ERROR_WANT_READ)
    g_error ("a subscriber was closed");
}

/* TRUE: the socket took all. */
static gboolean
write_some (Client *self, guint n)
{
  gsize len = self->unsent > 0 ? self->unsent : n * packet_len;

  if (SSL_write (self->ssl, self->out, (int) len) == (int) len)
    {
      n_published += len / packet_len;
      self->unsent = 0;
      return TRUE;
    }
  self->unsent = len;
  return FALSE;
}

static void
publish (Client *pubs, guint64 fan)
{
  static guint next;
  guint at_once = CLAMP ((guint) (window / n_pubs), 1, (guint) MAX (RECORD / packet_len, 1));

  for (int tries = 0; tries < n_pubs; tries++)
    {
      guint64 outstanding = n_published * fan - n_delivered;
      guint64 room = outstanding >= (guint64) window ? 0 : ((guint64) window - outstanding) / fan;
      Client *client = &pubs[next++ % (guint) n_pubs];

      if (room == 0 && client->unsent == 0)
        return;
      write_some (client, (guint) MIN (room, at_once));
    }
}

static void
make_unblocking (Client *self)
{
  fcntl (self->fd, F_SETFL, fcntl (self->fd, F_GETFL) | O_NONBLOCK);
  SSL_set_mode (self->ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void
run_flow (void)
{
  g_autofree Client *pubs = g_new0 (Client, n_pubs), *subs = g_new0 (Client, n_subs);
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  guint64 fan = (guint64) MAX (n_subs / n_topics, 1), first = 0;
  gint64 begin, heard;
  double cpu = 0, took, used;
  gboolean is_warm = FALSE;

  for (int i = 0; i < n_subs; i++)
    {
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = &subs[i] };

      subs[i].topic = i % n_topics;
      open_client (&subs[i], (guint) i);
      subscribe (&subs[i]);
      make_unblocking (&subs[i]);
      epoll_ctl (epoll, EPOLL_CTL_ADD, subs[i].fd, &event);
    }
  for (int i = 0; i < n_pubs; i++)
    {
      pubs[i].topic = i % n_topics;
      open_client (&pubs[i], (guint) (n_subs + i));
      prepare (&pubs[i]);
      make_unblocking (&pubs[i]);
    }
  begin = heard = g_get_monotonic_time ();
  for (;;)
    {
      struct epoll_event events[256];
      guint64 before = n_delivered;
      gint64 now;
      int n;

      publish (pubs, fan);
      n = epoll_wait (epoll, events, G_N_ELEMENTS (events), 50);
      for (int i = 0; i < n; i++)
        read_some (events[i].data.ptr);
      now = g_get_monotonic_time ();
      if (n_delivered != before)
        heard = now;
      if (!is_warm && now - begin >= (gint64) (warm * 1e6))
        {
          is_warm = TRUE;
          begin = now;
          cpu = server_cpu_s ();
          first = n_delivered;
        }
      if (now - heard > STALL_US || (is_warm && now - begin >= (gint64) (seconds * 1e6)))
        break;
    }
  used = server_cpu_s () - cpu;
  took = (double) (g_get_monotonic_time () - begin) / 1e6;
  first = n_delivered - first;
  while (n_delivered < n_published * fan && g_get_monotonic_time () - heard < STALL_US)
    {
      struct epoll_event events[256];
      guint64 before = n_delivered;
      int n = epoll_wait (epoll, events, G_N_ELEMENTS (events), 50);

      for (int i = 0; i < n; i++)
        read_some (events[i].data.ptr);
      if (n_delivered != before)
        heard = g_get_monotonic_time ();
    }
  g_print ("{\"delivered_per_s\": %.0f, \"delivered_per_srv_cpu_s\": %.0f, \"lost\": %" G_GUINT64_FORMAT ", \"wrong\": %" G_GUINT64_FORMAT "}\n", (double) first / took,
           (double) first / used, n_published * fan - n_delivered, n_wrong);
  for (int i = 0; i < n_pubs; i++)
    close_client (&pubs[i]);
  for (int i = 0; i < n_subs; i++)
    close_client (&subs[i]);
  close (epoll);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) options = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (options, entries, NULL);
  if (!g_option_context_parse (options, &argc, &argv, &error) || port == 0 || ca == NULL || n_pubs < 1 || n_subs < 1 || n_topics < 1)
    {
      g_printerr ("tls-load: %s\n", error != NULL ? error->message : "--port, --ca, and at least one of each are needed");
      return 2;
    }
  context = SSL_CTX_new (TLS_client_method ());
  SSL_CTX_set_min_proto_version (context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites (context, CIPHER);
  SSL_CTX_set_verify (context, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_load_verify_locations (context, ca, NULL) != 1)
    g_error ("%s: no certificate", ca);
  if (connects)
    run_connects ();
  else
    run_flow ();
  SSL_CTX_free (context);
  return n_wrong > 0;
}
