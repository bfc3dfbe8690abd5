/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the spool knows of one queue without asking the disk: which positions wait in it, and how much they count for.
 * It makes depth and bytes exact at the moment of an acknowledgement, and lets neighbours leave in one range.
 * Called with the spool's lock held. */

#include "hawser-spool-private.h"

#include <string.h>

#define SLOTS_MIN 64

SpoolQueue *
spool_queue_new (guint32 queue, const char *id, GBytes *meta)
{
  SpoolQueue *self = g_new0 (SpoolQueue, 1);

  self->queue = queue;
  self->id = g_strdup (id);
  self->meta = meta != NULL ? g_bytes_ref (meta) : g_bytes_new (NULL, 0);
  return self;
}

void
spool_queue_free (SpoolQueue *self)
{
  if (self == NULL)
    return;
  g_free (self->id);
  g_bytes_unref (self->meta);
  g_free (self->slots);
  g_free (self);
}

/* Drops the dead, and gives memory back when much of it is empty. */
static void
sweep (SpoolQueue *self)
{
  gsize kept = 0;

  for (gsize i = self->head; i < self->end; i++)
    if (self->slots[i].time_s != 0)
      self->slots[kept++] = self->slots[i];
  self->head = 0;
  self->end = kept;
  if (self->capacity > 4 * SLOTS_MIN && kept < self->capacity / 4)
    {
      self->capacity = MAX (self->capacity / 2, SLOTS_MIN);
      self->slots = g_renew (SpoolSlot, self->slots, self->capacity);
    }
}

void
spool_queue_push (SpoolQueue *self, guint64 position, guint32 size, guint32 time_s)
{
  if (self->end == self->capacity)
    {
      /* half of it dead: sweeping pays for itself */
      if (self->end - self->n_live > self->end / 2)
        sweep (self);
      if (self->end == self->capacity)
        {
          self->capacity = MAX (self->capacity * 2, SLOTS_MIN);
          self->slots = g_renew (SpoolSlot, self->slots, self->capacity);
        }
    }
  self->slots[self->end++] = (SpoolSlot) { position, size, MAX (time_s, 1) };
  self->n_live++;
  self->n_bytes += size;
}

gsize
spool_queue_find (SpoolQueue *self, guint64 position)
{
  gsize low = self->head, high = self->end;

  if (low < high && self->slots[low].position >= position)
    return low;
  while (low < high)
    {
      gsize middle = low + (high - low) / 2;

      if (self->slots[middle].position < position)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

gboolean
spool_queue_kill (SpoolQueue *self, gsize slot)
{
  SpoolSlot *dead = &self->slots[slot];

  if (dead->time_s == 0)
    return FALSE;
  dead->time_s = 0;
  self->n_live--;
  self->n_bytes -= dead->size;
  while (self->head < self->end && self->slots[self->head].time_s == 0)
    self->head++;
  if (self->head == self->end)
    {
      self->head = self->end = 0;
      if (self->capacity > 4 * SLOTS_MIN)
        sweep (self);
    }
  /* one that waits long must not keep the dead behind it in memory */
  else if (self->end - self->head > 2 * self->n_live + 4 * SLOTS_MIN)
    sweep (self);
  return TRUE;
}

guint64
spool_queue_living_before (SpoolQueue *queue, gsize slot)
{
  while (slot-- > queue->head)
    if (queue->slots[slot].time_s != 0)
      return queue->slots[slot].position;
  return 0;
}
