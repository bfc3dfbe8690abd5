/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event stream of the bus that a verb prints. */

#include "tool-sse.h"
#include "tool-url.h"

G_BEGIN_DECLS

/* Reads the event stream at @path until somebody calls tool_quit(), the server ends it or --timeout is over. Exit status. */
int tool_stream_run (Tool *tool, const char *path, ToolSseFunc func, gpointer user_data);

G_END_DECLS
