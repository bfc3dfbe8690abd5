/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hawser-queue.h. Memory goes back when the ring runs empty, so a burst leaves nothing behind. */

#include "hawser-queue.h"

#include "hawser-message-private.h"

#define FIRST_SIZE 16
#define KEEP_SIZE 64

static void
grow (HawserQueue *self)
{
  guint32 size = MAX (FIRST_SIZE, self->size * 2);
  HawserQueueEntry *entries = g_new (HawserQueueEntry, size);

  for (guint32 i = 0; i < self->n; i++)
    entries[i] = self->entries[(self->head + i) & (self->size - 1)];
  g_free (self->entries);
  self->entries = entries;
  self->size = size;
  self->head = 0;
}

void
hawser_queue_push (HawserQueue *self, const HawserQueueEntry *entry)
{
  if (self->n == self->size)
    grow (self);
  self->entries[(self->head + self->n) & (self->size - 1)] = *entry;
  self->n++;
  self->bytes += hawser_message_get_size (entry->message);
}

gboolean
hawser_queue_pop (HawserQueue *self, HawserQueueEntry *out_entry)
{
  if (self->n == 0)
    return FALSE;
  *out_entry = self->entries[self->head];
  self->head = (self->head + 1) & (self->size - 1);
  self->n--;
  self->bytes -= hawser_message_get_size (out_entry->message);
  if (self->n == 0 && self->size > KEEP_SIZE)
    {
      g_clear_pointer (&self->entries, g_free);
      self->size = self->head = 0;
    }
  return TRUE;
}

void
hawser_queue_clear (HawserQueue *self)
{
  HawserQueueEntry entry;

  while (hawser_queue_pop (self, &entry))
    hawser_message_unref (entry.message);
  g_clear_pointer (&self->entries, g_free);
  self->size = self->head = 0;
}
