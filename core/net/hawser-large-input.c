/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory of a large packet while it is read. Pure book-keeping. Context: the lane. */

#include "hawser-large-input-private.h"

#include <string.h>

#include "hawser-message-private.h"

#define FIRST_BLOCK (4 << 20)   /* a claimed length is believed up to here, untouched pages cost nothing; beyond, it grows with what came */

HawserLargeInput *
hawser_large_input_new (gsize total, const guint8 *data, gsize len, gboolean is_tight)
{
  gsize size;
  guint8 *memory = hawser_block_memory_take (is_tight ? len : MIN (total, MAX (FIRST_BLOCK, len)), &size);
  HawserLargeInput *self;

  if (memory == NULL)
    return NULL;
  self = g_new (HawserLargeInput, 1);
  self->data = memory;
  self->size = size;
  self->total = total;
  self->len = len;
  memcpy (memory, data, len);
  return self;
}

void
hawser_large_input_free (HawserLargeInput *self)
{
  if (self == NULL)
    return;
  hawser_block_memory_give (self->data, self->size);
  g_free (self);
}

guint8 *
hawser_large_input_room (HawserLargeInput *self, gsize *out_len)
{
  if (self->len == self->size)
    {
      gsize size = MIN (self->total, self->size * 2);
      guint8 *data = g_try_realloc (self->data, size); /* moves pages, not bytes, at this size */

      if (data == NULL)
        return NULL;
      self->data = data;
      self->size = size;
    }
  *out_len = MIN (self->size, self->total) - self->len;
  return self->data + self->len;
}

HawserBlock *
hawser_large_input_take (HawserLargeInput *self)
{
  HawserBlock *block;

  if (self->len < self->total)
    return NULL;
  block = hawser_block_new_with_memory (self->data, self->size, self->total);
  self->data = NULL;
  self->size = 0;
  return block;
}
