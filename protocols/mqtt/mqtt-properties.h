/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mqtt-tables.h"

G_BEGIN_DECLS

/* A piece of the packet; not terminated. */
typedef struct {
  const guint8 *data;
  gsize len;
} MqttSlice;

/* A decoded property block. Values are valid where is set; slices point into the packet. */
typedef struct {
  guint32 present;               /* bit per #MqttProperty */
  guint32 n_user;
  const guint8 *block;           /* the whole block, to walk what repeats */
  gsize block_len;
  union {
    guint32 number;
    MqttSlice slice;
  } value[MQTT_N_PROPERTIES];
} MqttProperties;

static inline gboolean
mqtt_properties_has (const MqttProperties *self, MqttProperty property)
{
  return (self->present >> property) & 1;
}

static inline guint32
mqtt_properties_get (const MqttProperties *self, MqttProperty property, guint32 fallback)
{
  return mqtt_properties_has (self, property) ? self->value[property].number : fallback;
}

/* Decodes @len bytes that follow the property length. @type is the packet they stand in, or MQTT_WILL.
 * Returns MQTT_SUCCESS or the reason to end the connection with. Source: MQTT 5.0 section 2.2.2. */
guint8   mqtt_properties_read      (MqttProperties *self,
                                    MqttPacketType  type,
                                    const guint8   *data,
                                    gsize           len,
                                    guint           max_user);

/* User properties in their order; *position starts at 0; FALSE at the end. The block was accepted before. */
gboolean mqtt_properties_next_user (const MqttProperties *self,
                                    gsize                *position,
                                    MqttSlice            *out_name,
                                    MqttSlice            *out_value);

/* Appending to a block under construction. */
void     mqtt_properties_put_number (GByteArray   *block,
                                     MqttProperty  property,
                                     guint32       value);
void     mqtt_properties_put_slice  (GByteArray   *block,
                                     MqttProperty  property,
                                     const void   *data,
                                     gsize         len);
void     mqtt_properties_put_user   (GByteArray   *block,
                                     const void   *name,
                                     gsize         name_len,
                                     const void   *value,
                                     gsize         value_len);

/* "UTF-8 Encoded String" of section 1.5.4: well formed, no surrogates, no U+0000. */
gboolean mqtt_utf8_is_valid         (const guint8 *data,
                                     gsize         len);

/* Variable byte integer of section 1.5.5. Returns the bytes used, 0 when it is cut, -1 when it is malformed. */
static inline int
mqtt_varint_read (const guint8 *data, gsize len, guint32 *out_value)
{
  guint32 value = 0;

  for (gsize i = 0; i < 4; i++)
    {
      if (i == len)
        return 0;
      value |= (guint32) (data[i] & 0x7f) << (7 * i);
      if ((data[i] & 0x80) == 0)
        {
          *out_value = value;
          /* "the encoded value MUST use the minimum number of bytes" [MQTT-1.5.5-1] */
          return i > 0 && data[i] == 0 ? -1 : (int) i + 1;
        }
    }
  return -1;
}

static inline gsize
mqtt_varint_size (gsize value)
{
  return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

static inline guint8 *
mqtt_varint_put (guint8 *to, gsize value)
{
  while (value >= 128)
    {
      *to++ = (guint8) (value | 0x80);
      value >>= 7;
    }
  *to++ = (guint8) value;
  return to;
}

static inline guint16
mqtt_u16_get (const guint8 *data)
{
  return (guint16) (data[0] << 8 | data[1]);
}

static inline guint32
mqtt_u32_get (const guint8 *data)
{
  return (guint32) data[0] << 24 | (guint32) data[1] << 16 | (guint32) data[2] << 8 | data[3];
}

static inline guint8 *
mqtt_u16_put (guint8 *to, guint16 value)
{
  to[0] = (guint8) (value >> 8);
  to[1] = (guint8) value;
  return to + 2;
}

static inline guint8 *
mqtt_u32_put (guint8 *to, guint32 value)
{
  to[0] = (guint8) (value >> 24);
  to[1] = (guint8) (value >> 16);
  to[2] = (guint8) (value >> 8);
  to[3] = (guint8) value;
  return to + 4;
}

G_END_DECLS
