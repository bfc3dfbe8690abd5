/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-message-raw.h"

G_BEGIN_DECLS

/* Who published: one per connection or in-process publisher, shared by all its messages. */
typedef struct {
  gatomicrefcount ref_count;
  guint64 id;            /* for "no local"; 0: nobody's */
  gpointer author;       /* whose rights what it left behind depends on: core/bus; NULL: this process, or nothing was left */
  GDestroyNotify free_author;
  char uid[17];          /* first half of the message ids of this bus */
  char source[];         /* CloudEvents source, such as /listener/mqtt/client/ground-1 */
} HawserOrigin;

HawserOrigin *hawser_origin_new   (guint64       id,
                                   const char   *uid,
                                   const char   *source);
HawserOrigin *hawser_origin_ref   (HawserOrigin *self);
void          hawser_origin_unref (HawserOrigin *self);

/* 64 bytes of head; topic (terminated), properties and a small payload follow in the same allocation. */
struct _HawserMessage {
  gint ref_count;
  guint8 qos;
  guint8 retain;
  guint16 topic_len;
  guint32 properties_len;
  guint32 payload_len;
  guint32 expiry_s;
  guint32 rights_version; /* of the bus, and one, when its author was last found to have the right to it; 0: not looked at */
  gint64 published_us;
  guint64 sequence;
  const guint8 *payload;
  HawserBlock *block;
  HawserOrigin *origin;
  char data[];
};

static inline const guint8 *
hawser_message_properties (const HawserMessage *self)
{
  return (const guint8 *) self->data + self->topic_len + 1;
}

/* Memory of blocks: taken (NULL: there is none), filled, and made a block of or given back. */
gpointer      hawser_block_memory_take     (gsize          size,
                                            gsize         *out_capacity);
void          hawser_block_memory_give     (gpointer       memory,
                                            gsize          capacity);
HawserBlock  *hawser_block_new_with_memory (gpointer       memory,
                                            gsize          capacity,
                                            gsize          size);
gboolean      hawser_block_trim            (gsize         *out_given_back);

/* The bus stamps a message once, before anybody else sees it; a message that is shared or stamped is copied first. */
HawserMessage *hawser_message_stamp   (HawserMessage *self, /* (transfer full) */
                                       guint64        sequence,
                                       gint64         published_us,
                                       HawserOrigin  *origin);
/* Fills in the payload: shared when it is large. */
HawserMessage *hawser_message_new_with_bytes (HawserMessageInit *init,
                                              GBytes            *payload);
/* The time of measurement that the publisher gave, wall clock; 0: none, or none that can be read. */
gint64         hawser_message_get_given_time_us (const HawserMessage *self);
void           hawser_message_ref_n   (HawserMessage *self,
                                       gint           n);
void           hawser_message_unref_n (HawserMessage *self,
                                       gint           n);

/* Stored form: everything that must survive a restart, checksummed by its keeper.
 * Shape: version 1, qos, retain, spare, u32 expiry_s, u64 sequence, i64 wall time of publishing in us,
 * u16 topic length, u16 source length, u32 properties length, u16 id length, u32 payload length,
 * then topic, source, properties, id, payload. Little-endian. Where the spare byte is 1 something follows that the caller
 * of hawser_message_store_with() gave. */
GBytes        *hawser_message_store   (HawserMessage *self,
                                       gint64         wall_minus_monotonic_us);
HawserMessage *hawser_message_load    (const guint8  *data,
                                       gsize          len,
                                       gint64         wall_minus_monotonic_us);
GBytes        *hawser_message_store_with (HawserMessage *self,
                                       gint64         wall_minus_monotonic_us,
                                       GBytes        *more); /* (nullable) */
/* @out_more points into @data; of @out_more_len 0: nothing follows. */
HawserMessage *hawser_message_load_with (const guint8 *data,
                                       gsize          len,
                                       gint64         wall_minus_monotonic_us,
                                       const guint8 **out_more,
                                       gsize         *out_more_len);

G_END_DECLS
