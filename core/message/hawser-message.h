/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserQos:
 * @HAWSER_QOS_AT_MOST_ONCE: sent once, never repeated
 * @HAWSER_QOS_AT_LEAST_ONCE: repeated until acknowledged
 * @HAWSER_QOS_EXACTLY_ONCE: acknowledged in two steps, never doubled
 *
 * How often a receiver may see a message. Source: MQTT 5.0 section 4.3.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_QOS_AT_MOST_ONCE = 0,
  HAWSER_QOS_AT_LEAST_ONCE = 1,
  HAWSER_QOS_EXACTLY_ONCE = 2,
} HawserQos;

#define HAWSER_TYPE_QOS (hawser_qos_get_type())
HAWSER_AVAILABLE_IN_ALL
GType          hawser_qos_get_type                (void) G_GNUC_CONST;

#define HAWSER_TYPE_MESSAGE (hawser_message_get_type())
HAWSER_AVAILABLE_IN_ALL
GType          hawser_message_get_type            (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_message_new                 (const char          *topic,
                                                   GBytes              *payload);
HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_message_new_text            (const char          *topic,
                                                   const char          *text);
HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_message_ref                 (HawserMessage       *self);
HAWSER_AVAILABLE_IN_ALL
void           hawser_message_unref               (HawserMessage       *self);

HAWSER_AVAILABLE_IN_ALL
const char    *hawser_message_get_topic           (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
GBytes        *hawser_message_dup_payload         (HawserMessage       *self);
HAWSER_AVAILABLE_IN_ALL
const guint8  *hawser_message_get_data            (const HawserMessage *self,
                                                   gsize               *len);
HAWSER_AVAILABLE_IN_ALL
char          *hawser_message_dup_text            (const HawserMessage *self);

HAWSER_AVAILABLE_IN_ALL
HawserQos      hawser_message_get_qos             (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
gboolean       hawser_message_get_retain          (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
guint          hawser_message_get_expiry_s        (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
char          *hawser_message_dup_id              (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
guint64        hawser_message_get_sequence        (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
gint64         hawser_message_get_time_us         (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
gint64         hawser_message_get_published_us    (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
const char    *hawser_message_get_source          (const HawserMessage *self);

HAWSER_AVAILABLE_IN_ALL
char          *hawser_message_dup_content_type    (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
char          *hawser_message_dup_reply_to        (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
GBytes        *hawser_message_dup_correlation     (const HawserMessage *self);
HAWSER_AVAILABLE_IN_ALL
char          *hawser_message_dup_property        (const HawserMessage *self,
                                                   const char          *name);
HAWSER_AVAILABLE_IN_ALL
GHashTable    *hawser_message_dup_properties      (const HawserMessage *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserMessage, hawser_message_unref)

G_END_DECLS
