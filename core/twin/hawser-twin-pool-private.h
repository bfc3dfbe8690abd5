/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small blocks named by 32 bits: the names and the numbers of a million twins without malloc's header on each and with
 * references of half a pointer. One lane. */

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_TWIN_POOL_UNIT 8             /* bytes: the alignment of a double */
#define HAWSER_TWIN_POOL_SHIFT 18           /* of a block: its chunk stands above, its place in it below */
#define HAWSER_TWIN_POOL_CHUNK (1u << HAWSER_TWIN_POOL_SHIFT) /* units: 2 MiB, a large page */
#define HAWSER_TWIN_POOL_MAX 256            /* units of one block: 2 KiB, a name of 1 KiB or 64 numbers with room to spare */

typedef guint32 HawserTwinBlock;            /* 0: none */

typedef struct {
  guint8 **chunks;
  guint n_chunks, n_slots;
  guint used;                               /* units of the last chunk */
  guint64 n_bytes;                          /* given out */
  HawserTwinBlock free[HAWSER_TWIN_POOL_MAX + 1];
} HawserTwinPool;

/* Memory of many twins; for g_free(). With @is_large on large pages if the kernel has them: what is looked at in no order
 * misses the translation of its address each time, and that costs more than the miss of the cache. */
gpointer        hawser_twin_memory_new (gsize            size,
                                        gboolean         is_large);
void            hawser_twin_pool_clear (HawserTwinPool  *self);
HawserTwinBlock hawser_twin_pool_take  (HawserTwinPool  *self,
                                        gsize            size); /* bytes, at most HAWSER_TWIN_POOL_MAX units */
void            hawser_twin_pool_give  (HawserTwinPool  *self,
                                        HawserTwinBlock  block,
                                        gsize            size);

static inline gpointer
hawser_twin_pool_get (const HawserTwinPool *self, HawserTwinBlock block)
{
  return self->chunks[block >> HAWSER_TWIN_POOL_SHIFT] + (gsize) (block & (HAWSER_TWIN_POOL_CHUNK - 1)) * HAWSER_TWIN_POOL_UNIT;
}

G_END_DECLS
