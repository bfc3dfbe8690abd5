/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* MQTT 5.0 section 2.1.2, in its order; 0 is forbidden. */
typedef enum {
  MQTT_CONNECT = 1,
  MQTT_CONNACK,
  MQTT_PUBLISH,
  MQTT_PUBACK,
  MQTT_PUBREC,
  MQTT_PUBREL,
  MQTT_PUBCOMP,
  MQTT_SUBSCRIBE,
  MQTT_SUBACK,
  MQTT_UNSUBSCRIBE,
  MQTT_UNSUBACK,
  MQTT_PINGREQ,
  MQTT_PINGRESP,
  MQTT_DISCONNECT,
  MQTT_AUTH,
  MQTT_WILL, /* not a packet: the will's own properties, section 3.1.3.2 */
} MqttPacketType;

#define MQTT_MASK(type) (1u << (type))

/* The protocol level of CONNECT is our name for the version. */
typedef enum {
  MQTT_VERSION_3_1 = 3,
  MQTT_VERSION_3_1_1 = 4,
  MQTT_VERSION_5_0 = 5,
} MqttVersion;

typedef struct {
  const char *name;
  guint8 flags;             /* required low bits of the first byte, section 2.1.3 */
  gboolean has_free_flags;  /* PUBLISH uses them */
  guint8 min_len;           /* of what follows the fixed header, in 3.1.1 */
  guint8 max_len;           /* in 3.1.1; 0: no limit but the packet's */
  gboolean from_client;
  gboolean from_server;
} MqttPacketRule;

/* Indexed by #MqttPacketType, 0..15. */
extern const MqttPacketRule mqtt_packet_rules[16];

typedef enum {
  MQTT_TYPE_BYTE,
  MQTT_TYPE_U16,
  MQTT_TYPE_U32,
  MQTT_TYPE_VARINT,
  MQTT_TYPE_STRING,
  MQTT_TYPE_BINARY,
  MQTT_TYPE_PAIR,
} MqttPropertyType;

/* Rows of the property table, section 2.2.2.2, in its order. */
typedef enum {
  MQTT_PAYLOAD_FORMAT,
  MQTT_MESSAGE_EXPIRY,
  MQTT_CONTENT_TYPE,
  MQTT_RESPONSE_TOPIC,
  MQTT_CORRELATION,
  MQTT_SUBSCRIPTION_ID,
  MQTT_SESSION_EXPIRY,
  MQTT_ASSIGNED_ID,
  MQTT_SERVER_KEEP_ALIVE,
  MQTT_AUTH_METHOD,
  MQTT_AUTH_DATA,
  MQTT_REQUEST_PROBLEM,
  MQTT_WILL_DELAY,
  MQTT_REQUEST_RESPONSE,
  MQTT_RESPONSE_INFO,
  MQTT_SERVER_REFERENCE,
  MQTT_REASON_STRING,
  MQTT_RECEIVE_MAXIMUM,
  MQTT_ALIAS_MAXIMUM,
  MQTT_ALIAS,
  MQTT_MAXIMUM_QOS,
  MQTT_RETAIN_AVAILABLE,
  MQTT_USER_PROPERTY,
  MQTT_MAXIMUM_PACKET,
  MQTT_WILDCARD_AVAILABLE,
  MQTT_IDS_AVAILABLE,
  MQTT_SHARED_AVAILABLE,
  MQTT_N_PROPERTIES,
} MqttProperty;

typedef struct {
  guint8 id;
  MqttPropertyType type;
  const char *name;
  guint32 packets;       /* MQTT_MASK() of where it may stand */
  guint32 repeats;       /* MQTT_MASK() of where it may stand more than once */
  guint32 minimum, maximum;
} MqttPropertyRule;

extern const MqttPropertyRule mqtt_property_rules[MQTT_N_PROPERTIES];

/* Row of an identifier, or -1. */
int mqtt_property_find (guint32 id);

/* Reason codes, section 2.4, in its order. */
typedef enum {
  MQTT_SUCCESS = 0x00,
  MQTT_GRANTED_1 = 0x01,
  MQTT_GRANTED_2 = 0x02,
  MQTT_WITH_WILL = 0x04,
  MQTT_NO_SUBSCRIBERS = 0x10,
  MQTT_NO_SUBSCRIPTION = 0x11,
  MQTT_CONTINUE = 0x18,
  MQTT_REAUTHENTICATE = 0x19,
  MQTT_UNSPECIFIED = 0x80,
  MQTT_MALFORMED = 0x81,
  MQTT_PROTOCOL_ERROR = 0x82,
  MQTT_IMPLEMENTATION = 0x83,
  MQTT_BAD_VERSION = 0x84,
  MQTT_BAD_CLIENT_ID = 0x85,
  MQTT_BAD_LOGIN = 0x86,
  MQTT_NOT_AUTHORIZED = 0x87,
  MQTT_UNAVAILABLE = 0x88,
  MQTT_BUSY = 0x89,
  MQTT_BANNED = 0x8a,
  MQTT_SHUTTING_DOWN = 0x8b,
  MQTT_BAD_METHOD = 0x8c,
  MQTT_KEEP_ALIVE = 0x8d,
  MQTT_TAKEN_OVER = 0x8e,
  MQTT_BAD_FILTER = 0x8f,
  MQTT_BAD_TOPIC = 0x90,
  MQTT_ID_IN_USE = 0x91,
  MQTT_ID_NOT_FOUND = 0x92,
  MQTT_RECEIVE_EXCEEDED = 0x93,
  MQTT_BAD_ALIAS = 0x94,
  MQTT_TOO_LARGE = 0x95,
  MQTT_RATE = 0x96,
  MQTT_QUOTA = 0x97,
  MQTT_ADMINISTRATIVE = 0x98,
  MQTT_BAD_PAYLOAD = 0x99,
  MQTT_NO_RETAIN = 0x9a,
  MQTT_NO_QOS = 0x9b,
  MQTT_USE_ANOTHER = 0x9c,
  MQTT_MOVED = 0x9d,
  MQTT_NO_SHARED = 0x9e,
  MQTT_CONNECTION_RATE = 0x9f,
  MQTT_MAXIMUM_TIME = 0xa0,
  MQTT_NO_IDS = 0xa1,
  MQTT_NO_WILDCARDS = 0xa2,
} MqttReason;

typedef struct {
  guint8 code;
  const char *name;
  guint32 packets;      /* MQTT_MASK() of where it may stand */
  guint8 connack_3;     /* the CONNACK return code of 3.1.1 that says the same; 0: close without */
} MqttReasonRule;

extern const MqttReasonRule mqtt_reason_rules[];
extern const gsize mqtt_n_reason_rules;

/* Row of @code, or NULL. */
const MqttReasonRule *mqtt_reason_find      (guint8 code);
const char           *mqtt_reason_to_string (guint8 code);
/* Whether @code may stand in a packet of this type. */
gboolean              mqtt_reason_is_valid  (MqttPacketType type,
                                             guint8         code);

G_END_DECLS
