/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The block of memory that a large payload was received into. Fresh pages cost more than the bytes that fill them (a
 * 1 MiB payload faults 256 times), so freed memory is kept for the next payload of its size class, up to a bound, and
 * given back when no payload came for a while: hawser_block_trim(). Context: any thread. */

#include "hawser-message-private.h"

#define MAX_KEPT_BYTES (16u << 20)
#define N_KEPT 64

struct _HawserBlock {
  gatomicrefcount ref_count;
  gsize size;
  gsize capacity;   /* of memory; 0: data is of bytes */
  guint8 *data;
  GBytes *bytes;
};

typedef struct {
  gpointer memory;
  gsize capacity;
} Kept;

static GMutex lock;
static Kept kept[N_KEPT];
static guint n_kept;
static gsize kept_bytes;
static guint n_uses;      /* since the last trim */

/* Four classes an octave: at most a quarter is not used, and not touched either. */
static gsize
size_class (gsize size)
{
  gsize step;

  if (size < 4096)
    return 4096;
  step = (gsize) 1 << (g_bit_storage (size - 1) - 3);
  return (size + step - 1) / step * step;
}

gpointer
hawser_block_memory_take (gsize size, gsize *out_capacity)
{
  gsize capacity = size_class (size);
  gpointer memory = NULL;

  g_mutex_lock (&lock);
  n_uses++;
  for (guint i = n_kept; i-- > 0;)
    if (kept[i].capacity == capacity)
      {
        memory = kept[i].memory;
        kept[i] = kept[--n_kept];
        kept_bytes -= capacity;
        break;
      }
  g_mutex_unlock (&lock);
  *out_capacity = capacity;
  return memory != NULL ? memory : g_try_malloc (capacity);
}

void
hawser_block_memory_give (gpointer memory, gsize capacity)
{
  gboolean is_kept = FALSE;

  if (memory == NULL)
    return;
  g_mutex_lock (&lock);
  if (n_kept < N_KEPT && kept_bytes + capacity <= MAX_KEPT_BYTES)
    {
      kept[n_kept++] = (Kept) { memory, capacity };
      kept_bytes += capacity;
      is_kept = TRUE;
    }
  g_mutex_unlock (&lock);
  if (!is_kept)
    g_free (memory);
}

/* Gives kept memory back unless some was used since the last call. Returns whether any is kept still. */
gboolean
hawser_block_trim (gsize *out_given_back)
{
  gboolean some;

  *out_given_back = 0;
  g_mutex_lock (&lock);
  if (n_uses == 0)
    {
      while (n_kept > 0)
        g_free (kept[--n_kept].memory);
      *out_given_back = kept_bytes;
      kept_bytes = 0;
    }
  n_uses = 0;
  some = n_kept > 0;
  g_mutex_unlock (&lock);
  return some;
}

HawserBlock *
hawser_block_new_with_memory (gpointer memory, gsize capacity, gsize size)
{
  HawserBlock *self = g_new (HawserBlock, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->size = size;
  self->capacity = capacity;
  self->data = memory;
  self->bytes = NULL;
  return self;
}

HawserBlock *
hawser_block_new (gsize size)
{
  gsize capacity;
  gpointer memory = hawser_block_memory_take (size, &capacity);

  if (memory == NULL)
    g_error ("no memory for a block of %" G_GSIZE_FORMAT " bytes", size);
  return hawser_block_new_with_memory (memory, capacity, size);
}

HawserBlock *
hawser_block_new_for_bytes (GBytes *bytes)
{
  HawserBlock *self = g_new (HawserBlock, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->capacity = 0;
  self->bytes = g_bytes_ref (bytes);
  self->data = (guint8 *) g_bytes_get_data (bytes, &self->size);
  return self;
}

HawserBlock *
hawser_block_ref (HawserBlock *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
hawser_block_unref (HawserBlock *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->bytes != NULL)
    g_bytes_unref (self->bytes);
  else
    hawser_block_memory_give (self->data, self->capacity);
  g_free (self);
}

guint8 *
hawser_block_get_data (HawserBlock *self, gsize *out_size)
{
  if (out_size != NULL)
    *out_size = self->size;
  return self->data;
}
