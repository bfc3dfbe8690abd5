/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small blocks named by 32 bits: the names and the numbers of a million twins without malloc's header on each and with
 * references of half a pointer. One lane. */

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_TWIN_POOL_UNIT 8             /* bytes: the alignment of a double */
#define HAWSER_TWIN_POOL_CHUNK 65536        /* units: 512 KiB */
#define HAWSER_TWIN_POOL_MAX 256            /* units of one block: 2 KiB, a name of 1 KiB or 64 numbers with room to spare */

typedef guint32 HawserTwinBlock;            /* 0: none */

typedef struct {
  guint8 **chunks;
  guint n_chunks, n_slots;
  guint used;                               /* units of the last chunk */
  guint64 n_bytes;                          /* given out */
  HawserTwinBlock free[HAWSER_TWIN_POOL_MAX + 1];
} HawserTwinPool;

void            hawser_twin_pool_clear (HawserTwinPool  *self);
HawserTwinBlock hawser_twin_pool_take  (HawserTwinPool  *self,
                                        gsize            size); /* bytes, at most HAWSER_TWIN_POOL_MAX units */
void            hawser_twin_pool_give  (HawserTwinPool  *self,
                                        HawserTwinBlock  block,
                                        gsize            size);

static inline gpointer
hawser_twin_pool_get (const HawserTwinPool *self, HawserTwinBlock block)
{
  return self->chunks[block >> 16] + (gsize) (block & 0xffff) * HAWSER_TWIN_POOL_UNIT;
}

G_END_DECLS
