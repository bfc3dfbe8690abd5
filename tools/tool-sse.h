/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reader of server-sent events: bytes in, events out. */

#include <glib.h>

G_BEGIN_DECLS

#define TOOL_SSE_MAX_EVENT_LEN (512u * 1024 * 1024) /* bytes; ours: a message of 256 MiB in base64 must pass */

typedef void (*ToolSseFunc) (const char *event, const char *id, const char *data, gsize len, gpointer user_data);

typedef struct {
  GString *line;
  GString *data;
  char *event;
  char *id;
  gboolean has_data;
  gboolean was_return;
  ToolSseFunc func;
  gpointer user_data;
} ToolSse;

void     tool_sse_init  (ToolSse *self, ToolSseFunc func, gpointer user_data);
gboolean tool_sse_push  (ToolSse *self, const char *bytes, gsize len);
void     tool_sse_clear (ToolSse *self);

G_END_DECLS
