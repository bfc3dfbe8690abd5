/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_PLUGIN (hawser_plugin_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserPlugin, hawser_plugin, HAWSER, PLUGIN, GObject)

HAWSER_AVAILABLE_IN_ALL
const char           *hawser_plugin_get_name               (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char           *hawser_plugin_get_version            (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char           *hawser_plugin_get_description        (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char           *hawser_plugin_get_licence            (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char           *hawser_plugin_get_file               (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char * const   *hawser_plugin_get_roles              (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char * const   *hawser_plugin_get_types              (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
const char           *hawser_plugin_get_failure            (HawserPlugin          *self);
HAWSER_AVAILABLE_IN_ALL
gboolean              hawser_plugin_get_is_loaded          (HawserPlugin          *self);

#define HAWSER_TYPE_PLUGIN_REGISTRY (hawser_plugin_registry_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserPluginRegistry, hawser_plugin_registry, HAWSER, PLUGIN_REGISTRY, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserPluginRegistry *hawser_plugin_registry_get_default   (void);
HAWSER_AVAILABLE_IN_ALL
HawserPluginRegistry *hawser_plugin_registry_new           (void);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_plugin_registry_add_path      (HawserPluginRegistry  *self,
                                                            const char            *directory);
HAWSER_AVAILABLE_IN_ALL
GListModel           *hawser_plugin_registry_get_plugins   (HawserPluginRegistry  *self);
HAWSER_AVAILABLE_IN_ALL
HawserPlugin         *hawser_plugin_registry_find          (HawserPluginRegistry  *self,
                                                            const char            *role,
                                                            const char            *type_name);
HAWSER_AVAILABLE_IN_ALL
GType                 hawser_plugin_registry_get_gtype     (HawserPluginRegistry  *self,
                                                            const char            *role,
                                                            const char            *type_name,
                                                            GError               **error);
HAWSER_AVAILABLE_IN_ALL
char                **hawser_plugin_registry_list_types    (HawserPluginRegistry  *self,
                                                            const char            *role);

G_END_DECLS
