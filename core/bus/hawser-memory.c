/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory budget. What counts is what the system would count before it kills somebody: the private memory of the process
 * that is in RAM (RssAnon), so whatever eats it is in it: queues, packets that are half there, retained values, twins, plugins.
 * It is looked at when so much was read from peers that it may have changed, and ten times a second while it is over the
 * budget: two microseconds each time, nothing for a message. Context: the bus's lane. */

#include "hawser-memory.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LOOK_US (100 * 1000)          /* ours: while it is tight */
#define MIN_STEP (64 * 1024)          /* ours: input between two looks, at least; */
#define MAX_STEP (4 * 1024 * 1024)    /* at most, however large the budget: small messages take ten times their size */
#define TRIM_PAUSE 20                 /* ours: times what the last one took, and */
#define TRIM_US G_USEC_PER_SEC        /* at least: giving memory back shall never be what the lane is busy with */

static guint64
read_number (const char *path)
{
  g_autofree char *text = NULL;
  guint64 number = 0;

  if (g_file_get_contents (path, &text, NULL, NULL))
    g_ascii_string_to_unsigned (g_strchomp (text), 10, 1, G_MAXINT64, &number, NULL);
  return number;
}

guint64
hawser_memory_get_machine (void)
{
  guint64 bytes = (guint64) MAX (sysconf (_SC_PHYS_PAGES), 0) * (guint64) sysconf (_SC_PAGESIZE);
  g_autofree char *text = NULL;

  /* version 2: one line "0::/path"; each group above may be smaller */
  if (g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL) && g_str_has_prefix (text, "0::/"))
    {
      g_autofree char *path = g_strdup (g_strchomp (text) + 3);

      while (TRUE)
        {
          g_autofree char *file = g_build_filename ("/sys/fs/cgroup", path, "memory.max", NULL);
          guint64 limit = read_number (file);
          char *slash = strrchr (path, '/');

          if (limit > 0)
            bytes = bytes > 0 ? MIN (bytes, limit) : limit;
          if (slash == NULL || *path == '\0')
            break;
          *slash = '\0';
        }
    }
  return bytes;
}

guint64
hawser_memory_get_used (void)
{
  int fd = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  char text[128], *end;
  gssize n = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
  guint64 resident, shared;

  if (fd >= 0)
    close (fd);
  if (n <= 0)
    return 0;
  text[n] = '\0';
  strtoull (text, &end, 10); /* address space */
  resident = strtoull (end, &end, 10);
  shared = strtoull (end, NULL, 10);
  return resident > shared ? (resident - shared) * (guint64) sysconf (_SC_PAGESIZE) : 0;
}

/* What was freed belongs to the heap still, unless it is asked for. */
static void
give_back (HawserMemory *self)
{
#ifdef __GLIBC__
  gint64 began_us = g_get_monotonic_time (), took_us;

  if (began_us < self->next_trim_us)
    return;
  malloc_trim (0);
  took_us = g_get_monotonic_time () - began_us;
  self->next_trim_us = began_us + MAX (TRIM_US, TRIM_PAUSE * took_us);
  self->used = hawser_memory_get_used ();
#endif
}

static gint
judge (HawserMemory *self)
{
  if (self->used >= self->max + self->max / 8)
    return 2;
  if (self->used >= self->max)
    return 1;
  /* not to and fro at each message */
  return self->used >= self->max - self->max / 16 ? MIN (self->level, 1) : 0;
}

static void
say (HawserMemory *self, gint before, gint level)
{
  if (before == 0)
    g_warning ("memory: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " MiB (max-memory) are used: publishers are held back", self->used >> 20, self->max >> 20);
  else if (level == 0)
    g_message ("memory: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " MiB (max-memory) are used: publishers are read again", self->used >> 20, self->max >> 20);
}

static void look (HawserMemory *self);

static void
on_look (HawserTimer *timer)
{
  look ((HawserMemory *) timer);
}

static void
look (HawserMemory *self)
{
  gint before = self->level, level;

  self->used = hawser_memory_get_used ();
  if (self->used >= self->max - self->max / 16 && (before > 0 || self->used >= self->max))
    give_back (self);
  level = judge (self);
  if ((before == 0) != (level == 0))
    say (self, before, level);
  g_atomic_int_set (&self->level, level);
  hawser_lane_set_tight (self->lane, level > 0);
  if (level > 0)
    hawser_timer_arm (&self->timer, self->lane, hawser_lane_get_now_us (self->lane) + LOOK_US, on_look);
}

static void
on_much_input (gpointer data)
{
  HawserMemory *self = data;

  if (self->level == 0)
    look (self);
}

void
hawser_memory_set_max (HawserMemory *self, HawserLane *lane, guint64 max)
{
  if (max > 0 && hawser_memory_get_used () == 0)
    {
      g_warning ("memory: this system does not say how much is used: max-memory does nothing");
      max = 0;
    }
  self->lane = lane;
  self->max = max;
  hawser_timer_disarm (&self->timer);
  if (max > 0)
    {
      hawser_lane_set_gauge (lane, CLAMP (max / 256, MIN_STEP, MAX_STEP), on_much_input, self);
      look (self);
      return;
    }
  hawser_lane_set_gauge (lane, 0, NULL, NULL);
  hawser_lane_set_tight (lane, FALSE);
  g_atomic_int_set (&self->level, 0);
  self->used = 0;
}

void
hawser_memory_clear (HawserMemory *self)
{
  if (self->lane != NULL)
    hawser_memory_set_max (self, self->lane, 0);
}
