/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A message on stdout: payload only, -v with the topic, -j as a CloudEvent, or in a form of one's own. */

#include "tool-message.h"
#include "tool.h"

G_BEGIN_DECLS

typedef struct {
  const char *format;            /* NULL: by -j and -v */
  ToolPayload payload;
  gboolean no_newline;
} ToolPrint;

/* FALSE: stdout takes nothing more. */
gboolean tool_print_message (Tool *tool, const ToolPrint *print, const ToolMessage *message);

G_END_DECLS
