/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* JSON from strangers, read in place: no tree, no recursion, linear time, nothing allocated but what _dup_ returns. */

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_JSON_MAX_DEPTH 64   /* arrays and objects open at once; documents of people stay below 10 */
#define HAWSER_JSON_MAX_NUMBER 128 /* bytes of one number; 25 hold any double or 64-bit integer */

typedef enum {
  HAWSER_JSON_NULL,
  HAWSER_JSON_BOOLEAN,
  HAWSER_JSON_NUMBER,
  HAWSER_JSON_STRING,
  HAWSER_JSON_ARRAY,
  HAWSER_JSON_OBJECT,
} HawserJsonType;

/* One value inside a text: from its first byte to its last, quotes and brackets included. */
typedef struct {
  HawserJsonType type;
  const char *text;
  gsize len;
} HawserJsonSlice;

/* Whether the text is one JSON document (RFC 8259): UTF-8, no lone surrogates, within the bounds above. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_check             (const char            *text,
                                        gsize                  len,
                                        GError               **error);

/* The same, giving the value without the white space around it. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_parse             (const char            *text,
                                        gsize                  len,
                                        HawserJsonSlice       *out_value,
                                        GError               **error);

HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_slice_get_boolean (const HawserJsonSlice *self,
                                        gboolean              *out_value);
/* Finite numbers only. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_slice_get_double  (const HawserJsonSlice *self,
                                        double                *out_value);
/* Integers within 64 bits that are written without fraction and exponent. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_slice_get_int64   (const HawserJsonSlice *self,
                                        gint64                *out_value);
/* (transfer full) (nullable): a string without its escapes; NULL for other types and for strings with U+0000. */
HAWSER_AVAILABLE_IN_ALL
char    *hawser_json_slice_dup_string  (const HawserJsonSlice *self);
/* The same, and the text of a number, true or false; NULL for null, arrays and objects. */
HAWSER_AVAILABLE_IN_ALL
char    *hawser_json_slice_dup_scalar  (const HawserJsonSlice *self);
/* Whether a string, without its escapes, is this text. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_slice_is_string   (const HawserJsonSlice *self,
                                        const char            *text,
                                        gsize                  len);

/* Walks the members of an object or the elements of an array, in the order of the text. Ends early, without an
 * error, where the text is not JSON: check it first if that matters. */
typedef struct {
  const char *next;
  const char *end;
  gboolean is_object;
} HawserJsonIter;

HAWSER_AVAILABLE_IN_ALL
void     hawser_json_iter_init         (HawserJsonIter        *self,
                                        const HawserJsonSlice *container);
/* out_key is set for members of objects only, and may be NULL. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_json_iter_next         (HawserJsonIter        *self,
                                        HawserJsonSlice       *out_key,
                                        HawserJsonSlice       *out_value);

G_END_DECLS
