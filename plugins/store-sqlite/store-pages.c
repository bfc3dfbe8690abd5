/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Searches the bytes of a damaged store for sound records. It trusts nothing of the tree: a record is found by its own
 * head and proven by its own checksum, wherever in a page it lies, and followed over overflow pages.
 * Source: SQLite file format, 1.5 (free list), 1.6 (cell payload overflow), 4.1 (the log). */

#include "store-pages.h"

#include <stdio.h>
#include <string.h>

#define WAL_HEAD 32
#define FRAME_HEAD 24
#define FRAME_SIZE (FRAME_HEAD + STORE_PAGE_SIZE)

struct _StorePages {
  GMappedFile *main;
  GMappedFile *log;
  GHashTable *images;    /* page number -> page in the log */
  GPtrArray *others;     /* more pages, in the log or the file, that are searched */
  GHashTable *free_pages;
  guint32 n_pages;
};

static guint32
get_be32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | p[3];
}

static const guint8 *
get_page (StorePages *self, guint32 number)
{
  const guint8 *image = g_hash_table_lookup (self->images, GUINT_TO_POINTER (number));

  if (image != NULL || number == 0 || self->main == NULL || (gsize) number * STORE_PAGE_SIZE > g_mapped_file_get_length (self->main))
    return image;
  return (const guint8 *) g_mapped_file_get_contents (self->main) + (gsize) (number - 1) * STORE_PAGE_SIZE;
}

static void
add_to_checksum (guint32 sum[2], const guint8 *data, gsize len, gboolean is_big_endian)
{
  for (; len >= 8; len -= 8, data += 8)
    {
      guint32 words[2];

      memcpy (words, data, 8);
      sum[0] += (is_big_endian ? GUINT32_FROM_BE (words[0]) : GUINT32_FROM_LE (words[0])) + sum[1];
      sum[1] += (is_big_endian ? GUINT32_FROM_BE (words[1]) : GUINT32_FROM_LE (words[1])) + sum[0];
    }
}

static gboolean
is_frame_sound (const guint8 *before, const guint8 *frame, gboolean is_big_endian)
{
  guint32 sum[2] = { get_be32 (before), get_be32 (before + 4) };

  add_to_checksum (sum, frame, 8, is_big_endian);
  add_to_checksum (sum, frame + FRAME_HEAD, STORE_PAGE_SIZE, is_big_endian);
  return sum[0] == get_be32 (frame + 16) && sum[1] == get_be32 (frame + 20);
}

/* Where the last transaction ends that the log holds as a whole, and how many pages the file has then. */
static gsize
find_last_commit (const guint8 *log, gsize len, const guint8 *salts, gboolean is_big_endian, guint32 *out_n_pages)
{
  const guint8 *before = log + 24;
  gsize end = WAL_HEAD;

  for (gsize at = WAL_HEAD; at + FRAME_SIZE <= len; at += FRAME_SIZE)
    {
      const guint8 *frame = log + at;

      if (get_be32 (frame + 4) != 0 && memcmp (frame + 8, salts, 8) == 0 && is_frame_sound (before, frame, is_big_endian))
        {
          end = at + FRAME_SIZE;
          *out_n_pages = get_be32 (frame + 4);
        }
      before = frame + 16;
    }
  return end;
}

/* A damaged image is still the newest of its page, if it is of this page: what it replaces is searched too. */
static void
replace (StorePages *self, guint32 number, const guint8 *image, gboolean is_sound)
{
  const guint8 *old = is_sound ? NULL : get_page (self, number);

  if (old != NULL)
    g_ptr_array_add (self->others, (gpointer) old);
  g_hash_table_insert (self->images, GUINT_TO_POINTER (number), (gpointer) image);
}

/* Each frame is judged by what the one before it says of itself, so that one damaged frame costs itself only. Frames
 * with other salts are older than the file. */
static void
load_log (StorePages *self)
{
  const guint8 *log = (const guint8 *) g_mapped_file_get_contents (self->log), *before = log + 24, *salts = log + WAL_HEAD + 8;
  gsize len = g_mapped_file_get_length (self->log), end;
  gboolean is_big_endian;

  if (len < WAL_HEAD + FRAME_SIZE)
    return;
  /* of the two places that tell the salts the first frame is the one to believe, unless it stands alone with them */
  if (memcmp (salts, log + 16, 8) != 0 && len >= WAL_HEAD + 2 * FRAME_SIZE && memcmp (log + 16, salts + FRAME_SIZE, 8) == 0)
    salts = log + 16;
  is_big_endian = (log[3] & 1) != 0;
  end = find_last_commit (log, len, salts, is_big_endian, &self->n_pages);
  for (gsize at = WAL_HEAD; at + FRAME_SIZE <= len; at += FRAME_SIZE)
    {
      const guint8 *frame = log + at, *image = frame + FRAME_HEAD;
      gboolean is_sound = is_frame_sound (before, frame, is_big_endian);
      guint32 number = get_be32 (frame);

      before = frame + 16;
      if (memcmp (frame + 8, salts, 8) != 0 && !(is_sound && at < end))
        continue;
      if (at < end && number > 0 && number <= self->n_pages)
        replace (self, number, image, is_sound);
      else
        g_ptr_array_add (self->others, (gpointer) image);
    }
}

/* Pages that were given back hold what has been acknowledged: they are left out, if the list of them is credible. */
static void
load_free_pages (StorePages *self)
{
  const guint8 *first = get_page (self, 1);
  guint32 trunk = first != NULL ? get_be32 (first + 32) : 0, n_free = first != NULL ? get_be32 (first + 36) : 0;

  while (trunk != 0 && trunk <= self->n_pages && g_hash_table_add (self->free_pages, GUINT_TO_POINTER (trunk)))
    {
      const guint8 *page = get_page (self, trunk);
      guint32 n = page != NULL ? get_be32 (page + 4) : 0;

      if (page == NULL || n > STORE_PAGE_SIZE / 4 - 2)
        break;
      for (guint32 i = 0; i < n; i++)
        g_hash_table_add (self->free_pages, GUINT_TO_POINTER (get_be32 (page + 8 + 4 * i)));
      trunk = get_be32 (page);
    }
  if (g_hash_table_size (self->free_pages) != n_free)
    g_hash_table_remove_all (self->free_pages);
}

StorePages *
store_pages_new (const char *path)
{
  StorePages *self = g_new0 (StorePages, 1);
  g_autofree char *log_path = g_strconcat (path, "-wal", NULL);

  self->main = g_mapped_file_new (path, FALSE, NULL);
  self->log = g_mapped_file_new (log_path, FALSE, NULL);
  self->images = g_hash_table_new (NULL, NULL);
  self->free_pages = g_hash_table_new (NULL, NULL);
  self->others = g_ptr_array_new ();
  if (self->main != NULL)
    self->n_pages = (guint32) (g_mapped_file_get_length (self->main) / STORE_PAGE_SIZE);
  if (self->log != NULL)
    load_log (self);
  load_free_pages (self);
  return self;
}

void
store_pages_free (StorePages *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->main, g_mapped_file_unref);
  g_clear_pointer (&self->log, g_mapped_file_unref);
  g_hash_table_unref (self->images);
  g_hash_table_unref (self->free_pages);
  g_ptr_array_unref (self->others);
  g_free (self);
}

static gsize
varint_len (guint64 value)
{
  gsize len = 1;

  while (value >>= 7)
    len++;
  return len;
}

/* How many bytes of its row lie before the record: the row's head, and in table `value` two texts. */
static gsize
get_row_head (const guint8 *record, gsize available, gsize total)
{
  gsize space_len, key_len;
  guint32 key_len_le;

  if (record[4] != STORE_RECORD_VALUE)
    return 2 + varint_len (12 + 2 * (guint64) total);
  if (available < STORE_RECORD_HEAD + 12)
    return 0;
  space_len = record[6] | (gsize) record[7] << 8;
  memcpy (&key_len_le, record + STORE_RECORD_HEAD + 8, 4);
  key_len = GUINT32_FROM_LE (key_len_le);
  return 1 + varint_len (13 + 2 * (guint64) space_len) + varint_len (13 + 2 * (guint64) key_len) + varint_len (12 + 2 * (guint64) total)
         + space_len + key_len;
}

/* Fills @out with a record that begins at @at of a page and goes on in overflow pages. */
static gboolean
gather (StorePages *self, const guint8 *page, gsize at, gsize total, GByteArray *out)
{
  const gsize most = STORE_PAGE_SIZE - 35, least = (STORE_PAGE_SIZE - 12) * 32 / 255 - 23;
  gsize head = get_row_head (page + at, STORE_PAGE_SIZE - at, total), row = head + total, local, here;
  guint32 next;

  if (head == 0 || row <= most)
    return FALSE;
  local = least + (row - least) % (STORE_PAGE_SIZE - 4);
  if (local > most)
    local = least;
  if (local <= head || at + (here = local - head) + 4 > STORE_PAGE_SIZE || here < STORE_RECORD_HEAD)
    return FALSE;
  g_byte_array_set_size (out, 0);
  g_byte_array_append (out, page + at, (guint) here);
  next = get_be32 (page + at + here);
  while (out->len < total)
    {
      const guint8 *more = get_page (self, next);

      if (more == NULL)
        return FALSE;
      g_byte_array_append (out, more + 4, (guint) MIN (total - out->len, STORE_PAGE_SIZE - 4));
      next = get_be32 (more);
    }
  return TRUE;
}

static void
search (StorePages *self, const guint8 *page, guint32 key, GByteArray *scratch, StorePagesFunc func, gpointer data)
{
  gsize limit = (gsize) self->n_pages * STORE_PAGE_SIZE;

  for (gsize at = 0; at + STORE_RECORD_HEAD <= STORE_PAGE_SIZE;)
    {
      gsize total = store_record_probe (page + at, STORE_PAGE_SIZE - at);
      StoreRecord record;

      if (total > 0 && at + total <= STORE_PAGE_SIZE && store_record_read (page + at, total, key, &record))
        {
          func (data, &record);
          at += total;
          continue;
        }
      if (total > STORE_PAGE_SIZE / 16 && total <= limit && gather (self, page, at, total, scratch)
          && store_record_read (scratch->data, scratch->len, key, &record))
        func (data, &record);
      at++;
    }
}

void
store_pages_foreach (StorePages *self, guint32 key, StorePagesFunc func, gpointer data)
{
  g_autoptr(GByteArray) scratch = g_byte_array_new ();

  for (guint32 number = 1; number <= self->n_pages; number++)
    {
      const guint8 *page = get_page (self, number);

      if (page != NULL && !g_hash_table_contains (self->free_pages, GUINT_TO_POINTER (number)))
        search (self, page, key, scratch, func, data);
    }
  for (guint i = 0; i < self->others->len; i++)
    search (self, g_ptr_array_index (self->others, i), key, scratch, func, data);
}

gboolean
store_pages_write (StorePages *self, const char *path)
{
  static const guint8 nothing[STORE_PAGE_SIZE];
  FILE *file = fopen (path, "we");
  gboolean is_done = file != NULL;

  for (guint32 number = 1; number <= self->n_pages && is_done; number++)
    {
      const guint8 *page = get_page (self, number);
      guint8 first[STORE_PAGE_SIZE];

      if (page == NULL)
        page = nothing;
      if (number == 1)
        {
          memcpy (first, page, sizeof first);
          first[18] = first[19] = 1;   /* SQLite file format, 1.3.3: no log belongs to it */
          page = first;
        }
      is_done = fwrite (page, STORE_PAGE_SIZE, 1, file) == 1;
    }
  return (file == NULL || fclose (file) == 0) && is_done;
}

static void
on_state (gpointer data, const StoreRecord *record)
{
  if (record->kind == STORE_RECORD_STATE)
    *(guint32 *) data = record->store_key;
}

/* The store's number, from its own pages; 0 if there is no record that tells. */
guint32
store_pages_get_key (StorePages *self)
{
  guint32 key = 0;

  store_pages_foreach (self, 0, on_state, &key);
  return key;
}
