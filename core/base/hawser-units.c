/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durations (ms s min h d) and sizes (B KiB MiB GiB) as the configuration, the command line and URLs write them. */

#include "hawser-units.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "hawser-error.h"

typedef struct {
  const char *name;
  guint64 factor;
} Unit;

/* microseconds; a bare number is seconds */
static const Unit duration_units[] = {
  { "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "min", 60000000 }, { "h", 3600000000 }, { "d", 86400000000 }, { "", 1000000 },
};
static const Unit size_units[] = {
  { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { "", 1 },
};

static gboolean
parse (const char *text, const Unit *units, gsize n_units, const char *kind, const char *unit_names, guint64 *out, GError **error)
{
  char *end = NULL;
  double number;

  /* g_ascii_strtod takes "inf", "nan" and hex: a unit starts where the digits stop */
  if (text == NULL || !g_ascii_isdigit (text[0]) || (text[0] == '0' && g_ascii_tolower (text[1]) == 'x'))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s': must be a number and a unit (%s)", kind, text ? text : "", unit_names);
      return FALSE;
    }

  errno = 0;
  number = g_ascii_strtod (text, &end);
  while (*end == ' ')
    end++;

  for (gsize i = 0; i < n_units; i++)
    if (g_strcmp0 (end, units[i].name) == 0)
      {
        double value = number * (double) units[i].factor;

        if (errno != 0 || !isfinite (value) || value >= 9.2e18)
          {
            g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s': too large", kind, text);
            return FALSE;
          }
        *out = (guint64) (value + 0.5);
        return TRUE;
      }

  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s': unknown unit '%s' (%s)", kind, text, end, unit_names);
  return FALSE;
}

static char *
format (guint64 value, const Unit *units, gsize n_units)
{
  for (gsize i = n_units - 1; i-- > 0;)
    if (value != 0 && value % units[i].factor == 0)
      return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value / units[i].factor, units[i].name);
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value, units[0].name);
}

/**
 * hawser_duration_parse:
 * @text: number and unit, such as `30s`, `1.5min` or `250ms`; a bare number is seconds
 * @out_us: (out): microseconds, 0 .. 9.2e18
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID. Context: any thread.
 *
 * Returns: %TRUE if @out_us was set
 * Since: 0.1
 */
gboolean
hawser_duration_parse (const char *text, gint64 *out_us, GError **error)
{
  guint64 value;

  if (!parse (text, duration_units, G_N_ELEMENTS (duration_units), "duration", "us ms s min h d", &value, error))
    return FALSE;
  *out_us = (gint64) value;
  return TRUE;
}

/**
 * hawser_duration_format:
 * @us: microseconds, not negative
 *
 * Context: any thread.
 *
 * Returns: (transfer full): the shortest form that hawser_duration_parse() reads back to the same value
 * Since: 0.1
 */
char *
hawser_duration_format (gint64 us)
{
  return us <= 0 ? g_strdup ("0s") : format ((guint64) us, duration_units, G_N_ELEMENTS (duration_units));
}

/**
 * hawser_size_parse:
 * @text: number and unit, such as `4MiB`; a bare number is bytes
 * @out_bytes: (out): bytes, 0 .. 9.2e18
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID. Context: any thread.
 *
 * Returns: %TRUE if @out_bytes was set
 * Since: 0.1
 */
gboolean
hawser_size_parse (const char *text, guint64 *out_bytes, GError **error)
{
  return parse (text, size_units, G_N_ELEMENTS (size_units), "size", "B KiB MiB GiB", out_bytes, error);
}

/**
 * hawser_size_format:
 * @bytes: a number of bytes
 *
 * Context: any thread.
 *
 * Returns: (transfer full): the shortest form that hawser_size_parse() reads back to the same value
 * Since: 0.1
 */
char *
hawser_size_format (guint64 bytes)
{
  return format (bytes, size_units, G_N_ELEMENTS (size_units));
}

/**
 * hawser_date_parse:
 * @text: (nullable): RFC 3339, such as `2027-01-31T12:00:00Z`, or a date alone, which is its beginning in UTC
 * @out_wall_us: (out): microseconds since 1970
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID. Context: any thread.
 *
 * Returns: %TRUE if @out_wall_us was set
 * Since: 0.1
 */
gboolean
hawser_date_parse (const char *text, gint64 *out_wall_us, GError **error)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autofree char *midnight = text != NULL && strchr (text, 'T') == NULL ? g_strconcat (text, "T00:00:00Z", NULL) : NULL;
  g_autoptr (GDateTime) time = text != NULL ? g_date_time_new_from_iso8601 (midnight != NULL ? midnight : text, utc) : NULL;

  if (time == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%.80s' is not a date such as 2027-01-31T12:00:00Z", text != NULL ? text : "");
      return FALSE;
    }
  *out_wall_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
  return TRUE;
}

/**
 * hawser_date_format:
 * @wall_us: microseconds since 1970
 *
 * Context: any thread.
 *
 * Returns: (transfer full) (nullable): what hawser_date_parse() reads back; %NULL for 0
 * Since: 0.1
 */
char *
hawser_date_format (gint64 wall_us)
{
  g_autoptr (GDateTime) whole = wall_us != 0 ? g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC) : NULL;
  g_autoptr (GDateTime) time = whole != NULL ? g_date_time_add (whole, wall_us % G_USEC_PER_SEC) : NULL;
  char *text = time != NULL ? g_date_time_format_iso8601 (time) : NULL;
  char *end = text != NULL && strchr (text, '.') != NULL ? text + strlen (text) - 1 : NULL;

  while (end != NULL && end[-1] == '0') /* .500000Z is written .5Z */
    {
      end[-1] = 'Z';
      *end-- = '\0';
    }
  return text;
}
