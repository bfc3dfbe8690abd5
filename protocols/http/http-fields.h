/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define HTTP_MAX_FIELDS 64
#define HTTP_MAX_FIELD_DEPTH 8

/* Which members of a document somebody wants: paths such as "state" or "reported/power-kw/value". */
typedef struct _HttpFields HttpFields;

/* @text: paths with commas between them; in a name ~1 is a slash and ~0 a tilde, as in a JSON Pointer. NULL: *out_detail
 * says what is wrong. */
HttpFields *http_fields_new     (const char       *text,
                                 const char      **out_detail);
void        http_fields_free    (HttpFields       *self);
/* Appends the object @value with the wanted members only. FALSE: it has none of them; "{}" was appended. */
gboolean    http_fields_project (const HttpFields *self,
                                 const char       *json,
                                 gsize             len,
                                 GString          *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HttpFields, http_fields_free)

G_END_DECLS
