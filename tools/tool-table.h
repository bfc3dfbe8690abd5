/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lists for people: columns as wide as what is in them, shortened to the terminal; and the same list as JSON or names. */

#include <json-glib/json-glib.h>

#include "tool.h"

G_BEGIN_DECLS

typedef struct {
  const char *title;
  const char *member;          /* of the JSON object of a row */
  gboolean is_right;
} ToolColumn;

/* The first column is the name of a row. Prints; returns TOOL_DONE. */
int   tool_table_print   (Tool *tool, const ToolColumn *columns, guint n_columns, JsonArray *rows);
JsonArray *tool_table_sort (JsonArray *rows, const char *name);
/* One object, a member a line. */
int   tool_object_print  (Tool *tool, JsonNode *root);
gboolean tool_object_set  (JsonObject *object, const char *setting);
char *tool_member_text   (JsonObject *object, const char *member);

G_END_DECLS
