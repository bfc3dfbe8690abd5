/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* WebSocket framing, server side, as adapters in C use it. Not introspected. */

#include "hawser-types.h"

G_BEGIN_DECLS

/* RFC 6455 section 5.2 and 7.4.1 */
typedef enum {
  HAWSER_WEBSOCKET_CONTINUATION = 0x0,
  HAWSER_WEBSOCKET_TEXT = 0x1,
  HAWSER_WEBSOCKET_BINARY = 0x2,
  HAWSER_WEBSOCKET_CLOSE = 0x8,
  HAWSER_WEBSOCKET_PING = 0x9,
  HAWSER_WEBSOCKET_PONG = 0xa,
} HawserWebsocketOpcode;

#define HAWSER_WEBSOCKET_CLOSE_NORMAL 1000
#define HAWSER_WEBSOCKET_CLOSE_GOING_AWAY 1001
#define HAWSER_WEBSOCKET_CLOSE_PROTOCOL 1002
#define HAWSER_WEBSOCKET_CLOSE_UNSUPPORTED 1003
#define HAWSER_WEBSOCKET_CLOSE_NO_STATUS 1005
#define HAWSER_WEBSOCKET_CLOSE_BAD_DATA 1007
#define HAWSER_WEBSOCKET_CLOSE_POLICY 1008
#define HAWSER_WEBSOCKET_CLOSE_TOO_LARGE 1009

#define HAWSER_WEBSOCKET_MAX_HEADER 10   /* of a frame to a client: never masked */
#define HAWSER_WEBSOCKET_MAX_CONTROL 125 /* RFC 6455 section 5.5 */

typedef struct {
  gsize max_message;             /* bytes of one message, all fragments together */
  guint max_fragments;           /* of one message */
} HawserWebsocketLimits;

/* Reader of the frames of one client; zero it to begin. */
typedef struct {
  GByteArray *message;           /* of the fragments so far, NULL: none */
  guint n_fragments;
  guint8 opcode;                 /* of the message under way, 0: none */
} HawserWebsocketReader;

typedef enum {
  HAWSER_WEBSOCKET_MORE,                /* a whole frame is not there yet */
  HAWSER_WEBSOCKET_FRAME,               /* a fragment was kept; go on */
  HAWSER_WEBSOCKET_MESSAGE,             /* a whole message, or a control frame */
  HAWSER_WEBSOCKET_ERROR,               /* close with the code */
} HawserWebsocketResult;

typedef struct {
  HawserWebsocketOpcode opcode;  /* TEXT, BINARY, CLOSE, PING or PONG */
  const guint8 *data;            /* unmasked; valid until the next call */
  gsize len;
  guint close_code;              /* of a CLOSE frame, or why with %HAWSER_WEBSOCKET_ERROR */
  const char *detail;            /* with %HAWSER_WEBSOCKET_ERROR */
} HawserWebsocketEvent;

/* Takes one frame from the front, unmasking in place. With %HAWSER_WEBSOCKET_MORE, @out_used is 0 and @out_needed is the
 * length of the frame under way if that is known, else 0. */
HAWSER_AVAILABLE_IN_ALL
HawserWebsocketResult hawser_websocket_read         (HawserWebsocketReader       *self,
                                                     guint8                      *data,
                                                     gsize                        len,
                                                     const HawserWebsocketLimits *limits,
                                                     gsize                       *out_used,
                                                     gsize                       *out_needed,
                                                     HawserWebsocketEvent        *out_event);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_websocket_reader_clear (HawserWebsocketReader       *self);

/* Reader of a byte stream that binary frames carry, whatever their boundaries: keeps no payload, so a frame may be of
 * any length below @max_frame. Zero it to begin. */
typedef struct {
  guint64 left;                  /* of the frame under way */
  guint8 head[14];
  guint8 head_len;
  guint8 mask[4];
  guint8 mask_at;
  guint8 opcode;                 /* of the frame under way */
  guint8 control_len;
  guint8 control[HAWSER_WEBSOCKET_MAX_CONTROL];
  gboolean is_in_frame;
  gboolean is_in_message;        /* a continuation may follow */
} HawserWebsocketStream;

/* Takes bytes from the front up to the end of @data or of the first control frame. Payload is unmasked and moved to the
 * front of @data: @out_len bytes of it. %HAWSER_WEBSOCKET_MORE: all was used; %HAWSER_WEBSOCKET_MESSAGE: @out_event is a
 * control frame; %HAWSER_WEBSOCKET_ERROR: close with its code, the payload before it is still there. */
HAWSER_AVAILABLE_IN_ALL
HawserWebsocketResult hawser_websocket_read_stream  (HawserWebsocketStream       *self,
                                                     guint8                      *data,
                                                     gsize                        len,
                                                     guint64                      max_frame,
                                                     gsize                       *out_used,
                                                     gsize                       *out_len,
                                                     HawserWebsocketEvent        *out_event);

/* Head of an unfragmented frame to a client; returns its length, at most %HAWSER_WEBSOCKET_MAX_HEADER. */
HAWSER_AVAILABLE_IN_ALL
gsize                 hawser_websocket_write_header (guint8                      *out,
                                                     HawserWebsocketOpcode        opcode,
                                                     gsize                        len);

/* Sec-WebSocket-Accept for @key, or NULL if that is not 16 bytes in base64. */
HAWSER_AVAILABLE_IN_ALL
char                 *hawser_websocket_accept_key   (const char                  *key);

G_END_DECLS
