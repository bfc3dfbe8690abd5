/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hawser-harness.h. Uses the public API only, as a plugin does: peers come over a socket in a folder of their own, which
 * no network sees, and the main context is run by whoever waits. */

#include "hawser-harness.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define BEGIN_S 1700000000

struct _HawserHarnessPeer {
  HawserHarness *harness;
  GSocket *socket;
};

struct _HawserHarness {
  GMainContext *context;
  HawserClock *clock;
  HawserBus *bus;
  HawserListener *listener;      /* NULL: none */
  char *folder;
  GPtrArray *peers;
  GPtrArray *sinks;              /* of HawserSinkRunner */
  GQueue messages;               /* watched for */
};

/* ---- Waiting ---- */

static gboolean
on_late (gpointer is_late)
{
  *(gboolean *) is_late = TRUE;
  return G_SOURCE_CONTINUE;
}

/* FALSE: not in time. */
static gboolean
wait_until (HawserHarness *self, gboolean (*is_so) (gpointer data), gpointer data)
{
  g_autoptr (GSource) late = g_timeout_source_new (DEADLINE_MS);
  gboolean is_late = FALSE;

  g_source_set_callback (late, on_late, &is_late, NULL);
  g_source_attach (late, self->context);
  while (!is_so (data) && !is_late)
    g_main_context_iteration (self->context, TRUE);
  g_source_destroy (late);
  return !is_late;
}

void
hawser_harness_run (HawserHarness *self)
{
  while (g_main_context_iteration (self->context, FALSE))
    continue;
}

void
hawser_harness_advance (HawserHarness *self, gint64 us)
{
  hawser_harness_run (self);
  hawser_clock_advance (self->clock, us);
  hawser_harness_run (self);
}

/* ---- Life ---- */

static void
peer_free (gpointer data)
{
  HawserHarnessPeer *peer = data;

  g_socket_close (peer->socket, NULL);
  g_object_unref (peer->socket);
  g_free (peer);
}

HawserHarness *
hawser_harness_new (void)
{
  HawserHarness *self = g_new0 (HawserHarness, 1);

  self->context = g_main_context_ref_thread_default ();
  self->clock = hawser_clock_new_manual (G_USEC_PER_SEC, (gint64) BEGIN_S * G_USEC_PER_SEC);
  self->bus = hawser_bus_new_with_clock (self->clock);
  self->peers = g_ptr_array_new_with_free_func (peer_free);
  self->sinks = g_ptr_array_new_with_free_func (g_object_unref);
  return self;
}

HawserHarness *
hawser_harness_new_for_protocol (HawserProtocol *protocol)
{
  HawserHarness *self = hawser_harness_new ();
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("hawser-harness-XXXXXX", &error);
  g_assert_no_error (error);
  address = g_strdup_printf ("unix:%s/socket", self->folder);
  self->listener = hawser_listener_new_for_protocol (self->bus, "harness", protocol, address);
  g_object_set (self->listener, "anonymous", "allow", NULL);
  hawser_listener_start (self->listener, &error);
  g_assert_no_error (error);
  return self;
}

HawserHarness *
hawser_harness_new_for_type (const char *type)
{
  g_autoptr (GError) error = NULL;
  GType gtype = hawser_plugin_registry_get_gtype (hawser_plugin_registry_get_default (), "protocol", type, &error);
  g_autoptr (GObject) protocol = NULL;

  g_assert_no_error (error);
  protocol = g_object_new (gtype, NULL);
  return hawser_harness_new_for_protocol (HAWSER_PROTOCOL (protocol));
}

static gboolean
has_no_connections (gpointer data)
{
  return g_list_model_get_n_items (hawser_bus_get_connections (((HawserHarness *) data)->bus)) == 0;
}

void
hawser_harness_free (HawserHarness *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->sinks->len; i++)
    hawser_sink_runner_stop (self->sinks->pdata[i]);
  g_ptr_array_unref (self->peers);
  if (!wait_until (self, has_no_connections, self))
    g_error ("a connection is left over though its peer has gone");
  if (self->listener != NULL)
    hawser_listener_stop (self->listener);
  hawser_bus_close (self->bus);
  hawser_harness_run (self);
  g_ptr_array_unref (self->sinks);
  g_clear_object (&self->listener);
  g_queue_clear_full (&self->messages, (GDestroyNotify) hawser_message_unref);
  g_object_unref (self->bus);
  hawser_harness_run (self);
  g_object_unref (self->clock);
  if (self->folder != NULL)
    g_rmdir (self->folder);
  g_free (self->folder);
  g_main_context_unref (self->context);
  g_free (self);
}

HawserBus *
hawser_harness_get_bus (HawserHarness *self)
{
  return self->bus;
}

HawserListener *
hawser_harness_get_listener (HawserHarness *self)
{
  return self->listener;
}

/* ---- Peers ---- */

HawserHarnessPeer *
hawser_harness_dial (HawserHarness *self)
{
  HawserHarnessPeer *peer = g_new0 (HawserHarnessPeer, 1);
  g_autofree char *path = g_build_filename (self->folder, "socket", NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;

  peer->harness = self;
  peer->socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  g_assert_no_error (error);
  g_socket_connect (peer->socket, address, NULL, &error);
  g_assert_no_error (error);
  g_socket_set_blocking (peer->socket, FALSE);
  g_ptr_array_add (self->peers, peer);
  hawser_harness_run (self);
  return peer;
}

typedef struct {
  GSocket *socket;
  GIOCondition condition;
} Readiness;

static gboolean
is_ready (gpointer data)
{
  Readiness *readiness = data;

  return g_socket_condition_check (readiness->socket, readiness->condition) != 0;
}

static gboolean
on_ready (GSocket *socket, GIOCondition condition, gpointer data)
{
  return G_SOURCE_CONTINUE; /* it only wakes who waits */
}

static void
wait_for (HawserHarnessPeer *peer, GIOCondition condition)
{
  g_autoptr (GSource) source = g_socket_create_source (peer->socket, condition, NULL);
  Readiness readiness = { peer->socket, condition };

  g_source_set_callback (source, G_SOURCE_FUNC (on_ready), NULL, NULL);
  g_source_attach (source, peer->harness->context);
  if (!wait_until (peer->harness, is_ready, &readiness))
    g_error ("nothing %s the peer in time", condition & G_IO_IN ? "came to" : "was taken from");
  g_source_destroy (source);
}

void
hawser_harness_peer_push (HawserHarnessPeer *peer, const void *data, gssize len)
{
  const char *at = data, *end = at + (len < 0 ? strlen (data) : (gsize) len);

  while (at < end)
    {
      g_autoptr (GError) error = NULL;
      gssize n = g_socket_send (peer->socket, at, (gsize) (end - at), NULL, &error);

      if (n >= 0)
        at += n;
      else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        wait_for (peer, G_IO_OUT);
      else
        break; /* closed by the other side: what that means is the test's to say */
    }
  hawser_harness_run (peer->harness);
}

void
hawser_harness_peer_push_split (HawserHarnessPeer *peer, const void *data, gssize len)
{
  const char *bytes = data;

  for (gsize i = 0, n = len < 0 ? strlen (data) : (gsize) len; i < n; i++)
    hawser_harness_peer_push (peer, bytes + i, 1);
}

/* How many bytes came, fewer only at the end of the connection. */
static gsize
pull (HawserHarnessPeer *peer, char *out, gsize n)
{
  gsize done = 0;

  while (done < n)
    {
      g_autoptr (GError) error = NULL;
      gssize part = g_socket_receive (peer->socket, out + done, n - done, NULL, &error);

      if (part > 0)
        done += (gsize) part;
      else if (error != NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        wait_for (peer, G_IO_IN);
      else
        break;
    }
  out[done] = '\0';
  return done;
}

char *
hawser_harness_peer_pull (HawserHarnessPeer *peer, gsize n)
{
  char *bytes = g_malloc (n + 1);
  gsize done = pull (peer, bytes, n);

  if (done < n)
    g_error ("the connection ended after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes: '%s'", done, n, bytes);
  return bytes;
}

void
hawser_harness_peer_expect (HawserHarnessPeer *peer, const void *data, gssize len)
{
  gsize n = len < 0 ? strlen (data) : (gsize) len;
  g_autofree char *bytes = hawser_harness_peer_pull (peer, n);

  g_assert_cmpmem (bytes, n, data, n);
}

void
hawser_harness_peer_expect_end (HawserHarnessPeer *peer)
{
  char byte[2];

  if (pull (peer, byte, 1) > 0)
    g_error ("there is more: '%c' (0x%02x)", byte[0], (guint8) byte[0]);
}

typedef struct {
  GListModel *connections;
  guint n;
} Fewer;

static gboolean
has_fewer (gpointer data)
{
  return g_list_model_get_n_items (((Fewer *) data)->connections) < ((Fewer *) data)->n;
}

void
hawser_harness_peer_close (HawserHarnessPeer *peer)
{
  HawserHarness *self = peer->harness;
  Fewer fewer = { hawser_bus_get_connections (self->bus), g_list_model_get_n_items (hawser_bus_get_connections (self->bus)) };

  g_ptr_array_remove (self->peers, peer);
  if (fewer.n > self->peers->len && !wait_until (self, has_fewer, &fewer))
    g_error ("the bus did not notice that the peer went away");
}

/* ---- The bus ---- */

static void
on_message (HawserMessage *message, gpointer data)
{
  g_queue_push_tail (&((HawserHarness *) data)->messages, hawser_message_ref (message));
}

void
hawser_harness_watch (HawserHarness *self, const char *filter)
{
  g_autoptr (GError) error = NULL;

  hawser_bus_subscribe (self->bus, filter, on_message, self, NULL, &error);
  g_assert_no_error (error);
}

static gboolean
has_message (gpointer data)
{
  return ((HawserHarness *) data)->messages.length > 0;
}

HawserMessage *
hawser_harness_pull (HawserHarness *self)
{
  if (!wait_until (self, has_message, self))
    g_error ("no message came in time");
  return g_queue_pop_head (&self->messages);
}

void
hawser_harness_publish (HawserHarness *self, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);
  g_autoptr (GError) error = NULL;

  hawser_bus_publish (self->bus, message, &error);
  g_assert_no_error (error);
  hawser_harness_run (self);
}

HawserSinkRunner *
hawser_harness_add_sink (HawserHarness *self, HawserSink *sink, const char *filter)
{
  g_autofree char *name = g_strdup_printf ("sink-%u", self->sinks->len);
  HawserSinkRunner *runner = hawser_sink_runner_new (self->bus, name, sink, filter);
  g_autoptr (GError) error = NULL;

  g_object_set (runner, "batch-age", (gint64) 0, NULL);
  g_ptr_array_add (self->sinks, runner);
  hawser_sink_runner_start (runner, &error);
  g_assert_no_error (error);
  return runner;
}

typedef struct {
  guint n_left;
} Drain;

static void
on_drained (GObject *runner, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  hawser_sink_runner_drain_finish (HAWSER_SINK_RUNNER (runner), result, &error);
  g_assert_no_error (error);
  ((Drain *) data)->n_left--;
}

static gboolean
is_drained (gpointer data)
{
  return ((Drain *) data)->n_left == 0;
}

void
hawser_harness_drain (HawserHarness *self)
{
  Drain drain = { self->sinks->len };

  for (guint i = 0; i < self->sinks->len; i++)
    hawser_sink_runner_drain_async (self->sinks->pdata[i], NULL, on_drained, &drain);
  if (!wait_until (self, is_drained, &drain))
    g_error ("%u sinks did not write what was queued in time", drain.n_left);
}
