/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store role on Redis, with a real server on a socket of its own: the contract of the role, then what is its own: who owns the
 * store, lost connections, a server without memory, passwords, TLS. */

#include <hawser/hawser.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "../../harness/waiting.h"
#include "contract-store.h"
#include "store-redis.h"

static struct {
  char *dir, *socket, *address;
  GPid pid;
} server;

static gboolean
can_connect (const char *path)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) connection = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);

  return connection != NULL;
}

static void
start_server (const char *const *more)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;

  g_strv_builder_add_many (builder, "redis-server", "--port", "0", "--unixsocket", server.socket, "--dir", server.dir, "--save", "", "--appendonly", "yes",
                           "--appendfsync", "always", "--loglevel", "warning", NULL);
  for (; more != NULL && *more != NULL; more++)
    g_strv_builder_add (builder, *more);
  argv = g_strv_builder_end (builder);
  g_unlink (server.socket);
  g_spawn_async (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                 &server.pid, &error);
  g_assert_no_error (error);
  waiting_until (NULL, can_connect (server.socket));
}

static void
kill_server (void)
{
  kill (server.pid, SIGKILL);
  waitpid (server.pid, NULL, 0);
  g_spawn_close_pid (server.pid);
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_clear_pointer (&dir, g_dir_close);
  g_remove (path);
}

/* What redis-cli would do: a word of the reply is enough. */
static void
command (const char *first, ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autofree char *out = NULL;
  g_autoptr (GError) error = NULL;
  const char *word;
  int status;
  va_list args;

  g_strv_builder_add_many (builder, "redis-cli", "-s", server.socket, first, NULL);
  va_start (args, first);
  while ((word = va_arg (args, const char *)) != NULL)
    g_strv_builder_add (builder, word);
  va_end (args);
  argv = g_strv_builder_end (builder);
  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static HawserStore *
make (void)
{
  return g_object_new (STORE_TYPE_REDIS, "address", server.address, NULL);
}

/* ---- what is its own ---- */

typedef struct {
  HawserStore *store;
  guint n_problems;
} Fixture;

static void
on_problem (gpointer data, guint64 position, const char *text)
{
  ((Fixture *) data)->n_problems++;
  g_test_message ("%s", text);
}

static HawserStore *
open_store (Fixture *fixture, const char *name)
{
  HawserStore *store = make ();
  g_autoptr (GError) error = NULL;

  hawser_store_open (store, name, on_problem, fixture, &error);
  g_assert_no_error (error);
  return store;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->store = open_store (fixture, "own");
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_store_close (fixture->store);
  g_object_unref (fixture->store);
  command ("FLUSHALL", NULL);
}

static gboolean
put (HawserStore *store, const char *key, guint64 if_revision, guint64 revision, GError **error)
{
  const HawserStoreOp op = { .kind = HAWSER_STORE_PUT, .space = "twins", .key = key, .is_conditional = TRUE, .if_revision = if_revision, .revision = revision,
                             .data = (const guint8 *) key, .len = strlen (key) };

  return hawser_store_apply (store, &op, 1, TRUE, error);
}

static gboolean
note_revision (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  *(guint64 *) data = revision;
  return TRUE;
}

static guint64
get_revision (HawserStore *store, const char *key)
{
  g_autoptr (GError) error = NULL;
  guint64 revision = 0;

  hawser_store_get_value (store, "twins", key, note_revision, &revision, &error);
  g_assert_no_error (error);
  return revision;
}

static void
lost_connection_is_made_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (put (fixture->store, "a", 0, 1, NULL));
  command ("CLIENT", "KILL", "TYPE", "normal", NULL);
  g_assert_false (put (fixture->store, "a", 1, 2, &error)); /* whether it was made is unknown to it */
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  g_assert_true (put (fixture->store, "a", get_revision (fixture->store, "a"), 3, &error));
  g_assert_cmpuint (get_revision (fixture->store, "a"), ==, 3);
}

/* The process that lost its connection, comes back and finds another one in its place. */
static void
owner_that_was_replaced_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserStore) other = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (put (fixture->store, "a", 0, 1, NULL));
  command ("CLIENT", "KILL", "TYPE", "normal", NULL);
  other = open_store (fixture, "own");
  g_assert_true (put (other, "a", 1, 2, NULL));
  g_assert_false (put (fixture->store, "a", 1, 2, &error));
  g_clear_error (&error);
  g_assert_false (put (fixture->store, "a", 2, 3, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS);
  g_assert_true (put (other, "a", 2, 3, NULL));
  hawser_store_close (other);
}

/* Also when its connection never broke: as after a pause of its network. */
static void
change_without_the_owners_token_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  command ("HSET", "hawser:{own}:state", "owner", "somebody-else", NULL);
  g_assert_false (put (fixture->store, "a", 0, 1, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS);
  g_assert_cmpuint (get_revision (fixture->store, "a"), ==, 0);
}

static void
server_that_is_away_fails_at_once_and_comes_back_with_everything (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (put (fixture->store, "a", 0, 1, NULL));
  kill_server ();
  for (guint i = 0; i < 100; i++)
    {
      g_assert_false (put (fixture->store, "a", 1, 2, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
      g_clear_error (&error);
    }
  start_server (NULL);
  waiting_until (NULL, put (fixture->store, "a", 1, 2, NULL));
  g_assert_cmpuint (get_revision (fixture->store, "a"), ==, 2);
}

static void
server_without_memory_takes_only_what_makes_room (Fixture *fixture, gconstpointer data)
{
  static const guint32 queues[] = { 1, 2 };
  const HawserStoreOp append = { .kind = HAWSER_STORE_APPEND, .position = 1, .queues = queues, .n_queues = 2, .size = 1, .time_s = 1, .data = (const guint8 *) "x", .len = 1 };
  const HawserStoreOp acks[] = { { .kind = HAWSER_STORE_ACK, .queue = 1, .position = 1, .last = 1 }, { .kind = HAWSER_STORE_ACK, .queue = 2, .position = 1, .last = 1 } };
  const HawserStoreOp mixed[] = { acks[0], { .kind = HAWSER_STORE_APPEND, .position = 2, .queues = queues, .n_queues = 1, .size = 1, .time_s = 1, .data = (const guint8 *) "y", .len = 1 } };
  g_autoptr (GError) error = NULL;
  HawserStoreInfo info;

  g_assert_true (hawser_store_apply (fixture->store, &append, 1, TRUE, NULL));
  command ("CONFIG", "SET", "maxmemory", "1", NULL);
  g_assert_false (hawser_store_apply (fixture->store, mixed, 2, TRUE, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
  g_clear_error (&error);
  hawser_store_get_info (fixture->store, &info);
  g_assert_true (info.is_full);
  g_assert_true (hawser_store_apply (fixture->store, acks, 2, TRUE, &error));
  command ("CONFIG", "SET", "maxmemory", "0", NULL);
  g_assert_true (hawser_store_apply (fixture->store, mixed, 2, TRUE, &error));
  hawser_store_get_info (fixture->store, &info);
  g_assert_false (info.is_full);
  g_assert_true (hawser_store_check (fixture->store, NULL));
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
missing_message_and_foreign_value_are_named (Fixture *fixture, gconstpointer data)
{
  static const guint32 queue = 1;
  const HawserStoreOp ops[] = {
    { .kind = HAWSER_STORE_ADD_QUEUE, .queue = 1, .key = "one" },
    { .kind = HAWSER_STORE_APPEND, .position = 1, .queues = &queue, .n_queues = 1, .size = 1, .time_s = 1, .data = (const guint8 *) "x", .len = 1 },
  };

  g_assert_true (hawser_store_apply (fixture->store, ops, 2, TRUE, NULL));
  command ("HDEL", "hawser:{own}:m", "1", NULL);
  g_assert_true (hawser_store_check (fixture->store, NULL));
  g_assert_cmpuint (fixture->n_problems, ==, 1);
  command ("HSET", "hawser:{own}:v:twins", "a", "nonsense", NULL);
  g_assert_cmpuint (get_revision (fixture->store, "a"), ==, 0);
  g_assert_cmpuint (fixture->n_problems, ==, 2);
}

static void
newer_store_is_refused_and_left_alone (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserStore) store = make ();
  g_autoptr (GError) error = NULL;

  command ("HSET", "hawser:{newer}:state", "schema", "2", NULL);
  g_assert_false (hawser_store_open (store, "newer", on_problem, fixture, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
}

static void
assert_refused (const char *address, const char *text)
{
  g_autoptr (HawserStore) store = g_object_new (STORE_TYPE_REDIS, "address", address, "timeout", (gint64) G_USEC_PER_SEC, NULL);
  g_autoptr (GError) error = NULL;
  Fixture none = { 0 };

  g_assert_false (hawser_store_open (store, "x", on_problem, &none, &error));
  if (strstr (error->message, text) == NULL)
    g_error ("'%s' does not say '%s'", error->message, text);
}

static void
wrong_addresses_are_named (Fixture *fixture, gconstpointer data)
{
  static const char *const wrong[] = { "localhost:6379", "http://localhost", "redis://", "redis://user:secret@host", "redis://host/3", "redis://host:99999", "unix:redis.sock" };
  g_autofree char *nowhere = g_strdup_printf ("unix:%s/nobody", server.dir);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_refused (wrong[i], "must be redis://HOST:PORT");
  assert_refused (nowhere, "No such file");
}

/* A server of the test's own, that says what it likes. */
static const char *
lie (const char *request)
{
  static GString *entries;

  if (strstr (request, "INFO") != NULL)
    return "$10\r\nrun_id:abc\r\n";
  if (strstr (request, "HMGET") != NULL)
    return "*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n";
  if (strstr (request, "HGETALL") != NULL)
    return "*2\r\n$1\r\n1\r\n$7\r\n1 ameta\r\n";
  if (strstr (request, "HSCAN") != NULL)
    return strstr (request, "short") != NULL ? "*1\r\n$1\r\n0\r\n" : strstr (request, "large") != NULL ? "*2147483647\r\n" : "*2\r\n$1\r\n7\r\n*0\r\n";
  if (strstr (request, "HGET") != NULL)
    return "-STALE\r\n";
  if (strstr (request, "ZRANGEBYSCORE") == NULL)
    return ":1\r\n"; /* whatever script it was, and CLIENT ID */
  if (entries == NULL)
    {
      entries = g_string_new ("*1000\r\n");
      for (guint i = 0; i < 1000; i++)
        g_string_append (entries, i % 2 ? "$5\r\n1:1:1\r\n" : "$3\r\nany\r\n");
    }
  return entries->str;
}

/* One request is one write of a few hundred bytes. Ends when nobody may connect any more. */
static gpointer
serve_lies (gpointer listener)
{
  GSocketConnection *connection;

  while ((connection = g_socket_listener_accept (listener, NULL, NULL, NULL)) != NULL)
    {
      GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (connection));
      GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (connection));
      char request[65537];
      gboolean is_over = FALSE;
      gssize n;

      while (!is_over && (n = g_input_stream_read (input, request, sizeof request - 1, NULL, NULL)) > 0)
        {
          const char *reply;

          request[n] = '\0';
          is_over = g_str_has_prefix (request, "end");
          reply = lie (request);
          if (!is_over && !g_output_stream_write_all (output, reply, strlen (reply), NULL, NULL, NULL))
            break;
        }
      g_object_unref (connection);
      if (is_over)
        break;
    }
  return NULL;
}

static gboolean
take_value (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize len)
{
  return TRUE;
}

static gboolean
take_entry (gpointer data, guint32 queue, guint64 position, guint32 size, guint32 time_s)
{
  return TRUE;
}

static void
server_that_says_nonsense_is_not_listened_to_for_ever (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *space;
    HawserError expected;
  } spaces[] = { { "endless", HAWSER_ERROR_CORRUPT }, { "short", HAWSER_ERROR_CORRUPT }, { "large", HAWSER_ERROR_UNAVAILABLE } };
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autofree char *path = g_build_filename (server.dir, "liar", NULL), *where = g_strconcat ("unix:", path, NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) last = NULL;
  g_autoptr (HawserStore) store = g_object_new (STORE_TYPE_REDIS, "address", where, NULL);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error);
  g_assert_no_error (error);
  thread = g_thread_new ("liar", serve_lies, listener);
  hawser_store_open (store, "x", on_problem, fixture, &error);
  g_assert_no_error (error);
  g_assert_false (hawser_store_get_value (store, "a", "b", take_value, NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT);
  g_clear_error (&error);
  g_assert_false (hawser_store_foreach_entry (store, take_entry, NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_CORRUPT);
  g_clear_error (&error);
  for (guint i = 0; i < G_N_ELEMENTS (spaces); i++)
    {
      g_assert_false (hawser_store_foreach_value (store, spaces[i].space, take_value, NULL, &error));
      g_assert_error (error, HAWSER_ERROR, (int) spaces[i].expected);
      g_clear_error (&error);
    }
  hawser_store_close (store);
  last = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
  g_assert_nonnull (last);
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (last)), "end", 3, NULL, NULL, NULL);
  g_thread_join (thread);
  g_socket_listener_close (listener);
  g_unlink (path);
}

static void
password_is_read_from_its_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file = g_build_filename (server.dir, "password", NULL);
  g_autoptr (HawserStore) store = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (file, "s3cret\n", -1, NULL));
  command ("ACL", "SETUSER", "hawser", "on", ">s3cret", "~hawser:*", "+@all", NULL);
  command ("ACL", "SETUSER", "default", "resetpass", ">other", NULL);
  assert_refused (server.address, "NOAUTH");
  store = g_object_new (STORE_TYPE_REDIS, "address", server.address, "user", "hawser", "password-file", file, NULL);
  hawser_store_open (store, "secret", on_problem, fixture, &error);
  g_assert_no_error (error);
  g_assert_true (put (store, "a", 0, 1, NULL));
  hawser_store_close (store);
  g_object_set (store, "user", "nobody", NULL);
  g_assert_false (hawser_store_open (store, "secret", on_problem, fixture, &error));
  g_assert_nonnull (strstr (error->message, "WRONGPASS"));
  g_assert_null (strstr (error->message, "s3cret"));
  /* the default user is as it was, for who cleans up */
  {
    g_autofree char *out = NULL;
    const char *argv[] = { "redis-cli", "-s", server.socket, "--no-auth-warning", "-a", "other", "ACL", "SETUSER", "default", "nopass", NULL };
    int status = -1;

    g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status, NULL));
    g_assert_cmpint (status, ==, 0);
  }
}

/* ---- TLS ---- */

static void
run (const char *const *argv)
{
  g_autofree char *err = NULL;
  int status = -1;

  g_assert_true (g_spawn_sync (server.dir, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &err, &status, NULL));
  if (status != 0)
    g_error ("%s: %s", argv[0], err);
}

static guint16
find_free_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();

  return g_socket_listener_add_any_inet_port (listener, NULL, NULL);
}

static void
tls_is_spoken_and_strangers_are_not_trusted (Fixture *fixture, gconstpointer data)
{
  static const char *const make_certificate[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                                                  "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem", NULL };
  g_autofree char *port = g_strdup_printf ("%u", find_free_port ()), *address = g_strdup_printf ("rediss://localhost:%s", port);
  const char *const more[] = { "--tls-port", port, "--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem",
                               "--tls-auth-clients", "no", NULL };
  g_autofree char *ca_file = g_build_filename (server.dir, "cert.pem", NULL);
  g_autoptr (HawserStore) store = NULL;
  g_autoptr (GError) error = NULL;

  run (make_certificate);
  kill_server ();
  start_server (more);
  store = g_object_new (STORE_TYPE_REDIS, "address", address, "ca-file", ca_file, NULL);
  hawser_store_open (store, "tls", on_problem, fixture, &error);
  g_assert_no_error (error);
  g_assert_true (put (store, "a", 0, 1, NULL));
  g_assert_cmpuint (get_revision (store, "a"), ==, 1);
  hawser_store_close (store);
  assert_refused (address, "certificate");
}

#define FACT(function) { #function, function }

static const struct {
  const char *name;
  void (*run) (Fixture *, gconstpointer);
} facts[] = {
  FACT (lost_connection_is_made_again),
  FACT (owner_that_was_replaced_is_refused),
  FACT (change_without_the_owners_token_is_refused),
  FACT (server_that_is_away_fails_at_once_and_comes_back_with_everything),
  FACT (server_without_memory_takes_only_what_makes_room),
  FACT (missing_message_and_foreign_value_are_named),
  FACT (newer_store_is_refused_and_left_alone),
  FACT (wrong_addresses_are_named),
  FACT (server_that_says_nonsense_is_not_listened_to_for_ever),
  FACT (password_is_read_from_its_file),
  FACT (tls_is_spoken_and_strangers_are_not_trusted),
};

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  server.dir = g_dir_make_tmp ("hawser-redis-XXXXXX", NULL);
  server.socket = g_build_filename (server.dir, "socket", NULL);
  server.address = g_strconcat ("unix:", server.socket, NULL);
  start_server (NULL);
  contract_store_add ("redis", make);
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/store/redis/own/%s", facts[i].name);

      g_test_add (g_strdelimit (path, "_", '-'), Fixture, NULL, set_up, facts[i].run, tear_down);
    }
  result = g_test_run ();
  kill_server ();
  remove_tree (server.dir);
  g_free (server.dir);
  g_free (server.socket);
  g_free (server.address);
  return result;
}
