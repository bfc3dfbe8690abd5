/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What nobody is shown who looks at messages of others. Pure functions over (text, rules). */

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* Appends the JSON object of a CloudEvent with each value that a rule names, and what commonly holds a secret, as "***". A rule is a
 * JSON Pointer into `data` (it begins with a slash) or the name of a member, in any case. @json must be JSON. */
void http_redact (GString            *out,
                  const char         *json,
                  gsize               len,
                  const char * const *rules);

G_END_DECLS
