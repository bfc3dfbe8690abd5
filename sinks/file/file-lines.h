/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* One line for each message, in order. @cloudevents: whole events, not payloads alone. */
GString *file_lines_render (HawserBatch *batch,
                            gboolean     cloudevents);

G_END_DECLS
