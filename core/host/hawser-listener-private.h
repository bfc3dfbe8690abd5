/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-listener.h"

G_BEGIN_DECLS

/* A reload: @self, which runs, gets the settings, identities and protocol settings of @from, which is of the same name and
 * type and was not started. Address and certificates stay. */
void hawser_listener_take_settings (HawserListener *self,
                                    HawserListener *from);

G_END_DECLS
