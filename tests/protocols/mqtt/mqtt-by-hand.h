/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* MQTT packets by hand, for peers of a harness. Short ones: the remaining length is a byte. */

#include "hawser-harness.h"

#include <string.h>

static inline void
by_hand_put_string (GByteArray *out, const char *text)
{
  const guint8 len[2] = { 0, (guint8) strlen (text) };

  g_byte_array_append (out, len, 2);
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
}

static inline void
by_hand_push (HawserHarnessPeer *peer, guint8 first, GByteArray *body)
{
  const guint8 head[2] = { first, (guint8) body->len };
  g_autoptr (GByteArray) packet = g_byte_array_new ();

  g_assert_cmpuint (body->len, <, 128);
  g_byte_array_append (packet, head, 2);
  g_byte_array_append (packet, body->data, body->len);
  hawser_harness_peer_push (peer, packet->data, (gssize) packet->len);
}

/* The next packet: its first byte, and its body (transfer full). */
static inline guint8
by_hand_pull (HawserHarnessPeer *peer, char **out_body)
{
  g_autofree char *head = hawser_harness_peer_pull (peer, 2);

  *out_body = hawser_harness_peer_pull (peer, (gsize) head[1]);
  return (guint8) head[0];
}

/* The reason code of CONNACK. */
static inline guint8
by_hand_pull_connack (HawserHarnessPeer *peer)
{
  g_autofree char *body = NULL;

  g_assert_cmphex (by_hand_pull (peer, &body), ==, 0x20);
  return (guint8) body[1];
}
