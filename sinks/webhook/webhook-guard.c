/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which addresses a webhook may reach. Whoever can set a webhook's URI, or the DNS of its host, must not be able to reach
 * the metadata service of the cloud or the admin port of the neighbour (SSRF). Asked for the resolved address of every
 * connection, because names change. */

#include "webhook-guard.h"

#include <string.h>

typedef struct {
  guint8 bytes[16];
  guint8 bits;
} Network;

/* RFC 6890 and the IANA registries of special-purpose addresses */
static const Network networks_v4[] = {
  { { 0 }, 8 },                    /* this network */
  { { 10 }, 8 },                   /* private, RFC 1918 */
  { { 100, 64 }, 10 },             /* shared by carriers, RFC 6598 */
  { { 127 }, 8 },                  /* this host */
  { { 169, 254 }, 16 },            /* this link, and cloud metadata */
  { { 172, 16 }, 12 },             /* private */
  { { 192, 0, 0 }, 24 },           /* protocol assignments */
  { { 192, 0, 2 }, 24 },           /* documentation */
  { { 192, 88, 99 }, 24 },         /* 6to4 relays, RFC 7526 */
  { { 192, 168 }, 16 },            /* private */
  { { 198, 18 }, 15 },             /* benchmarks */
  { { 198, 51, 100 }, 24 },        /* documentation */
  { { 203, 0, 113 }, 24 },         /* documentation */
  { { 224 }, 3 },                  /* multicast, reserved, broadcast */
};

static const Network networks_v6[] = {
  { { 0 }, 96 },                               /* unspecified, loopback, IPv4-compatible */
  { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 },  /* local NAT64, RFC 8215 */
  { { 0x01, 0x00 }, 64 },                      /* discard, RFC 6666 */
  { { 0x20, 0x01, 0x00 }, 23 },                /* protocol assignments, Teredo */
  { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },          /* documentation */
  { { 0xfc }, 7 },                             /* unique local */
  { { 0xfe, 0x80 }, 9 },                       /* link local and the former site local */
  { { 0xff }, 8 },                             /* multicast */
};

static gboolean
is_in (const Network *network, const guint8 *bytes)
{
  guint whole = network->bits / 8, rest = network->bits % 8;
  guint8 mask = (guint8) (0xff << (8 - rest));

  return memcmp (network->bytes, bytes, whole) == 0 && (rest == 0 || ((network->bytes[whole] ^ bytes[whole]) & mask) == 0);
}

static gboolean
is_public_v4 (const guint8 *bytes)
{
  for (gsize i = 0; i < G_N_ELEMENTS (networks_v4); i++)
    if (is_in (&networks_v4[i], bytes))
      return FALSE;
  return TRUE;
}

/* The IPv4 address that an IPv6 address leads to, or NULL. */
static const guint8 *
find_embedded (const guint8 *bytes)
{
  static const Network mapped = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 };   /* RFC 4291 */
  static const Network nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };                      /* RFC 6052 */
  static const Network six_to_four = { { 0x20, 0x02 }, 16 };                            /* RFC 3056 */

  if (is_in (&mapped, bytes) || is_in (&nat64, bytes))
    return bytes + 12;
  return is_in (&six_to_four, bytes) ? bytes + 2 : NULL;
}

gboolean
webhook_guard_is_public (GInetAddress *address)
{
  const guint8 *bytes = g_inet_address_to_bytes (address), *embedded;

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4)
    return is_public_v4 (bytes);
  embedded = find_embedded (bytes);
  if (embedded != NULL)
    return is_public_v4 (embedded);
  for (gsize i = 0; i < G_N_ELEMENTS (networks_v6); i++)
    if (is_in (&networks_v6[i], bytes))
      return FALSE;
  return TRUE;
}
