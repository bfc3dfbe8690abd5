/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records and checksums as pure functions. */

#include <hawser/hawser.h>

#include <string.h>

#include "store-crc.h"
#include "store-record.h"

/* RFC 3720, B.4 */
static const struct {
  const char *name;
  guint8 first;
  int step;
  guint32 expected;
} crc_rows[] = {
  { "zeros", 0x00, 0, 0x8a9136aa },
  { "ones", 0xff, 0, 0x62a8ab43 },
  { "rising", 0x00, 1, 0x46dd794e },
  { "falling", 0x1f, -1, 0x113fdb5c },
};

static void
crc_agrees_with_the_standard (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (crc_rows); i++)
    {
      guint8 bytes[32];

      for (guint k = 0; k < sizeof bytes; k++)
        bytes[k] = (guint8) (crc_rows[i].first + crc_rows[i].step * (int) k);
      g_test_message ("%s", crc_rows[i].name);
      g_assert_cmphex (store_crc32c (0, bytes, sizeof bytes), ==, crc_rows[i].expected);
      g_assert_cmphex (store_crc32c_portable (0, bytes, sizeof bytes), ==, crc_rows[i].expected);
    }
}

static void
both_forms_of_the_crc_agree (void)
{
  guint8 bytes[300];

  for (guint i = 0; i < 2000; i++)
    {
      gsize from = (gsize) g_test_rand_int_range (0, 20), len = (gsize) g_test_rand_int_range (0, 280);
      guint32 start = (guint32) g_test_rand_int ();

      for (guint k = 0; k < sizeof bytes; k++)
        bytes[k] = (guint8) g_test_rand_int ();
      g_assert_cmphex (store_crc32c (start, bytes + from, len), ==, store_crc32c_portable (start, bytes + from, len));
    }
}

static GByteArray *
make_message (guint32 key)
{
  static const guint32 queues[] = { 3, 70000, 1 };
  const HawserStoreOp op = { .kind = HAWSER_STORE_APPEND, .position = 0x123456789aull, .size = 77, .time_s = 99, .queues = queues, .n_queues = 3,
                             .data = (const guint8 *) "payload", .len = 7 };
  GByteArray *bytes = g_byte_array_new ();

  store_record_write_message (bytes, key, &op);
  return bytes;
}

static void
message_reads_back (void)
{
  g_autoptr(GByteArray) bytes = make_message (5);
  StoreRecord record;

  g_assert_true (store_record_read (bytes->data, bytes->len, 5, &record));
  g_assert_cmpint (record.kind, ==, STORE_RECORD_MESSAGE);
  g_assert_cmpuint (record.position, ==, 0x123456789aull);
  g_assert_cmpuint (record.size, ==, 77);
  g_assert_cmpuint (record.time_s, ==, 99);
  g_assert_cmpuint (record.n_queues, ==, 3);
  g_assert_cmpuint (store_record_get_queue (&record, 1), ==, 70000);
  g_assert_cmpmem (record.data, record.len, "payload", 7);
  g_assert_cmpuint (store_record_probe (bytes->data, bytes->len), ==, bytes->len);
}

static void
record_of_another_store_is_refused (void)
{
  g_autoptr(GByteArray) bytes = make_message (5);
  StoreRecord record;

  g_assert_false (store_record_read (bytes->data, bytes->len, 6, &record));
}

static void
every_flipped_bit_and_every_cut_is_noticed (void)
{
  g_autoptr(GByteArray) bytes = make_message (5);
  StoreRecord record;

  for (guint at = 0; at < bytes->len; at++)
    for (guint bit = 0; bit < 8; bit++)
      {
        bytes->data[at] ^= 1u << bit;
        g_assert_false (store_record_read (bytes->data, bytes->len, 5, &record));
        bytes->data[at] ^= 1u << bit;
      }
  for (guint len = 0; len < bytes->len; len++)
    g_assert_false (store_record_read (bytes->data, len, 5, &record));
}

static void
queue_value_and_state_read_back (void)
{
  const HawserStoreOp queue = { .kind = HAWSER_STORE_ADD_QUEUE, .queue = 9, .key = "id", .data = (const guint8 *) "m", .len = 1 };
  const HawserStoreOp value = { .kind = HAWSER_STORE_PUT, .space = "space", .key = "key", .data = NULL, .len = 0 };
  const HawserStoreOp versioned = { .kind = HAWSER_STORE_PUT, .space = "space", .key = "key", .revision = 0x1122334455667788ull,
                                    .data = (const guint8 *) "value", .len = 5 };
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  StoreRecord record;

  store_record_write_queue (bytes, 1, &queue, 3);
  g_assert_true (store_record_read (bytes->data, bytes->len, 1, &record));
  g_assert_cmpuint (record.queue, ==, 9);
  g_assert_cmpuint (record.position, ==, 3);
  g_assert_cmpmem (record.key, record.key_len, "id", 2);
  g_assert_cmpmem (record.data, record.len, "m", 1);

  store_record_write_value (bytes, 1, &value, 33);
  g_assert_true (store_record_read (bytes->data, bytes->len, 1, &record));
  g_assert_cmpuint (record.position, ==, 33);
  g_assert_cmpmem (record.space, record.space_len, "space", 5);
  g_assert_cmpmem (record.key, record.key_len, "key", 3);
  g_assert_cmpuint (record.len, ==, 0);

  store_record_write_value (bytes, 1, &versioned, 34);
  g_assert_true (store_record_read (bytes->data, bytes->len, 1, &record));
  g_assert_cmpuint (record.revision, ==, 0x1122334455667788ull);
  g_assert_cmpmem (record.key, record.key_len, "key", 3);
  g_assert_cmpmem (record.data, record.len, "value", 5);

  store_record_write_state (bytes, 44, 10, 20);
  g_assert_true (store_record_read (bytes->data, bytes->len, 0, &record));
  g_assert_cmpuint (record.n_commits, ==, 10);
  g_assert_cmpuint (record.position, ==, 20);
  g_assert_cmpuint (record.store_key, ==, 44);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/store-sqlite/crc/agrees-with-the-standard", crc_agrees_with_the_standard);
  g_test_add_func ("/store-sqlite/crc/both-forms-agree", both_forms_of_the_crc_agree);
  g_test_add_func ("/store-sqlite/record/message-reads-back", message_reads_back);
  g_test_add_func ("/store-sqlite/record/of-another-store-is-refused", record_of_another_store_is_refused);
  g_test_add_func ("/store-sqlite/record/every-flipped-bit-and-every-cut-is-noticed", every_flipped_bit_and_every_cut_is_noticed);
  g_test_add_func ("/store-sqlite/record/queue-value-and-state-read-back", queue_value_and_state_read_back);
  return g_test_run ();
}
