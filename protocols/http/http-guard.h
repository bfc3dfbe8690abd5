/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a peer may push against; the refusal names it. */
typedef struct {
  gsize max_line;              /* bytes of the request line: beyond is 414 */
  gsize max_head;              /* bytes of request line and headers: beyond is 431 */
  guint max_headers;           /* beyond is 431 */
} HttpGuardLimits;

typedef enum {
  HTTP_GUARD_MORE,             /* fine so far, bytes are missing */
  HTTP_GUARD_DONE,             /* the head, or the body, is complete */
  HTTP_GUARD_DATA,             /* chunked bodies: a piece of it */
  HTTP_GUARD_REFUSED,          /* answer with the status and close */
} HttpGuardResult;

typedef struct {
  guint status;                /* HTTP status code */
  const char *detail;          /* static, one line */
} HttpRefusal;

/* A head that stood every check. Offsets count from the first byte that was given. */
typedef struct {
  gsize start;                 /* of the request line: empty lines before it are skipped */
  gsize len;                   /* up to and with the empty line */
  guint64 content_length;      /* bytes, 0 when there is none */
  guint minor;                 /* HTTP/1.minor: 0 or 1 */
  guint n_headers;
  gboolean is_chunked;
  gboolean is_keep_alive;
  gboolean expects_continue;
  gboolean wants_upgrade;
} HttpHead;

/* @scanned keeps how far earlier calls came; 0 for a new head. The same bytes, longer, are given until it is done. */
HttpGuardResult http_guard_head    (const guint8          *data,
                                    gsize                  len,
                                    const HttpGuardLimits *limits,
                                    gsize                 *scanned,
                                    HttpHead              *out_head,
                                    HttpRefusal           *out_refusal);

/* Decoder of one chunked body; zero it to begin. */
typedef struct {
  guint64 left;                /* bytes of the chunk under way */
  guint16 n_extension;         /* bytes after the size */
  guint16 n_trailer;           /* bytes of the trailer section */
  guint8 n_digits;
  guint8 state;
} HttpChunked;

/* Takes bytes from the front: @out_used of them. With %HTTP_GUARD_DATA a piece of the body is at @out_data. */
HttpGuardResult http_guard_chunked (HttpChunked           *self,
                                    const guint8          *data,
                                    gsize                  len,
                                    gsize                 *out_used,
                                    const guint8         **out_data,
                                    gsize                 *out_len,
                                    HttpRefusal           *out_refusal);

G_END_DECLS
