/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a filter costs in the match tree: bench-match [FILTERS...] (default 1000 100000 1000000).
 * Filters are exact, with `+` and with `#` by turns, as the load generators make them (m/A/D/v, m/A/D/+/cc, m/A/D/#), or all
 * siblings (s/D). Bytes are what the allocator handed out, overhead included; the topics of a match are random, their
 * text made beforehand. Prints nanoseconds per operation on one thread. */

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "hawser-match-tree.h"
#include "hawser-topic-raw.h"

#define N_TOPICS 65536

typedef guint (*NameFunc) (char *buffer, gsize size, guint64 i, gboolean topic);

typedef char Name[32];

static guint
mixed_name (char *buffer, gsize size, guint64 i, gboolean topic)
{
  static const char *const tails[][2] = { { "v", "v" }, { "+/cc", "q/cc" }, { "#", "x/y" } };

  return (guint) g_snprintf (buffer, size, "m/%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT "/%s", i / 1000, i % 1000, tails[i % 3][topic]);
}

static guint
sibling_name (char *buffer, gsize size, guint64 i, gboolean topic)
{
  return (guint) g_snprintf (buffer, size, "s/%" G_GUINT64_FORMAT, i);
}

static gsize
get_allocated (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

static void
count (gpointer value, gpointer user_data)
{
  ++*(guint64 *) user_data;
}

typedef struct {
  char *text;
  guint *starts;   /* N_TOPICS + 1 */
} Topics;

static Topics
make_topics (NameFunc name, guint64 n_filters)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (42);
  GString *text = g_string_new (NULL);
  Topics topics = { NULL, g_new (guint, N_TOPICS + 1) };
  char buffer[64];

  for (guint i = 0; i < N_TOPICS; i++)
    {
      topics.starts[i] = (guint) text->len;
      g_string_append_len (text, buffer, name (buffer, sizeof buffer, g_rand_int (rand) % n_filters, TRUE));
    }
  topics.starts[N_TOPICS] = (guint) text->len;
  topics.text = g_string_free (text, FALSE);
  return topics;
}

static void
run (const char *kind, NameFunc name, guint64 n_filters)
{
  HawserMatchTree *tree = hawser_match_tree_new ();
  Topics topics = make_topics (name, n_filters);
  Name *names = g_new (Name, n_filters);
  gsize before, n_bytes;
  gint64 start_us, insert_us, match_us, check_us, remove_us;
  guint64 n_matches = 0, n_valid = 0;
  const guint n_rounds = 16;

  for (guint64 i = 0; i < n_filters; i++)
    name (names[i], sizeof names[i], i, FALSE);

  before = get_allocated ();
  start_us = g_get_monotonic_time ();
  for (guint64 i = 0; i < n_filters; i++)
    hawser_match_node_set_value (hawser_match_tree_insert (tree, names[i], strlen (names[i])), names[i]);
  insert_us = g_get_monotonic_time () - start_us;
  n_bytes = get_allocated () - before;

  start_us = g_get_monotonic_time ();
  for (guint round = 0; round < n_rounds; round++)
    for (guint i = 0; i < N_TOPICS; i++)
      hawser_match_tree_match (tree, topics.text + topics.starts[i], topics.starts[i + 1] - topics.starts[i], count, &n_matches);
  match_us = g_get_monotonic_time () - start_us;
  if (n_matches != (guint64) N_TOPICS * n_rounds)
    g_error ("%" G_GUINT64_FORMAT " matches instead of one for each topic", n_matches);

  start_us = g_get_monotonic_time ();
  for (guint round = 0; round < n_rounds; round++)
    for (guint i = 0; i < N_TOPICS; i++)
      n_valid += (guint64) hawser_topic_name_check (topics.text + topics.starts[i], topics.starts[i + 1] - topics.starts[i]);
  check_us = g_get_monotonic_time () - start_us;
  g_assert (n_valid == (guint64) N_TOPICS * n_rounds);

  start_us = g_get_monotonic_time ();
  for (guint64 i = 0; i < n_filters; i++)
    {
      HawserMatchNode *node = hawser_match_tree_lookup (tree, names[i], strlen (names[i]));

      hawser_match_node_set_value (node, NULL);
      hawser_match_tree_prune (tree, node);
    }
  remove_us = g_get_monotonic_time () - start_us;
  g_assert (hawser_match_tree_get_n_nodes (tree) == 1);

  printf ("%-8s %8" G_GUINT64_FORMAT " filters: %5.0f bytes, insert %4.0f ns, match %4.0f ns, remove %4.0f ns, check of a name %3.0f ns\n", kind,
          n_filters, (double) n_bytes / (double) n_filters, (double) insert_us * 1000 / (double) n_filters,
          (double) match_us * 1000 / (N_TOPICS * n_rounds), (double) remove_us * 1000 / (double) n_filters,
          (double) check_us * 1000 / (N_TOPICS * n_rounds));
  hawser_match_tree_free (tree);
  g_free (names);
  g_free (topics.text);
  g_free (topics.starts);
}

int
main (int argc, char **argv)
{
  static const char *const defaults[] = { "1000", "100000", "1000000" };
  guint n = argc > 1 ? (guint) argc - 1 : G_N_ELEMENTS (defaults);

  for (guint i = 0; i < n; i++)
    {
      guint64 n_filters = MAX (g_ascii_strtoull (argc > 1 ? argv[i + 1] : defaults[i], NULL, 10), 1);

      run ("mixed", mixed_name, n_filters);
      run ("siblings", sibling_name, n_filters);
    }
  return 0;
}
