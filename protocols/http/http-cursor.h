/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HTTP_MAX_OWNED 16              /* queues of a principal that one request reads */

/* How far a client has come in one of its queues. */
typedef struct {
  guint64 queue;                 /* http_owned_hash() of its id */
  guint64 position;              /* in the spool */
} HttpQueueCursor;

/* Where a client is: "HUB-SEQUENCE", and "-QUEUE.POSITION" for each queue it was given something from, in Last-Event-ID
 * and Hawser-Cursor. */
typedef struct {
  guint64 hub;
  guint64 sequence;
  guint n_queues;
  HttpQueueCursor queues[HTTP_MAX_OWNED];
} HttpCursor;

/* FALSE: @text is no cursor; what @out_cursor has is then of no use. */
gboolean http_cursor_parse (const char *text,
                            HttpCursor *out_cursor);

G_END_DECLS
