/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where passivated twins are: a file without a name that core/host opened in the state directory, or without one in memory,
 * packed. The file is in units of 64 bytes, what is free is kept by length; it does not outlive the process, what is to be
 * kept is in the store. On the bus's lane: reading one back is one read of a local file. */

#include "hawser-twin-pages-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define UNIT 64
#define HEAD 4              /* bytes of length before each */
#define FIRST_READ 1024     /* one read for most */

void
hawser_twin_pages_init (HawserTwinPages *self)
{
  memset (self, 0, sizeof *self);
  self->fd = -1;
  self->blobs = g_ptr_array_new ();
  g_ptr_array_add (self->blobs, NULL); /* place 0 means none */
  self->n_units = 1;
  self->free = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
}

void
hawser_twin_pages_clear (HawserTwinPages *self)
{
  if (self->fd >= 0)
    close (self->fd);
  else if (self->n_live > 0)
    for (guint i = 1; i < self->blobs->len; i++)
      if (!(GPOINTER_TO_SIZE (self->blobs->pdata[i]) & 1))
        g_free (self->blobs->pdata[i]);
  g_ptr_array_unref (self->blobs);
  g_hash_table_unref (self->free);
  self->blobs = NULL;
}

/* Takes over @fd; only while nothing is in here. */
void
hawser_twin_pages_set_file (HawserTwinPages *self, int fd)
{
  g_return_if_fail (self->n_live == 0 && self->fd < 0);

  self->fd = fd;
}

/* ---- in memory: pointers in a table, free places linked through it by odd numbers ---- */

static guint32
keep_in_memory (HawserTwinPages *self, const guint8 *bytes, guint32 len)
{
  guint8 *blob = g_malloc (HEAD + len);
  guint32 place = self->free_blob;

  memcpy (blob, &len, HEAD);
  memcpy (blob + HEAD, bytes, len);
  if (place != 0)
    {
      self->free_blob = (guint32) (GPOINTER_TO_SIZE (self->blobs->pdata[place]) >> 1);
      self->blobs->pdata[place] = blob;
    }
  else
    {
      place = self->blobs->len;
      g_ptr_array_add (self->blobs, blob);
    }
  self->n_bytes += len;
  return place;
}

/* ---- in the file ---- */

static guint32
to_units (guint32 len)
{
  guint32 units = (HEAD + len + UNIT - 1) / UNIT, rounded = 1;

  if (units <= 64)
    return units;
  while (rounded < units) /* the long ones, with histories, in few lengths */
    rounded *= 2;
  return rounded;
}

static gboolean
transfer (int fd, gboolean is_write, guint8 *bytes, gsize len, off_t offset)
{
  while (len > 0)
    {
      gssize n = is_write ? pwrite (fd, bytes, len, offset) : pread (fd, bytes, len, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      bytes += n;
      len -= (gsize) n;
      offset += n;
    }
  return TRUE;
}

static guint32
keep_in_file (HawserTwinPages *self, const guint8 *bytes, guint32 len)
{
  guint32 units = to_units (len), place;
  GArray *same = g_hash_table_lookup (self->free, GUINT_TO_POINTER (units));
  gsize size = (gsize) units * UNIT;
  g_autofree guint8 *large = size > FIRST_READ ? g_malloc (size) : NULL;
  guint8 small[FIRST_READ], *block = large != NULL ? large : small;

  if (same != NULL && same->len > 0)
    place = g_array_index (same, guint32, same->len - 1);
  else if (G_MAXUINT32 - self->n_units < units)
    return 0;
  else
    place = self->n_units;
  memcpy (block, &len, HEAD);
  memcpy (block + HEAD, bytes, len);
  memset (block + HEAD + len, 0, size - HEAD - len); /* so that a read of the first piece never ends early */
  if (!transfer (self->fd, TRUE, block, size, (off_t) place * UNIT))
    return 0;
  if (place == self->n_units)
    self->n_units += units;
  else
    g_array_set_size (same, same->len - 1);
  self->n_bytes += len;
  return place;
}

/* 0: there is no room, the twin stays where it is. */
guint32
hawser_twin_pages_keep (HawserTwinPages *self, const guint8 *bytes, gsize len)
{
  guint32 place;

  if (len > HAWSER_TWIN_PAGE_MAX)
    return 0;
  place = self->fd >= 0 ? keep_in_file (self, bytes, (guint32) len) : keep_in_memory (self, bytes, (guint32) len);
  self->n_live += place != 0;
  return place;
}

static gboolean
read_file (HawserTwinPages *self, guint32 place, GByteArray *out)
{
  guint32 len;
  gsize have;
  off_t offset = (off_t) place * UNIT;
  gssize n;

  g_byte_array_set_size (out, FIRST_READ);
  do
    n = pread (self->fd, out->data, FIRST_READ, offset);
  while (n < 0 && errno == EINTR);
  if (n < HEAD)
    return FALSE;
  memcpy (&len, out->data, HEAD);
  have = MIN ((gsize) n, HEAD + (gsize) len);
  if (len > HAWSER_TWIN_PAGE_MAX)
    return FALSE;
  g_byte_array_set_size (out, HEAD + len);
  if (!transfer (self->fd, FALSE, out->data + have, HEAD + len - have, offset + (off_t) have))
    return FALSE;
  g_byte_array_remove_range (out, 0, HEAD);
  return TRUE;
}

/* The bytes, into @out. FALSE: the disk did not give them back. */
gboolean
hawser_twin_pages_read (HawserTwinPages *self, guint32 place, GByteArray *out)
{
  const guint8 *blob;
  guint32 len;

  if (self->fd >= 0)
    return read_file (self, place, out);
  blob = self->blobs->pdata[place];
  memcpy (&len, blob, HEAD);
  g_byte_array_set_size (out, 0);
  g_byte_array_append (out, blob + HEAD, len);
  return TRUE;
}

void
hawser_twin_pages_drop (HawserTwinPages *self, guint32 place, gsize len)
{
  self->n_live--;
  self->n_bytes -= len;
  if (self->fd < 0)
    {
      g_free (self->blobs->pdata[place]);
      self->blobs->pdata[place] = GSIZE_TO_POINTER ((gsize) self->free_blob << 1 | 1);
      self->free_blob = place;
    }
  else
    {
      guint32 units = to_units ((guint32) len);
      GArray *same = g_hash_table_lookup (self->free, GUINT_TO_POINTER (units));

      if (same == NULL)
        {
          same = g_array_new (FALSE, FALSE, sizeof (guint32));
          g_hash_table_insert (self->free, GUINT_TO_POINTER (units), same);
        }
      g_array_append_val (same, place);
    }
}
