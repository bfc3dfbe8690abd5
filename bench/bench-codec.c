/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What MQTT's bytes cost: bench-codec [--seconds N]. The pure functions of the adapter's codec over packets in memory: the
 * fixed header and the body of PUBLISH in 3.1.1 and 5.0, of SUBSCRIBE and CONNECT, read and written; no session, no bus.
 * Prints nanoseconds of CPU a packet on one thread. */

#include <string.h>
#include <time.h>

#include "mqtt-codec.h"

#define ROUND 1000

static const MqttLimits limits = { .max_packet = 1 << 20, .max_user_properties = 256, .max_filters = 10000 };

typedef guint8 (*ReadFunc) (const MqttHeader *header, const guint8 *body);

static volatile guint64 sink; /* so that nothing is thought away */

static guint8
read_publish_4 (const MqttHeader *header, const guint8 *body)
{
  MqttPublish publish;
  guint8 reason = mqtt_codec_read_publish (4, header->flags, body, header->body_len, &limits, &publish);

  sink += publish.payload.len;
  return reason;
}

static guint8
read_publish_5 (const MqttHeader *header, const guint8 *body)
{
  MqttPublish publish;
  guint8 reason = mqtt_codec_read_publish (5, header->flags, body, header->body_len, &limits, &publish);

  sink += publish.payload.len;
  return reason;
}

static guint8
read_subscribe_5 (const MqttHeader *header, const guint8 *body)
{
  MqttList list;
  MqttFilter filter;
  gsize position = 0;
  guint8 reason = mqtt_codec_read_list (5, MQTT_SUBSCRIBE, body, header->body_len, &limits, &list);

  while (reason == MQTT_SUCCESS && mqtt_codec_next_filter (MQTT_SUBSCRIBE, &list, &position, &filter))
    sink += filter.filter.len;
  return reason;
}

static guint8
read_connect (const MqttHeader *header, const guint8 *body)
{
  MqttConnect connect;
  guint8 reason = mqtt_codec_read_connect (body, header->body_len, &limits, &connect);

  sink += connect.client_id.len;
  return reason;
}

static gint64
cpu_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

static void
measure_read (const char *label, const GByteArray *packet, ReadFunc read, double seconds)
{
  gint64 began_ns = cpu_ns ();
  guint64 n = 0;

  while (cpu_ns () - began_ns < seconds * 1e9)
    for (guint i = 0; i < ROUND; i++, n++)
      {
        MqttHeader header;

        if (mqtt_codec_read_header (packet->data, packet->len, &header) != MQTT_READ_OK || read (&header, packet->data + header.header_len) != MQTT_SUCCESS)
          g_error ("%s: refused", label);
      }
  g_print ("read  %-34s %5u bytes  %7.1f ns\n", label, packet->len, (double) (cpu_ns () - began_ns) / (double) n);
}

static void
measure_write (const char *label, guint8 version, const MqttPublish *publish, const GByteArray *properties, double seconds)
{
  g_autoptr (GByteArray) to = g_byte_array_new ();
  gint64 began_ns = cpu_ns ();
  guint64 n = 0;

  while (cpu_ns () - began_ns < seconds * 1e9)
    for (guint i = 0; i < ROUND; i++, n++)
      {
        g_byte_array_set_size (to, 0);
        mqtt_codec_write_publish (to, version, publish, properties);
      }
  g_print ("write %-34s %5u bytes  %7.1f ns\n", label, to->len, (double) (cpu_ns () - began_ns) / (double) n);
}

static MqttSlice
slice (const char *text)
{
  return (MqttSlice) { (const guint8 *) text, strlen (text) };
}

static void
measure_publish (gsize size, double seconds)
{
  g_autofree char *payload = g_strnfill (size, 'x');
  g_autoptr (GByteArray) plain_4 = g_byte_array_new (), plain_5 = g_byte_array_new (), rich_5 = g_byte_array_new (), properties = g_byte_array_new ();
  const MqttPublish publish = { .qos = 1, .packet_id = 7, .topic = slice ("site/12/battery/voltage"), .payload = slice (payload) };

  mqtt_properties_put_number (properties, MQTT_MESSAGE_EXPIRY, 60);
  mqtt_properties_put_user (properties, "id", 2, "0123456789abcdef", 16);
  mqtt_properties_put_user (properties, "time", 4, "2026-01-01T00:00:00Z", 20);
  mqtt_codec_write_publish (plain_4, 4, &publish, NULL);
  mqtt_codec_write_publish (plain_5, 5, &publish, NULL);
  mqtt_codec_write_publish (rich_5, 5, &publish, properties);
  measure_read ("PUBLISH 3.1.1", plain_4, read_publish_4, seconds);
  measure_read ("PUBLISH 5.0", plain_5, read_publish_5, seconds);
  measure_read ("PUBLISH 5.0, three properties", rich_5, read_publish_5, seconds);
  measure_write ("PUBLISH 3.1.1", 4, &publish, NULL, seconds);
  measure_write ("PUBLISH 5.0, three properties", 5, &publish, properties, seconds);
}

int
main (int argc, char **argv)
{
  double seconds = 0.3;
  const GOptionEntry entries[] = {
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "of each row", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) subscribe = g_byte_array_new (), connect = g_byte_array_new ();
  const MqttConnect who = { .version = 5, .clean_start = TRUE, .keep_alive_s = 60, .client_id = slice ("ground-1") };
  MqttFilter filters[10];

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  measure_publish (16, seconds);
  measure_publish (256, seconds);
  measure_publish (65536, seconds);
  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    filters[i] = (MqttFilter) { .filter = slice ("site/+/battery/#"), .qos = 1 };
  mqtt_codec_write_subscribe (subscribe, 5, 9, filters, G_N_ELEMENTS (filters), NULL);
  measure_read ("SUBSCRIBE 5.0, ten filters", subscribe, read_subscribe_5, seconds);
  mqtt_codec_write_connect (connect, &who, NULL, NULL);
  measure_read ("CONNECT 5.0", connect, read_connect, seconds);
  return 0;
}
