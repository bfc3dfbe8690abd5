/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one error domain of the core: a code answers "what should the caller do differently?". */

#include "hawser-error.h"

/**
 * hawser_error_quark:
 *
 * Context: any thread.
 *
 * Returns: the domain of every #HawserError
 * Since: 0.1
 */
GQuark
hawser_error_quark (void)
{
  static gsize quark; /* G_DEFINE_QUARK reads it while another thread writes it */

  if (g_once_init_enter (&quark))
    g_once_init_leave (&quark, g_quark_from_static_string ("hawser-error-quark"));
  return (GQuark) quark;
}

static const GEnumValue values[] = {
  { HAWSER_ERROR_INVALID, "HAWSER_ERROR_INVALID", "invalid" },
  { HAWSER_ERROR_MALFORMED, "HAWSER_ERROR_MALFORMED", "malformed" },
  { HAWSER_ERROR_NOT_AUTHORIZED, "HAWSER_ERROR_NOT_AUTHORIZED", "not-authorized" },
  { HAWSER_ERROR_NOT_FOUND, "HAWSER_ERROR_NOT_FOUND", "not-found" },
  { HAWSER_ERROR_EXISTS, "HAWSER_ERROR_EXISTS", "exists" },
  { HAWSER_ERROR_DISABLED, "HAWSER_ERROR_DISABLED", "disabled" },
  { HAWSER_ERROR_TOO_LARGE, "HAWSER_ERROR_TOO_LARGE", "too-large" },
  { HAWSER_ERROR_QUOTA, "HAWSER_ERROR_QUOTA", "quota" },
  { HAWSER_ERROR_TIMEOUT, "HAWSER_ERROR_TIMEOUT", "timeout" },
  { HAWSER_ERROR_UNAVAILABLE, "HAWSER_ERROR_UNAVAILABLE", "unavailable" },
  { HAWSER_ERROR_CLOSED, "HAWSER_ERROR_CLOSED", "closed" },
  { HAWSER_ERROR_CORRUPT, "HAWSER_ERROR_CORRUPT", "corrupt" },
  { HAWSER_ERROR_CONFLICT, "HAWSER_ERROR_CONFLICT", "conflict" },
  { 0, NULL, NULL },
};

GType
hawser_error_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserError", values));
  return type;
}

/**
 * hawser_error_to_nick:
 * @code: an error code
 *
 * Context: any thread.
 *
 * Returns: the word used for @code on every wire, such as `not-authorized`
 * Since: 0.1
 */
const char *
hawser_error_to_nick (HawserError code)
{
  for (const GEnumValue *v = values; v->value_name != NULL; v++)
    if (v->value == (int) code)
      return v->value_nick;
  return "invalid";
}
