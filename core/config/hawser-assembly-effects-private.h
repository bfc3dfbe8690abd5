/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-config.h"

G_BEGIN_DECLS

/* Says which keys of @group are understood and have no effect: errors where somebody would rely on them for safety.
 * @first, @second: (nullable): the objects that take keys of the group as properties. */
void hawser_assembly_check_effects (HawserConfigGroup *group,
                                    GObject           *first,
                                    GObject           *second);

G_END_DECLS
