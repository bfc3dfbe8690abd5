/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The records of the store as bytes: each carries a checksum over itself and enough of itself (length, position, queues,
 * key) to be understood without the tables around it, so that a damaged file can be searched for what is sound. The
 * checksum starts from a number that each store draws for itself: a payload cannot pose as a record of it.
 * Pure functions; the files are the business of store-sqlite.c and store-salvage.c.
 *
 * Shape, little-endian: u32 CRC-32C of all that follows, u8 kind, u8 version, u16 n, u32 length of it all, then
 *   message: u64 position, u32 size, u32 time_s, n x u32 queue, bytes
 *   queue:   n x u64 number of the commit (n is 1; 0 in older files), u32 queue, u32 length of id, id, meta
 *   value:   u64 number of the commit, u32 length of key, n bytes of space, key, in version 2: u64 revision, value
 *   state:   u64 commits, u64 highest position, u32 the store's number (its own checksum starts from 0) */

#include "store-record.h"

#include <string.h>

#include "store-crc.h"

#define RECORD_VERSION 1
#define RECORD_WITH_REVISION 2   /* of values only, and only of those that have one */
#define RECORD_HEAD STORE_RECORD_HEAD

guint32
store_entry_check (guint32 queue, guint64 position, guint32 size, guint32 time_s, gboolean is_shared)
{
  const guint32 words[6] = {
    GUINT32_TO_LE (queue), GUINT32_TO_LE ((guint32) position), GUINT32_TO_LE ((guint32) (position >> 32)),
    GUINT32_TO_LE (size), GUINT32_TO_LE (time_s), GUINT32_TO_LE (is_shared ? 1u : 0u),
  };

  return store_crc32c (0, words, sizeof words);
}

static guint8 *
put_u16 (guint8 *p, guint16 value)
{
  value = GUINT16_TO_LE (value);
  memcpy (p, &value, 2);
  return p + 2;
}

static guint8 *
put_u32 (guint8 *p, guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (p, &value, 4);
  return p + 4;
}

static guint8 *
put_u64 (guint8 *p, guint64 value)
{
  value = GUINT64_TO_LE (value);
  memcpy (p, &value, 8);
  return p + 8;
}

static guint8 *
put_bytes (guint8 *p, const void *data, gsize len)
{
  if (len > 0)
    memcpy (p, data, len);
  return p + len;
}

static guint8 *
begin_version (GByteArray *out, StoreRecordKind kind, guint8 version, guint16 n, gsize len)
{
  guint8 *p;

  g_byte_array_set_size (out, RECORD_HEAD + len);
  p = out->data + 4;
  *p++ = (guint8) kind;
  *p++ = version;
  p = put_u16 (p, n);
  return put_u32 (p, (guint32) out->len);
}

static guint8 *
begin (GByteArray *out, StoreRecordKind kind, guint16 n, gsize len)
{
  return begin_version (out, kind, RECORD_VERSION, n, len);
}

static void
end (GByteArray *out, guint32 key)
{
  put_u32 (out->data, store_crc32c (key, out->data + 4, out->len - 4));
}

void
store_record_write_message (GByteArray *out, guint32 key, const HawserStoreOp *op)
{
  guint8 *p = begin (out, STORE_RECORD_MESSAGE, (guint16) op->n_queues, 16 + 4 * (gsize) op->n_queues + op->len);

  p = put_u64 (p, op->position);
  p = put_u32 (p, op->size);
  p = put_u32 (p, op->time_s);
  for (guint i = 0; i < op->n_queues; i++)
    p = put_u32 (p, op->queues[i]);
  put_bytes (p, op->data, op->len);
  end (out, key);
}

void
store_record_write_queue (GByteArray *out, guint32 key, const HawserStoreOp *op, guint64 n_commits)
{
  gsize id_len = strlen (op->key);
  guint8 *p = begin (out, STORE_RECORD_QUEUE, 1, 16 + id_len + op->len);

  p = put_u64 (p, n_commits);
  p = put_u32 (p, op->queue);
  p = put_u32 (p, (guint32) id_len);
  p = put_bytes (p, op->key, id_len);
  put_bytes (p, op->data, op->len);
  end (out, key);
}

void
store_record_write_value (GByteArray *out, guint32 key, const HawserStoreOp *op, guint64 n_commits)
{
  gsize space_len = strlen (op->space), key_len = strlen (op->key);
  gboolean has_revision = op->revision != 0;
  guint8 *p = begin_version (out, STORE_RECORD_VALUE, has_revision ? RECORD_WITH_REVISION : RECORD_VERSION, (guint16) space_len,
                             12 + space_len + key_len + (has_revision ? 8 : 0) + op->len);

  p = put_u64 (p, n_commits);
  p = put_u32 (p, (guint32) key_len);
  p = put_bytes (p, op->space, space_len);
  p = put_bytes (p, op->key, key_len);
  if (has_revision)
    p = put_u64 (p, op->revision);
  put_bytes (p, op->data, op->len);
  end (out, key);
}

void
store_record_write_state (GByteArray *out, guint32 key, guint64 n_commits, guint64 last_position)
{
  guint8 *p = begin (out, STORE_RECORD_STATE, 0, 20);

  p = put_u64 (p, n_commits);
  p = put_u64 (p, last_position);
  put_u32 (p, key);
  end (out, 0);
}

static guint16
get_u16 (const guint8 *p)
{
  guint16 value;

  memcpy (&value, p, 2);
  return GUINT16_FROM_LE (value);
}

static guint32
get_u32 (const guint8 *p)
{
  guint32 value;

  memcpy (&value, p, 4);
  return GUINT32_FROM_LE (value);
}

static guint64
get_u64 (const guint8 *p)
{
  guint64 value;

  memcpy (&value, p, 8);
  return GUINT64_FROM_LE (value);
}

static gboolean
read_message (const guint8 *p, gsize len, guint n, StoreRecord *record)
{
  if (len < 16 + 4 * (gsize) n)
    return FALSE;
  record->position = get_u64 (p);
  record->size = get_u32 (p + 8);
  record->time_s = get_u32 (p + 12);
  record->n_queues = n;
  record->queues = p + 16;
  record->data = p + 16 + 4 * (gsize) n;
  record->len = len - 16 - 4 * (gsize) n;
  return TRUE;
}

static gboolean
read_queue (const guint8 *p, gsize len, guint n, StoreRecord *record)
{
  if (n > 1 || len < 8 * (gsize) n)
    return FALSE;
  record->position = n == 1 ? get_u64 (p) : 0;
  p += 8 * n;
  len -= 8 * n;
  if (len < 8 || get_u32 (p + 4) > len - 8)
    return FALSE;
  record->queue = get_u32 (p);
  record->key = (const char *) p + 8;
  record->key_len = get_u32 (p + 4);
  record->data = p + 8 + record->key_len;
  record->len = len - 8 - record->key_len;
  return TRUE;
}

static gboolean
read_value (const guint8 *p, gsize len, guint n, gboolean has_revision, StoreRecord *record)
{
  gsize fixed = has_revision ? 20 : 12;

  if (len < fixed + n || get_u32 (p + 8) > len - fixed - n)
    return FALSE;
  record->position = get_u64 (p);
  record->space = (const char *) p + 12;
  record->space_len = n;
  record->key = record->space + n;
  record->key_len = get_u32 (p + 8);
  record->data = (const guint8 *) record->key + record->key_len;
  record->len = len - fixed - n - record->key_len;
  if (has_revision)
    {
      record->revision = get_u64 (record->data);
      record->data += 8;
    }
  return TRUE;
}

gsize
store_record_probe (const guint8 *bytes, gsize len)
{
  gsize total;

  if (bytes == NULL || len < RECORD_HEAD || (bytes[5] != RECORD_VERSION && !(bytes[5] == RECORD_WITH_REVISION && bytes[4] == STORE_RECORD_VALUE))
      || (bytes[4] != STORE_RECORD_MESSAGE && bytes[4] != STORE_RECORD_QUEUE && bytes[4] != STORE_RECORD_VALUE && bytes[4] != STORE_RECORD_STATE))
    return 0;
  total = get_u32 (bytes + 8);
  return total >= RECORD_HEAD ? total : 0;
}

gboolean
store_record_read (const guint8 *bytes, gsize len, guint32 key, StoreRecord *out_record)
{
  StoreRecord record = { 0 };
  const guint8 *body;
  gsize body_len;
  gboolean is_sound = FALSE;
  guint n;

  if (len == 0 || store_record_probe (bytes, len) != len)
    return FALSE;
  record.kind = bytes[4];
  if (get_u32 (bytes) != store_crc32c (record.kind == STORE_RECORD_STATE ? 0 : key, bytes + 4, len - 4))
    return FALSE;
  n = get_u16 (bytes + 6);
  body = bytes + RECORD_HEAD;
  body_len = len - RECORD_HEAD;
  switch (record.kind)
    {
    case STORE_RECORD_MESSAGE:
      is_sound = read_message (body, body_len, n, &record);
      break;
    case STORE_RECORD_QUEUE:
      is_sound = read_queue (body, body_len, n, &record);
      break;
    case STORE_RECORD_VALUE:
      is_sound = read_value (body, body_len, n, bytes[5] == RECORD_WITH_REVISION, &record);
      break;
    case STORE_RECORD_STATE:
      is_sound = body_len == 20;
      if (is_sound)
        {
          record.n_commits = get_u64 (body);
          record.position = get_u64 (body + 8);
          record.store_key = get_u32 (body + 16);
        }
      break;
    default:
      break;
    }
  if (is_sound)
    *out_record = record;
  return is_sound;
}

guint32
store_record_get_queue (const StoreRecord *self, guint index)
{
  return get_u32 (self->queues + 4 * (gsize) index);
}
