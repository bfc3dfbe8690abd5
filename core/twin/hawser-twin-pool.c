/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory for what each twin has of its own size: name and numbers. A block is a chunk number and a place in it; freed ones
 * wait in a list for each size. Used by the table of twins (hawser-twin-table.c) on its lane. Chunks are kept until the end:
 * a fleet that was there once comes back. */

#include "hawser-twin-pool-private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE (2u << 20)

gpointer
hawser_twin_memory_new (gsize size, gboolean is_large)
{
  gpointer memory;

  if (!is_large || size < LARGE_PAGE)
    return g_malloc (size);
  size = (size + LARGE_PAGE - 1) & ~(gsize) (LARGE_PAGE - 1);
  memory = aligned_alloc (LARGE_PAGE, size);
  if (memory == NULL)
    g_error ("no memory for %" G_GSIZE_FORMAT " bytes of twins", size);
  madvise (memory, size, MADV_HUGEPAGE); /* a wish */
  return memory;
}

static guint
to_units (gsize size)
{
  guint units = (guint) ((size + HAWSER_TWIN_POOL_UNIT - 1) / HAWSER_TWIN_POOL_UNIT);

  g_assert (units > 0 && units <= HAWSER_TWIN_POOL_MAX);
  return units;
}

void
hawser_twin_pool_clear (HawserTwinPool *self)
{
  for (guint i = 0; i < self->n_chunks; i++)
    g_free (self->chunks[i]);
  g_free (self->chunks);
  memset (self, 0, sizeof *self);
}

static void
add_chunk (HawserTwinPool *self)
{
  /* 14 bits name a chunk: 32 GiB, more than a hundred million twins */
  g_assert (self->n_chunks < 1u << (32 - HAWSER_TWIN_POOL_SHIFT));
  if (self->n_chunks == self->n_slots)
    {
      self->n_slots = self->n_slots == 0 ? 16 : self->n_slots * 2;
      self->chunks = g_renew (guint8 *, self->chunks, self->n_slots);
    }
  self->chunks[self->n_chunks] = hawser_twin_memory_new ((gsize) HAWSER_TWIN_POOL_CHUNK * HAWSER_TWIN_POOL_UNIT, self->n_chunks > 0); /* a few twins need no large page */
  self->used = self->n_chunks == 0 ? 1 : 0; /* block 0 means none */
  self->n_chunks++;
}

HawserTwinBlock
hawser_twin_pool_take (HawserTwinPool *self, gsize size)
{
  guint units = to_units (size);
  HawserTwinBlock block = self->free[units];

  self->n_bytes += (guint64) units * HAWSER_TWIN_POOL_UNIT;
  if (block != 0)
    {
      memcpy (&self->free[units], hawser_twin_pool_get (self, block), sizeof block);
      return block;
    }
  if (self->n_chunks == 0 || self->used + units > HAWSER_TWIN_POOL_CHUNK)
    {
      /* what is left of the chunk serves smaller blocks */
      while (self->n_chunks > 0 && self->used < HAWSER_TWIN_POOL_CHUNK)
        {
          guint rest = MIN (HAWSER_TWIN_POOL_CHUNK - self->used, HAWSER_TWIN_POOL_MAX);
          HawserTwinBlock tail = (self->n_chunks - 1) << HAWSER_TWIN_POOL_SHIFT | self->used;

          memcpy (hawser_twin_pool_get (self, tail), &self->free[rest], sizeof tail);
          self->free[rest] = tail;
          self->used += rest;
        }
      add_chunk (self);
    }
  block = (self->n_chunks - 1) << HAWSER_TWIN_POOL_SHIFT | self->used;
  self->used += units;
  return block;
}

void
hawser_twin_pool_give (HawserTwinPool *self, HawserTwinBlock block, gsize size)
{
  guint units;

  if (block == 0)
    return;
  units = to_units (size);
  self->n_bytes -= (guint64) units * HAWSER_TWIN_POOL_UNIT;
  memcpy (hawser_twin_pool_get (self, block), &self->free[units], sizeof block);
  self->free[units] = block;
}
