/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserBreakerState:
 * @HAWSER_BREAKER_CLOSED: the destination answers; writes run as they come
 * @HAWSER_BREAKER_OPEN: it failed too often in a row; nothing is sent until a pause has passed
 * @HAWSER_BREAKER_HALF_OPEN: one write is under way as a probe; all others wait for its outcome
 *
 * Whether a destination that failed is being spared.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_BREAKER_CLOSED,
  HAWSER_BREAKER_OPEN,
  HAWSER_BREAKER_HALF_OPEN,
} HawserBreakerState;

#define HAWSER_TYPE_BREAKER_STATE (hawser_breaker_state_get_type())
HAWSER_AVAILABLE_IN_ALL
GType hawser_breaker_state_get_type (void) G_GNUC_CONST;

G_END_DECLS
