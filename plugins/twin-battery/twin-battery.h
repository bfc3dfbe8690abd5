/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define TWIN_TYPE_BATTERY (twin_battery_get_type())
G_DECLARE_FINAL_TYPE (TwinBattery, twin_battery, TWIN, BATTERY, GObject)

G_END_DECLS
