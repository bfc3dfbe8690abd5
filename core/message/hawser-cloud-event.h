/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* A message as a CloudEvent (CloudEvents 1.0.2, JSON format 1.0.2): the one JSON form of a message everywhere.
 * C only. */

#include "hawser-message.h"

G_BEGIN_DECLS

typedef void (*HawserCloudEventFunc) (const char *name,
                                      const char *value,
                                      gpointer    data);

/* Calls @func for each attribute but datacontenttype, required ones first: specversion, id, source, type, subject, time,
 * then extensions: correlationid, replyto, expirytime, the user properties whose names are
 * CloudEvents names (a-z, 0-9), hawserseq, hawserqos, hawserretained. Values are UTF-8 as the publisher gave them. */
HAWSER_AVAILABLE_IN_ALL
void     hawser_cloud_event_foreach  (HawserMessage        *message,
                                      HawserCloudEventFunc  func,
                                      gpointer              data);
/* Appends one line of JSON without a line end. A payload that is JSON (by its content type, or without one) becomes `data`,
 * text becomes a JSON string, everything else `data_base64`. */
HAWSER_AVAILABLE_IN_ALL
void     hawser_cloud_event_append   (GString              *out,
                                      HawserMessage        *message);
/* The same for one delivery: @is_retained says whether the message comes from the retained values, as MQTT tells receivers. */
HAWSER_AVAILABLE_IN_ALL
void     hawser_cloud_event_append_as (GString             *out,
                                       HawserMessage       *message,
                                       gboolean             is_retained);

/* The value of an HTTP header and back (HTTP protocol binding 3.1.3.2). Encoding leaves visible ASCII without `"` and `%`
 * and nothing else: no value can end a header line. Decoding gives NULL for what is not UTF-8, or has U+0000 in it;
 * (transfer full) (nullable). */
HAWSER_AVAILABLE_IN_ALL
void     hawser_cloud_event_encode   (GString              *out,
                                      const char           *value,
                                      gsize                 len);
HAWSER_AVAILABLE_IN_ALL
char    *hawser_cloud_event_decode   (const char           *value);
/* The same with the extension @name set to @value, whatever the message has of that name. */
HAWSER_AVAILABLE_IN_ALL
void     hawser_cloud_event_append_with (GString           *out,
                                         HawserMessage     *message,
                                         const char        *name,
                                         const char        *value);
/* Does @content_type (nullable) say JSON: application/json, text/json, anything+json? Absent: no. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_content_type_is_json (const char           *content_type);
/* 2026-11-21T03:11:08.412345Z; (transfer full). */
HAWSER_AVAILABLE_IN_ALL
char    *hawser_time_format          (gint64                wall_us);

G_END_DECLS
