/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From where on somebody wants what was published before: `since` of a subscription. A pure function. */

#include "hawser-since.h"

#include "hawser-units.h"

gboolean
hawser_since_parse (const char *text, gint64 now_us, gint64 wall_minus_monotonic_us, HawserSince *out)
{
  g_autoptr (GTimeZone) utc = NULL;
  g_autoptr (GDateTime) time = NULL;
  gint64 us;

  *out = (HawserSince) { 0, G_MININT64 };
  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &out->sequence, NULL))
    return TRUE;
  if (hawser_duration_parse (text, &us, NULL))
    {
      out->published_us = now_us - us;
      return TRUE;
    }
  utc = g_time_zone_new_utc ();
  time = g_date_time_new_from_iso8601 (text, utc);
  if (time == NULL)
    return FALSE;
  out->published_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) - wall_minus_monotonic_us;
  return TRUE;
}
