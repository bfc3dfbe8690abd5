/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Bytes being written. Zero it to begin, hawser_buffer_clear() to end; set len to 0 to use the memory again.
 * Not for two threads at once. */

#include "hawser-types.h"

#include <string.h>

G_BEGIN_DECLS

#define HAWSER_VARINT_MAX 268435455 /* MQTT 5.0 section 1.5.5 */

typedef struct {
  guint8 *data;
  gsize len;
  gsize size;
} HawserBuffer;

HAWSER_AVAILABLE_IN_ALL
void    hawser_buffer_clear (HawserBuffer *self);
HAWSER_AVAILABLE_IN_ALL
GBytes *hawser_buffer_steal (HawserBuffer *self);
HAWSER_AVAILABLE_IN_ALL
void    hawser_buffer_grow  (HawserBuffer *self,
                             gsize         len);

/* Room for len more bytes, which hawser_buffer_commit() makes part of the buffer. */
static inline guint8 *
hawser_buffer_reserve (HawserBuffer *self, gsize len)
{
  if (G_UNLIKELY (self->size - self->len < len))
    hawser_buffer_grow (self, len);
  return self->data + self->len;
}

static inline void
hawser_buffer_commit (HawserBuffer *self, gsize len)
{
  self->len += len;
}

static inline void
hawser_buffer_bytes (HawserBuffer *self, const void *data, gsize len)
{
  if (len == 0)
    return;
  memcpy (hawser_buffer_reserve (self, len), data, len);
  self->len += len;
}

static inline void
hawser_buffer_u8 (HawserBuffer *self, guint8 value)
{
  *hawser_buffer_reserve (self, 1) = value;
  self->len++;
}

static inline void
hawser_buffer_u16be (HawserBuffer *self, guint16 value)
{
  value = GUINT16_TO_BE (value);
  hawser_buffer_bytes (self, &value, sizeof value);
}

static inline void
hawser_buffer_u32be (HawserBuffer *self, guint32 value)
{
  value = GUINT32_TO_BE (value);
  hawser_buffer_bytes (self, &value, sizeof value);
}

static inline void
hawser_buffer_u64be (HawserBuffer *self, guint64 value)
{
  value = GUINT64_TO_BE (value);
  hawser_buffer_bytes (self, &value, sizeof value);
}

/* Overwrites four bytes written before: a length that is known only at the end. */
static inline void
hawser_buffer_patch_u32be (HawserBuffer *self, gsize position, guint32 value)
{
  g_assert (position <= self->len && self->len - position >= sizeof value);
  value = GUINT32_TO_BE (value);
  memcpy (self->data + position, &value, sizeof value);
}

/* Bytes that a varint takes: 1 to 4. */
static inline guint
hawser_varint_get_size (guint32 value)
{
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

/* FALSE, and nothing written, over HAWSER_VARINT_MAX. */
static inline gboolean
hawser_buffer_varint (HawserBuffer *self, guint32 value)
{
  guint8 *write;

  if (value > HAWSER_VARINT_MAX)
    return FALSE;
  write = hawser_buffer_reserve (self, 4);
  for (; value >= 0x80; value >>= 7)
    *write++ = (guint8) (value | 0x80);
  *write++ = (guint8) value;
  self->len = (gsize) (write - self->data);
  return TRUE;
}

/* Two bytes of length and the text. FALSE, and nothing written, over 65535 bytes. */
static inline gboolean
hawser_buffer_string (HawserBuffer *self, const char *text, gsize len)
{
  if (len > G_MAXUINT16)
    return FALSE;
  hawser_buffer_u16be (self, (guint16) len);
  hawser_buffer_bytes (self, text, len);
  return TRUE;
}

G_END_DECLS
