/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Last words of who is away. Private; what adapters call is in hawser-receiver.h. */

#include "hawser-bus.h"

G_BEGIN_DECLS

gboolean hawser_farewells_recover (HawserBus  *bus,
                                   GError    **error);
/* The journal keeps what it has. */
void     hawser_farewells_clear   (HawserBus  *bus);

G_END_DECLS
