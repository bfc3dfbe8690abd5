/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* The hot path of C plugins: messages made from bytes on the wire and read back without copies.
 * Not introspected. */

#include "hawser-message.h"

G_BEGIN_DECLS

/* Payloads from here on are not copied: they are a slice of the block they were received into. */
#define HAWSER_LARGE_PAYLOAD 16384

/* What a property in the block of properties is. */
typedef enum {
  HAWSER_PROPERTY_USER = 0,      /* name and value, UTF-8 */
  HAWSER_PROPERTY_CONTENT_TYPE,  /* UTF-8 */
  HAWSER_PROPERTY_REPLY_TO,      /* topic name */
  HAWSER_PROPERTY_CORRELATION,   /* bytes */
  HAWSER_PROPERTY_FORMAT,        /* one byte, 1: the payload is UTF-8 (MQTT 5.0 section 3.3.2.3.2) */
} HawserPropertyKind;

/* One property: 8 bytes of head (kind, 1 spare, u16 name length, u32 value length; host order), name, value.
 * The id is user property "id" and the time of measurement user property "time" (RFC 3339): CloudEvents binary mode. */
typedef struct {
  HawserPropertyKind kind;
  const char *name;       /* not terminated */
  gsize name_len;
  const guint8 *value;
  gsize value_len;
} HawserProperty;

/* A growing block of properties; zero it to begin, hawser_properties_clear() to end. Reusable: set len to 0. */
typedef struct {
  guint8 *data;
  gsize len;
  gsize size;
} HawserProperties;

HAWSER_AVAILABLE_IN_ALL
void           hawser_properties_add      (HawserProperties    *self,
                                           HawserPropertyKind   kind,
                                           const char          *name,
                                           gsize                name_len,
                                           const void          *value,
                                           gsize                value_len);
HAWSER_AVAILABLE_IN_ALL
void           hawser_properties_clear    (HawserProperties    *self);

/* Walks a block: *position starts at 0; returns FALSE at the end. */
HAWSER_AVAILABLE_IN_ALL
gboolean       hawser_properties_next     (const guint8        *data,
                                           gsize                len,
                                           gsize               *position,
                                           HawserProperty      *out_property);

/* A refcounted piece of memory that a large payload was received into. Any thread. */
HAWSER_AVAILABLE_IN_ALL
HawserBlock   *hawser_block_new           (gsize                size);
HAWSER_AVAILABLE_IN_ALL
HawserBlock   *hawser_block_new_for_bytes (GBytes             *bytes); /* read only */
HAWSER_AVAILABLE_IN_ALL
HawserBlock   *hawser_block_ref           (HawserBlock         *self);
HAWSER_AVAILABLE_IN_ALL
void           hawser_block_unref         (HawserBlock         *self);
HAWSER_AVAILABLE_IN_ALL
guint8        *hawser_block_get_data      (HawserBlock         *self,
                                           gsize               *out_size);

typedef struct {
  const char *topic;         /* not terminated; a valid topic name: the caller checked */
  gsize topic_len;           /* 1..65535 */
  const guint8 *properties;  /* a block as above, or NULL */
  gsize properties_len;
  const guint8 *payload;
  gsize payload_len;         /* 0..2^32-1 */
  HawserBlock *block;        /* not NULL: payload points into it, a reference is taken and nothing is copied */
  guint32 expiry_s;          /* 0: none */
  guint8 qos;
  gboolean retain;
} HawserMessageInit;

HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_message_new_raw     (const HawserMessageInit *init);

typedef struct {
  const char *topic;         /* terminated */
  const guint8 *properties;
  const guint8 *payload;
  guint32 topic_len;
  guint32 properties_len;
  guint32 payload_len;
  guint32 expiry_s;
  gint64 published_us;       /* monotonic; 0 before it was published */
  guint64 sequence;
  guint8 qos;
  guint8 retain;
  guint8 is_large;           /* the payload is in a block: send it by reference */
} HawserMessageView;

/* Valid as long as the caller's reference on @self. */
HAWSER_AVAILABLE_IN_ALL
void           hawser_message_view        (const HawserMessage *self,
                                           HawserMessageView   *out_view);

/* Seconds left at monotonic time @now_us: 0 means expired, G_MAXUINT32 means it never expires. */
HAWSER_AVAILABLE_IN_ALL
guint32        hawser_message_get_remaining_s (const HawserMessage *self,
                                               gint64               now_us);

HAWSER_AVAILABLE_IN_ALL
gsize          hawser_message_get_size    (const HawserMessage *self);

G_END_DECLS
