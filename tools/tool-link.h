/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One connection to a bus for pub and sub, over whatever protocol the URL names. Everything runs on the default context;
 * no callback runs inside a call of this header. */

#include "tool-message.h"
#include "tool.h"

G_BEGIN_DECLS

typedef struct {
  void (*ready)     (gpointer data);                              /* connected, and every filter is live */
  void (*message)   (const ToolMessage *message, gpointer data);
  void (*published) (int code, const char *detail, gpointer data); /* once for each tool_link_publish(), in any order */
  void (*failed)    (int code, const char *detail, gpointer data); /* the link is of no further use */
} ToolLinkFuncs;

typedef struct {
  const char * const *filters;   /* NULL: publish only */
  const char *client_id;         /* NULL: a random one */
  guint8 qos;                    /* highest wanted */
  guint32 keep_s;                /* the subscription outlives the connection by this; G_MAXUINT32: for ever */
  gboolean no_retained;          /* only what is published from now on */
} ToolLinkOptions;

typedef struct _ToolLink ToolLink;
typedef struct _ToolUrl ToolUrl;

/* What each protocol fills. */
typedef struct {
  ToolLink *(*open)    (Tool *tool, const ToolUrl *url, const ToolLinkOptions *options, const ToolLinkFuncs *funcs,
                        gpointer data, int *out_code);
  void      (*publish) (ToolLink *link, const ToolMessage *message);
  void      (*close)   (ToolLink *link);   /* nothing is called back afterwards */
} ToolLinkClass;

struct _ToolLink {
  const ToolLinkClass *klass;
};

extern const ToolLinkClass tool_mqtt_link;
extern const ToolLinkClass tool_http_link;

ToolLink *tool_link_open    (Tool *tool, const ToolLinkOptions *options, const ToolLinkFuncs *funcs, gpointer data,
                             int *out_code);
void      tool_link_publish (ToolLink *link, const ToolMessage *message);
void      tool_link_close   (ToolLink *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolLink, tool_link_close)

G_END_DECLS
