/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_WEBSOCKET_MAX_HEAD 8192 /* bytes of a request to upgrade; browsers send about 600, cookies come on top */

/* What a WebSocket may be opened for. */
typedef struct {
  const char *path;                  /* NULL: any */
  const char * const *subprotocols;  /* in the order of preference */
  const char * const *origins;       /* whose pages may connect besides those of the host itself; * for all; NULL: none */
} HawserWebsocketSite;

/* One that is shared by lanes: a copy of everything, atomically counted, never changed. */
HawserWebsocketSite *hawser_websocket_site_new   (const char          *path,
                                                  const char * const  *subprotocols,
                                                  const char * const  *origins);
HawserWebsocketSite *hawser_websocket_site_ref   (HawserWebsocketSite *self);
void                 hawser_websocket_site_unref (HawserWebsocketSite *self);

typedef enum {
  HAWSER_WEBSOCKET_HANDSHAKE_MORE,
  HAWSER_WEBSOCKET_HANDSHAKE_ACCEPTED,
  HAWSER_WEBSOCKET_HANDSHAKE_REFUSED,
} HawserWebsocketHandshake;

/* Reads the request from the front of @data; the answer, whichever it is, is appended to @out_answer. */
HawserWebsocketHandshake hawser_websocket_handshake_read (const guint8              *data,
                                                          gsize                      len,
                                                          const HawserWebsocketSite *site,
                                                          gsize                     *out_used,
                                                          GString                   *out_answer);

G_END_DECLS
