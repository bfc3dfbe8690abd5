/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a stream of MQTT packets: the first byte picks the version, each whole packet is decoded, and what a
 * server never reads (CONNACK, SUBACK) is too, for the sake of clients made of the same codec. */

#include <string.h>

#include "../tests/protocols/mqtt/mqtt-any-packet.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const MqttLimits limits = { 1 << 16, 16, 32 };
  guint8 version;

  if (size == 0)
    return 0;
  version = (guint8) (3 + data[0] % 3);
  data++;
  size--;
  while (size > 0)
    {
      MqttHeader header;
      gsize total;
      g_autofree guint8 *packet = NULL;

      if (mqtt_codec_read_header (data, size, &header) != MQTT_READ_OK)
        return 0;
      total = header.header_len + (gsize) header.body_len;
      if (total > size)
        return 0;
      packet = g_memdup2 (data, total); /* no byte more: a read past the end is seen */
      mqtt_read_any_packet (version, packet, total, &limits);
      data += total;
      size -= total;
    }
  return 0;
}
