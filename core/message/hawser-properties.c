/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The block of properties that travels inside a message: plain bytes with one owner, no knowledge of messages. */

#include "hawser-message-raw.h"

#include <string.h>

typedef struct {
  guint8 kind;
  guint8 spare;
  guint16 name_len;
  guint32 value_len;
} Head;

G_STATIC_ASSERT (sizeof (Head) == 8);

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
