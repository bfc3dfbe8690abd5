/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rules of MQTT 5.0 section 4.7 in the most obvious form, to judge the fast ones; and random paths to judge by. */

#include <glib.h>
#include <string.h>

static inline gboolean
oracle_levels_match (char **filter, char **topic)
{
  if (filter[0] == NULL)
    return topic[0] == NULL;
  if (strcmp (filter[0], "#") == 0)
    return TRUE;
  if (topic[0] == NULL)
    return FALSE;
  return (strcmp (filter[0], "+") == 0 || strcmp (filter[0], topic[0]) == 0) && oracle_levels_match (filter + 1, topic + 1);
}

static inline gboolean
oracle_matches (const char *filter, const char *topic)
{
  g_auto (GStrv) f = g_strsplit (filter, "/", -1);
  g_auto (GStrv) t = g_strsplit (topic, "/", -1);

  if (topic[0] == '$' && (strcmp (f[0], "+") == 0 || strcmp (f[0], "#") == 0))
    return FALSE;
  return oracle_levels_match (f, t);
}

/* Short alphabets, so that names and filters meet often; empty levels, $, UTF-8 and prefixes of one another among them. */
static inline char *
oracle_random_path (GRand *rand, gboolean wildcards)
{
  static const char *const words[] = { "a", "b", "c", "", "aa", "$a", "å", "abcdefgh", "abcdefghijklmnopqrstuvwxyz" };
  GString *path = g_string_new (NULL);
  guint n = (guint) g_rand_int_range (rand, 1, 6);

  for (guint i = 0; i < n; i++)
    {
      guint kind = (guint) g_rand_int_range (rand, 0, 10);

      if (i > 0)
        g_string_append_c (path, '/');
      if (wildcards && kind < 3)
        g_string_append_c (path, '+');
      else if (wildcards && i + 1 == n && kind < 6)
        g_string_append_c (path, '#');
      else
        g_string_append (path, words[g_rand_int_range (rand, 0, g_rand_boolean (rand) ? 3 : (gint) G_N_ELEMENTS (words))]);
    }
  if (path->len == 0)
    g_string_append_c (path, '/');
  return g_string_free (path, FALSE);
}

/* The seed is printed, so that a failure can be repeated with HAWSER_TEST_SEED. */
static inline GRand *
oracle_rand (void)
{
  const char *text = g_getenv ("HAWSER_TEST_SEED");
  guint32 seed = text != NULL ? (guint32) g_ascii_strtoull (text, NULL, 10) : g_random_int ();

  g_test_message ("HAWSER_TEST_SEED=%u", seed);
  return g_rand_new_with_seed (seed);
}
