/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The header by which a proxy says for whom it speaks. Strict and pure: exactly the two forms, canonical addresses, no guess;
 * whoever is asked for a header and sends something else is no proxy of ours. Used by hawser-connection.c before anything
 * else is read. Source: the PROXY protocol, versions 1 and 2 (haproxy, doc/proxy-protocol.txt). */

#include "hawser-proxy-header.h"

#include <arpa/inet.h>
#include <string.h>

#define V1_MAX 107            /* section 2.1, with CR LF */
#define V2_FIXED 16
#define V2_MAX (HAWSER_PROXY_MAX_HEADER - V2_FIXED)

static const guint8 signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

static char *
format_address (int family, gconstpointer address, guint port)
{
  char text[INET6_ADDRSTRLEN];

  if (inet_ntop (family, address, text, sizeof text) == NULL)
    return NULL;
  return g_strdup_printf (family == AF_INET6 ? "tcp:[%s]:%u" : "tcp:%s:%u", text, port);
}

static gboolean
read_port (const char *text, guint *out_port)
{
  guint64 port;

  if (!g_ascii_isdigit (text[0]) || (text[0] == '0' && text[1] != '\0') || !g_ascii_string_to_unsigned (text, 10, 0, 65535, &port, NULL))
    return FALSE;
  *out_port = (guint) port;
  return TRUE;
}

static HawserProxyResult
read_line (const char *line, gsize len, char **out_address)
{
  g_autofree char *text = g_strndup (line, len);
  g_auto (GStrv) words = NULL;
  guint8 source[16], destination[16];
  guint port, other_port;
  int family;

  if (strlen (text) != len)
    return HAWSER_PROXY_MALFORMED;
  if (g_str_equal (text, "PROXY UNKNOWN") || g_str_has_prefix (text, "PROXY UNKNOWN "))
    return HAWSER_PROXY_DONE;
  words = g_strsplit (text, " ", 7);
  if (g_strv_length (words) != 6 || !(g_str_equal (words[1], "TCP4") || g_str_equal (words[1], "TCP6")))
    return HAWSER_PROXY_MALFORMED;
  family = words[1][3] == '4' ? AF_INET : AF_INET6;
  if (inet_pton (family, words[2], source) != 1 || inet_pton (family, words[3], destination) != 1 ||
      !read_port (words[4], &port) || !read_port (words[5], &other_port))
    return HAWSER_PROXY_MALFORMED;
  *out_address = format_address (family, source, port);
  return HAWSER_PROXY_DONE;
}

static HawserProxyResult
read_v1 (const guint8 *data, gsize len, gsize *out_len, char **out_address)
{
  static const char start[] = "PROXY ";
  const guint8 *end = memchr (data, '\n', MIN (len, V1_MAX));

  if (memcmp (data, start, MIN (len, sizeof start - 1)) != 0)
    return HAWSER_PROXY_MALFORMED;
  if (end == NULL)
    return len < V1_MAX ? HAWSER_PROXY_MORE : HAWSER_PROXY_MALFORMED;
  if (end == data || end[-1] != '\r')
    return HAWSER_PROXY_MALFORMED;
  *out_len = (gsize) (end + 1 - data);
  return read_line ((const char *) data, *out_len - 2, out_address);
}

static HawserProxyResult
read_v2 (const guint8 *data, gsize len, gsize *out_len, char **out_address)
{
  gsize body, need;
  const guint8 *address = data + V2_FIXED;

  if (memcmp (data, signature, MIN (len, sizeof signature)) != 0)
    return HAWSER_PROXY_MALFORMED;
  if (len >= 13 && data[12] != 0x20 && data[12] != 0x21)
    return HAWSER_PROXY_MALFORMED;
  if (len < V2_FIXED)
    return HAWSER_PROXY_MORE;
  body = (gsize) data[14] << 8 | data[15];
  if (body > V2_MAX)
    return HAWSER_PROXY_MALFORMED;
  need = data[13] == 0x11 ? 12 : data[13] == 0x21 ? 36 : data[13] == 0x31 ? 216 : 0; /* section 2.2: TCP over IPv4, IPv6, Unix */
  if (data[12] == 0x21 && data[13] != 0 && (need == 0 || body < need))
    return HAWSER_PROXY_MALFORMED;
  if (len < V2_FIXED + body)
    return HAWSER_PROXY_MORE;
  *out_len = V2_FIXED + body;
  if (data[12] == 0x20)
    return HAWSER_PROXY_DONE; /* LOCAL: a health check of the proxy's own */
  if (data[13] == 0x11)
    *out_address = format_address (AF_INET, address, (guint) address[8] << 8 | address[9]);
  else if (data[13] == 0x21)
    *out_address = format_address (AF_INET6, address, (guint) address[32] << 8 | address[33]);
  else if (data[13] == 0x31)
    *out_address = g_strdup ("unix:");
  return HAWSER_PROXY_DONE;
}

HawserProxyResult
hawser_proxy_header_read (const guint8 *data, gsize len, gsize *out_len, char **out_address)
{
  *out_len = 0;
  *out_address = NULL;
  if (len == 0)
    return HAWSER_PROXY_MORE;
  return data[0] == signature[0] ? read_v2 (data, len, out_len, out_address) : read_v1 (data, len, out_len, out_address);
}
