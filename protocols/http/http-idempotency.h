/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-session.h"

G_BEGIN_DECLS

typedef enum {
  HTTP_KEY_NEW,                  /* or none was given: publish */
  HTTP_KEY_DONE,                 /* the same request was accepted before: answer as then */
  HTTP_KEY_UNDER_WAY,            /* the same request waits for its commit */
  HTTP_KEY_OTHER,                /* the key was used for another request */
} HttpKeyState;

HttpKeys     *http_keys_new     (void);
void          http_keys_free    (HttpKeys    *self);
/* Notes the key of @request as under way; *out_mark is 0 without one. */
HttpKeyState  http_keys_begin   (HttpKeys    *self,
                                 HttpSession *session,
                                 HttpRequest *request,
                                 guint64     *out_mark);
/* How it ended: what was refused may be tried again. */
void          http_keys_end     (HttpKeys    *self,
                                 guint64      mark,
                                 gboolean     is_accepted);

G_END_DECLS
