/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"
#include "hawser-config.h"
#include "hawser-plugin-registry.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_ASSEMBLY (hawser_assembly_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserAssembly, hawser_assembly, HAWSER, ASSEMBLY, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserAssembly *hawser_assembly_new            (HawserConfig          *config,
                                                HawserBus             *bus,
                                                HawserPluginRegistry  *registry);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_assembly_build          (HawserAssembly        *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_assembly_start          (HawserAssembly        *self,
                                                GError               **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_assembly_reload         (HawserAssembly        *self,
                                                HawserConfig          *config,
                                                char                ***out_cold,
                                                GError               **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_assembly_reopen         (HawserAssembly        *self);
HAWSER_AVAILABLE_IN_ALL
void            hawser_assembly_drain_async    (HawserAssembly        *self,
                                                GCancellable          *cancellable,
                                                GAsyncReadyCallback    callback,
                                                gpointer               user_data);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_assembly_drain_finish   (HawserAssembly        *self,
                                                GAsyncResult          *result,
                                                GError               **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_assembly_stop           (HawserAssembly        *self);

HAWSER_AVAILABLE_IN_ALL
GListModel     *hawser_assembly_get_listeners  (HawserAssembly        *self);
HAWSER_AVAILABLE_IN_ALL
GListModel     *hawser_assembly_get_sinks      (HawserAssembly        *self);
HAWSER_AVAILABLE_IN_ALL
GListModel     *hawser_assembly_get_bridges    (HawserAssembly        *self);
HAWSER_AVAILABLE_IN_ALL
HawserConfig   *hawser_assembly_get_config     (HawserAssembly        *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_assembly_dup_ready_line (HawserAssembly        *self);

G_END_DECLS
