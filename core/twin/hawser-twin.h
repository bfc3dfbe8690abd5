/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserTwinState:
 * @HAWSER_TWIN_STATE_OFFLINE: silent for too long, its link was lost, or it never spoke
 * @HAWSER_TWIN_STATE_STALE: silent for longer than it should be
 * @HAWSER_TWIN_STATE_ONLINE: heard of in time; of an inner node: some twin below it is
 *
 * Whether the thing behind a twin is there.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_TWIN_STATE_OFFLINE,
  HAWSER_TWIN_STATE_STALE,
  HAWSER_TWIN_STATE_ONLINE,
} HawserTwinState;

#define HAWSER_TYPE_TWIN_STATE (hawser_twin_state_get_type())
HAWSER_AVAILABLE_IN_ALL
GType           hawser_twin_state_get_type (void) G_GNUC_CONST;
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_twin_state_to_nick  (HawserTwinState       state);

#define HAWSER_TYPE_TWIN (hawser_twin_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserTwin, hawser_twin, HAWSER, TWIN, GObject)

/**
 * HawserTwinInterface:
 * @parent_iface: the parent interface
 * @dup_json: all of it as JSON; %NULL when it is no longer there
 * @get_children: the twins below it, %NULL for a leaf; the same object for its life
 * @patch: a merge patch (RFC 7396) of `parent`, `reported`, `desired` and `attributes`
 *
 * One thing. Properties `id`, `parent`, `state`, `revision` and `title` notify on change, coalesced; "changed" says so once for
 * each batch of changes.
 *
 * Since: 0.1
 */
struct _HawserTwinInterface {
  GTypeInterface parent_iface;

  char       *(*dup_json)     (HawserTwin  *self);
  GListModel *(*get_children) (HawserTwin  *self);
  gboolean    (*patch)        (HawserTwin  *self,
                               const char  *patch,
                               GError     **error);

  gpointer reserved[8];
};

HAWSER_AVAILABLE_IN_ALL
char           *hawser_twin_dup_id         (HawserTwin           *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_twin_dup_parent     (HawserTwin           *self);
HAWSER_AVAILABLE_IN_ALL
HawserTwinState hawser_twin_get_state      (HawserTwin           *self);
HAWSER_AVAILABLE_IN_ALL
guint64         hawser_twin_get_revision   (HawserTwin           *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_twin_dup_json       (HawserTwin           *self);
HAWSER_AVAILABLE_IN_ALL
GVariant       *hawser_twin_dup_property   (HawserTwin           *self,
                                            const char           *path);
HAWSER_AVAILABLE_IN_ALL
GListModel     *hawser_twin_get_children   (HawserTwin           *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twin_patch          (HawserTwin           *self,
                                            const char           *patch,
                                            GError              **error);

G_END_DECLS
