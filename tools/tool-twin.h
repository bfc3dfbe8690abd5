/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Twins as the verb's files share them. */

#include "tool-http.h"

G_BEGIN_DECLS

/* /v1/twins/ID, escaped, with @rest behind it. */
char       *tool_twin_path        (const char *id, const char *rest);
/* "SUM" or what else an aggregate has of a property first; NAN: nothing. */
gboolean    tool_twin_first       (JsonObject *functions, const char **out_function, double *out_value);
/* The newest time of a reported property as an age in seconds; < 0: none. */
double      tool_twin_age         (JsonObject *twin);
char       *tool_twin_format_age  (double seconds);
char       *tool_twin_format      (double value);

int         tool_twin_tree        (Tool *tool, int argc, char **argv);
int         tool_twin_watch       (Tool *tool, int argc, char **argv);

G_END_DECLS
