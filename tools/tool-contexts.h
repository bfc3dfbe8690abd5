/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Saved connections: a key file of the user, one group a context. */

#include "tool.h"

G_BEGIN_DECLS

char     *tool_contexts_dup_file (void);
GKeyFile *tool_contexts_load     (Tool *tool, int *out_code);
gboolean  tool_contexts_save     (Tool *tool, GKeyFile *contexts, int *out_code);
char     *tool_contexts_dup_selected (GKeyFile *contexts);
gboolean  tool_contexts_apply    (Tool *tool, char **out_url, int *out_code);

G_END_DECLS
