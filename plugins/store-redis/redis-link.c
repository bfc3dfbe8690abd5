/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection to a Redis server: GIO carries the bytes, with TLS where asked for, hiredis writes commands and reads replies. For the
 * thread of the store, which it blocks. Source: Redis serialization protocol, version 2. */

#include "redis-link.h"

#include <string.h>

#include <gio/gunixsocketaddress.h>
#include <hawser/hawser.h>

#include "redis-reply.h"

#define DEFAULT_PORT 6379
#define MAX_REPLY (256 * 1024 * 1024)   /* ours: a chunk of what we store, with room to spare */

struct _RedisLink {
  GIOStream *stream;
  redisReader *reader;
};

void
redis_address_clear (RedisAddress *self)
{
  g_clear_pointer (&self->host, g_free);
  g_clear_pointer (&self->path, g_free);
}

gboolean
redis_address_parse (const char *text, RedisAddress *out_address, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  const char *scheme;

  *out_address = (RedisAddress) { 0 };
  if (g_str_has_prefix (text, "unix:/"))
    {
      out_address->path = g_strdup (text + strlen ("unix:"));
      return TRUE;
    }
  uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  scheme = uri != NULL ? g_uri_get_scheme (uri) : NULL;
  if (uri == NULL || (strcmp (scheme, "redis") != 0 && strcmp (scheme, "rediss") != 0) || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' ||
      g_uri_get_userinfo (uri) != NULL || g_strcmp0 (g_uri_get_path (uri), "/") > 0 || g_uri_get_query (uri) != NULL || g_uri_get_port (uri) > G_MAXUINT16)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                   "address '%s': must be redis://HOST:PORT, rediss://HOST:PORT or unix:/PATH; who we are is said by user= and password-credential=", text);
      return FALSE;
    }
  out_address->host = g_strdup (g_uri_get_host (uri));
  out_address->port = g_uri_get_port (uri) > 0 ? (guint16) g_uri_get_port (uri) : DEFAULT_PORT;
  out_address->is_tls = strcmp (scheme, "rediss") == 0;
  return TRUE;
}

static GIOStream *
secure (GIOStream *plain, GSocketConnectable *identity, const char *ca_file, GError **error)
{
  g_autoptr (GIOStream) stream = g_tls_client_connection_new (plain, identity, error);
  g_autoptr (GTlsDatabase) database = NULL;

  if (stream == NULL)
    return NULL;
  if (ca_file != NULL)
    {
      database = g_tls_file_database_new (ca_file, error);
      if (database == NULL)
        return NULL;
      g_tls_connection_set_database (G_TLS_CONNECTION (stream), database);
    }
  /* Redis closes without a close_notify */
  g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (stream), FALSE);
  return g_tls_connection_handshake (G_TLS_CONNECTION (stream), NULL, error) ? g_steal_pointer (&stream) : NULL;
}

RedisLink *
redis_link_open (const RedisAddress *address, guint timeout_s, const char *ca_file, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) where = NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GIOStream) stream = NULL;
  RedisLink *self;

  if (address->path != NULL)
    where = G_SOCKET_CONNECTABLE (g_unix_socket_address_new (address->path));
  else
    where = g_network_address_new (address->host, address->port);
  g_socket_client_set_timeout (client, timeout_s);
  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect (client, where, NULL, error);
  if (connection == NULL)
    return NULL;
  stream = address->is_tls ? secure (G_IO_STREAM (connection), where, ca_file, error) : g_object_ref (G_IO_STREAM (connection));
  if (stream == NULL)
    return NULL;
  self = g_new0 (RedisLink, 1);
  self->stream = g_steal_pointer (&stream);
  self->reader = redis_reply_new_reader ();
  return self;
}

void
redis_link_free (RedisLink *self)
{
  if (self == NULL)
    return;
  g_io_stream_close (self->stream, NULL, NULL);
  g_object_unref (self->stream);
  redisReaderFree (self->reader);
  g_free (self);
}

static redisReply *
read_reply (RedisLink *self, GError **error)
{
  GInputStream *input = g_io_stream_get_input_stream (self->stream);
  gsize total = 0;

  while (TRUE)
    {
      char buffer[65536];
      gpointer reply = NULL;
      gssize n;

      if (redisReaderGetReply (self->reader, &reply) != REDIS_OK)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s", self->reader->errstr);
          return NULL;
        }
      if (reply != NULL)
        return reply;
      n = g_input_stream_read (input, buffer, sizeof buffer, NULL, error);
      if (n < 0)
        return NULL;
      total += (gsize) n;
      if (n == 0 || total > MAX_REPLY)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, n == 0 ? "the server closed the connection" : "a reply of more than 256 MiB");
          return NULL;
        }
      if (redisReaderFeed (self->reader, buffer, (size_t) n) != REDIS_OK)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s", self->reader->errstr);
          return NULL;
        }
    }
}

redisReply *
redis_link_call (RedisLink *self, int argc, const char **argv, const gsize *lens, GError **error)
{
  char *command = NULL;
  int len = redisFormatCommandArgv (&command, argc, argv, lens);
  gboolean is_sent;

  if (len < 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "no memory for the command");
      return NULL;
    }
  is_sent = g_output_stream_write_all (g_io_stream_get_output_stream (self->stream), command, (gsize) len, NULL, NULL, error);
  redisFreeCommand (command);
  return is_sent ? read_reply (self, error) : NULL;
}
