/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define TWIN_TYPE_THERMOSTAT (twin_thermostat_get_type())
G_DECLARE_FINAL_TYPE (TwinThermostat, twin_thermostat, TWIN, THERMOSTAT, GObject)

G_END_DECLS
