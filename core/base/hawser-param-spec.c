/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties that are durations and sizes: ordinary gint64 and guint64 properties that carry a mark, so the configuration
 * reads `30s` and `4MiB` and shows defaults and ranges the same way. */

#include "hawser-param-spec.h"

static G_DEFINE_QUARK (hawser-param-unit, unit)

G_DEFINE_ENUM_TYPE (HawserParamUnit, hawser_param_unit,
                    G_DEFINE_ENUM_VALUE (HAWSER_PARAM_UNIT_NONE, "none"),
                    G_DEFINE_ENUM_VALUE (HAWSER_PARAM_UNIT_DURATION, "duration"),
                    G_DEFINE_ENUM_VALUE (HAWSER_PARAM_UNIT_SIZE, "size"))

/**
 * hawser_param_spec_duration:
 * @name: name of the property
 * @blurb: one line of meaning, shown by `hawser inspect`
 * @minimum_us: smallest value, microseconds
 * @maximum_us: largest value, microseconds
 * @default_us: default, microseconds
 * @flags: as for g_param_spec_int64()
 *
 * Context: any thread.
 *
 * Returns: (transfer none): a floating specification of a gint64 property
 * Since: 0.1
 */
GParamSpec *
hawser_param_spec_duration (const char *name, const char *blurb, gint64 minimum_us, gint64 maximum_us, gint64 default_us, GParamFlags flags)
{
  GParamSpec *pspec = g_param_spec_int64 (name, NULL, blurb, minimum_us, maximum_us, default_us, flags);

  g_param_spec_set_qdata (pspec, unit_quark (), GINT_TO_POINTER (HAWSER_PARAM_UNIT_DURATION));
  return pspec;
}

/**
 * hawser_param_spec_size:
 * @name: name of the property
 * @blurb: one line of meaning, shown by `hawser inspect`
 * @minimum: smallest value, bytes
 * @maximum: largest value, bytes
 * @default_value: default, bytes
 * @flags: as for g_param_spec_uint64()
 *
 * Context: any thread.
 *
 * Returns: (transfer none): a floating specification of a guint64 property
 * Since: 0.1
 */
GParamSpec *
hawser_param_spec_size (const char *name, const char *blurb, guint64 minimum, guint64 maximum, guint64 default_value, GParamFlags flags)
{
  GParamSpec *pspec = g_param_spec_uint64 (name, NULL, blurb, minimum, maximum, default_value, flags);

  g_param_spec_set_qdata (pspec, unit_quark (), GINT_TO_POINTER (HAWSER_PARAM_UNIT_SIZE));
  return pspec;
}

/**
 * hawser_param_spec_get_unit:
 * @pspec: a specification
 *
 * Context: any thread.
 *
 * Returns: how values of the property are written
 * Since: 0.1
 */
HawserParamUnit
hawser_param_spec_get_unit (GParamSpec *pspec)
{
  return (HawserParamUnit) GPOINTER_TO_INT (g_param_spec_get_qdata (pspec, unit_quark ()));
}
