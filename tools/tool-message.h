/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A message as the command line sees it: from MQTT packets, from CloudEvents, from arguments; to a terminal, a pipe, JSON. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  char *topic;
  GBytes *payload;
  char *content_type;          /* these, down to time: NULL when the message has none */
  char *id;
  char *source;
  char *reply_to;
  char *correlation;
  GBytes *correlation_data;    /* as it came, when it is no text; correlation has it in base64 then */
  char *time;                  /* RFC 3339 */
  GPtrArray *properties;       /* name, value, name, value */
  char *json;                  /* the CloudEvent as it came, one line; NULL: made from the fields */
  guint32 expiry_s;            /* 0: none */
  gboolean has_sequence;
  guint64 sequence;
  guint8 qos;
  gboolean is_retained;
} ToolMessage;

typedef enum {
  TOOL_PAYLOAD_AUTO,           /* raw to a pipe, escaped on a terminal */
  TOOL_PAYLOAD_HEX,
  TOOL_PAYLOAD_BASE64,
} ToolPayload;

ToolMessage *tool_message_new       (void);
void         tool_message_free      (ToolMessage *self);
ToolMessage *tool_message_from_json (const char *text, gssize len, GError **error);
char        *tool_message_to_json   (const ToolMessage *self, gboolean is_pretty);
void         tool_message_add       (ToolMessage *self, const char *name, const char *value);
gboolean     tool_message_set_properties (ToolMessage *self, char **pairs, GError **error);   /* NAME=VALUE each */
void         tool_message_append_payload (const ToolMessage *self, ToolPayload form, gboolean is_terminal, GString *out);
gboolean     tool_format_check      (const char *format, GError **error);
void         tool_format_append     (const char *format, const ToolMessage *message, ToolPayload form, gboolean is_terminal,
                                     GString *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolMessage, tool_message_free)

G_END_DECLS
