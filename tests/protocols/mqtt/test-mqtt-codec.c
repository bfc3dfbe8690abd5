/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The MQTT codec against tables: whole packets with the reason each must give, every property in every packet, and
 * everything that is written read back. */

#include <string.h>

#include "mqtt-any-packet.h"

static const MqttLimits limits = { 1 << 20, 8, 16 };

typedef struct {
  const char *name;
  guint8 version;
  const char *hex;        /* spaces are ignored */
  guint8 reason;
  const char *section;    /* of MQTT 5.0, or of 3.1.1 where the version is 4 */
} Case;

static const Case cases[] = {
  /* CONNECT */
  { "connect/4-plain", 4, "10 0d 0004 4d515454 04 02 003c 0001 61", 0x00, "3.1" },
  { "connect/4-empty-id", 4, "10 0c 0004 4d515454 04 02 003c 0000", 0x00, "3.1.3.1" },
  { "connect/3-plain", 3, "10 0f 0006 4d5149736470 03 02 003c 0001 61", 0x00, "3.1 of MQTT 3.1" },
  { "connect/5-plain", 5, "10 0e 0004 4d515454 05 02 003c 00 0001 61", 0x00, "3.1" },
  { "connect/5-all-properties", 5, "10 31 0004 4d515454 05 02 003c 23 11 00000e10 21 0014 27 00010000 22 000a 19 01 17 00 26 0001 61 0001 62 15 0001 6d 16 0001 00 0001 61", 0x00, "3.1.2.11" },
  { "connect/5-will-and-login", 5, "10 27 0004 4d515454 05 ee 003c 00 0001 61 0c 18 00000005 01 01 02 0000003c 0001 77 0001 78 0001 75 0001 70", 0x00, "3.1.3" },
  { "connect/4-will-and-login", 4, "10 19 0004 4d515454 04 ee 003c 0001 61 0001 77 0001 78 0001 75 0001 70", 0x00, "3.1.3" },
  { "connect/rejects-reserved-flag-4", 4, "10 0d 0004 4d515454 04 03 003c 0001 61", 0x81, "3.1.2-3" },
  { "connect/rejects-reserved-flag-5", 5, "10 0e 0004 4d515454 05 03 003c 00 0001 61", 0x81, "3.1.2-3" },
  { "connect/rejects-fixed-header-flags", 4, "11 0d 0004 4d515454 04 02 003c 0001 61", 0x81, "2.1.3" },
  { "connect/rejects-will-qos-3", 5, "10 15 0004 4d515454 05 1e 003c 00 0001 61 00 0001 77 0001 78", 0x81, "3.1.2-12" },
  { "connect/rejects-will-qos-without-will", 4, "10 0d 0004 4d515454 04 0a 003c 0001 61", 0x81, "3.1.2-11" },
  { "connect/rejects-will-retain-without-will", 4, "10 0d 0004 4d515454 04 22 003c 0001 61", 0x81, "3.1.2-13" },
  { "connect/rejects-password-without-user-4", 4, "10 10 0004 4d515454 04 42 003c 0001 61 0001 70", 0x81, "3.1.2-22" },
  { "connect/takes-password-without-user-5", 5, "10 11 0004 4d515454 05 42 003c 00 0001 61 0001 70", 0x00, "3.1.2.9" },
  { "connect/rejects-unknown-name", 4, "10 0d 0004 4d515455 04 02 003c 0001 61", 0x84, "3.1.2-1" },
  { "connect/rejects-level-6", 5, "10 0e 0004 4d515454 06 02 003c 00 0001 61", 0x84, "3.1.2-2" },
  { "connect/rejects-level-3-of-mqtt", 4, "10 0d 0004 4d515454 03 02 003c 0001 61", 0x84, "3.1.2-2" },
  { "connect/rejects-level-4-of-mqisdp", 4, "10 0f 0006 4d5149736470 04 02 003c 0001 61", 0x84, "3.1.2-2" },
  { "connect/rejects-trailing-byte", 4, "10 0e 0004 4d515454 04 02 003c 0001 61 00", 0x81, "3.1" },
  { "connect/rejects-missing-user", 4, "10 0d 0004 4d515454 04 82 003c 0001 61", 0x81, "3.1.3.4" },
  { "connect/rejects-missing-password", 4, "10 10 0004 4d515454 04 c2 003c 0001 61 0001 75", 0x81, "3.1.3.5" },
  { "connect/rejects-missing-will", 4, "10 0d 0004 4d515454 04 06 003c 0001 61", 0x81, "3.1.3.2" },
  { "connect/rejects-nul-in-id", 4, "10 0d 0004 4d515454 04 02 003c 0001 00", 0x81, "1.5.4-2" },
  { "connect/rejects-bad-utf8-in-id", 4, "10 0d 0004 4d515454 04 02 003c 0001 ff", 0x81, "1.5.4-1" },
  { "connect/rejects-surrogate-in-id", 4, "10 0f 0004 4d515454 04 02 003c 0003 eda080", 0x81, "1.5.4-1" },
  { "connect/rejects-overlong-utf8-in-user", 4, "10 11 0004 4d515454 04 82 003c 0001 61 0002 c080", 0x81, "1.5.4-1" },
  { "connect/rejects-wildcard-in-will-topic", 4, "10 13 0004 4d515454 04 06 003c 0001 61 0001 23 0001 78", 0x90, "4.7.1" },
  { "connect/rejects-empty-will-topic", 4, "10 12 0004 4d515454 04 06 003c 0001 61 0000 0001 78", 0x90, "4.7.3-1" },
  { "connect/rejects-doubled-property", 5, "10 18 0004 4d515454 05 02 003c 0a 11 00000001 11 00000001 0001 61", 0x82, "3.1.2.11.2" },
  { "connect/rejects-foreign-property", 5, "10 10 0004 4d515454 05 02 003c 02 01 01 0001 61", 0x81, "2.2.2.2" },
  { "connect/rejects-unknown-property", 5, "10 10 0004 4d515454 05 02 003c 02 7f 01 0001 61", 0x81, "2.2.2.2" },
  { "connect/rejects-receive-maximum-0", 5, "10 11 0004 4d515454 05 02 003c 03 21 0000 0001 61", 0x82, "3.1.2.11.3" },
  { "connect/rejects-maximum-packet-0", 5, "10 13 0004 4d515454 05 02 003c 05 27 00000000 0001 61", 0x82, "3.1.2.11.4" },
  { "connect/rejects-request-problem-2", 5, "10 10 0004 4d515454 05 02 003c 02 17 02 0001 61", 0x82, "3.1.2.11.7" },
  { "connect/rejects-request-response-2", 5, "10 10 0004 4d515454 05 02 003c 02 19 02 0001 61", 0x82, "3.1.2.11.6" },
  { "connect/rejects-auth-data-without-method", 5, "10 12 0004 4d515454 05 02 003c 04 16 0001 00 0001 61", 0x82, "3.1.2.11.10" },
  { "connect/rejects-property-length-past-end", 5, "10 0e 0004 4d515454 05 02 003c 7f 0001 61", 0x81, "2.2.2.1" },
  { "connect/rejects-too-many-user-properties", 5, "10 4d 0004 4d515454 05 02 003c 3f 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 26 0001 61 0001 62 0001 61", 0x97, "limit max-user-properties" },
  /* fixed header */
  { "header/rejects-type-0", 5, "00 00", 0x81, "2.1.2" },
  { "header/rejects-five-byte-length", 5, "30 ff ff ff ff 01", 0x81, "1.5.5" },
  { "header/rejects-overlong-length", 5, "c0 80 00", 0x81, "1.5.5-1" },
  { "header/rejects-flags-of-subscribe", 5, "80 06 0001 0001 61 00", 0x81, "3.8.1-1" },
  { "header/rejects-flags-of-unsubscribe", 4, "a0 05 0001 0001 61", 0x81, "3.10.1-1" },
  { "header/rejects-flags-of-pubrel", 4, "60 02 0001", 0x81, "3.6.1-1" },
  { "header/rejects-flags-of-puback", 4, "42 02 0001", 0x81, "2.1.3" },
  { "header/rejects-flags-of-pingreq", 4, "c1 00", 0x81, "2.1.3" },
  { "header/rejects-flags-of-disconnect", 4, "e8 00", 0x81, "3.14.1-1" },
  { "header/rejects-flags-of-auth", 5, "f1 00", 0x81, "3.15.1-1" },
  /* CONNACK */
  { "connack/4-accepted", 4, "20 02 00 00", 0x00, "3.2" },
  { "connack/4-present", 4, "20 02 01 00", 0x00, "3.2.2.2" },
  { "connack/4-refused", 4, "20 02 00 05", 0x00, "3.2.2.3" },
  { "connack/4-rejects-code-6", 4, "20 02 00 06", 0x81, "3.2.2.3" },
  { "connack/rejects-reserved-flags", 4, "20 02 02 00", 0x81, "3.2.2.1" },
  { "connack/rejects-present-with-refusal", 5, "20 03 01 87 00", 0x82, "3.2.2-6" },
  { "connack/5-rejects-byte-after-properties", 5, "20 0b 00 00 08 21 0014 12 0001 61 00", 0x81, "2.2.2.1" },
  { "connack/5-all", 5, "20 24 00 00 21 11 00000001 21 0014 24 01 25 00 27 00001000 12 0001 61 22 0005 28 01 29 01 2a 00 13 000a", 0x00, "3.2.2.3" },
  { "connack/5-rejects-reserved-reason", 5, "20 03 00 01 00", 0x81, "3.2.2.2" },
  /* PUBLISH */
  { "publish/4-qos-0", 4, "30 04 0001 61 78", 0x00, "3.3" },
  { "publish/4-qos-1", 4, "32 06 0001 61 0001 78", 0x00, "3.3" },
  { "publish/4-qos-2-dup-retain", 4, "3d 06 0001 61 0001 78", 0x00, "3.3.1" },
  { "publish/4-empty-payload", 4, "30 03 0001 61", 0x00, "3.3.3" },
  { "publish/5-qos-0", 5, "30 05 0001 61 00 78", 0x00, "3.3" },
  { "publish/5-all-properties", 5, "32 31 0001 61 0001 29 01 01 02 0000003c 23 0001 08 0001 72 09 0002 00ff 03 0001 74 26 0001 6b 0001 76 26 0001 6b 0001 77 0b 01 0b 02 7879", 0x00, "3.3.2.3" },
  { "publish/rejects-qos-3", 5, "36 07 0001 61 0001 00 78", 0x81, "3.3.1-4" },
  { "publish/rejects-dup-at-qos-0", 5, "38 05 0001 61 00 78", 0x81, "3.3.1-2" },
  { "publish/rejects-packet-id-0", 5, "32 07 0001 61 0000 00 78", 0x82, "2.2.1-3" },
  { "publish/rejects-missing-packet-id", 4, "32 03 0001 61", 0x81, "2.2.1-2" },
  { "publish/rejects-topic-past-end", 4, "30 03 0002 61", 0x81, "3.3.2.1" },
  { "publish/rejects-empty-body", 4, "30 00", 0x81, "3.3.2.1" },
  { "publish/rejects-plus-in-topic", 4, "30 05 0003 612f2b", 0x90, "3.3.2-2" },
  { "publish/rejects-hash-in-topic", 5, "30 06 0003 612f23 00", 0x90, "3.3.2-2" },
  { "publish/rejects-nul-in-topic", 4, "30 05 0003 610062", 0x81, "1.5.4-2" },
  { "publish/rejects-bad-utf8-in-topic", 4, "30 05 0003 61fe62", 0x81, "1.5.4-1" },
  { "publish/rejects-bad-utf8-late-in-topic", 4, "30 0e 000c 6161616161616161616161 ff", 0x81, "1.5.4-1" },
  { "publish/takes-utf8-topic", 4, "30 0c 0009 e4b8ad2fc3a96161 62 78", 0x00, "1.5.4" },
  { "publish/rejects-empty-topic-4", 4, "30 03 0000 78", 0x81, "4.7.3-1" },
  { "publish/rejects-empty-topic-5", 5, "30 04 0000 00 78", 0x82, "3.3.2.1" },
  { "publish/takes-alias-for-topic", 5, "30 07 0000 03 23 0001 78", 0x00, "3.3.2.3.4" },
  { "publish/rejects-alias-0", 5, "30 07 0000 03 23 0000 78", 0x94, "3.3.2-8" },
  { "publish/rejects-doubled-alias", 5, "30 0b 0001 61 06 23 0001 23 0002 78", 0x82, "3.3.2.3.4" },
  { "publish/rejects-format-2", 5, "30 07 0001 61 02 01 02 78", 0x82, "3.3.2.3.2" },
  { "publish/rejects-subscription-id-0", 5, "30 07 0001 61 02 0b 00 78", 0x82, "3.3.2.3.8" },
  { "publish/rejects-session-expiry", 5, "30 09 0001 61 05 11 00000001", 0x81, "2.2.2.2" },
  { "publish/rejects-bad-utf8-in-user-property", 5, "30 0c 0001 61 07 26 0001 ff 0001 76 78", 0x81, "1.5.7-1" },
  { "publish/rejects-nul-in-content-type", 5, "30 09 0001 61 04 03 0001 00 78", 0x81, "1.5.4-2" },
  { "publish/rejects-missing-properties", 5, "30 03 0001 61", 0x81, "2.2.2" },
  { "publish/rejects-overlong-property-length", 5, "30 06 0001 61 80 00 78", 0x81, "1.5.5-1" },
  /* PUBACK, PUBREC, PUBREL, PUBCOMP */
  { "puback/4", 4, "40 02 0001", 0x00, "3.4" },
  { "puback/5-short", 5, "40 02 0001", 0x00, "3.4.2.1" },
  { "puback/5-reason", 5, "40 03 0001 10", 0x00, "3.4.2.1" },
  { "puback/5-properties", 5, "40 0a 0001 87 06 1f 0003 6e6f21", 0x00, "3.4.2.2" },
  { "puback/rejects-id-0", 5, "40 02 0000", 0x82, "2.2.1" },
  { "puback/rejects-one-byte", 5, "40 01 00", 0x81, "3.4.2" },
  { "puback/4-rejects-reason", 4, "40 03 0001 00", 0x81, "3.4" },
  { "puback/rejects-reserved-reason", 5, "40 03 0001 42", 0x81, "3.4.2.1" },
  { "puback/rejects-reason-of-pubrel", 5, "40 03 0001 92", 0x81, "3.4.2.1" },
  { "puback/rejects-trailing-byte", 5, "40 05 0001 00 00 00", 0x81, "3.4.2" },
  { "pubrec/5-reason", 5, "50 03 0001 97", 0x00, "3.5.2.1" },
  { "pubrel/5-reason", 5, "62 03 0001 92", 0x00, "3.6.2.1" },
  { "pubrel/rejects-reason-of-puback", 5, "62 03 0001 10", 0x81, "3.6.2.1" },
  { "pubcomp/5-reason", 5, "70 03 0001 92", 0x00, "3.7.2.1" },
  { "pubcomp/rejects-reason-of-puback", 5, "70 03 0001 97", 0x81, "3.7.2.1" },
  /* SUBSCRIBE */
  { "subscribe/4", 4, "82 06 0001 0001 61 01", 0x00, "3.8" },
  { "subscribe/4-two", 4, "82 0a 0001 0001 61 01 0001 23 02", 0x00, "3.8.3" },
  { "subscribe/5-options", 5, "82 09 0001 02 0b 01 0001 61 2e", 0x00, "3.8.3.1" },
  { "subscribe/rejects-no-filter", 4, "82 02 0001", 0x82, "3.8.3-2" },
  { "subscribe/rejects-id-0", 4, "82 06 0000 0001 61 01", 0x82, "2.2.1-3" },
  { "subscribe/4-rejects-qos-3", 4, "82 06 0001 0001 61 03", 0x81, "3.8.3-4" },
  { "subscribe/5-rejects-qos-3", 5, "82 07 0001 00 0001 61 03", 0x82, "3.8.3.1" },
  { "subscribe/4-rejects-reserved-option-bits", 4, "82 06 0001 0001 61 04", 0x81, "3.8.3-4" },
  { "subscribe/5-rejects-reserved-option-bits", 5, "82 07 0001 00 0001 61 41", 0x81, "3.8.3-5" },
  { "subscribe/5-rejects-retain-handling-3", 5, "82 07 0001 00 0001 61 31", 0x82, "3.8.3.1" },
  { "subscribe/rejects-missing-options", 4, "82 05 0001 0001 61", 0x81, "3.8.3" },
  { "subscribe/rejects-empty-filter", 4, "82 05 0001 0000 00", 0x8f, "4.7.3-1" },
  { "subscribe/rejects-hash-inside", 4, "82 0a 0001 0005 612f232f62 00", 0x8f, "4.7.1-1" },
  { "subscribe/rejects-hash-after-text", 4, "82 07 0001 0002 6123 00", 0x8f, "4.7.1-1" },
  { "subscribe/rejects-plus-after-text", 4, "82 07 0001 0002 612b 00", 0x8f, "4.7.1-2" },
  { "subscribe/rejects-bad-utf8", 4, "82 06 0001 0001 ff 00", 0x81, "1.5.4-1" },
  { "subscribe/rejects-id-property-0", 5, "82 09 0001 02 0b 00 0001 61 00", 0x82, "3.8.2.1.2" },
  { "subscribe/rejects-doubled-id-property", 5, "82 0b 0001 04 0b 01 0b 02 0001 61 00", 0x82, "3.8.2.1.2" },
  { "subscribe/rejects-no-local-on-shared", 5, "82 10 0001 00 000a 2473686172652f672f61 04", 0x82, "3.8.3-4" },
  { "subscribe/rejects-17-filters", 4, "82 46 0001 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00 000161 00", 0x97, "limit max-filters" },
  /* SUBACK */
  { "suback/4", 4, "90 03 0001 80", 0x00, "3.9" },
  { "suback/5", 5, "90 05 0001 00 02 87", 0x00, "3.9.3" },
  { "suback/4-rejects-code-3", 4, "90 03 0001 03", 0x81, "3.9.3-2" },
  { "suback/5-rejects-reserved-reason", 5, "90 04 0001 00 03", 0x81, "3.9.3" },
  /* UNSUBSCRIBE, UNSUBACK */
  { "unsubscribe/4", 4, "a2 05 0001 0001 61", 0x00, "3.10" },
  { "unsubscribe/5", 5, "a2 06 0001 00 0001 61", 0x00, "3.10" },
  { "unsubscribe/rejects-no-filter", 5, "a2 03 0001 00", 0x82, "3.10.3-2" },
  { "unsubscribe/rejects-id-0", 4, "a2 05 0000 0001 61", 0x82, "2.2.1-3" },
  { "unsuback/4", 4, "b0 02 0001", 0x00, "3.11" },
  { "unsuback/5", 5, "b0 04 0001 00 11", 0x00, "3.11.3" },
  { "unsuback/4-rejects-payload", 4, "b0 03 0001 00", 0x81, "3.11" },
  /* PINGREQ, PINGRESP */
  { "pingreq", 4, "c0 00", 0x00, "3.12" },
  { "pingreq/rejects-body", 4, "c0 01 00", 0x81, "3.12" },
  { "pingresp", 4, "d0 00", 0x00, "3.13" },
  { "pingresp/rejects-body", 5, "d0 01 00", 0x81, "3.13" },
  /* DISCONNECT, AUTH */
  { "disconnect/4", 4, "e0 00", 0x00, "3.14" },
  { "disconnect/4-rejects-body", 4, "e0 01 00", 0x81, "3.14" },
  { "disconnect/5-short", 5, "e0 00", 0x00, "3.14.2.1" },
  { "disconnect/5-with-will", 5, "e0 01 04", 0x00, "3.14.2.1" },
  { "disconnect/5-properties", 5, "e0 07 00 05 11 00000000", 0x00, "3.14.2.2" },
  { "disconnect/5-rejects-reserved-reason", 5, "e0 01 05", 0x81, "3.14.2.1" },
  { "disconnect/5-rejects-foreign-property", 5, "e0 05 00 03 21 0001", 0x81, "2.2.2.2" },
  { "auth/5", 5, "f0 08 18 06 15 0003 6d6d6d", 0x00, "3.15" },
  { "auth/5-empty", 5, "f0 00", 0x00, "3.15.2.1" },
  { "auth/5-rejects-reserved-reason", 5, "f0 02 04 00", 0x81, "3.15.2.1" },
  { "auth/4-does-not-exist", 4, "f0 00", 0x81, "2.2.1" },
};

static GByteArray *
from_hex (const char *hex)
{
  GByteArray *bytes = g_byte_array_new ();

  for (; *hex != '\0'; hex++)
    {
      guint8 byte;

      if (*hex == ' ')
        continue;
      byte = (guint8) (g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));
      g_byte_array_append (bytes, &byte, 1);
      hex++;
    }
  return bytes;
}

/* On the heap and no byte longer, so that valgrind and the address sanitizer see a read past the end. */
static guint8
read_exactly (guint8 version, const guint8 *data, gsize len)
{
  g_autofree guint8 *copy = g_memdup2 (data, len);

  return mqtt_read_any_packet (version, copy, len, &limits);
}

static void
check_case (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GByteArray) bytes = from_hex (c->hex);
  guint8 reason = read_exactly (c->version, bytes->data, bytes->len);

  if (reason != c->reason)
    g_test_message ("%s (%s): 0x%02x", c->name, c->section, reason);
  g_assert_cmphex (reason, ==, c->reason);
}

/* Each packet of the table cut behind each byte, its length made to fit: refused or accepted, never read past. A
 * CONNECT that is cut is always refused. */
static void
test_cut (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) bytes = from_hex (cases[i].hex);

      if (bytes->len < 3 || bytes->data[1] >= 0x80)
        continue;
      for (guint len = 2; len < bytes->len; len++)
        {
          guint8 reason;

          bytes->data[1] = (guint8) (len - 2);
          reason = read_exactly (cases[i].version, bytes->data, len);
          g_assert_cmphex (reason, !=, 0xff);
          if (bytes->data[0] == 0x10 && cases[i].reason == MQTT_SUCCESS)
            g_assert_cmphex (reason, !=, MQTT_SUCCESS);
        }
    }
}

/* Every byte of every packet set to every value: an answer, whatever it is. */
static void
test_nothing (void)
{
  MqttConnect connect;

  g_assert_cmpuint (mqtt_codec_read_connect (NULL, 0, &limits, &connect), ==, MQTT_MALFORMED);
}

static void
test_each_byte_wrong (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) bytes = from_hex (cases[i].hex);

      for (guint at = 0; at < bytes->len; at++)
        {
          guint8 was = bytes->data[at];

          for (guint value = 0; value < 256; value++)
            {
              bytes->data[at] = (guint8) value;
              read_exactly (cases[i].version, bytes->data, bytes->len);
            }
          bytes->data[at] = was;
        }
    }
}

static void
put_property (GByteArray *block, MqttProperty property)
{
  const MqttPropertyRule *rule = &mqtt_property_rules[property];

  if (rule->type == MQTT_TYPE_PAIR)
    mqtt_properties_put_user (block, "k", 1, "v", 1);
  else if (rule->type == MQTT_TYPE_STRING || rule->type == MQTT_TYPE_BINARY)
    mqtt_properties_put_slice (block, property, "ab", 2);
  else
    mqtt_properties_put_number (block, property, rule->maximum);
}

/* Table 2-4 of the standard, walked: where a property may stand it may, and nowhere else; once or often as it says;
 * in its range; whole. */
static void
test_property_table (void)
{
  for (int row = 0; row < MQTT_N_PROPERTIES; row++)
    {
      const MqttPropertyRule *rule = &mqtt_property_rules[row];

      g_assert_cmpint (mqtt_property_find (rule->id), ==, row);
      for (MqttPacketType type = MQTT_CONNECT; type <= MQTT_WILL; type++)
        {
          gboolean allowed = (rule->packets & MQTT_MASK (type)) != 0, repeats = (rule->repeats & MQTT_MASK (type)) != 0;
          g_autoptr (GByteArray) block = g_byte_array_new ();
          MqttProperties out;
          guint once;

          put_property (block, row);
          once = block->len;
          g_assert_cmphex (mqtt_properties_read (&out, type, block->data, block->len, 8), ==, allowed ? MQTT_SUCCESS : MQTT_MALFORMED);
          if (!allowed)
            continue;
          g_assert_true (mqtt_properties_has (&out, row));
          for (guint len = 1; len < once; len++)
            {
              g_autofree guint8 *cut = g_memdup2 (block->data, len);

              g_assert_cmphex (mqtt_properties_read (&out, type, cut, len, 8), ==, MQTT_MALFORMED);
            }
          put_property (block, row);
          g_assert_cmphex (mqtt_properties_read (&out, type, block->data, block->len, 8), ==, repeats ? MQTT_SUCCESS : MQTT_PROTOCOL_ERROR);
        }
    }
}

static void
test_property_ranges (void)
{
  for (int row = 0; row < MQTT_N_PROPERTIES; row++)
    {
      const MqttPropertyRule *rule = &mqtt_property_rules[row];
      MqttPacketType type = MQTT_CONNECT;
      const guint32 below = rule->minimum - 1, above = rule->maximum + 1;

      if (rule->type > MQTT_TYPE_VARINT)
        continue;
      while ((rule->packets & MQTT_MASK (type)) == 0)
        type++;
      for (int k = 0; k < 2; k++)
        {
          guint32 value = k == 0 ? below : above;
          g_autoptr (GByteArray) block = g_byte_array_new ();
          MqttProperties out;

          if ((k == 0 && rule->minimum == 0) || (k == 1 && (rule->maximum == G_MAXUINT32 || rule->maximum == 65535 || rule->type == MQTT_TYPE_VARINT)))
            continue; /* the type cannot hold it */
          mqtt_properties_put_number (block, row, value);
          g_assert_cmphex (mqtt_properties_read (&out, type, block->data, block->len, 8), ==, row == MQTT_ALIAS ? MQTT_BAD_ALIAS : MQTT_PROTOCOL_ERROR);
        }
    }
}

static void
test_user_properties_keep_their_order (void)
{
  g_autoptr (GByteArray) block = g_byte_array_new ();
  MqttProperties out;
  MqttSlice name, value;
  gsize position = 0;

  mqtt_properties_put_user (block, "a", 1, "1", 1);
  mqtt_properties_put_number (block, MQTT_MESSAGE_EXPIRY, 7);
  mqtt_properties_put_user (block, "a", 1, "2", 1);
  g_assert_cmphex (mqtt_properties_read (&out, MQTT_PUBLISH, block->data, block->len, 8), ==, MQTT_SUCCESS);
  g_assert_cmpuint (out.n_user, ==, 2);
  g_assert_true (mqtt_properties_next_user (&out, &position, &name, &value));
  g_assert_cmpmem (value.data, value.len, "1", 1);
  g_assert_true (mqtt_properties_next_user (&out, &position, &name, &value));
  g_assert_cmpmem (name.data, name.len, "a", 1);
  g_assert_cmpmem (value.data, value.len, "2", 1);
  g_assert_false (mqtt_properties_next_user (&out, &position, &name, &value));
}

static void
test_varint (void)
{
  static const guint32 values[] = { 0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455 };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      guint8 bytes[5];
      guint32 out = 0;
      gsize len = (gsize) (mqtt_varint_put (bytes, values[i]) - bytes);

      g_assert_cmpuint (len, ==, mqtt_varint_size (values[i]));
      g_assert_cmpint (mqtt_varint_read (bytes, len, &out), ==, (int) len);
      g_assert_cmpuint (out, ==, values[i]);
      g_assert_cmpint (mqtt_varint_read (bytes, len - 1, &out), ==, 0);
    }
}

#define SLICE(text) { (const guint8 *) (text), sizeof (text) - 1 }

static GByteArray *
some_properties (MqttPacketType type)
{
  GByteArray *block = g_byte_array_new ();

  for (int row = 0; row < MQTT_N_PROPERTIES; row++)
    if (mqtt_property_rules[row].packets & MQTT_MASK (type))
      put_property (block, row);
  return block;
}

/* What we write we read: each packet type, each version, with and without all its properties. */
static void
test_written_is_read (void)
{
  const MqttFilter filters[] = { { SLICE ("a/+"), 1, FALSE, TRUE, 2 }, { SLICE ("#"), 2, TRUE, FALSE, 0 } };
  const MqttFilter plain[] = { { SLICE ("a/+"), 1 }, { SLICE ("#"), 2 } };
  const guint8 reasons[] = { 0x01, 0x80 }, unsub_reasons[] = { 0x00, 0x11 };

  for (guint8 version = 3; version <= 5; version++)
    for (int with = 0; with < 2; with++)
      for (MqttPacketType type = MQTT_CONNECT; type <= MQTT_AUTH; type++)
        {
          g_autoptr (GByteArray) out = g_byte_array_new (), properties = with ? some_properties (type) : NULL;
          g_autoptr (GByteArray) will_properties = with ? some_properties (MQTT_WILL) : NULL;
          MqttConnect connect = { .version = version, .clean_start = TRUE, .has_will = with, .has_user = with, .has_password = with,
                                  .will_qos = with, .keep_alive_s = 60, .client_id = SLICE ("id"), .will_topic = SLICE ("w"),
                                  .will_payload = SLICE ("gone"), .user = SLICE ("u"), .password = SLICE ("p") };
          MqttPublish publish = { .qos = 1, .packet_id = 7, .topic = SLICE ("a/b"), .payload = SLICE ("x") };

          if (type == MQTT_AUTH && version < 5)
            continue;
          switch (type)
            {
            case MQTT_CONNECT: mqtt_codec_write_connect (out, &connect, properties, will_properties); break;
            case MQTT_CONNACK: mqtt_codec_write_connack (out, version, TRUE, 0, properties); break;
            case MQTT_PUBLISH: mqtt_codec_write_publish (out, version, &publish, properties); break;
            case MQTT_PUBACK:
            case MQTT_PUBREC:
            case MQTT_PUBREL:
            case MQTT_PUBCOMP: mqtt_codec_write_ack (out, version, type, 9, 0, properties); break;
            case MQTT_SUBSCRIBE: mqtt_codec_write_subscribe (out, version, 9, version == 5 ? filters : plain, 2, properties); break;
            case MQTT_UNSUBSCRIBE: mqtt_codec_write_unsubscribe (out, version, 9, filters, 2, properties); break;
            case MQTT_SUBACK: mqtt_codec_write_list_ack (out, version, type, 9, reasons, 2, properties); break;
            case MQTT_UNSUBACK: mqtt_codec_write_list_ack (out, version, type, 9, unsub_reasons, 2, properties); break;
            case MQTT_PINGREQ:
            case MQTT_PINGRESP: mqtt_codec_write_empty (out, type); break;
            default: mqtt_codec_write_end (out, version, type, 0, properties); break;
            }
          g_assert_cmphex (read_exactly (version, out->data, out->len), ==, MQTT_SUCCESS);
        }
}

static void
test_topics (void)
{
  static const struct {
    const char *filter;
    gboolean valid;
  } filters[] = {
    { "#", TRUE }, { "+", TRUE }, { "+/+", TRUE }, { "a/#", TRUE }, { "/", TRUE }, { "+/a/#", TRUE }, { "a//b", TRUE },
    { "", FALSE }, { "##", FALSE }, { "a#", FALSE }, { "#/a", FALSE }, { "a+", FALSE }, { "+a", FALSE }, { "a/+b/c", FALSE }, { "a/#/", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    g_assert_cmpint (mqtt_filter_is_valid ((const guint8 *) filters[i].filter, strlen (filters[i].filter)), ==, filters[i].valid);
  g_assert_cmpuint (mqtt_topic_count_levels ((const guint8 *) "/a/", 3), ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/mqtt/codec/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], check_case);
    }
  g_test_add_func ("/mqtt/codec/cut-behind-each-byte-is-never-read-past", test_cut);
  g_test_add_func ("/mqtt/codec/a-packet-without-a-byte-is-malformed", test_nothing);
  g_test_add_func ("/mqtt/codec/each-byte-may-have-each-value", test_each_byte_wrong);
  g_test_add_func ("/mqtt/codec/varint", test_varint);
  g_test_add_func ("/mqtt/codec/written-is-read", test_written_is_read);
  g_test_add_func ("/mqtt/codec/filters", test_topics);
  g_test_add_func ("/mqtt/properties/table", test_property_table);
  g_test_add_func ("/mqtt/properties/ranges", test_property_ranges);
  g_test_add_func ("/mqtt/properties/user-properties-keep-their-order", test_user_properties_keep_their_order);
  return g_test_run ();
}
