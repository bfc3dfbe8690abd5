/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"
#include "hawser-spool.h"

G_BEGIN_DECLS

HAWSER_AVAILABLE_IN_ALL
gboolean hawser_bus_set_spool (HawserBus    *bus,
                               HawserSpool  *spool,
                               GError      **error);

G_END_DECLS
