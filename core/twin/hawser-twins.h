/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"
#include "hawser-twin.h"
#include "hawser-twin-family.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_TWINS (hawser_twins_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserTwins, hawser_twins, HAWSER, TWINS, GObject)

/**
 * HAWSER_TWIN_ANY_REVISION:
 *
 * Of a condition: whatever the revision is. No twin comes that far, and every language can say it: it is the largest whole number
 * that a JavaScript number holds.
 *
 * Since: 0.1
 */
#define HAWSER_TWIN_ANY_REVISION ((guint64) 9007199254740991)

/**
 * HawserTwinChange:
 * @HAWSER_TWIN_CHANGE_REPORTED: a reported property has another value
 * @HAWSER_TWIN_CHANGE_DESIRED: a desired property has another value
 * @HAWSER_TWIN_CHANGE_ATTRIBUTES: an attribute has another value
 * @HAWSER_TWIN_CHANGE_PARENT: it has another parent
 * @HAWSER_TWIN_CHANGE_STATE: it is online, stale or offline where it was not
 * @HAWSER_TWIN_CHANGE_AGGREGATE: what is counted of the twins below it changed
 * @HAWSER_TWIN_CHANGE_ADDED: it is there for the first time
 * @HAWSER_TWIN_CHANGE_REMOVED: it was deleted
 *
 * What an event is about.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_TWIN_CHANGE_REPORTED = 1 << 0,
  HAWSER_TWIN_CHANGE_DESIRED = 1 << 1,
  HAWSER_TWIN_CHANGE_ATTRIBUTES = 1 << 2,
  HAWSER_TWIN_CHANGE_PARENT = 1 << 3,
  HAWSER_TWIN_CHANGE_STATE = 1 << 4,
  HAWSER_TWIN_CHANGE_AGGREGATE = 1 << 5,
  HAWSER_TWIN_CHANGE_ADDED = 1 << 6,
  HAWSER_TWIN_CHANGE_REMOVED = 1 << 7,
} HawserTwinChange;

#define HAWSER_TYPE_TWIN_CHANGE (hawser_twin_change_get_type())
HAWSER_AVAILABLE_IN_ALL
GType         hawser_twin_change_get_type     (void) G_GNUC_CONST;

/**
 * HawserTwinObserver:
 * @id: the twin
 * @change: what changed
 * @revision: of the twin, after the change
 * @json: the change as one JSON object, the same that is published on the bus
 * @user_data: data of the caller
 *
 * Called on the bus's lane at the end of the turn in which the change happened, in the order of the changes; it may call
 * everything.
 *
 * Since: 0.1
 */
typedef void (*HawserTwinObserver) (const char       *id,
                                    HawserTwinChange  change,
                                    guint64           revision,
                                    const char       *json,
                                    gpointer          user_data);

HAWSER_AVAILABLE_IN_ALL
HawserTwins  *hawser_twins_get                (HawserBus            *bus);
HAWSER_AVAILABLE_IN_ALL
HawserBus    *hawser_twins_get_bus            (HawserTwins          *self);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_add_family         (HawserTwins          *self,
                                               HawserTwinFamily     *family,
                                               GError              **error);

/* ---- reading: JSON in the shape of the wire ---- */

HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_contains           (HawserTwins          *self,
                                               const char           *id);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_write              (HawserTwins          *self,
                                               const char           *id,
                                               GString              *out,
                                               guint64              *out_revision,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
char         *hawser_twins_dup_json           (HawserTwins          *self,
                                               const char           *id,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_write_aggregate    (HawserTwins          *self,
                                               const char           *id,
                                               GString              *out,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_write_history      (HawserTwins          *self,
                                               const char           *id,
                                               const char           *key,
                                               gint64                from_us,
                                               gint64                to_us,
                                               guint                 limit,
                                               GString              *out,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_write_at           (HawserTwins          *self,
                                               const char           *id,
                                               gint64                time_us,
                                               GString              *out,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_write_list         (HawserTwins          *self,
                                               const char           *parent,
                                               const char           *query,
                                               const char           *sort,
                                               const char           *cursor,
                                               guint                 limit,
                                               GString              *out,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gint64        hawser_twins_count              (HawserTwins          *self,
                                               const char           *parent,
                                               const char           *query,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
void          hawser_twins_get_counts         (HawserTwins          *self,
                                               guint                *out_online,
                                               guint                *out_stale,
                                               guint                *out_offline);

/* ---- writing ---- */

HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_patch              (HawserTwins          *self,
                                               const char           *id,
                                               const char           *patch,
                                               gssize                len,
                                               guint64               if_revision,
                                               const char           *source,
                                               guint64              *out_revision,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_report             (HawserTwins          *self,
                                               const char           *id,
                                               const char           *key,
                                               double                value,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_set_parent         (HawserTwins          *self,
                                               const char           *id,
                                               const char           *parent,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_remove             (HawserTwins          *self,
                                               const char           *id,
                                               guint64               if_revision,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
void          hawser_twins_commit_async       (HawserTwins          *self,
                                               const char           *id,
                                               GCancellable         *cancellable,
                                               GAsyncReadyCallback   callback,
                                               gpointer              user_data);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_commit_finish      (HawserTwins          *self,
                                               GAsyncResult         *result,
                                               GError              **error);

/* ---- in memory or not ---- */

HAWSER_AVAILABLE_IN_ALL
void          hawser_twins_set_live_limit     (HawserTwins          *self,
                                               guint                 limit);
HAWSER_AVAILABLE_IN_ALL
guint         hawser_twins_get_live_limit     (HawserTwins          *self);
HAWSER_AVAILABLE_IN_ALL
guint         hawser_twins_get_live           (HawserTwins          *self,
                                               guint64              *out_n_passivated,
                                               guint64              *out_n_woken);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_passivate          (HawserTwins          *self,
                                               const char           *id);

/* ---- messages to twins, and changes of them ---- */

HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_twins_send               (HawserTwins          *self,
                                               const char           *id,
                                               const char           *subject,
                                               HawserMessage        *message,
                                               guint                *out_n_sent,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
void          hawser_twins_ask_async          (HawserTwins          *self,
                                               const char * const   *ids,
                                               const char           *subject,
                                               gint64                timeout_us,
                                               GCancellable         *cancellable,
                                               GAsyncReadyCallback   callback,
                                               gpointer              user_data);
HAWSER_AVAILABLE_IN_ALL
char         *hawser_twins_ask_finish         (HawserTwins          *self,
                                               GAsyncResult         *result,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
guint         hawser_twins_observe            (HawserTwins          *self,
                                               const char           *filter,
                                               HawserTwinChange      changes,
                                               HawserTwinObserver    func,
                                               gpointer              user_data,
                                               GDestroyNotify        destroy,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
void          hawser_twins_unobserve          (HawserTwins          *self,
                                               guint                 observer);

/* ---- objects, made while somebody holds them ---- */

HAWSER_AVAILABLE_IN_ALL
HawserTwin   *hawser_twins_dup_twin           (HawserTwins          *self,
                                               const char           *id,
                                               GError              **error);
HAWSER_AVAILABLE_IN_ALL
GListModel   *hawser_twins_get_model          (HawserTwins          *self);

G_END_DECLS
