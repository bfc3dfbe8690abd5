/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of MQTT in the order of the specification: packet types, properties, reason codes. Codec, session and
 * tests walk the same rows. No logic beyond looking a row up. */

#include "mqtt-tables.h"

#define M MQTT_MASK

/* MQTT 5.0 tables 2-1 and 2-2; lengths from 3.1.1 chapter 3 */
const MqttPacketRule mqtt_packet_rules[16] = {
  [0] = { "reserved" },
  [MQTT_CONNECT] = { "CONNECT", 0, FALSE, 10, 0, TRUE, FALSE },
  [MQTT_CONNACK] = { "CONNACK", 0, FALSE, 2, 2, FALSE, TRUE },
  [MQTT_PUBLISH] = { "PUBLISH", 0, TRUE, 2, 0, TRUE, TRUE },
  [MQTT_PUBACK] = { "PUBACK", 0, FALSE, 2, 2, TRUE, TRUE },
  [MQTT_PUBREC] = { "PUBREC", 0, FALSE, 2, 2, TRUE, TRUE },
  [MQTT_PUBREL] = { "PUBREL", 2, FALSE, 2, 2, TRUE, TRUE },
  [MQTT_PUBCOMP] = { "PUBCOMP", 0, FALSE, 2, 2, TRUE, TRUE },
  [MQTT_SUBSCRIBE] = { "SUBSCRIBE", 2, FALSE, 2, 0, TRUE, FALSE },
  [MQTT_SUBACK] = { "SUBACK", 0, FALSE, 2, 0, FALSE, TRUE },
  [MQTT_UNSUBSCRIBE] = { "UNSUBSCRIBE", 2, FALSE, 2, 0, TRUE, FALSE },
  [MQTT_UNSUBACK] = { "UNSUBACK", 0, FALSE, 2, 2, FALSE, TRUE },
  [MQTT_PINGREQ] = { "PINGREQ", 0, FALSE, 0, 0, TRUE, FALSE },
  [MQTT_PINGRESP] = { "PINGRESP", 0, FALSE, 0, 0, FALSE, TRUE },
  [MQTT_DISCONNECT] = { "DISCONNECT", 0, FALSE, 0, 0, TRUE, TRUE },
  [MQTT_AUTH] = { "AUTH", 0, FALSE, 0, 0, TRUE, TRUE },
};

#define ACKS (M (MQTT_PUBACK) | M (MQTT_PUBREC) | M (MQTT_PUBREL) | M (MQTT_PUBCOMP))
#define ANY_USER (M (MQTT_CONNECT) | M (MQTT_CONNACK) | M (MQTT_PUBLISH) | M (MQTT_WILL) | ACKS | M (MQTT_SUBSCRIBE) | \
                  M (MQTT_SUBACK) | M (MQTT_UNSUBSCRIBE) | M (MQTT_UNSUBACK) | M (MQTT_DISCONNECT) | M (MQTT_AUTH))
#define ANY_REASON (M (MQTT_CONNACK) | ACKS | M (MQTT_SUBACK) | M (MQTT_UNSUBACK) | M (MQTT_DISCONNECT) | M (MQTT_AUTH))
#define ANY_AUTH (M (MQTT_CONNECT) | M (MQTT_CONNACK) | M (MQTT_AUTH))
#define BOTH_CONNECTS (M (MQTT_CONNECT) | M (MQTT_CONNACK))
#define CONTENT (M (MQTT_PUBLISH) | M (MQTT_WILL))

/* MQTT 5.0 table 2-4; ranges from the sections of the packets */
const MqttPropertyRule mqtt_property_rules[MQTT_N_PROPERTIES] = {
  [MQTT_PAYLOAD_FORMAT] = { 0x01, MQTT_TYPE_BYTE, "Payload Format Indicator", CONTENT, 0, 0, 1 },
  [MQTT_MESSAGE_EXPIRY] = { 0x02, MQTT_TYPE_U32, "Message Expiry Interval", CONTENT, 0, 0, G_MAXUINT32 },
  [MQTT_CONTENT_TYPE] = { 0x03, MQTT_TYPE_STRING, "Content Type", CONTENT, 0 },
  [MQTT_RESPONSE_TOPIC] = { 0x08, MQTT_TYPE_STRING, "Response Topic", CONTENT, 0 },
  [MQTT_CORRELATION] = { 0x09, MQTT_TYPE_BINARY, "Correlation Data", CONTENT, 0 },
  [MQTT_SUBSCRIPTION_ID] = { 0x0b, MQTT_TYPE_VARINT, "Subscription Identifier", M (MQTT_PUBLISH) | M (MQTT_SUBSCRIBE), M (MQTT_PUBLISH), 1, 268435455 },
  [MQTT_SESSION_EXPIRY] = { 0x11, MQTT_TYPE_U32, "Session Expiry Interval", BOTH_CONNECTS | M (MQTT_DISCONNECT), 0, 0, G_MAXUINT32 },
  [MQTT_ASSIGNED_ID] = { 0x12, MQTT_TYPE_STRING, "Assigned Client Identifier", M (MQTT_CONNACK), 0 },
  [MQTT_SERVER_KEEP_ALIVE] = { 0x13, MQTT_TYPE_U16, "Server Keep Alive", M (MQTT_CONNACK), 0, 0, 65535 },
  [MQTT_AUTH_METHOD] = { 0x15, MQTT_TYPE_STRING, "Authentication Method", ANY_AUTH, 0 },
  [MQTT_AUTH_DATA] = { 0x16, MQTT_TYPE_BINARY, "Authentication Data", ANY_AUTH, 0 },
  [MQTT_REQUEST_PROBLEM] = { 0x17, MQTT_TYPE_BYTE, "Request Problem Information", M (MQTT_CONNECT), 0, 0, 1 },
  [MQTT_WILL_DELAY] = { 0x18, MQTT_TYPE_U32, "Will Delay Interval", M (MQTT_WILL), 0, 0, G_MAXUINT32 },
  [MQTT_REQUEST_RESPONSE] = { 0x19, MQTT_TYPE_BYTE, "Request Response Information", M (MQTT_CONNECT), 0, 0, 1 },
  [MQTT_RESPONSE_INFO] = { 0x1a, MQTT_TYPE_STRING, "Response Information", M (MQTT_CONNACK), 0 },
  [MQTT_SERVER_REFERENCE] = { 0x1c, MQTT_TYPE_STRING, "Server Reference", M (MQTT_CONNACK) | M (MQTT_DISCONNECT), 0 },
  [MQTT_REASON_STRING] = { 0x1f, MQTT_TYPE_STRING, "Reason String", ANY_REASON, 0 },
  [MQTT_RECEIVE_MAXIMUM] = { 0x21, MQTT_TYPE_U16, "Receive Maximum", BOTH_CONNECTS, 0, 1, 65535 },
  [MQTT_ALIAS_MAXIMUM] = { 0x22, MQTT_TYPE_U16, "Topic Alias Maximum", BOTH_CONNECTS, 0, 0, 65535 },
  [MQTT_ALIAS] = { 0x23, MQTT_TYPE_U16, "Topic Alias", M (MQTT_PUBLISH), 0, 1, 65535 },
  [MQTT_MAXIMUM_QOS] = { 0x24, MQTT_TYPE_BYTE, "Maximum QoS", M (MQTT_CONNACK), 0, 0, 1 },
  [MQTT_RETAIN_AVAILABLE] = { 0x25, MQTT_TYPE_BYTE, "Retain Available", M (MQTT_CONNACK), 0, 0, 1 },
  [MQTT_USER_PROPERTY] = { 0x26, MQTT_TYPE_PAIR, "User Property", ANY_USER, ANY_USER },
  [MQTT_MAXIMUM_PACKET] = { 0x27, MQTT_TYPE_U32, "Maximum Packet Size", BOTH_CONNECTS, 0, 1, G_MAXUINT32 },
  [MQTT_WILDCARD_AVAILABLE] = { 0x28, MQTT_TYPE_BYTE, "Wildcard Subscription Available", M (MQTT_CONNACK), 0, 0, 1 },
  [MQTT_IDS_AVAILABLE] = { 0x29, MQTT_TYPE_BYTE, "Subscription Identifier Available", M (MQTT_CONNACK), 0, 0, 1 },
  [MQTT_SHARED_AVAILABLE] = { 0x2a, MQTT_TYPE_BYTE, "Shared Subscription Available", M (MQTT_CONNACK), 0, 0, 1 },
};

#define GRANTS (M (MQTT_SUBACK))
#define PUBS (M (MQTT_PUBACK) | M (MQTT_PUBREC))
#define SUBS (M (MQTT_SUBACK) | M (MQTT_UNSUBACK))
#define ENDS (M (MQTT_CONNACK) | M (MQTT_DISCONNECT))

/* MQTT 5.0 table 2-6; the last column is table 3.1 of 3.1.1 */
const MqttReasonRule mqtt_reason_rules[] = {
  { 0x00, "Success", M (MQTT_CONNACK) | ACKS | SUBS | M (MQTT_DISCONNECT) | M (MQTT_AUTH), 0 },
  { 0x01, "Granted QoS 1", GRANTS, 0 },
  { 0x02, "Granted QoS 2", GRANTS, 0 },
  { 0x04, "Disconnect with Will Message", M (MQTT_DISCONNECT), 0 },
  { 0x10, "No matching subscribers", PUBS, 0 },
  { 0x11, "No subscription existed", M (MQTT_UNSUBACK), 0 },
  { 0x18, "Continue authentication", M (MQTT_AUTH), 0 },
  { 0x19, "Re-authenticate", M (MQTT_AUTH), 0 },
  { 0x80, "Unspecified error", ENDS | PUBS | SUBS, 3 },
  { 0x81, "Malformed Packet", ENDS, 0 },
  { 0x82, "Protocol Error", ENDS, 0 },
  { 0x83, "Implementation specific error", ENDS | PUBS | SUBS, 3 },
  { 0x84, "Unsupported Protocol Version", M (MQTT_CONNACK), 1 },
  { 0x85, "Client Identifier not valid", M (MQTT_CONNACK), 2 },
  { 0x86, "Bad User Name or Password", M (MQTT_CONNACK), 4 },
  { 0x87, "Not authorized", ENDS | PUBS | SUBS, 5 },
  { 0x88, "Server unavailable", M (MQTT_CONNACK), 3 },
  { 0x89, "Server busy", ENDS, 3 },
  { 0x8a, "Banned", M (MQTT_CONNACK), 5 },
  { 0x8b, "Server shutting down", M (MQTT_DISCONNECT), 0 },
  { 0x8c, "Bad authentication method", ENDS, 0 },
  { 0x8d, "Keep Alive timeout", M (MQTT_DISCONNECT), 0 },
  { 0x8e, "Session taken over", M (MQTT_DISCONNECT), 0 },
  { 0x8f, "Topic Filter invalid", SUBS | M (MQTT_DISCONNECT), 0 },
  { 0x90, "Topic Name invalid", ENDS | PUBS, 3 },
  { 0x91, "Packet Identifier in use", PUBS | SUBS, 0 },
  { 0x92, "Packet Identifier not found", M (MQTT_PUBREL) | M (MQTT_PUBCOMP), 0 },
  { 0x93, "Receive Maximum exceeded", M (MQTT_DISCONNECT), 0 },
  { 0x94, "Topic Alias invalid", M (MQTT_DISCONNECT), 0 },
  { 0x95, "Packet too large", ENDS, 3 },
  { 0x96, "Message rate too high", M (MQTT_DISCONNECT), 0 },
  { 0x97, "Quota exceeded", ENDS | PUBS | M (MQTT_SUBACK), 3 },
  { 0x98, "Administrative action", M (MQTT_DISCONNECT), 0 },
  { 0x99, "Payload format invalid", ENDS | PUBS, 0 },
  { 0x9a, "Retain not supported", ENDS, 3 },
  { 0x9b, "QoS not supported", ENDS, 3 },
  { 0x9c, "Use another server", ENDS, 3 },
  { 0x9d, "Server moved", ENDS, 3 },
  { 0x9e, "Shared Subscriptions not supported", M (MQTT_SUBACK) | M (MQTT_DISCONNECT), 0 },
  { 0x9f, "Connection rate exceeded", ENDS, 3 },
  { 0xa0, "Maximum connect time", M (MQTT_DISCONNECT), 0 },
  { 0xa1, "Subscription Identifiers not supported", M (MQTT_SUBACK) | M (MQTT_DISCONNECT), 0 },
  { 0xa2, "Wildcard Subscriptions not supported", M (MQTT_SUBACK) | M (MQTT_DISCONNECT), 0 },
};
const gsize mqtt_n_reason_rules = G_N_ELEMENTS (mqtt_reason_rules);

int
mqtt_property_find (guint32 id)
{
  /* row + 1 of each identifier below 0x2b; the same for every packet, so a table and not a search */
  static const guint8 rows[0x2b] = {
    [0x01] = 1, [0x02] = 2, [0x03] = 3, [0x08] = 4, [0x09] = 5, [0x0b] = 6, [0x11] = 7, [0x12] = 8, [0x13] = 9,
    [0x15] = 10, [0x16] = 11, [0x17] = 12, [0x18] = 13, [0x19] = 14, [0x1a] = 15, [0x1c] = 16, [0x1f] = 17,
    [0x21] = 18, [0x22] = 19, [0x23] = 20, [0x24] = 21, [0x25] = 22, [0x26] = 23, [0x27] = 24, [0x28] = 25,
    [0x29] = 26, [0x2a] = 27,
  };

  return id < G_N_ELEMENTS (rows) ? (int) rows[id] - 1 : -1;
}

const MqttReasonRule *
mqtt_reason_find (guint8 code)
{
  for (gsize i = 0; i < mqtt_n_reason_rules; i++)
    if (mqtt_reason_rules[i].code == code)
      return &mqtt_reason_rules[i];
  return NULL;
}

const char *
mqtt_reason_to_string (guint8 code)
{
  const MqttReasonRule *rule = mqtt_reason_find (code);

  return rule != NULL ? rule->name : "unknown reason";
}

gboolean
mqtt_reason_is_valid (MqttPacketType type, guint8 code)
{
  const MqttReasonRule *rule = mqtt_reason_find (code);

  return rule != NULL && (rule->packets & MQTT_MASK (type)) != 0;
}
