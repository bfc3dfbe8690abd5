/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-topic.h"

G_BEGIN_DECLS

/**
 * HawserRetain:
 * @HAWSER_RETAIN_CLIENT: keep what the publisher marks as retained
 * @HAWSER_RETAIN_LAST: keep every message as the last value
 * @HAWSER_RETAIN_NONE: keep nothing
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_RETAIN_CLIENT,
  HAWSER_RETAIN_LAST,
  HAWSER_RETAIN_NONE,
} HawserRetain;

#define HAWSER_TYPE_RETAIN (hawser_retain_get_type())
HAWSER_AVAILABLE_IN_ALL
GType             hawser_retain_get_type    (void) G_GNUC_CONST;

#define HAWSER_TYPE_LOCAL_TOPIC (hawser_local_topic_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserLocalTopic, hawser_local_topic, HAWSER, LOCAL_TOPIC, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserLocalTopic *hawser_local_topic_new      (const char       *name);
HAWSER_AVAILABLE_IN_ALL
const char       *hawser_local_topic_get_name (HawserLocalTopic *self);
HAWSER_AVAILABLE_IN_ALL
gboolean          hawser_local_topic_gives    (HawserLocalTopic *self,
                                               const char       *property);
HAWSER_AVAILABLE_IN_ALL
void              hawser_local_topic_unset    (HawserLocalTopic *self,
                                               const char       *property);
HAWSER_AVAILABLE_IN_ALL
void              hawser_local_topic_set_written (HawserLocalTopic *self,
                                                  const char       *property,
                                                  const char       *text);
HAWSER_AVAILABLE_IN_ALL
const char       *hawser_local_topic_get_written (HawserLocalTopic *self,
                                                  const char       *property);

G_END_DECLS
