/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <hawser/hawser.h>

#include <string.h>

/* MQTT 5.0 table 1-1, and what it forbids */
static const struct {
  const char *bytes;
  gsize len;
  HawserReadResult result;
  guint32 value;
} varints[] = {
  { "\x00", 1, HAWSER_READ_OK, 0 },
  { "\x7f", 1, HAWSER_READ_OK, 127 },
  { "\x80\x01", 2, HAWSER_READ_OK, 128 },
  { "\xff\x7f", 2, HAWSER_READ_OK, 16383 },
  { "\x80\x80\x01", 3, HAWSER_READ_OK, 16384 },
  { "\xff\xff\x7f", 3, HAWSER_READ_OK, 2097151 },
  { "\x80\x80\x80\x01", 4, HAWSER_READ_OK, 2097152 },
  { "\xff\xff\xff\x7f", 4, HAWSER_READ_OK, 268435455 },
  { "", 0, HAWSER_READ_TRUNCATED, 0 },
  { "\x80", 1, HAWSER_READ_TRUNCATED, 0 },
  { "\xff\xff\xff", 3, HAWSER_READ_TRUNCATED, 0 },
  { "\xff\xff\xff\xff", 4, HAWSER_READ_MALFORMED, 0 },
  { "\xff\xff\xff\xff\x01", 5, HAWSER_READ_MALFORMED, 0 },
  { "\x80\x00", 2, HAWSER_READ_MALFORMED, 0 },
  { "\xff\x80\x00", 3, HAWSER_READ_MALFORMED, 0 },
};

static void
test_varints_read_as_the_table_says (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (varints); i++)
    {
      HawserReader reader;
      guint32 value = 0;

      hawser_reader_init (&reader, varints[i].bytes, varints[i].len);
      g_assert_cmpint (hawser_reader_varint (&reader, &value), ==, varints[i].result);
      g_assert_cmpuint (value, ==, varints[i].value);
      g_assert_cmpuint (hawser_reader_get_remaining (&reader), ==, varints[i].result == HAWSER_READ_OK ? 0 : varints[i].len);
    }
}

static void
test_varints_write_as_the_table_says (void)
{
  HawserBuffer buffer = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (varints); i++)
    if (varints[i].result == HAWSER_READ_OK)
      {
        buffer.len = 0;
        g_assert_true (hawser_buffer_varint (&buffer, varints[i].value));
        g_assert_cmpmem (buffer.data, buffer.len, varints[i].bytes, varints[i].len);
        g_assert_cmpuint (hawser_varint_get_size (varints[i].value), ==, varints[i].len);
      }
  buffer.len = 0;
  g_assert_false (hawser_buffer_varint (&buffer, HAWSER_VARINT_MAX + 1));
  g_assert_cmpuint (buffer.len, ==, 0);
  hawser_buffer_clear (&buffer);
}

static void
test_what_was_written_reads_back (void)
{
  HawserBuffer buffer = { 0 };
  g_autoptr (GBytes) bytes = NULL;
  HawserReader reader, inner = { 0 };
  guint8 u8;
  guint16 u16;
  guint32 u32;
  guint64 u64;
  const char *text = NULL;
  const guint8 *data;
  gsize len = 0;

  hawser_buffer_u8 (&buffer, 0x12);
  hawser_buffer_u16be (&buffer, 0x3456);
  hawser_buffer_u32be (&buffer, 0);
  hawser_buffer_patch_u32be (&buffer, 3, 0x789abcde);
  hawser_buffer_u64be (&buffer, G_GUINT64_CONSTANT (0xfedcba9876543210));
  g_assert_true (hawser_buffer_string (&buffer, "topic", 5));
  g_assert_true (hawser_buffer_string (&buffer, "", 0));
  hawser_buffer_bytes (&buffer, "xyz", 3);
  memcpy (hawser_buffer_reserve (&buffer, 100000), "!", 1);
  hawser_buffer_commit (&buffer, 1);
  g_assert_cmpint (buffer.data[1], ==, 0x34);
  bytes = hawser_buffer_steal (&buffer);
  g_assert_null (buffer.data);

  hawser_reader_init (&reader, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_assert_true (hawser_reader_u8 (&reader, &u8) && u8 == 0x12);
  g_assert_true (hawser_reader_u16be (&reader, &u16) && u16 == 0x3456);
  g_assert_true (hawser_reader_u32be (&reader, &u32) && u32 == 0x789abcde);
  g_assert_true (hawser_reader_u64be (&reader, &u64) && u64 == G_GUINT64_CONSTANT (0xfedcba9876543210));
  g_assert_true (hawser_reader_string (&reader, &text, &len));
  g_assert_cmpmem (text, len, "topic", 5);
  g_assert_true (hawser_reader_string (&reader, &text, &len));
  g_assert_cmpuint (len, ==, 0);
  g_assert_true (hawser_reader_sub (&reader, 3, &inner));
  g_assert_true (hawser_reader_skip (&inner, 2));
  g_assert_true (hawser_reader_u8 (&inner, &u8) && u8 == 'z');
  g_assert_false (hawser_reader_u8 (&inner, &u8));
  g_assert_true (hawser_reader_bytes (&reader, 1, &data) && *data == '!');
  g_assert_cmpuint (hawser_reader_get_remaining (&reader), ==, 0);
}

static void
test_short_reads_change_nothing (void)
{
  static const guint8 data[] = { 0, 9, 1, 2, 3, 4, 5 };
  HawserReader reader, inner = { 0 };
  guint8 u8 = 77;
  guint16 u16 = 77;
  guint32 u32 = 77;
  guint64 u64 = 77;
  const char *text = NULL;
  const guint8 *bytes = NULL;
  gsize len = 77;

  hawser_reader_init (&reader, data, sizeof data);
  g_assert_false (hawser_reader_u64be (&reader, &u64));
  g_assert_false (hawser_reader_string (&reader, &text, &len));
  g_assert_false (hawser_reader_bytes (&reader, 8, &bytes));
  g_assert_false (hawser_reader_skip (&reader, G_MAXSIZE));
  g_assert_false (hawser_reader_sub (&reader, 8, &inner));
  g_assert_cmpuint (hawser_reader_get_remaining (&reader), ==, sizeof data);
  hawser_reader_init (&reader, data, 1);
  g_assert_false (hawser_reader_u16be (&reader, &u16));
  g_assert_false (hawser_reader_u32be (&reader, &u32));
  g_assert_false (hawser_reader_string (&reader, &text, &len));
  hawser_reader_init (&reader, NULL, 0);
  g_assert_false (hawser_reader_u8 (&reader, &u8));
  g_assert_cmpuint (u8 + u16 + u32 + u64 + len, ==, 5 * 77);
  g_assert_null (text);
  g_assert_null (bytes);
}

static void
test_a_string_has_at_most_65535_bytes (void)
{
  g_autofree char *text = g_strnfill (65536, 'a');
  HawserBuffer buffer = { 0 };

  g_assert_false (hawser_buffer_string (&buffer, text, 65536));
  g_assert_cmpuint (buffer.len, ==, 0);
  g_assert_true (hawser_buffer_string (&buffer, text, 65535));
  g_assert_cmpuint (buffer.len, ==, 65537);
  hawser_buffer_clear (&buffer);
}

/* RFC 3629 and MQTT 5.0 section 1.5.4 */
static void
test_utf8_is_judged_as_the_standards_say (void)
{
  static const struct {
    const char *text;
    gsize len;
    gboolean valid, valid_string;
  } cases[] = {
    { "", 0, TRUE, TRUE },
    { "abcdefghijklmnop", 16, TRUE, TRUE },
    { "\0", 1, TRUE, FALSE },
    { "abcdefgh\0abcdefg", 16, TRUE, FALSE },
    { "\x01\x1f\x7f\xc2\x80\xc2\x9f", 7, TRUE, TRUE },
    { "\xef\xbb\xbf", 3, TRUE, TRUE },
    { "\xef\xbf\xbf", 3, TRUE, TRUE },
    { "A\xf0\xaa\x9b\x94", 5, TRUE, TRUE },
    { "\xf4\x8f\xbf\xbf", 4, TRUE, TRUE },
    { "\xed\x9f\xbf\xee\x80\x80", 6, TRUE, TRUE },
    { "\xed\xa0\x80", 3, FALSE, FALSE },
    { "\xed\xbf\xbf", 3, FALSE, FALSE },
    { "\xf4\x90\x80\x80", 4, FALSE, FALSE },
    { "\xf8\x88\x80\x80\x80", 5, FALSE, FALSE },
    { "\xc0\x80", 2, FALSE, FALSE },
    { "\xc1\xbf", 2, FALSE, FALSE },
    { "\xe0\x9f\xbf", 3, FALSE, FALSE },
    { "\xf0\x8f\xbf\xbf", 4, FALSE, FALSE },
    { "\x80", 1, FALSE, FALSE },
    { "\xe2\x82", 2, FALSE, FALSE },
    { "abcdefg\xe2\x82", 9, FALSE, FALSE },
    { "\xff", 1, FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpint (hawser_utf8_check (cases[i].text, cases[i].len), ==, cases[i].valid);
      g_assert_cmpint (hawser_utf8_check_string (cases[i].text, cases[i].len), ==, cases[i].valid_string);
    }
}

static void
test_utf8_agrees_with_glib (void)
{
  static const guint8 bytes[] = { 'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5 };
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261121);

  for (guint i = 0; i < 1000000; i++)
    {
      char text[6];
      gsize len = (gsize) g_rand_int_range (rand, 0, 7);

      for (gsize j = 0; j < len; j++)
        text[j] = (char) bytes[g_rand_int_range (rand, 0, G_N_ELEMENTS (bytes))];
      g_assert_cmpint (hawser_utf8_check_string (text, len), ==, g_utf8_validate_len (text, len, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec/reader/varints-read-as-the-table-says", test_varints_read_as_the_table_says);
  g_test_add_func ("/codec/buffer/varints-write-as-the-table-says", test_varints_write_as_the_table_says);
  g_test_add_func ("/codec/buffer/what-was-written-reads-back", test_what_was_written_reads_back);
  g_test_add_func ("/codec/reader/short-reads-change-nothing", test_short_reads_change_nothing);
  g_test_add_func ("/codec/buffer/a-string-has-at-most-65535-bytes", test_a_string_has_at_most_65535_bytes);
  g_test_add_func ("/codec/utf8/is-judged-as-the-standards-say", test_utf8_is_judged_as_the_standards_say);
  g_test_add_func ("/codec/utf8/agrees-with-glib", test_utf8_agrees_with_glib);
  return g_test_run ();
}
