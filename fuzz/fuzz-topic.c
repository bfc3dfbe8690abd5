/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes, up to a zero byte as a filter and after it as a name: judged, matched one by one and through the tree, and the
 * answers agree. */

#include <hawser/hawser.h>

#include <string.h>

#include "hawser-match-tree.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
count (gpointer value, gpointer user_data)
{
  ++*(guint *) user_data;
}

static gboolean
count_node (HawserMatchNode *node, gpointer value, gpointer user_data)
{
  ++*(guint *) user_data;
  return TRUE;
}

static void
check_tree (const char *filter, gsize filter_len, const char *name, gsize name_len, gboolean expected)
{
  g_autoptr (HawserMatchTree) filters = hawser_match_tree_new ();
  g_autoptr (HawserMatchTree) names = hawser_match_tree_new ();
  HawserMatchNode *node = hawser_match_tree_insert (filters, filter, filter_len);
  g_autofree char *path = hawser_match_node_dup_path (node);
  guint n_matched = 0, n_selected = 0;

  g_assert_true (strlen (path) == filter_len && memcmp (path, filter, filter_len) == 0);
  hawser_match_node_set_value (node, filters);
  hawser_match_tree_match (filters, name, name_len, count, &n_matched);
  g_assert_cmpuint (n_matched, ==, expected);

  hawser_match_node_set_value (hawser_match_tree_insert (names, name, name_len), names);
  hawser_match_tree_select (names, filter, filter_len, count_node, &n_selected);
  g_assert_cmpuint (n_selected, ==, expected);

  g_assert_true (hawser_match_tree_lookup (filters, filter, filter_len) == node);
  hawser_match_node_set_value (node, NULL);
  hawser_match_tree_prune (filters, node);
  g_assert_cmpuint (hawser_match_tree_get_n_nodes (filters), ==, 1);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const char *filter = size > 0 ? (const char *) data : "";
  const char *zero = memchr (filter, 0, size);
  gsize filter_len = zero != NULL ? (gsize) (zero - filter) : size;
  const char *name = zero != NULL ? zero + 1 : filter;
  gsize name_len = zero != NULL ? size - filter_len - 1 : size;
  g_autofree char *text = g_strndup (filter, filter_len);
  g_autoptr (GError) filter_error = NULL, name_error = NULL;
  g_autoptr (HawserTopicFilter) object = hawser_topic_filter_new (text, &filter_error);
  gboolean filter_is_valid = hawser_topic_filter_check (filter, filter_len);
  gboolean name_is_valid = hawser_topic_name_check (name, name_len);
  gboolean matches;

  g_assert_true ((object != NULL) == filter_is_valid && (filter_error == NULL) == filter_is_valid);
  g_assert_true (hawser_topic_name_is_valid (name, (gssize) name_len, &name_error) == name_is_valid && (name_error == NULL) == name_is_valid);
  g_assert_true (filter_error == NULL || g_utf8_validate (filter_error->message, -1, NULL));
  g_assert_true (name_error == NULL || g_utf8_validate (name_error->message, -1, NULL));
  if (!filter_is_valid || !name_is_valid)
    return 0;

  g_assert_true (hawser_topic_filter_overlaps (object, object) && hawser_topic_filter_is_subset (object, object));
  matches = hawser_topic_filter_matches_raw (filter, filter_len, name, name_len);
  check_tree (filter, filter_len, name, name_len, matches);
  return 0;
}
