/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http-fields.h"
#include "http-session.h"

G_BEGIN_DECLS

typedef enum {
  HTTP_TWIN_ITSELF,
  HTTP_TWIN_CHILDREN,
  HTTP_TWIN_AGGREGATE,
  HTTP_TWIN_HISTORY,
  HTTP_TWIN_INBOX,
} HttpTwinPart;

/* Which twin a path names, and what of it. The last literal level says the part: an id that ends in such a word is written
 * with %2F before it. */
typedef struct {
  char *id;
  char *subject;                 /* of an inbox, else NULL */
  HttpTwinPart part;
} HttpTwinPath;

gboolean     http_twin_path_read    (const char    *rest,
                                     HttpTwinPath  *out);
void         http_twin_path_clear   (HttpTwinPath  *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HttpTwinPath, http_twin_path_clear)

/* A time of a query: RFC 3339, seconds since 1970, or how long ago as -10min. */
gboolean     http_twin_read_time    (const char    *text,
                                     gint64         now_us,
                                     gint64        *out_us);
/* If-Match or If-None-Match: whether @revision is among its tags; * is any. */
gboolean     http_twin_tags_have    (const char    *tags,
                                     guint64        revision);

/* http-twins.c */
HawserTwins *http_twins             (HttpSession   *session);
/* HAWSER_RESULT_OK, or why the peer may not. */
int          http_twins_check_read  (HttpSession   *session,
                                     const char    *id);
int          http_twins_check_write (HttpSession   *session,
                                     const char    *id);
/* Path, right and twin. FALSE: answered. */
gboolean     http_twins_find        (HttpSession   *session,
                                     const char    *rest,
                                     gboolean       is_write,
                                     HttpTwinPath  *out);
/* Answers with @error and frees it. */
/* fields=…, with @always, names with commas between, in any case; NULL: all. FALSE: answered. */
gboolean     http_twins_read_fields (HttpSession   *session,
                                     HttpRequest   *request,
                                     const char    *always,
                                     HttpFields   **out);
void         http_twins_respond_error (HttpSession *session,
                                       GError      *error);
/* Answers with the twin as it is, its tag and @status. */
void         http_twins_respond_twin  (HttpSession *session,
                                       guint        status,
                                       const char  *id);

#define HTTP_TWIN_LIVE_SUBJECT "read" /* what a device is asked for its values with */

/* An empty message for the device that is not worth anything after @wait_us. */
HawserMessage *http_twins_make_question (const char *reply_to,
                                         GBytes     *correlation,
                                         gint64      wait_us);

/* Handlers, by file. */
void http_twins_list        (HttpSession *session, HttpRequest *request, const char *rest);
void http_twins_get         (HttpSession *session, HttpRequest *request, const char *rest);
void http_twins_patch       (HttpSession *session, HttpRequest *request, const char *rest);
void http_twins_delete      (HttpSession *session, HttpRequest *request, const char *rest);
void http_twins_post        (HttpSession *session, HttpRequest *request, const char *rest);
void http_twins_read_live   (HttpSession *session, HttpRequest *request, const char *id);
/* (transfer full) @ids: asks all of them, and answers when all have or the time is over. */
void http_twins_ask_all     (HttpSession *session, GPtrArray *ids, gint64 wait_us);
void http_twins_read_history (HttpSession *session, HttpRequest *request, const char *id);
void http_twins_events      (HttpSession *session, HttpRequest *request, const char *rest);

G_END_DECLS
