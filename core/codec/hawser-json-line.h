/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* JSON text in one line. C only. */

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_JSON_MAX_DEPTH 512  /* open brackets; a bit each, nothing recurses */

/* Appends the one JSON value (RFC 8259) in @data without insignificant white space: never a line break. FALSE, and @out
 * as it was, when it is not exactly one value, not UTF-8, or deeper than HAWSER_JSON_MAX_DEPTH. */
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
