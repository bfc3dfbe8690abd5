/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-types.h"

G_BEGIN_DECLS

/* What a member of a new payload is made of: numbers, JSON Pointers and + - * / ( ); or one pointer alone, which takes any value as it
 * stands. Pure functions of their arguments. */

#define HAWSER_FORMULA_MAX_STEPS 256   /* numbers, pointers and operators */
#define HAWSER_FORMULA_MAX_DEPTH 32    /* open brackets and values that wait for their operator */

typedef struct _HawserFormula HawserFormula;

/* Reads from @text to its end, or to a comma outside of brackets, where @out_end then points.
 * Errors: %HAWSER_ERROR_INVALID, with the column. */
HawserFormula *hawser_formula_new      (const char           *text,
                                        const char          **out_end,
                                        GError              **error);
void           hawser_formula_free     (HawserFormula        *self);
/* Appends the value as JSON. FALSE: a pointer leads nowhere or, in arithmetic, to no number, or the result is not finite. */
gboolean       hawser_formula_append   (const HawserFormula  *self,
                                        const char           *json,
                                        gsize                 len,
                                        GString              *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserFormula, hawser_formula_free)

G_END_DECLS
