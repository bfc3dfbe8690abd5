/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-message.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_MESSAGE_BUILDER (hawser_message_builder_get_type())
HAWSER_AVAILABLE_IN_ALL
GType                 hawser_message_builder_get_type         (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserMessageBuilder *hawser_message_builder_new              (const char                 *topic);
HAWSER_AVAILABLE_IN_ALL
HawserMessageBuilder *hawser_message_builder_new_from         (HawserMessage              *message);
HAWSER_AVAILABLE_IN_ALL
HawserMessageBuilder *hawser_message_builder_ref              (HawserMessageBuilder       *self);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_unref            (HawserMessageBuilder       *self);
HAWSER_AVAILABLE_IN_ALL
HawserMessage        *hawser_message_builder_build            (HawserMessageBuilder       *self);

HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_topic        (HawserMessageBuilder       *self,
                                                               const char                 *topic);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_payload      (HawserMessageBuilder       *self,
                                                               GBytes                     *payload);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_text         (HawserMessageBuilder       *self,
                                                               const char                 *text);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_qos          (HawserMessageBuilder       *self,
                                                               HawserQos                   qos);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_retain       (HawserMessageBuilder       *self,
                                                               gboolean                    retain);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_expiry_s     (HawserMessageBuilder       *self,
                                                               guint                       seconds);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_content_type (HawserMessageBuilder       *self,
                                                               const char                 *content_type);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_reply_to     (HawserMessageBuilder       *self,
                                                               const char                 *topic);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_correlation  (HawserMessageBuilder       *self,
                                                               GBytes                     *data);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_id           (HawserMessageBuilder       *self,
                                                               const char                 *id);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_set_time_us      (HawserMessageBuilder       *self,
                                                               gint64                      wall_us);
HAWSER_AVAILABLE_IN_ALL
void                  hawser_message_builder_add_property     (HawserMessageBuilder       *self,
                                                               const char                 *name,
                                                               const char                 *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserMessageBuilder, hawser_message_builder_unref)

G_END_DECLS
