/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the bus is and who we are there. */

#include "tool.h"

G_BEGIN_DECLS

typedef enum { TOOL_SCHEME_MQTT, TOOL_SCHEME_HTTP } ToolScheme;
typedef enum { TOOL_URL_MESSAGES, TOOL_URL_ADMIN } ToolUrlPurpose;

typedef struct _ToolUrl ToolUrl;
struct _ToolUrl {
  char *text;                 /* for messages; no secret is in it */
  ToolScheme scheme;
  gboolean is_encrypted;
  char *host;                 /* NULL: path */
  guint16 port;
  char *path;                 /* of a Unix socket */
  char *query;                /* path and query behind ws: and wss:; NULL: no WebSocket */
  gboolean is_bare_unix;      /* unix: says where, not which protocol */
  char *user;
  char *password;
  char *token;
  GTlsCertificate *certificate; /* ours; NULL: none. Of HTTP; libmosquitto reads the files itself */
};

ToolUrl *tool_url_parse   (const char *text, GError **error);
ToolUrl *tool_url_resolve (Tool *tool, ToolUrlPurpose purpose, int *out_code);
void     tool_url_free    (ToolUrl *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolUrl, tool_url_free)

G_END_DECLS
