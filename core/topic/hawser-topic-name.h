/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HAWSER_TOPIC_MAX_LEN:
 *
 * Bytes in a topic name or filter. Source: MQTT 5.0 section 1.5.4.
 *
 * Since: 0.1
 */
#define HAWSER_TOPIC_MAX_LEN 65535

/**
 * HAWSER_TOPIC_MAX_LEVELS:
 *
 * Levels in a topic name or filter. MQTT sets no limit; names in use have 2 to 15 levels, and this one keeps a stranger
 * from making the tree of topics deep at two bytes a level. It is too small when a publisher with a sensible naming scheme
 * sees its names refused with `at most 128 levels`.
 *
 * Since: 0.1
 */
#define HAWSER_TOPIC_MAX_LEVELS 128

HAWSER_AVAILABLE_IN_ALL
gboolean hawser_topic_name_is_valid (const char  *text,
                                     gssize       len,
                                     GError     **error);

G_END_DECLS
