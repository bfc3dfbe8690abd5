/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <hawser/hawser.h>

#include <math.h>
#include <string.h>

/* RFC 6901 section 5, and what it does not name */
static const char document[] =
  "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8,"
  " \"deep\": {\"skipped\": [[{\"x\": [1, 2]}], \"]}\"], \"list\": [10, {\"y\": \"\\u00e5\\ud83d\\ude00\"}, []]}, \"\\u0066oo2\": true, \"foo2\": false}";

static void
test_pointer_finds_what_the_rfc_says (void)
{
  static const struct {
    const char *pointer, *expected;
  } cases[] = {
    { "", document },
    { "/foo", "[\"bar\", \"baz\"]" },
    { "/foo/0", "\"bar\"" },
    { "/", "0" },
    { "/a~1b", "1" },
    { "/c%d", "2" },
    { "/e^f", "3" },
    { "/g|h", "4" },
    { "/i\\j", "5" },
    { "/k\"l", "6" },
    { "/ ", "7" },
    { "/m~0n", "8" },
    { "/deep/list/1/y", "\"\\u00e5\\ud83d\\ude00\"" },
    { "/deep/list/2", "[]" },
    { "/deep/skipped/0/0/x/1", "2" },
    { "/foo2", "true" },
    { "/foo/2", NULL },
    { "/foo/-", NULL },
    { "/foo/01", NULL },
    { "/foo/+1", NULL },
    { "/foo/4294967296", NULL },
    { "/foo/0/0", NULL },
    { "/nothing", NULL },
    { "/deep/list/2/0", NULL },
    { "foo", NULL },
    { "/m~n", NULL },
    { "/m~2n", NULL },
    { "/m~", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      HawserJsonSlice slice;
      g_autofree char *got = NULL;

      if (hawser_json_pointer_get (cases[i].pointer, document, strlen (document), &slice))
        got = g_strndup (slice.text, slice.len);
      g_test_message ("pointer '%s'", cases[i].pointer);
      g_assert_cmpstr (got, ==, cases[i].expected);
    }
}

static void
test_pointer_reads_values (void)
{
  static const char text[] = "{\"n\":-2.5e3,\"s\":\"a\\n\\u00e5\\ud83d\\ude00\",\"z\":\"a\\u0000b\",\"big\":1e999}";
  g_autofree char *string = hawser_json_pointer_dup_string ("/s", text, strlen (text));
  g_autofree char *with_nul = hawser_json_pointer_dup_string ("/z", text, strlen (text));
  double value = 7;

  g_assert_true (hawser_json_pointer_get_double ("/n", text, strlen (text), &value));
  g_assert_cmpfloat (value, ==, -2500);
  g_assert_cmpstr (string, ==, "a\nå😀");
  g_assert_null (with_nul);
  g_assert_false (hawser_json_pointer_get_double ("/big", text, strlen (text), &value));
  g_assert_false (hawser_json_pointer_get_double ("/s", text, strlen (text), &value));
  g_assert_cmpfloat (value, ==, -2500);
}

static void
test_integers_are_exact_or_refused (void)
{
  static const struct {
    const char *text;
    gboolean valid;
    gint64 value;
  } cases[] = {
    { "0", TRUE, 0 },
    { "-1", TRUE, -1 },
    { "9223372036854775807", TRUE, G_MAXINT64 },
    { "-9223372036854775808", TRUE, G_MININT64 },
    { "9223372036854775808", FALSE, 0 },
    { "1.0", FALSE, 0 },
    { "1e3", FALSE, 0 },
    { "\"1\"", FALSE, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      HawserJsonSlice slice;
      gint64 value = 0;

      g_assert_true (hawser_json_parse (cases[i].text, strlen (cases[i].text), &slice, NULL));
      g_assert_cmpint (hawser_json_slice_get_int64 (&slice, &value), ==, cases[i].valid);
      g_assert_cmpint (value, ==, cases[i].value);
    }
}

static void
test_check_takes_json_and_nothing_else (void)
{
  static const char *const good[] = {
    "0", "-0", "1", "-1.5", "1e5", "1E+5", "1.25e-3", "\"\"", "true", "false", "null", "[]", "{}", " [ ] ", "\t{\r\n}", "[1,2]", "[[],{}]",
    "{\"a\":1,\"b\":[{}]}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "\"\\ud83d\\ude00\"", "\"å€😀\x7f\"", "[\"]\",\"}\"]", "\"\\u0000\"",
    "1e999",
  };
  static const char *const bad[] = {
    "", " ", "01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "-", "--1", "0x10", "NaN", "nan", "Infinity", "-Infinity", "tru", "truex", "nul", "True",
    "\"", "\"\\\"", "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud83d\\ud83d\"",
    "\"\n\"", "\"\t\"", "\"\x01\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
    "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[}", "{", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{1:2}", "{\"a\" 1}",
    "{\"a\":1 \"b\":2}", "[]]", "1 2", "{}{}", "/**/1", ("\xef\xbb\xbf" "1"), "[1]x",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      hawser_json_check (good[i], strlen (good[i]), &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("text '%s'", bad[i]);
      g_assert_false (hawser_json_check (bad[i], strlen (bad[i]), &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED);
    }
  g_assert_false (hawser_json_check ("1\0", 2, NULL));
  g_assert_false (hawser_json_check ("\"\0\"", 3, NULL));
}

static gboolean
check_nested (gsize depth)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < depth; i++)
    g_string_append (text, i % 2 == 0 ? "[" : "{\"a\":");
  g_string_append (text, "1");
  for (gsize i = depth; i-- > 0;)
    g_string_append_c (text, i % 2 == 0 ? ']' : '}');
  return hawser_json_check (text->str, text->len, NULL);
}

static void
test_check_bounds_depth_and_numbers (void)
{
  g_autofree char *digits = g_strnfill (128, '7');
  g_autofree char *many = g_strnfill (400, '7');
  g_autofree char *brackets = g_strnfill (1000000, '[');

  g_assert_true (check_nested (64));
  g_assert_false (check_nested (65));
  g_assert_false (check_nested (100000));
  g_assert_false (hawser_json_check (brackets, 1000000, NULL));
  g_assert_true (hawser_json_check (digits, 128, NULL));
  g_assert_false (hawser_json_check (many, 400, NULL));
}

static void
test_an_error_names_the_place (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (hawser_json_check ("[1, x]", 6, &error));
  g_assert_cmpstr (error->message, ==, "JSON at byte 4: value expected");
}

static void
test_iter_walks_in_order (void)
{
  static const char text[] = " { \"a\" : [1, 2] , \"b\\u0062\": {\"c\": []}, \"d\":null } ";
  g_autoptr (GString) got = g_string_new (NULL);
  HawserJsonSlice slice, key, value;
  HawserJsonIter iter;

  g_assert_true (hawser_json_parse (text, strlen (text), &slice, NULL));
  hawser_json_iter_init (&iter, &slice);
  while (hawser_json_iter_next (&iter, &key, &value))
    {
      g_autofree char *name = hawser_json_slice_dup_string (&key);

      g_string_append_printf (got, "%s=%.*s;", name, (int) value.len, value.text);
    }
  g_assert_cmpstr (got->str, ==, "a=[1, 2];bb={\"c\": []};d=null;");
}

static void
test_writer_writes_json_whatever_it_is_given (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, out);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "s\n", "a\"\\\b\f\n\r\t\x01\x7f å\xe2\x80\xa8\xe2\x80\xa9\xff\xed\xa0\x80z");
  hawser_json_writer_key (&writer, "list");
  hawser_json_writer_begin_array (&writer);
  hawser_json_writer_double (&writer, 0.1);
  hawser_json_writer_double (&writer, 25913.4);
  hawser_json_writer_double (&writer, 1e300);
  hawser_json_writer_double (&writer, 3);
  hawser_json_writer_double (&writer, NAN);
  hawser_json_writer_double (&writer, -INFINITY);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_end_object (&writer);
  hawser_json_writer_int (&writer, G_MININT64);
  hawser_json_writer_uint (&writer, G_MAXUINT64);
  hawser_json_writer_boolean (&writer, 2);
  hawser_json_writer_string (&writer, NULL, -1);
  hawser_json_writer_string (&writer, "a\0b", 3);
  hawser_json_writer_raw (&writer, "[1]", -1);
  hawser_json_writer_end_array (&writer);
  hawser_json_writer_key (&writer, "b");
  hawser_json_writer_base64 (&writer, "\0\xff" "abc", 5);
  hawser_json_writer_end_object (&writer);

  g_assert_cmpstr (out->str, ==,
                   "{\"s\\n\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f å\\u2028\\u2029\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\","
                   "\"list\":[0.1,25913.4,1e+300,3,null,null,{},-9223372036854775808,18446744073709551615,true,null,\"a\\u0000b\",[1]],"
                   "\"b\":\"AP9hYmM=\"}");
  g_assert_true (hawser_json_check (out->str, out->len, NULL));
}

static void
test_base64_of_every_length_reads_back (void)
{
  guint8 data[70];

  for (gsize len = 0; len <= sizeof data; len++)
    {
      g_autoptr (GString) out = g_string_new (NULL);
      g_autofree char *expected = NULL;
      g_autofree char *quoted = NULL;
      HawserJsonWriter writer;

      for (gsize i = 0; i < len; i++)
        data[i] = (guint8) (i * 37 + len);
      hawser_json_writer_init (&writer, out);
      hawser_json_writer_base64 (&writer, data, len);
      expected = g_base64_encode (data, len);
      quoted = g_strdup_printf ("\"%s\"", expected);
      g_assert_cmpstr (out->str, ==, quoted);
    }
}

static void
test_compact_keeps_the_value_and_loses_the_space (void)
{
  static const char text[] = " { \"a b\" :\t[ 1 ,\n\"x \\\" \\\\\" , {\r} ] } ";
  g_autoptr (GString) out = g_string_new ("x");

  g_assert_true (hawser_json_compact (out, (const guint8 *) text, strlen (text)));
  g_assert_cmpstr (out->str, ==, "x{\"a b\":[1,\"x \\\" \\\\\",{}]}");
  g_assert_false (hawser_json_compact (out, (const guint8 *) "[1", 2));
  g_assert_cmpstr (out->str, ==, "x{\"a b\":[1,\"x \\\" \\\\\",{}]}");
}

/* What a random change makes of a good text is either refused, or walked without leaving its bounds. */
static void
test_mutations_stay_in_bounds (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261121);
  guint n_valid = 0;

  for (guint i = 0; i < 200000; i++)
    {
      gsize len = strlen (document);
      char *text = g_memdup2 (document, len); /* exactly as long as it says, for the sanitizers */
      HawserJsonSlice slice;

      for (gint n = g_rand_int_range (rand, 1, 4); n > 0; n--)
        text[g_rand_int_range (rand, 0, (gint) len)] = g_rand_boolean (rand) ? (char) g_rand_int (rand) : "[]{}\",:\\u0"[g_rand_int_range (rand, 0, 10)];
      len = (gsize) g_rand_int_range (rand, (gint) len / 2, (gint) len + 1);
      if (hawser_json_parse (text, len, &slice, NULL))
        {
          n_valid++;
          g_assert_true (slice.text >= text && slice.text + slice.len <= text + len);
        }
      if (hawser_json_pointer_get ("/deep/list/1/y", text, len, &slice))
        g_assert_true (slice.text >= text && slice.text + slice.len <= text + len);
      g_free (text);
    }
  g_assert_cmpuint (n_valid, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec/json/pointer-finds-what-the-rfc-says", test_pointer_finds_what_the_rfc_says);
  g_test_add_func ("/codec/json/pointer-reads-values", test_pointer_reads_values);
  g_test_add_func ("/codec/json/integers-are-exact-or-refused", test_integers_are_exact_or_refused);
  g_test_add_func ("/codec/json/check-takes-json-and-nothing-else", test_check_takes_json_and_nothing_else);
  g_test_add_func ("/codec/json/check-bounds-depth-and-numbers", test_check_bounds_depth_and_numbers);
  g_test_add_func ("/codec/json/an-error-names-the-place", test_an_error_names_the_place);
  g_test_add_func ("/codec/json/iter-walks-in-order", test_iter_walks_in_order);
  g_test_add_func ("/codec/json/writer-writes-json-whatever-it-is-given", test_writer_writes_json_whatever_it_is_given);
  g_test_add_func ("/codec/json/base64-of-every-length-reads-back", test_base64_of_every_length_reads_back);
  g_test_add_func ("/codec/json/compact-keeps-the-value-and-loses-the-space", test_compact_keeps_the_value_and_loses_the_space);
  g_test_add_func ("/codec/json/mutations-stay-in-bounds", test_mutations_stay_in_bounds);
  return g_test_run ();
}
