/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserOverflow:
 * @HAWSER_OVERFLOW_DROP_OLDEST: the oldest queued message makes room
 * @HAWSER_OVERFLOW_DROP_NEWEST: the new message is not queued
 * @HAWSER_OVERFLOW_REJECT: the publisher is refused with %HAWSER_ERROR_QUOTA
 * @HAWSER_OVERFLOW_BLOCK: the publisher waits: its connection is not read until there is room
 *
 * What happens to a message when a queue is full. Everything dropped is counted.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_OVERFLOW_DROP_OLDEST,
  HAWSER_OVERFLOW_DROP_NEWEST,
  HAWSER_OVERFLOW_REJECT,
  HAWSER_OVERFLOW_BLOCK,
} HawserOverflow;

#define HAWSER_TYPE_OVERFLOW (hawser_overflow_get_type())
HAWSER_AVAILABLE_IN_ALL
GType hawser_overflow_get_type (void) G_GNUC_CONST;

G_END_DECLS
