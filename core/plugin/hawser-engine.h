/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-batch.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_ENGINE (hawser_engine_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserEngine, hawser_engine, HAWSER, ENGINE, GObject)

/**
 * HawserEngineInterface:
 * @parent_iface: the parent interface
 * @set_interest: somebody on this node wants, or no longer wants, what matches the filter: only such messages come here
 * @forward: messages of this node that other nodes may want; fire and forget, durable subscriptions do not rely on it
 * @acquire_async: asks to be the one node that holds a name (a twin, a lease)
 * @acquire_finish: the epoch, which only grows from holder to holder, or 0 and an error when another node holds it
 * @release: gives the name up
 * @put_async: stores the state of a held name, if its revision is still the expected one
 * @put_finish: the new revision, or 0 and %HAWSER_ERROR_EXISTS when a later epoch wrote meanwhile
 *
 * Joins several daemons on an existing distributed engine. All slots run on the bus's context and must not block;
 * what comes from other nodes is published by the engine with hawser_bus_publish().
 *
 * Since: 0.1
 */
struct _HawserEngineInterface {
  GTypeInterface parent_iface;

  void    (*set_interest)   (HawserEngine         *self,
                             const char           *filter,
                             gboolean              is_wanted);
  void    (*forward)        (HawserEngine         *self,
                             HawserBatch          *batch);
  void    (*acquire_async)  (HawserEngine         *self,
                             const char           *name,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data);
  guint64 (*acquire_finish) (HawserEngine         *self,
                             GAsyncResult         *result,
                             GError              **error);
  void    (*release)        (HawserEngine         *self,
                             const char           *name);
  void    (*put_async)      (HawserEngine         *self,
                             const char           *name,
                             GBytes               *state,
                             guint64               expected_revision,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data);
  guint64 (*put_finish)     (HawserEngine         *self,
                             GAsyncResult         *result,
                             GError              **error);

  gpointer reserved[8];
};

G_END_DECLS
