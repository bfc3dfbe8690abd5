/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages are stored with a time that must still mean something after a restart, whatever somebody did to the clock.
 * The line of time is wall time as it was when the store was made, carried on by the clock of the machine's boot: a
 * restart within one boot does not look at the wall clock at all, and after a new boot only the wall time that went by
 * between the last reading and this one is added, never less than nothing.
 * Shape of the stored reading, text: boot id, CLOCK_BOOTTIME, wall time, time on the line; microseconds. */

#include "hawser-spool-private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

SpoolTimeReading
spool_time_read (void)
{
  SpoolTimeReading now = { .wall_us = g_get_real_time (), .monotonic_us = g_get_monotonic_time () };
  g_autofree char *boot_id = NULL;
  struct timespec ts;

  clock_gettime (CLOCK_BOOTTIME, &ts);
  now.boot_us = (gint64) ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000;
  if (g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot_id, NULL, NULL))
    g_strlcpy (now.boot_id, g_strstrip (boot_id), sizeof now.boot_id);
  return now;
}

gint64
spool_time_rebase (GBytes *stored, const SpoolTimeReading *now)
{
  g_autofree char *text = NULL;
  char boot_id[40] = "";
  gint64 boot_us, wall_us, line_us, passed_us;

  if (stored == NULL)
    return now->wall_us - now->monotonic_us;
  text = g_strndup (g_bytes_get_data (stored, NULL), g_bytes_get_size (stored));
  if (sscanf (text, "%39s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, boot_id, &boot_us, &wall_us, &line_us) != 4)
    return now->wall_us - now->monotonic_us;
  if (now->boot_id[0] != '\0' && strcmp (boot_id, now->boot_id) == 0 && now->boot_us >= boot_us)
    passed_us = now->boot_us - boot_us;
  else
    passed_us = MAX (now->wall_us - wall_us, 0);
  return line_us + passed_us - now->monotonic_us;
}

GBytes *
spool_time_store (const SpoolTimeReading *now, gint64 wall_minus_monotonic_us)
{
  char *text = g_strdup_printf ("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, now->boot_id[0] != '\0' ? now->boot_id : "-",
                                now->boot_us, now->wall_us, now->monotonic_us + wall_minus_monotonic_us);

  return g_bytes_new_take (text, strlen (text));
}
