/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* RFC 6455 section 5.2 and 7.4.1 */
typedef enum {
  WEBSOCKET_CONTINUATION = 0x0,
  WEBSOCKET_TEXT = 0x1,
  WEBSOCKET_BINARY = 0x2,
  WEBSOCKET_CLOSE = 0x8,
  WEBSOCKET_PING = 0x9,
  WEBSOCKET_PONG = 0xa,
} WebsocketOpcode;

#define WEBSOCKET_CLOSE_NORMAL 1000
#define WEBSOCKET_CLOSE_GOING_AWAY 1001
#define WEBSOCKET_CLOSE_PROTOCOL 1002
#define WEBSOCKET_CLOSE_UNSUPPORTED 1003
#define WEBSOCKET_CLOSE_NO_STATUS 1005
#define WEBSOCKET_CLOSE_BAD_DATA 1007
#define WEBSOCKET_CLOSE_POLICY 1008
#define WEBSOCKET_CLOSE_TOO_LARGE 1009

#define WEBSOCKET_MAX_HEADER 10   /* of a frame to a client: never masked */

typedef struct {
  gsize max_message;             /* bytes of one message, all fragments together */
  guint max_fragments;           /* of one message */
} WebsocketLimits;

/* Reader of the frames of one client; zero it to begin. */
typedef struct {
  GByteArray *message;           /* of the fragments so far, NULL: none */
  guint n_fragments;
  guint8 opcode;                 /* of the message under way, 0: none */
} WebsocketReader;

typedef enum {
  WEBSOCKET_MORE,                /* a whole frame is not there yet */
  WEBSOCKET_FRAME,               /* a fragment was kept; go on */
  WEBSOCKET_MESSAGE,             /* a whole message, or a control frame */
  WEBSOCKET_ERROR,               /* close with the code */
} WebsocketResult;

typedef struct {
  WebsocketOpcode opcode;        /* TEXT, BINARY, CLOSE, PING or PONG */
  const guint8 *data;            /* unmasked; valid until the next call */
  gsize len;
  guint close_code;              /* of a CLOSE frame, or why with %WEBSOCKET_ERROR */
  const char *detail;            /* with %WEBSOCKET_ERROR */
} WebsocketEvent;

/* Takes one frame from the front, unmasking in place. With %WEBSOCKET_MORE, @out_used is 0 and @out_needed is the
 * length of the frame under way if that is known, else 0. */
WebsocketResult websocket_read         (WebsocketReader       *self,
                                        guint8                *data,
                                        gsize                  len,
                                        const WebsocketLimits *limits,
                                        gsize                 *out_used,
                                        gsize                 *out_needed,
                                        WebsocketEvent        *out_event);
void            websocket_reader_clear (WebsocketReader       *self);

/* Head of an unfragmented frame to a client; returns its length, at most %WEBSOCKET_MAX_HEADER. */
gsize           websocket_write_header (guint8                *out,
                                        WebsocketOpcode        opcode,
                                        gsize                  len);

/* Sec-WebSocket-Accept for @key, or NULL if that is not 16 bytes in base64. */
char           *websocket_accept_key   (const char            *key);

G_END_DECLS
