/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* A value inside JSON text. */
typedef struct {
  const char *text;
  gsize len;
} HttpJson;

/* Checks @data (any bytes) and copies it without white space, one line; NULL: not JSON, or nested too deep.
 * Everything below takes what this gave, or parts of it. */
GString  *http_json_check         (const guint8  *data,
                                   gsize          len);

/* Walks an object or array: @cursor starts with zeros. FALSE at the end, or if @value is neither. For arrays *out_name
 * is empty. Names are raw: with their escapes, without quotes. */
typedef struct {
  const char *at;
} HttpJsonCursor;
gboolean  http_json_next          (HttpJson        value,
                                   HttpJsonCursor *cursor,
                                   HttpJson       *out_name,
                                   HttpJson       *out_value);

gboolean  http_json_is_string     (HttpJson        value);
gboolean  http_json_name_is       (HttpJson        name,
                                   const char     *text);
/* A string decoded, or the text of a number, true or false; NULL: null, object, array, U+0000 or a lone surrogate. */
char     *http_json_dup_scalar    (HttpJson        value);

G_END_DECLS
