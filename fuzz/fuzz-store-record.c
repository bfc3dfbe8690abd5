/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records of the SQLite store from any bytes. The checksum would hide the rest from the fuzzer, so it is put right first. */

#include <stdint.h>
#include <string.h>

#include "store-crc.h"
#include "store-record.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree guint8 *bytes = g_malloc (MAX (size, 1));
  StoreRecord record;
  guint32 crc, len;
  guint sum = 0;

  if (size > 0)
    memcpy (bytes, data, size);
  (void) store_record_probe (bytes, size);
  if (size >= STORE_RECORD_HEAD)
    {
      len = GUINT32_TO_LE ((guint32) size);
      memcpy (bytes + 8, &len, 4);
      crc = GUINT32_TO_LE (store_crc32c (0, bytes + 4, size - 4));
      memcpy (bytes, &crc, 4);
    }
  if (!store_record_read (bytes, size, 0, &record))
    return 0;
  for (guint i = 0; i < record.n_queues; i++)
    sum += store_record_get_queue (&record, i);
  for (gsize i = 0; i < record.len; i++)
    sum += record.data[i];
  for (gsize i = 0; i < record.key_len; i++)
    sum += (guint8) record.key[i];
  for (gsize i = 0; i < record.space_len; i++)
    sum += (guint8) record.space[i];
  return sum == 0xdeadbeef ? 1 : 0;
}
