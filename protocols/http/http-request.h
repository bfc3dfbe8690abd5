/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>
#include <libsoup/soup.h>

#include "http-guard.h"

G_BEGIN_DECLS

#define HTTP_MAX_QUERY 64       /* name=value pairs of one request */

/* One request after the guard let it pass. */
typedef struct {
  HttpHead head;
  char *method;
  char *path;                    /* as sent, percent-encoded, without query; begins with '/' */
  SoupMessageHeaders *headers;
  GPtrArray *query;              /* name, value, name, value: decoded, UTF-8 */
  const guint8 *body;
  gsize body_len;
  HawserBlock *block;            /* body points into it, or NULL */
  GByteArray *owned;             /* body points into it, or NULL */
} HttpRequest;

/* NULL: @out_refusal says why. */
HttpRequest *http_request_new            (const guint8       *data,
                                          const HttpHead     *head,
                                          HttpRefusal        *out_refusal);
void         http_request_free           (HttpRequest        *self);
const char  *http_request_get_header     (HttpRequest        *self,
                                          const char         *name);
/* The first value of @name, or NULL. */
const char  *http_request_get_query      (HttpRequest        *self,
                                          const char         *name);
/* Values of every @name in order; free the array, not the strings. */
GPtrArray   *http_request_list_query     (HttpRequest        *self,
                                          const char         *name);
/* A duration of the query: FALSE if it is there and cannot be read. @out_us keeps its value if it is not there. */
gboolean     http_request_get_duration   (HttpRequest        *self,
                                          const char         *name,
                                          gint64              minimum_us,
                                          gint64              maximum_us,
                                          gint64             *out_us);

/* Decodes %XX once. NULL: bad escape, NUL or another control character, not UTF-8, an escape inside an escape,
 * or a "." or ".." level. */
char        *http_decode_path            (const char         *text,
                                          gsize               len);
/* Decodes %XX in a header value; what is no escape stays. NULL: the result is not UTF-8 or has a control character. */
char        *http_decode_value           (const char         *text);

/* Inflates a gzip body; NULL if it is damaged (out_status 400) or larger than @limit (413). */
GByteArray  *http_gunzip                 (const guint8       *data,
                                          gsize               len,
                                          gsize               limit,
                                          guint              *out_status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HttpRequest, http_request_free)

G_END_DECLS
