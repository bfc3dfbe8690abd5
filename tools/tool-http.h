/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HTTP requests of the verbs that look and change: one after the other, each waited for. */

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "tool-url.h"

G_BEGIN_DECLS

SoupSession *tool_http_session   (Tool *tool, const ToolUrl *url);
SoupMessage *tool_http_message   (const ToolUrl *url, const char *method, const char *path_and_query);
int          tool_http_problem   (guint status, const char *reason_phrase, GBytes *body, char **out_detail);

/* Exit status; *out_body (nullable out) only with TOOL_DONE. Says on stderr what failed. */
int          tool_http_request   (Tool *tool, const char *method, const char *path_and_query, const char *body,
                                  GBytes **out_body);
/* Whether a path answers with success; says nothing on stderr. */
gboolean     tool_http_probe     (Tool *tool, const char *path);
int          tool_http_get_json  (Tool *tool, const char *path_and_query, JsonNode **out_root);
/* All pages of a list; items as JsonObject elements. */
int          tool_http_list      (Tool *tool, const char *path, JsonArray **out_items);
char        *tool_http_escape    (const char *segment, gboolean keep_slashes);

G_END_DECLS
