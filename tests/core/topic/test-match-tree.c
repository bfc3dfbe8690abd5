/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hawser-match-tree.h"

#include <string.h>

#include "topic-oracle.h"

static HawserMatchNode *
put (HawserMatchTree *tree, const char *path)
{
  HawserMatchNode *node = hawser_match_tree_insert (tree, path, strlen (path));

  hawser_match_node_set_value (node, (gpointer) path);
  return node;
}

static void
take (HawserMatchTree *tree, const char *path)
{
  HawserMatchNode *node = hawser_match_tree_lookup (tree, path, strlen (path));

  g_assert_nonnull (node);
  hawser_match_node_set_value (node, NULL);
  hawser_match_tree_prune (tree, node);
}

static void
collect (gpointer value, gpointer user_data)
{
  g_ptr_array_add (user_data, value);
}

static gboolean
collect_node (HawserMatchNode *node, gpointer value, gpointer user_data)
{
  g_assert_true (hawser_match_node_get_value (node) == value);
  g_ptr_array_add (user_data, value);
  return TRUE;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static char *
join (GPtrArray *found)
{
  g_ptr_array_sort (found, compare);
  g_ptr_array_add (found, NULL);
  return g_strjoinv (" ", (char **) found->pdata);
}

static char *
match (HawserMatchTree *tree, const char *topic)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();

  hawser_match_tree_match (tree, topic, strlen (topic), collect, found);
  return join (found);
}

static char *
select_names (HawserMatchTree *tree, const char *filter)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();

  hawser_match_tree_select (tree, filter, strlen (filter), collect_node, found);
  return join (found);
}

/* MQTT 5.0 sections 4.7.1 to 4.7.3 */
static void
test_routes_as_the_standard_says (void)
{
  static const char *const filters[] = {
    "sport/tennis/player1/#", "sport/#", "#", "sport/tennis/+", "+", "sport/+", "+/tennis/#", "+/+", "/+",
    "+/monitor/Clients", "$SYS/#", "$SYS/monitor/+", "ACCOUNTS", "Accounts", "/finance", "finance",
  };
  static const struct {
    const char *topic, *expected;
  } cases[] = {
    { "sport/tennis/player1", "# +/tennis/# sport/# sport/tennis/+ sport/tennis/player1/#" },
    { "sport/tennis/player1/ranking", "# +/tennis/# sport/# sport/tennis/player1/#" },
    { "sport", "# + sport/#" },
    { "sport/", "# +/+ sport/# sport/+" },
    { "/finance", "# +/+ /+ /finance" },
    { "finance", "# + finance" },
    { "$SYS/monitor/Clients", "$SYS/# $SYS/monitor/+" },
    { "$SYS", "$SYS/#" },
    { "$SYSTEM", "" },
    { "ACCOUNTS", "# + ACCOUNTS" },
    { "Accounts", "# + Accounts" },
    { "accounts", "# +" },
    { "a/b/c", "#" },
  };
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();

  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    put (tree, filters[i]);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *got = match (tree, cases[i].topic);

      g_assert_cmpstr (got, ==, cases[i].expected);
    }
}

static void
test_selects_as_the_standard_says (void)
{
  static const char *const names[] = { "a", "a/", "a/b", "a/b/c", "a/b/d", "b/b", "/b", "$SYS/up", "$SYS/b", "a/$b" };
  static const struct {
    const char *filter, *expected;
  } cases[] = {
    { "#", "/b a a/ a/$b a/b a/b/c a/b/d b/b" },
    { "+", "a" },
    { "+/b", "/b a/b b/b" },
    { "a/#", "a a/ a/$b a/b a/b/c a/b/d" },
    { "a/+", "a/ a/$b a/b" },
    { "a/+/d", "a/b/d" },
    { "+/+/#", "/b a/ a/$b a/b a/b/c a/b/d b/b" },
    { "$SYS/#", "$SYS/b $SYS/up" },
    { "$SYS/+", "$SYS/b $SYS/up" },
    { "a/b", "a/b" },
    { "a/x", "" },
    { "a/b/c/d", "" },
    { "a/b/c/#", "a/b/c" },
  };
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    put (tree, names[i]);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *got = select_names (tree, cases[i].filter);

      g_assert_cmpstr (got, ==, cases[i].expected);
    }
}

static gboolean
stop_at_second (HawserMatchNode *node, gpointer value, gpointer user_data)
{
  return ++*(guint *) user_data < 2;
}

static void
test_select_stops_when_told (void)
{
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  guint n = 0;

  put (tree, "a");
  put (tree, "b");
  put (tree, "c/d");
  hawser_match_tree_select (tree, "#", 1, stop_at_second, &n);
  g_assert_cmpuint (n, ==, 2);
}

static void
test_foreach_sees_every_value (void)
{
  static const char *const paths[] = { "#", "$SYS/+", "+/b", "a", "a/#", "a/b" };
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_autofree char *got = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    put (tree, paths[i]);
  hawser_match_tree_foreach (tree, collect_node, found);
  got = join (found);
  g_assert_cmpstr (got, ==, "# $SYS/+ +/b a a/# a/b");
}

static void
test_a_node_knows_its_path (void)
{
  static const char *const paths[] = { "a", "a/b", "/", "//", "a/", "+/x/#", "#", "$SYS/a", "abcdefghijklmnop/qrstuvwxyz" };
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      HawserMatchNode *node = put (tree, paths[i]);
      g_autofree char *path = hawser_match_node_dup_path (node);

      g_assert_cmpstr (path, ==, paths[i]);
      g_assert_true (hawser_match_tree_insert (tree, paths[i], strlen (paths[i])) == node);
    }
}

static void
test_lookup_makes_nothing (void)
{
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  gsize n_nodes;

  put (tree, "a/b/c");
  n_nodes = hawser_match_tree_get_n_nodes (tree);
  g_assert_null (hawser_match_tree_lookup (tree, "a/x", 3));
  g_assert_null (hawser_match_tree_lookup (tree, "a/b/c/d", 7));
  g_assert_null (hawser_match_tree_lookup (tree, "+", 1));
  g_assert_null (hawser_match_tree_lookup (tree, "a/#", 3));
  g_assert_nonnull (hawser_match_tree_lookup (tree, "a/b", 3));
  g_assert_null (hawser_match_node_get_value (hawser_match_tree_lookup (tree, "a/b", 3)));
  g_assert_cmpuint (hawser_match_tree_get_n_nodes (tree), ==, n_nodes);
}

static void
test_prune_keeps_what_is_in_use (void)
{
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  gsize n_bytes = hawser_match_tree_get_n_bytes (tree);
  g_autofree char *got = NULL;

  put (tree, "a/b/c");
  put (tree, "a/b");
  put (tree, "a/+/c");
  take (tree, "a/b/c");
  got = match (tree, "a/b");
  g_assert_cmpstr (got, ==, "a/b");
  take (tree, "a/b");
  take (tree, "a/+/c");
  g_assert_cmpuint (hawser_match_tree_get_n_nodes (tree), ==, 1);
  g_assert_cmpuint (hawser_match_tree_get_n_bytes (tree), ==, n_bytes);
}

/* MQTT hostile case: the deepest path that fits into 65,535 bytes */
static void
test_the_deepest_path_needs_no_recursion (void)
{
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  g_autofree char *slashes = g_strnfill (65535, '/');
  g_autofree char *pluses = g_malloc (65536);
  g_autofree char *path = NULL;
  guint n = 0;

  for (guint i = 0; i < 65535; i++)
    pluses[i] = i % 2 == 0 ? '+' : '/';
  pluses[65535] = '\0';
  put (tree, slashes);
  put (tree, pluses);
  {
    g_autofree char *got = match (tree, slashes);
    g_autofree char *shorter = g_strnfill (32767, '/');
    g_autofree char *got_shorter = match (tree, shorter);

    g_assert_cmpstr (got, ==, slashes);
    g_assert_cmpstr (got_shorter, ==, pluses);
  }
  path = hawser_match_node_dup_path (hawser_match_tree_lookup (tree, slashes, 65535));
  g_assert_cmpstr (path, ==, slashes);
  hawser_match_tree_select (tree, "#", 1, stop_at_second, &n);
  g_assert_cmpuint (n, ==, 1);
  take (tree, slashes);
}

static void
test_many_siblings_come_and_go (void)
{
  enum { N = 20000 };
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GRand) rand = oracle_rand ();
  gsize n_bytes = hawser_match_tree_get_n_bytes (tree);

  for (guint i = 0; i < N; i++)
    {
      g_ptr_array_add (names, g_strdup_printf ("s/%u", i));
      put (tree, g_ptr_array_index (names, i));
    }
  for (guint n = N; n > 0; n--)
    {
      guint i = (guint) g_rand_int_range (rand, 0, (gint) n);
      char *name = g_ptr_array_index (names, i);

      if (n % 64 == 0)
        {
          char *other = g_ptr_array_index (names, (i + 1) % n);
          g_autofree char *got = match (tree, other);

          g_assert_cmpstr (got, ==, other);
        }
      take (tree, name);
      g_assert_null (hawser_match_tree_lookup (tree, name, strlen (name)));
      g_ptr_array_remove_index_fast (names, i);
    }
  g_assert_cmpuint (hawser_match_tree_get_n_bytes (tree), ==, n_bytes);
}

/* What the tree says about @probe, against the oracle over all that was put in. Counts pairs. */
static guint64
check_probe (HawserMatchTree *tree, GHashTable *stored, const char *probe, gboolean stored_are_filters)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  gpointer key;

  if (stored_are_filters)
    hawser_match_tree_match (tree, probe, strlen (probe), collect, found);
  else
    hawser_match_tree_select (tree, probe, strlen (probe), collect_node, found);
  for (guint i = 0; i < found->len; i++)
    if (!g_hash_table_add (seen, g_ptr_array_index (found, i)))
      g_error ("'%s' was found twice for '%s'", (char *) g_ptr_array_index (found, i), probe);

  g_hash_table_iter_init (&iter, stored);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (g_hash_table_contains (seen, key) != (stored_are_filters ? oracle_matches (key, probe) : oracle_matches (probe, key)))
      g_error ("wrong about '%s' and '%s'", (char *) key, probe);
  return g_hash_table_size (stored);
}

/* Puts and takes random paths, and now and then compares. */
static void
agree_with_oracle (gboolean stored_are_filters)
{
  const guint64 n_pairs = 1000000;
  g_autoptr (HawserMatchTree) tree = hawser_match_tree_new ();
  g_autoptr (GHashTable) stored = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GRand) rand = oracle_rand ();
  guint64 n = 0;
  GHashTableIter iter;
  gpointer key;

  while (n < n_pairs)
    {
      for (guint i = 0; i < 8; i++)
        {
          char *path = oracle_random_path (rand, stored_are_filters);

          if (g_hash_table_contains (stored, path))
            {
              take (tree, path);
              g_hash_table_remove (stored, path);
              g_free (path);
            }
          else
            {
              put (tree, path);
              g_hash_table_add (stored, path);
            }
          if (g_hash_table_size (stored) > 400)
            {
              g_hash_table_iter_init (&iter, stored);
              g_hash_table_iter_next (&iter, &key, NULL);
              take (tree, key);
              g_hash_table_iter_remove (&iter);
            }
        }
      for (guint i = 0; i < 8; i++)
        {
          g_autofree char *probe = oracle_random_path (rand, !stored_are_filters);

          n += check_probe (tree, stored, probe, stored_are_filters);
        }
    }
  g_test_message ("%" G_GUINT64_FORMAT " pairs agree", n);

  g_hash_table_iter_init (&iter, stored);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    take (tree, key);
  g_assert_cmpuint (hawser_match_tree_get_n_nodes (tree), ==, 1);
}

static void
test_match_agrees_with_oracle (void)
{
  agree_with_oracle (TRUE);
}

static void
test_select_agrees_with_oracle (void)
{
  agree_with_oracle (FALSE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/topic/match-tree/routes-as-the-standard-says", test_routes_as_the_standard_says);
  g_test_add_func ("/topic/match-tree/selects-as-the-standard-says", test_selects_as_the_standard_says);
  g_test_add_func ("/topic/match-tree/select-stops-when-told", test_select_stops_when_told);
  g_test_add_func ("/topic/match-tree/foreach-sees-every-value", test_foreach_sees_every_value);
  g_test_add_func ("/topic/match-tree/a-node-knows-its-path", test_a_node_knows_its_path);
  g_test_add_func ("/topic/match-tree/lookup-makes-nothing", test_lookup_makes_nothing);
  g_test_add_func ("/topic/match-tree/prune-keeps-what-is-in-use", test_prune_keeps_what_is_in_use);
  g_test_add_func ("/topic/match-tree/the-deepest-path-needs-no-recursion", test_the_deepest_path_needs_no_recursion);
  g_test_add_func ("/topic/match-tree/many-siblings-come-and-go", test_many_siblings_come_and_go);
  g_test_add_func ("/topic/match-tree/one-million-pairs-agree-with-the-oracle", test_match_agrees_with_oracle);
  g_test_add_func ("/topic/match-tree/one-million-selections-agree-with-the-oracle", test_select_agrees_with_oracle);
  return g_test_run ();
}
