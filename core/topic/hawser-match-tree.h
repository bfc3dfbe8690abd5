/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the one tree of the bus. Keyed by filters it answers "who gets this message"; keyed by names it answers
 * "which retained values does this filter select". See hawser-match-tree.c for its shape and cost. */

#include "hawser-types.h"

G_BEGIN_DECLS

typedef struct _HawserMatchTree HawserMatchTree;
typedef struct _HawserMatchNode HawserMatchNode;

/* What follows the value is the tree's own. */
struct _HawserMatchNode {
  gpointer value;
};

/* Neither callback may insert, prune or free; both may set values. The second stops the walk by FALSE. */
typedef void     (*HawserMatchFunc)  (gpointer         value,
                                      gpointer         user_data);
typedef gboolean (*HawserSelectFunc) (HawserMatchNode *node,
                                      gpointer         value,
                                      gpointer         user_data);

HawserMatchTree *hawser_match_tree_new         (void);
void             hawser_match_tree_free        (HawserMatchTree  *self);

/* Finds or makes. @path was validated by the caller: a topic name or a topic filter, not terminated. */
HawserMatchNode *hawser_match_tree_insert      (HawserMatchTree  *self,
                                                const char       *path,
                                                gsize             len);
HawserMatchNode *hawser_match_tree_lookup      (HawserMatchTree  *self,
                                                const char       *path,
                                                gsize             len);
/* After the value of @node became NULL: frees it and every ancestor that holds nothing any more. */
void             hawser_match_tree_prune       (HawserMatchTree  *self,
                                                HawserMatchNode  *node);

/* Calls @func for each value whose stored filter matches the name @topic. */
void             hawser_match_tree_match       (HawserMatchTree  *self,
                                                const char       *topic,
                                                gsize             len,
                                                HawserMatchFunc   func,
                                                gpointer          user_data);
/* Calls @func for each value whose stored name matches @filter. */
void             hawser_match_tree_select      (HawserMatchTree  *self,
                                                const char       *filter,
                                                gsize             len,
                                                HawserSelectFunc  func,
                                                gpointer          user_data);
/* Calls @func for each value there is, wildcards and $-paths included, parents before children. */
void             hawser_match_tree_foreach     (HawserMatchTree  *self,
                                                HawserSelectFunc  func,
                                                gpointer          user_data);

gsize            hawser_match_tree_get_n_nodes (HawserMatchTree  *self);
gsize            hawser_match_tree_get_n_bytes (HawserMatchTree  *self);

char            *hawser_match_node_dup_path    (HawserMatchNode  *node);

static inline gpointer
hawser_match_node_get_value (HawserMatchNode *node)
{
  return node->value;
}

static inline void
hawser_match_node_set_value (HawserMatchNode *node, gpointer value)
{
  node->value = value;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserMatchTree, hawser_match_tree_free)

G_END_DECLS
