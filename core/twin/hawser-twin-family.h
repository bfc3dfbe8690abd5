/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_TWIN_FAMILY (hawser_twin_family_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserTwinFamily, hawser_twin_family, HAWSER, TWIN_FAMILY, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserTwinFamily *hawser_twin_family_new      (const char        *name);
HAWSER_AVAILABLE_IN_ALL
const char       *hawser_twin_family_get_name (HawserTwinFamily  *self);
HAWSER_AVAILABLE_IN_ALL
gboolean          hawser_twin_family_check    (HawserTwinFamily  *self,
                                               const char       **out_property,
                                               GError           **error);

G_END_DECLS
