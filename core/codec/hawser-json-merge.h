/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-json.h"

G_BEGIN_DECLS

/* Appends the result of RFC 7396 section 2 over texts that hawser_json_check() found sound: no tree, no recursion. @target NULL:
 * there is none. Members keep the order of the target, new ones follow in the order of the patch; of two members with one
 * name the last counts. FALSE, and nothing appended, when the result would nest deeper than HAWSER_JSON_MAX_DEPTH. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_merge_patch (const HawserJsonSlice *target,
                                  const HawserJsonSlice *patch,
                                  GString               *out);

G_END_DECLS
