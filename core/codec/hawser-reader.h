/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* A cursor over bytes that somebody else sent. Each read checks what is left, advances on success only, and writes its
 * result on success only. Nothing is copied: results point into the bytes. Any thread; touches only its arguments. */

#include <string.h>

#include "hawser-types.h"

G_BEGIN_DECLS

typedef struct {
  const guint8 *next;
  const guint8 *end;
} HawserReader;

typedef enum {
  HAWSER_READ_OK,
  HAWSER_READ_TRUNCATED,  /* the bytes end too early: more may come */
  HAWSER_READ_MALFORMED,  /* no continuation makes it valid: close the peer */
} HawserReadResult;

static inline void
hawser_reader_init (HawserReader *self, const void *data, gsize len)
{
  self->next = (const guint8 *) data;
  self->end = len > 0 ? self->next + len : self->next;
}

static inline gsize
hawser_reader_get_remaining (const HawserReader *self)
{
  return (gsize) (self->end - self->next);
}

static inline gboolean
hawser_reader_u8 (HawserReader *self, guint8 *out_value)
{
  if (hawser_reader_get_remaining (self) < 1)
    return FALSE;
  *out_value = *self->next++;
  return TRUE;
}

static inline gboolean
hawser_reader_u16be (HawserReader *self, guint16 *out_value)
{
  if (hawser_reader_get_remaining (self) < 2)
    return FALSE;
  *out_value = (guint16) (self->next[0] << 8 | self->next[1]);
  self->next += 2;
  return TRUE;
}

static inline gboolean
hawser_reader_u32be (HawserReader *self, guint32 *out_value)
{
  if (hawser_reader_get_remaining (self) < 4)
    return FALSE;
  *out_value = (guint32) self->next[0] << 24 | (guint32) self->next[1] << 16 | (guint32) self->next[2] << 8 | self->next[3];
  self->next += 4;
  return TRUE;
}

static inline gboolean
hawser_reader_u64be (HawserReader *self, guint64 *out_value)
{
  guint32 high = 0, low = 0;

  if (hawser_reader_get_remaining (self) < 8)
    return FALSE;
  hawser_reader_u32be (self, &high);
  hawser_reader_u32be (self, &low);
  *out_value = (guint64) high << 32 | low;
  return TRUE;
}

static inline gboolean
hawser_reader_bytes (HawserReader *self, gsize len, const guint8 **out_data)
{
  if (hawser_reader_get_remaining (self) < len)
    return FALSE;
  *out_data = self->next;
  self->next += len;
  return TRUE;
}

static inline gboolean
hawser_reader_skip (HawserReader *self, gsize len)
{
  if (hawser_reader_get_remaining (self) < len)
    return FALSE;
  self->next += len;
  return TRUE;
}

/* A reader of the next len bytes only: what is inside cannot reach what is behind. */
static inline gboolean
hawser_reader_sub (HawserReader *self, gsize len, HawserReader *out_reader)
{
  const guint8 *data;

  if (!hawser_reader_bytes (self, len, &data))
    return FALSE;
  hawser_reader_init (out_reader, data, len);
  return TRUE;
}

/* Two bytes of length, then that many bytes. The caller checks what the bytes may be. */
static inline gboolean
hawser_reader_string (HawserReader *self, const char **out_text, gsize *out_len)
{
  gsize len;

  if (hawser_reader_get_remaining (self) < 2)
    return FALSE;
  len = (gsize) (self->next[0] << 8 | self->next[1]);
  if (hawser_reader_get_remaining (self) - 2 < len)
    return FALSE;
  *out_text = (const char *) self->next + 2;
  *out_len = len;
  self->next += 2 + len;
  return TRUE;
}

/* The next line, without its end (LF, or CR and LF). */
static inline gboolean
hawser_reader_line (HawserReader *self, const char **out_line, gsize *out_len)
{
  const guint8 *end = self->next < self->end ? (const guint8 *) memchr (self->next, '\n', (gsize) (self->end - self->next)) : NULL;

  if (end == NULL)
    return FALSE;
  *out_line = (const char *) self->next;
  *out_len = (gsize) (end - self->next);
  if (*out_len > 0 && end[-1] == '\r')
    --*out_len;
  self->next = end + 1;
  return TRUE;
}

/* One to four bytes, seven bits each, the lowest first: 0..268435455. A fifth byte and a longer form than needed are
 * malformed (MQTT 5.0 section 1.5.5). */
static inline HawserReadResult
hawser_reader_varint (HawserReader *self, guint32 *out_value)
{
  guint32 value = 0;

  for (guint i = 0; i < 4; i++)
    {
      guint8 byte;

      if (self->next + i >= self->end)
        return HAWSER_READ_TRUNCATED;
      byte = self->next[i];
      value |= (guint32) (byte & 0x7f) << (7 * i);
      if (byte < 0x80)
        {
          if (byte == 0 && i > 0)
            return HAWSER_READ_MALFORMED;
          self->next += i + 1;
          *out_value = value;
          return HAWSER_READ_OK;
        }
    }
  return HAWSER_READ_MALFORMED;
}

G_END_DECLS
