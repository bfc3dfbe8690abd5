/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

/**
 * HawserParamUnit:
 * @HAWSER_PARAM_UNIT_NONE: a plain value
 * @HAWSER_PARAM_UNIT_DURATION: a gint64 of microseconds, written `30s`
 * @HAWSER_PARAM_UNIT_SIZE: a guint64 of bytes, written `4MiB`
 *
 * How the value of a property is written in the configuration.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_PARAM_UNIT_NONE,
  HAWSER_PARAM_UNIT_DURATION,
  HAWSER_PARAM_UNIT_SIZE,
} HawserParamUnit;

#define HAWSER_TYPE_PARAM_UNIT (hawser_param_unit_get_type())
HAWSER_AVAILABLE_IN_ALL
GType            hawser_param_unit_get_type (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
GParamSpec      *hawser_param_spec_duration (const char  *name,
                                             const char  *blurb,
                                             gint64       minimum_us,
                                             gint64       maximum_us,
                                             gint64       default_us,
                                             GParamFlags  flags);
HAWSER_AVAILABLE_IN_ALL
GParamSpec      *hawser_param_spec_size     (const char  *name,
                                             const char  *blurb,
                                             guint64      minimum,
                                             guint64      maximum,
                                             guint64      default_value,
                                             GParamFlags  flags);
HAWSER_AVAILABLE_IN_ALL
HawserParamUnit  hawser_param_spec_get_unit (GParamSpec  *pspec);

G_END_DECLS
