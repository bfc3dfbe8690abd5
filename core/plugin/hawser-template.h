/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Text with fields of a message, as sinks name objects, partitions and keys: `{topic}/{yyyy}/{MM}/{dd}/{HH}.ndjson`.
 * Fields: topic, id, source, content-type; yyyy MM dd HH mm ss of the message's time, UTC; field:/json/pointer of the
 * payload; property:NAME; and those that the caller fills, such as node and sequence. `{{` is one brace. C only. */

#include "hawser-message.h"

G_BEGIN_DECLS

typedef struct _HawserTemplate HawserTemplate;

/* Appends one value of a field, escaped as its place needs it. @value: NULL when the message has none. */
typedef void (*HawserTemplateAppend) (GString    *out,
                                      const char *field,
                                      const char *value,
                                      gpointer    data);

/* @own_fields: (nullable): the names that the caller fills; they reach @append with value NULL. */
HAWSER_AVAILABLE_IN_ALL
HawserTemplate *hawser_template_new    (const char           *text,
                                        const char * const   *own_fields,
                                        GError              **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_template_free   (HawserTemplate       *self);
/* The text around fields is appended as it is; expand_name() escapes each value, so that it is part of one name. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_template_expand (const HawserTemplate *self,
                                        HawserMessage        *message,
                                        HawserTemplateAppend  append,
                                        gpointer              data,
                                        GString              *out);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_template_expand_name (const HawserTemplate *self,
                                        HawserMessage        *message);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_template_uses   (const HawserTemplate *self,
                                        const char           *field);
/* Appends @value as part of a file's name that stays below its folder and that no other value has: each byte outside
 * A-Z a-z 0-9 _ - . becomes %XX, a leading dot too, an empty level %00. @keep_slashes: levels become folders. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_template_escape (GString              *out,
                                        const char           *value,
                                        gboolean              keep_slashes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserTemplate, hawser_template_free)

G_END_DECLS
