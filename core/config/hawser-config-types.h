/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-config.h"
#include "hawser-plugin-registry.h"

G_BEGIN_DECLS

HAWSER_AVAILABLE_IN_ALL
guint       hawser_config_load_types   (HawserConfig          *self,
                                        HawserPluginRegistry  *registry);
HAWSER_AVAILABLE_IN_ALL
gboolean    hawser_config_load_type    (HawserConfig          *self,
                                        HawserPluginRegistry  *registry,
                                        const char            *kind,
                                        const char            *type,
                                        GError               **error);
HAWSER_AVAILABLE_IN_ALL
const char *hawser_config_kind_to_role (const char            *kind);

G_END_DECLS
