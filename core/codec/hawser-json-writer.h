/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Appends JSON to a GString. It sets the commas; that brackets and keys pair up is the caller's part.
 * Whatever strings and numbers it is given, the result is JSON. Not for two threads at once. */

#include "hawser-types.h"

G_BEGIN_DECLS

typedef struct {
  GString *out;
  gboolean needs_comma;
} HawserJsonWriter;

static inline void
hawser_json_writer_init (HawserJsonWriter *self, GString *out)
{
  self->out = out;
  self->needs_comma = FALSE;
}

HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_begin_object  (HawserJsonWriter *self);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_end_object    (HawserJsonWriter *self);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_begin_array   (HawserJsonWriter *self);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_end_array     (HawserJsonWriter *self);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_key           (HawserJsonWriter *self,
                                       const char       *key);

/* len -1: terminated. text NULL: null. Bytes that are not UTF-8 become U+FFFD. */
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_string        (HawserJsonWriter *self,
                                       const char       *text,
                                       gssize            len);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_int           (HawserJsonWriter *self,
                                       gint64            value);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_uint          (HawserJsonWriter *self,
                                       guint64           value);
/* In the fewest digits that read back the same; what is not finite becomes null. */
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_double        (HawserJsonWriter *self,
                                       double            value);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_boolean       (HawserJsonWriter *self,
                                       gboolean          value);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_null          (HawserJsonWriter *self);
/* A value that is JSON already: hawser_json_check() said so. */
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_raw           (HawserJsonWriter *self,
                                       const char       *json,
                                       gssize            len);
/* A string of RFC 4648 base64. */
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_base64        (HawserJsonWriter *self,
                                       const void       *data,
                                       gsize             len);

/* Key and value in one. */
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_member_string (HawserJsonWriter *self,
                                       const char       *key,
                                       const char       *text);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_member_int    (HawserJsonWriter *self,
                                       const char       *key,
                                       gint64            value);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_member_double (HawserJsonWriter *self,
                                       const char       *key,
                                       double            value);
HAWSER_AVAILABLE_IN_ALL
void hawser_json_writer_member_boolean (HawserJsonWriter *self,
                                        const char       *key,
                                        gboolean          value);

G_END_DECLS
