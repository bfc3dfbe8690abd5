/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* Gives @to the settings of @from, which is of the same type: properties that can be read and written at any time and differ,
 * but the one called @except (nullable). */
void hawser_param_copy (GObject    *from,
                        GObject    *to,
                        const char *except);

G_END_DECLS
