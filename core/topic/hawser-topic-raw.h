/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Names and filters as bytes, for C plugins on the hot path: no error text, no allocation, any thread.
 * Not introspected. */

#include "hawser-topic-name.h"

#include <string.h>

G_BEGIN_DECLS

/* What hawser_topic_name_is_valid() and hawser_topic_filter_new() check. */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_topic_name_check      (const char *text,
                                       gsize       len);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_topic_filter_check    (const char *text,
                                       gsize       len);

/* Whether the valid filter matches the valid name (MQTT 5.0 section 4.7). */
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_topic_filter_matches_raw (const char *filter,
                                          gsize       filter_len,
                                          const char *topic,
                                          gsize       topic_len);

/* A shared subscription (MQTT 5.0 section 4.8.2): a valid filter to the letter, and not one to put into a match tree. */
static inline gboolean
hawser_topic_filter_is_shared_raw (const char *filter, gsize filter_len)
{
  return filter_len >= 6 && memcmp (filter, "$share", 6) == 0 && (filter_len == 6 || filter[6] == '/');
}

G_END_DECLS
