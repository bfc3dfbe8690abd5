/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The slow half of the growing byte writer; the fast half is inline in the header. */

#include "hawser-buffer.h"

void
hawser_buffer_clear (HawserBuffer *self)
{
  g_free (self->data);
  memset (self, 0, sizeof *self);
}

/* (transfer full): what was written; the buffer is empty afterwards. */
GBytes *
hawser_buffer_steal (HawserBuffer *self)
{
  GBytes *bytes = g_bytes_new_take (self->data, self->len);

  memset (self, 0, sizeof *self);
  return bytes;
}

void
hawser_buffer_grow (HawserBuffer *self, gsize len)
{
  gsize needed;

  if (!g_size_checked_add (&needed, self->len, len) || needed > G_MAXSIZE / 2)
    g_error ("buffer of %" G_GSIZE_FORMAT " bytes cannot grow by %" G_GSIZE_FORMAT, self->len, len);
  self->size = MAX (MAX (needed, self->size * 2), 64);
  self->data = g_realloc (self->data, self->size);
}
