/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The listener by itself: addresses, who may come in, what stands in the way. The protocol says nothing. */

#include <hawser/hawser.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#define TEST_TYPE_PROTOCOL (test_protocol_get_type ())
G_DECLARE_FINAL_TYPE (TestProtocol, test_protocol, TEST, PROTOCOL, GObject)

struct _TestProtocol {
  GObject parent_instance;
  guint n_closed;
};

static gsize
received (HawserConnection *connection, gpointer session, const guint8 *data, gsize len)
{
  hawser_connection_write (connection, data, len); /* what came, comes back */
  return len;
}

static void
closed (HawserConnection *connection, gpointer session, const GError *error)
{
  TEST_PROTOCOL (session)->n_closed++;
}

static const HawserSessionFuncs session_funcs = { received, NULL, closed };

static void
accepted (HawserProtocol *protocol, HawserConnection *connection)
{
  hawser_connection_set_session (connection, &session_funcs, protocol);
}

static void
protocol_iface_init (HawserProtocolInterface *iface)
{
  iface->accepted = accepted;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestProtocol, test_protocol, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, protocol_iface_init))

static void
test_protocol_class_init (TestProtocolClass *klass)
{
}

static void
test_protocol_init (TestProtocol *self)
{
}

typedef struct {
  HawserBus *bus;
  TestProtocol *protocol;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->bus = hawser_bus_new ();
  fixture->protocol = g_object_new (TEST_TYPE_PROTOCOL, NULL);
}

static void
run (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_bus_close (fixture->bus);
  run ();
  g_assert_finalize_object (fixture->bus);
  g_assert_finalize_object (fixture->protocol);
}

static HawserListener *
listen_at (Fixture *fixture, const char *address)
{
  return hawser_listener_new_for_protocol (fixture->bus, "test", HAWSER_PROTOCOL (fixture->protocol), address);
}

static void
test_bad_addresses (Fixture *fixture, gconstpointer data)
{
  static const char *bad[] = { "", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:65536", "tcp:127.0.0.1:-1", "tcp:nowhere:1", "127.0.0.1:1883", "unix:", "udp:127.0.0.1:1" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (HawserListener) listener = listen_at (fixture, bad[i]);
      g_autoptr (GError) error = NULL;

      g_assert_false (hawser_listener_start (listener, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

static void
test_outside_needs_identity (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserListener) closed_one = listen_at (fixture, "tcp:0.0.0.0:0"), open_one = listen_at (fixture, "tcp:0.0.0.0:0");
  g_autoptr (GError) error = NULL;

  g_assert_false (hawser_listener_start (closed_one, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_object_set (open_one, "anonymous", "allow", NULL);
  g_assert_true (hawser_listener_start (open_one, NULL));
  hawser_listener_stop (open_one);
}

static void
test_port_taken (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserListener) first = listen_at (fixture, "tcp:127.0.0.1:0"), second = NULL;
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (hawser_listener_start (first, NULL));
  address = hawser_listener_dup_bound_address (first);
  second = listen_at (fixture, address);
  g_assert_false (hawser_listener_start (second, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  hawser_listener_stop (first);
}

static void
test_unix_path (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = g_dir_make_tmp ("hawser-listener-XXXXXX", NULL), *path = g_build_filename (dir, "s", NULL);
  g_autofree char *address = g_strconcat ("unix:", path, NULL);
  g_autoptr (HawserListener) first = listen_at (fixture, address), second = listen_at (fixture, address), third = listen_at (fixture, address);
  g_autoptr (GSocket) left = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GSocketAddress) where = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_socket_bind (left, where, FALSE, NULL)); /* as a process that died leaves it */
  g_assert_true (g_socket_close (left, NULL));
  g_assert_true (hawser_listener_start (first, NULL));
  g_assert_false (hawser_listener_start (second, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  hawser_listener_stop (first);
  run ();
  g_assert_true (hawser_listener_start (third, NULL));
  hawser_listener_stop (third);
  g_rmdir (dir);
}

static GSocketConnection *
dial (HawserListener *listener)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  GSocketConnection *connection;

  g_socket_client_set_enable_proxy (client, FALSE); /* the resolver of proxies is a library that the sanitizers trip over */
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", (guint16) hawser_listener_get_port (listener), NULL, NULL);

  g_assert_nonnull (connection);
  return connection;
}

static void
test_echo_and_close (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserListener) listener = listen_at (fixture, "tcp:127.0.0.1:0");
  g_autoptr (GSocketConnection) peer = NULL;
  GSocket *socket;
  g_autoptr (GString) sent = g_string_new (NULL), got = g_string_new (NULL);
  gsize n_sent = 0;

  g_assert_true (hawser_listener_start (listener, NULL));
  peer = dial (listener);
  socket = g_socket_connection_get_socket (peer);
  g_socket_set_blocking (socket, FALSE);
  for (guint i = 0; i < 300000; i++) /* more than socket buffers, chunks and the lane's buffer hold */
    g_string_append_printf (sent, "%06u,", i);
  while (got->len < sent->len)
    {
      char buffer[65536];
      gssize n = n_sent < sent->len ? g_socket_send (socket, sent->str + n_sent, sent->len - n_sent, NULL, NULL) : 0;

      n_sent += n > 0 ? (gsize) n : 0;
      g_main_context_iteration (NULL, FALSE);
      n = g_socket_receive (socket, buffer, sizeof buffer, NULL, NULL);
      if (n > 0)
        g_string_append_len (got, buffer, n);
    }
  g_assert_true (g_string_equal (got, sent));
  g_assert_cmpuint (hawser_listener_get_n_connections (listener), ==, 1);
  g_assert_cmpuint (g_list_model_get_n_items (hawser_bus_get_connections (fixture->bus)), ==, 1);
  g_io_stream_close (G_IO_STREAM (peer), NULL, NULL);
  while (fixture->protocol->n_closed == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (hawser_listener_get_n_connections (listener), ==, 0);
  g_assert_cmpuint (g_list_model_get_n_items (hawser_bus_get_connections (fixture->bus)), ==, 0);
  hawser_listener_stop (listener);
}

static void
test_most_connections (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserListener) listener = listen_at (fixture, "tcp:127.0.0.1:0");
  g_autoptr (GSocketConnection) one = NULL, two = NULL, three = NULL;
  char byte;

  g_object_set (listener, "max-connections", 2, NULL);
  g_assert_true (hawser_listener_start (listener, NULL));
  one = dial (listener);
  two = dial (listener);
  three = dial (listener);
  while (hawser_listener_get_n_opened (listener) < 2)
    g_main_context_iteration (NULL, TRUE);
  run ();
  g_assert_cmpint (g_socket_receive (g_socket_connection_get_socket (three), &byte, 1, NULL, NULL), ==, 0); /* closed at once */
  g_assert_cmpuint (hawser_listener_get_n_connections (listener), ==, 2);
  hawser_listener_stop (listener);
  while (fixture->protocol->n_closed < 2)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_most_connections_of_all (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserListener) listener = listen_at (fixture, "tcp:127.0.0.1:0"), other = listen_at (fixture, "tcp:127.0.0.1:0");
  g_autoptr (GSocketConnection) one = NULL, two = NULL, three = NULL;
  char byte;

  g_object_set (fixture->bus, "max-connections", 2, NULL);
  g_assert_true (hawser_listener_start (listener, NULL));
  g_assert_true (hawser_listener_start (other, NULL));
  one = dial (listener);
  two = dial (other);
  while (hawser_listener_get_n_opened (listener) + hawser_listener_get_n_opened (other) < 2)
    g_main_context_iteration (NULL, TRUE);
  three = dial (listener);
  g_main_context_iteration (NULL, TRUE);
  run ();
  g_assert_cmpint (g_socket_receive (g_socket_connection_get_socket (three), &byte, 1, NULL, NULL), ==, 0);
  g_assert_cmpuint (hawser_listener_get_n_connections (listener) + hawser_listener_get_n_connections (other), ==, 2);
  hawser_listener_stop (listener);
  hawser_listener_stop (other);
  while (fixture->protocol->n_closed < 2)
    g_main_context_iteration (NULL, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/host/listener/refuses-what-is-not-an-address", test_bad_addresses);
  ADD ("/host/listener/reachable-from-outside-needs-an-identity-or-the-word", test_outside_needs_identity);
  ADD ("/host/listener/a-port-that-is-taken-is-an-error", test_port_taken);
  ADD ("/host/listener/a-socket-file-is-taken-over-only-from-the-dead", test_unix_path);
  ADD ("/net/connection/gives-every-byte-in-order-both-ways-and-tells-the-end", test_echo_and_close);
  ADD ("/host/listener/peers-over-the-limit-are-closed-and-the-others-stay", test_most_connections);
  ADD ("/host/listener/a-limit-of-the-bus-counts-all-listeners", test_most_connections_of_all);
  return g_test_run ();
}
