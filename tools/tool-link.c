/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Picks the protocol that a URL asks for. */

#include "tool-link.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#include "tool-url.h"

#define PROBE_S 5 /* ours: an HTTP listener answers at once; an MQTT one closes at once */

/* A path says where, not what is spoken there. A request for nothing in particular is answered by who speaks HTTP, and by nobody else. */
static gboolean
speaks_http (const char *path)
{
  static const char request[] = "GET /livez HTTP/1.0\r\n\r\n", answer[] = "HTTP/";
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) connection = NULL;
  char bytes[sizeof answer - 1];
  gsize len = 0;

  g_socket_client_set_timeout (client, PROBE_S);
  connection = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
  if (connection == NULL)
    return TRUE; /* the link will say why */
  return g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), request, strlen (request), NULL, NULL, NULL) &&
         g_input_stream_read_all (g_io_stream_get_input_stream (G_IO_STREAM (connection)), bytes, sizeof bytes, &len, NULL, NULL) &&
         len == sizeof bytes && memcmp (bytes, answer, len) == 0;
}

ToolLink *
tool_link_open (Tool                  *tool,
                const ToolLinkOptions *options,
                const ToolLinkFuncs   *funcs,
                gpointer               data,
                int                   *out_code)
{
  g_autoptr (ToolUrl) url = tool_url_resolve (tool, TOOL_URL_MESSAGES, out_code);

  if (url == NULL)
    return NULL;
  if (url->is_bare_unix && !speaks_http (url->path))
    url->scheme = TOOL_SCHEME_MQTT;
  return (url->scheme == TOOL_SCHEME_MQTT ? &tool_mqtt_link : &tool_http_link)->open (tool, url, options, funcs, data, out_code);
}

void
tool_link_publish (ToolLink          *link,
                   const ToolMessage *message)
{
  link->klass->publish (link, message);
}

void
tool_link_close (ToolLink *link)
{
  if (link != NULL)
    link->klass->close (link);
}
