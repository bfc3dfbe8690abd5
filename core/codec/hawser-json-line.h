/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* JSON text in one line. C only. */

#include "hawser-types.h"

G_BEGIN_DECLS

/* Appends the one JSON value in @data without insignificant white space: never a line break. FALSE, and @out as it was,
 * when hawser_json_check() refuses it. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_compact       (GString      *out,
                                    const guint8 *data,
                                    gsize         len);
/* Appends @text (UTF-8) as a JSON string with its quotes. */
HAWSER_AVAILABLE_IN_ALL
void     hawser_json_append_string (GString      *out,
                                    const char   *text,
                                    gsize         len);

G_END_DECLS
