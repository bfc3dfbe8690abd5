/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-session.h"

typedef enum {
  HTTP_RANGE_WHOLE,     /* nothing was asked that we answer in part */
  HTTP_RANGE_PART,
  HTTP_RANGE_NONE,      /* 416 */
} HttpRange;

/* @text: (nullable): the header field; @out_first, @out_last: bytes of 0 to @size - 1, for a part only. */
HttpRange http_range_read    (const char  *text,
                              guint64      size,
                              guint64     *out_first,
                              guint64     *out_last);
/* TRUE: answered, 206 or 416. FALSE: the whole is to be answered; Accept-Ranges is said. @etag: (nullable) */
gboolean  http_range_respond (HttpSession *session,
                              HttpRequest *request,
                              const char  *etag,
                              const char  *content_type,
                              const void  *data,
                              gsize        size);
