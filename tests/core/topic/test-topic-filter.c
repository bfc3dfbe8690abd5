/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <hawser/hawser.h>

#include <string.h>

#include "topic-oracle.h"

static void
test_names_are_judged_as_the_standard_says (void)
{
  static const struct {
    const char *text;
    gssize len;
    const char *message;
  } cases[] = {
    { "a", -1, NULL },
    { "/", -1, NULL },
    { "//", -1, NULL },
    { "a b/c", -1, NULL },
    { "$SYS/broker", -1, NULL },
    { "craft/telemetry/ground", -1, NULL },
    { "höhe/température/温度", -1, NULL },
    { "a\x01\x7f\xc2\x9f\xef\xbf\xbf", -1, NULL },
    { "abcdefghijklmno\xc2\xab", -1, NULL },
    { "", -1, "topic name '': must not be empty" },
    { "+", -1, "topic name '+': '+' and '#' are for filters" },
    { "#", -1, "topic name '#': '+' and '#' are for filters" },
    { "a/b+c", -1, "topic name 'a/b+c': '+' and '#' are for filters" },
    { "abcdefgh#", -1, "topic name 'abcdefgh#': '+' and '#' are for filters" },
    { "abcd#fghi", -1, "topic name 'abcd#fghi': '+' and '#' are for filters" },
    { "höhe/über/#", -1, "topic name 'höhe/über/#': '+' and '#' are for filters" },
    { "a\0b", 3, "topic name 'a\\x00b': must not contain U+0000" },
    { "abcdefg\0b", 9, "topic name 'abcdefg\\x00b': must not contain U+0000" },
    { "a/\xff", -1, "topic name 'a/\\xff': must be UTF-8" },
    { "abcdefgh\xed\xa0\x80", -1, "topic name 'abcdefgh\\xed\\xa0\\x80': must be UTF-8" },
    { "ab\xabyz", -1, "topic name 'ab\\xabyz': must be UTF-8" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gsize len = cases[i].len < 0 ? strlen (cases[i].text) : (gsize) cases[i].len;

      g_assert_cmpint (hawser_topic_name_check (cases[i].text, len), ==, cases[i].message == NULL);
      g_assert_cmpint (hawser_topic_name_is_valid (cases[i].text, cases[i].len, &error), ==, cases[i].message == NULL);
      g_assert_cmpstr (error != NULL ? error->message : NULL, ==, cases[i].message);
    }
}

static void
test_names_are_bounded (void)
{
  g_autofree char *longest = g_strnfill (65535, 'a');
  g_autofree char *too_long = g_strnfill (65536, 'a');
  g_autofree char *deepest = g_strnfill (127, '/');
  g_autofree char *too_deep = g_strnfill (128, '/');
  g_autoptr (GError) length_error = NULL, depth_error = NULL;

  g_assert_true (hawser_topic_name_is_valid (longest, -1, NULL));
  g_assert_true (hawser_topic_filter_check (longest, 65535));
  g_assert_false (hawser_topic_name_is_valid (too_long, -1, &length_error));
  g_assert_error (length_error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE);
  g_assert_false (hawser_topic_filter_check (too_long, 65536));
  g_assert_true (hawser_topic_name_is_valid (deepest, -1, NULL));
  g_assert_true (hawser_topic_filter_check (deepest, 127));
  g_assert_false (hawser_topic_name_is_valid (too_deep, -1, &depth_error));
  g_assert_error (depth_error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE);
  g_assert_false (hawser_topic_filter_check (too_deep, 128));
}

static gboolean
slow_check (const char *text, gsize len)
{
  guint n_levels = 1;

  for (gsize i = 0; i < len; i++)
    {
      if (text[i] == '+' || text[i] == '#')
        return FALSE;
      n_levels += text[i] == '/';
    }
  return len > 0 && n_levels <= 128 && g_utf8_validate_len (text, len, NULL);
}

static void
test_the_fast_check_agrees_with_the_slow_one (void)
{
  static const guint8 bytes[] = { 'a', '/', '/', '*', ',', '"', '$', '+', '#', 0, 0x0b, 0x03, 0x80, 0xab, 0xa3, 0xaf, 0xc3, 0xe2, 0xff, 0x7f };
  g_autoptr (GRand) rand = oracle_rand ();

  for (guint i = 0; i < 1000000; i++)
    {
      char text[40];
      gsize len = (gsize) g_rand_int_range (rand, 0, sizeof text + 1);
      gint n_bytes = g_rand_int_range (rand, 0, 4) == 0 ? (gint) G_N_ELEMENTS (bytes) : 7;

      for (gsize j = 0; j < len; j++)
        text[j] = (char) bytes[g_rand_int_range (rand, 0, n_bytes)];
      if (len > 0 && g_rand_boolean (rand))
        text[g_rand_int_range (rand, 0, (gint) len)] = (char) bytes[g_rand_int_range (rand, 0, G_N_ELEMENTS (bytes))];
      g_assert_cmpint (hawser_topic_name_check (text, len), ==, slow_check (text, len));
    }
}

static void
test_filters_are_judged_as_the_standard_says (void)
{
  static const struct {
    const char *text, *message;
    gboolean has_wildcards, is_shared;
  } cases[] = {
    { "#", NULL, TRUE, FALSE },
    { "+", NULL, TRUE, FALSE },
    { "/", NULL, FALSE, FALSE },
    { "a/#", NULL, TRUE, FALSE },
    { "+/+/b", NULL, TRUE, FALSE },
    { "a/+/#", NULL, TRUE, FALSE },
    { "a/b", NULL, FALSE, FALSE },
    { "$share/group/a/#", NULL, TRUE, TRUE },
    { "$shared/a", NULL, FALSE, FALSE },
    { "", "topic filter '': must not be empty", FALSE, FALSE },
    { "a/#/b", "topic filter 'a/#/b': '#' must be last", FALSE, FALSE },
    { "#/", "topic filter '#/': '#' must be last", FALSE, FALSE },
    { "a#", "topic filter 'a#': '#' must be alone in its level", FALSE, FALSE },
    { "a/#b", "topic filter 'a/#b': '#' must be alone in its level", FALSE, FALSE },
    { "##", "topic filter '##': '#' must be alone in its level", FALSE, FALSE },
    { "a+/b", "topic filter 'a+/b': '+' must be alone in its level", FALSE, FALSE },
    { "a/+b", "topic filter 'a/+b': '+' must be alone in its level", FALSE, FALSE },
    { "++", "topic filter '++': '+' must be alone in its level", FALSE, FALSE },
    { "a/\xc0\x80", "topic filter 'a/\\xc0\\x80': must be UTF-8", FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (HawserTopicFilter) filter = hawser_topic_filter_new (cases[i].text, &error);

      g_assert_cmpstr (error != NULL ? error->message : NULL, ==, cases[i].message);
      g_assert_cmpint (filter != NULL, ==, cases[i].message == NULL);
      if (filter == NULL)
        continue;
      g_assert_cmpstr (hawser_topic_filter_get_text (filter), ==, cases[i].text);
      g_assert_cmpint (hawser_topic_filter_has_wildcards (filter), ==, cases[i].has_wildcards);
      g_assert_cmpint (hawser_topic_filter_is_shared (filter), ==, cases[i].is_shared);
    }
}

static void
test_matches_agrees_with_oracle (void)
{
  g_autoptr (GRand) rand = oracle_rand ();
  guint n_matches = 0;

  for (guint i = 0; i < 1000000; i++)
    {
      g_autofree char *filter = oracle_random_path (rand, TRUE);
      g_autofree char *name = oracle_random_path (rand, FALSE);
      gboolean matches = hawser_topic_filter_matches_raw (filter, strlen (filter), name, strlen (name));

      if (matches != oracle_matches (filter, name))
        g_error ("wrong about '%s' and '%s'", filter, name);
      n_matches += (guint) matches;
    }
  g_assert_cmpuint (n_matches, >, 1000);
}

/* All names of one to four levels over an alphabet that holds every word of the filters, and one that none holds. The empty
 * name is among them though nobody can publish to it: relations count it, which errs on the side of caution. */
static GPtrArray *
make_universe (void)
{
  static const char *const words[] = { "a", "b", "$a", "z", "" };
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  guint start = 0;

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_ptr_array_add (names, g_strdup (words[i]));
  for (guint level = 1; level < 4; level++)
    for (guint end = names->len; start < end; start++)
      for (guint i = 0; i < G_N_ELEMENTS (words); i++)
        g_ptr_array_add (names, g_strconcat (g_ptr_array_index (names, start), "/", words[i], NULL));
  return names;
}

static char *
random_small_filter (GRand *rand)
{
  static const char *const words[] = { "a", "b", "$a", "", "+", "+" };
  GString *filter = g_string_new (NULL);
  gint n = g_rand_int_range (rand, 1, 4);

  for (gint i = 0; i < n; i++)
    g_string_append_printf (filter, "%s%s", i > 0 ? "/" : "", i + 1 == n && g_rand_int_range (rand, 0, 3) == 0 ? "#" : words[g_rand_int_range (rand, 0, 6)]);
  if (filter->len == 0)
    g_string_append_c (filter, '/');
  return g_string_free (filter, FALSE);
}

static void
test_relations_agree_with_oracle (void)
{
  g_autoptr (GPtrArray) names = make_universe ();
  g_autoptr (GRand) rand = oracle_rand ();

  for (guint i = 0; i < 4000; i++)
    {
      g_autofree char *a_text = random_small_filter (rand);
      g_autofree char *b_text = random_small_filter (rand);
      g_autoptr (HawserTopicFilter) a = hawser_topic_filter_new (a_text, NULL);
      g_autoptr (HawserTopicFilter) b = hawser_topic_filter_new (b_text, NULL);
      gboolean overlaps = FALSE, is_subset = TRUE;

      for (guint j = 0; j < names->len; j++)
        {
          const char *name = g_ptr_array_index (names, j);
          gboolean in_a = hawser_topic_filter_matches (a, name);
          gboolean in_b = hawser_topic_filter_matches (b, name);

          overlaps |= in_a && in_b;
          is_subset &= !in_a || in_b;
        }
      if (hawser_topic_filter_overlaps (a, b) != overlaps || hawser_topic_filter_overlaps (b, a) != overlaps)
        g_error ("overlap of '%s' and '%s' is not %d", a_text, b_text, overlaps);
      if (hawser_topic_filter_is_subset (a, b) != is_subset)
        g_error ("'%s' within '%s' is not %d", a_text, b_text, is_subset);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/topic/name/is-judged-as-the-standard-says", test_names_are_judged_as_the_standard_says);
  g_test_add_func ("/topic/name/is-bounded", test_names_are_bounded);
  g_test_add_func ("/topic/name/the-fast-check-agrees-with-the-slow-one", test_the_fast_check_agrees_with_the_slow_one);
  g_test_add_func ("/topic/filter/is-judged-as-the-standard-says", test_filters_are_judged_as_the_standard_says);
  g_test_add_func ("/topic/filter/matches-agrees-with-oracle", test_matches_agrees_with_oracle);
  g_test_add_func ("/topic/filter/relations-agree-with-oracle", test_relations_agree_with_oracle);
  return g_test_run ();
}
