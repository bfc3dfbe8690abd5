/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-bridge.h"

G_BEGIN_DECLS

/* Its group is gone: it stops, and nothing more is queued for it. What waits stays where it is, for a group of that name. */
void hawser_bridge_retire (HawserBridge *self);

G_END_DECLS
