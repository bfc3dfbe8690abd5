/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The block of properties that travels inside a message, and the block of memory that a large payload was received
 * into. Both are plain bytes with one owner or one count; no knowledge of messages. */

#include "hawser-message-raw.h"

#include <string.h>

typedef struct {
  guint8 kind;
  guint8 spare;
  guint16 name_len;
  guint32 value_len;
} Head;

G_STATIC_ASSERT (sizeof (Head) == 8);

struct _HawserBlock {
  gatomicrefcount ref_count;
  gsize size;
  guint8 *data;   /* behind this head, memory that was taken over, or of bytes */
  GBytes *bytes;
  guint8 own[];
};

void
hawser_properties_add (HawserProperties *self, HawserPropertyKind kind, const char *name, gsize name_len, const void *value,
                       gsize value_len)
{
  Head head = { .kind = (guint8) kind, .name_len = (guint16) name_len, .value_len = (guint32) value_len };
  gsize need = sizeof head + name_len + value_len;

  g_return_if_fail (name_len <= G_MAXUINT16 && value_len <= G_MAXUINT32);

  if (self->len + need > self->size)
    {
      self->size = MAX (self->size * 2, self->len + need + 64);
      self->data = g_realloc (self->data, self->size);
    }
  memcpy (self->data + self->len, &head, sizeof head);
  if (name_len > 0)
    memcpy (self->data + self->len + sizeof head, name, name_len);
  if (value_len > 0)
    memcpy (self->data + self->len + sizeof head + name_len, value, value_len);
  self->len += need;
}

void
hawser_properties_clear (HawserProperties *self)
{
  g_clear_pointer (&self->data, g_free);
  self->len = self->size = 0;
}

gboolean
hawser_properties_next (const guint8 *data, gsize len, gsize *position, HawserProperty *out_property)
{
  Head head;

  if (len - *position < sizeof head || *position > len)
    return FALSE;
  memcpy (&head, data + *position, sizeof head);
  if (len - *position - sizeof head < (gsize) head.name_len + head.value_len)
    return FALSE;
  out_property->kind = head.kind;
  out_property->name = (const char *) data + *position + sizeof head;
  out_property->name_len = head.name_len;
  out_property->value = data + *position + sizeof head + head.name_len;
  out_property->value_len = head.value_len;
  *position += sizeof head + head.name_len + head.value_len;
  return TRUE;
}

HawserBlock *
hawser_block_new (gsize size)
{
  /* not zeroed: pages of a block that is never filled are never touched */
  HawserBlock *self = g_malloc (sizeof *self + size);

  g_atomic_ref_count_init (&self->ref_count);
  self->size = size;
  self->data = self->own;
  self->bytes = NULL;
  return self;
}

HawserBlock *
hawser_block_new_take (guint8 *data, gsize size)
{
  HawserBlock *self = g_new (HawserBlock, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->size = size;
  self->data = data;
  self->bytes = NULL;
  return self;
}

HawserBlock *
hawser_block_new_for_bytes (GBytes *bytes)
{
  HawserBlock *self = g_new (HawserBlock, 1);

  g_atomic_ref_count_init (&self->ref_count);
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
  else if (self->data != self->own)
    g_free (self->data);
  g_free (self);
}

guint8 *
hawser_block_get_data (HawserBlock *self, gsize *out_size)
{
  if (out_size != NULL)
    *out_size = self->size;
  return self->data;
}
