/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Unix socket behind which is a WebSocket of subprotocol mqtt. */

#include "tool-url.h"

G_BEGIN_DECLS

typedef struct _ToolWebsocket ToolWebsocket;
typedef void (*ToolWebsocketFailed) (const char *detail, gpointer data);

/* NULL: *out_detail says why. @failed: it could not connect, or was cut off. */
ToolWebsocket *tool_websocket_open     (Tool *tool, const ToolUrl *url, ToolWebsocketFailed failed, gpointer data, char **out_detail);
const char    *tool_websocket_get_path (ToolWebsocket *self);
void           tool_websocket_close    (ToolWebsocket *self);

G_END_DECLS
