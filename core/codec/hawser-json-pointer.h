/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-json.h"

G_BEGIN_DECLS

/* Whether the text is a JSON Pointer (RFC 6901 section 3). */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_pointer_check      (const char      *pointer);

/* Finds one value in one pass and without a tree. FALSE if there is none, or if the text is not JSON before the
 * value's end; what follows the value is not looked at. Of two members with one name the first counts. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_pointer_get        (const char      *pointer,
                                         const char      *text,
                                         gsize            len,
                                         HawserJsonSlice *out_value);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_pointer_get_double (const char      *pointer,
                                         const char      *text,
                                         gsize            len,
                                         double          *out_value);
/* (transfer full) (nullable) */
HAWSER_AVAILABLE_IN_ALL
char    *hawser_json_pointer_dup_string (const char      *pointer,
                                         const char      *text,
                                         gsize            len);

G_END_DECLS
