/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A shim over SQLite's own file system (sqlite.org/c3ref/vfs.html). It keeps, beside each file, the bytes as they were
 * at the last sync and the list of writes since. */

#include "fault-vfs.h"

#include <string.h>

#include <sqlite3.h>

#define SECTOR 512

typedef struct {
  char *path;
  GByteArray *synced;      /* what is on the disk for sure */
  GArray *writes;          /* of Write: since then */
  gboolean is_named;       /* its name is on the disk */
} Shadow;

typedef struct {
  gsize offset;
  gsize size;              /* of @bytes; G_MAXSIZE: cut at @offset */
  guint8 *bytes;
} Write;

typedef struct {
  sqlite3_file base;
  Shadow *shadow;          /* NULL: a temporary file */
  sqlite3_file *real;
} FaultFile;

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;
static GHashTable *shadows;      /* path -> Shadow */
static GMutex lock;
static FaultKind armed;
static guint countdown;
static gboolean lasting, fired;

static void
write_clear (gpointer data)
{
  g_free (((Write *) data)->bytes);
}

static void
shadow_free (gpointer data)
{
  Shadow *shadow = data;

  g_free (shadow->path);
  g_byte_array_unref (shadow->synced);
  g_array_unref (shadow->writes);
  g_free (shadow);
}

static gboolean
must_fail (FaultKind kind)
{
  gboolean fails = FALSE;

  g_mutex_lock (&lock);
  if (armed == kind || (kind == FAULT_WRITE && armed == FAULT_FULL))
    {
      fails = countdown == 0 && (lasting || !fired);
      if (countdown > 0)
        countdown--;
      fired |= fails;
    }
  g_mutex_unlock (&lock);
  return fails;
}

static void
apply_write (GByteArray *bytes, const Write *write, gsize from, gsize to)
{
  if (write->size == G_MAXSIZE)
    {
      if (write->offset < bytes->len)
        g_byte_array_set_size (bytes, (guint) write->offset);
      return;
    }
  if (write->offset + to > bytes->len)
    {
      guint old = bytes->len;

      g_byte_array_set_size (bytes, (guint) (write->offset + to));
      memset (bytes->data + old, 0, bytes->len - old);
    }
  memcpy (bytes->data + write->offset + from, write->bytes + from, to - from);
}

static void
note_write (Shadow *shadow, gsize offset, const void *bytes, gsize size)
{
  Write write = { offset, size, bytes != NULL ? g_memdup2 (bytes, size) : NULL };

  g_mutex_lock (&lock);
  g_array_append_val (shadow->writes, write);
  g_mutex_unlock (&lock);
}

static void
note_sync (Shadow *shadow)
{
  g_mutex_lock (&lock);
  for (guint i = 0; i < shadow->writes->len; i++)
    {
      const Write *write = &g_array_index (shadow->writes, Write, i);

      apply_write (shadow->synced, write, 0, write->size);
    }
  g_array_set_size (shadow->writes, 0);
  shadow->is_named = TRUE;
  g_mutex_unlock (&lock);
}

#define REAL(file) (((FaultFile *) (file))->real)

static int
fault_close (sqlite3_file *file)
{
  int rc = REAL (file)->pMethods->xClose (REAL (file));

  g_clear_pointer (&REAL (file), g_free);
  return rc;
}

static int
fault_read (sqlite3_file *file, void *bytes, int n, sqlite3_int64 offset)
{
  return REAL (file)->pMethods->xRead (REAL (file), bytes, n, offset);
}

static int
fault_write (sqlite3_file *file, const void *bytes, int n, sqlite3_int64 offset)
{
  FaultFile *self = (FaultFile *) file;
  int rc;

  if (must_fail (FAULT_WRITE))
    return armed == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  rc = self->real->pMethods->xWrite (self->real, bytes, n, offset);
  if (rc == SQLITE_OK && self->shadow != NULL)
    note_write (self->shadow, (gsize) offset, bytes, (gsize) n);
  return rc;
}

static int
fault_truncate (sqlite3_file *file, sqlite3_int64 size)
{
  FaultFile *self = (FaultFile *) file;
  int rc = self->real->pMethods->xTruncate (self->real, size);

  if (rc == SQLITE_OK && self->shadow != NULL)
    note_write (self->shadow, (gsize) size, NULL, G_MAXSIZE);
  return rc;
}

static int
fault_sync (sqlite3_file *file, int flags)
{
  FaultFile *self = (FaultFile *) file;
  int rc;

  if (must_fail (FAULT_SYNC))
    return SQLITE_IOERR_FSYNC;
  rc = self->real->pMethods->xSync (self->real, flags);
  if (rc == SQLITE_OK && self->shadow != NULL)
    note_sync (self->shadow);
  return rc;
}

static int
fault_size (sqlite3_file *file, sqlite3_int64 *size)
{
  return REAL (file)->pMethods->xFileSize (REAL (file), size);
}

static int
fault_lock (sqlite3_file *file, int level)
{
  return REAL (file)->pMethods->xLock (REAL (file), level);
}

static int
fault_unlock (sqlite3_file *file, int level)
{
  return REAL (file)->pMethods->xUnlock (REAL (file), level);
}

static int
fault_check_lock (sqlite3_file *file, int *out)
{
  return REAL (file)->pMethods->xCheckReservedLock (REAL (file), out);
}

static int
fault_control (sqlite3_file *file, int op, void *arg)
{
  return REAL (file)->pMethods->xFileControl (REAL (file), op, arg);
}

static int
fault_sector (sqlite3_file *file)
{
  return REAL (file)->pMethods->xSectorSize (REAL (file));
}

static int
fault_traits (sqlite3_file *file)
{
  return REAL (file)->pMethods->xDeviceCharacteristics (REAL (file));
}

/* Version 1: no shared memory and no mapping; the store asks for neither. */
static const sqlite3_io_methods methods = {
  1, fault_close, fault_read, fault_write, fault_truncate, fault_sync, fault_size, fault_lock, fault_unlock, fault_check_lock,
  fault_control, fault_sector, fault_traits,
};

static Shadow *
get_shadow (const char *path)
{
  Shadow *shadow = g_hash_table_lookup (shadows, path);
  g_autofree char *bytes = NULL;
  gsize len;

  if (shadow != NULL)
    return shadow;
  shadow = g_new0 (Shadow, 1);
  shadow->path = g_strdup (path);
  shadow->synced = g_byte_array_new ();
  shadow->writes = g_array_new (FALSE, FALSE, sizeof (Write));
  g_array_set_clear_func (shadow->writes, write_clear);
  if (g_file_get_contents (path, &bytes, &len, NULL))
    {
      g_byte_array_append (shadow->synced, (const guint8 *) bytes, (guint) len);
      shadow->is_named = TRUE;
    }
  g_hash_table_insert (shadows, shadow->path, shadow);
  return shadow;
}

static int
fault_open (sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
  FaultFile *self = (FaultFile *) file;
  Shadow *shadow = NULL;
  int rc;

  if (name != NULL)
    {
      g_mutex_lock (&lock);
      shadow = get_shadow (name);
      g_mutex_unlock (&lock);
    }
  self->real = g_malloc0 ((gsize) real_vfs->szOsFile);
  rc = real_vfs->xOpen (real_vfs, name, self->real, flags, out_flags);
  self->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
  self->shadow = shadow;
  if (rc != SQLITE_OK)
    g_clear_pointer (&self->real, g_free);
  return rc;
}

static int
fault_delete (sqlite3_vfs *vfs, const char *name, int sync_dir)
{
  int rc = real_vfs->xDelete (real_vfs, name, sync_dir);

  if (rc == SQLITE_OK)
    {
      g_mutex_lock (&lock);
      g_hash_table_remove (shadows, name);
      g_mutex_unlock (&lock);
    }
  return rc;
}

void
fault_vfs_install (void)
{
  shadows = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, shadow_free);
  armed = FAULT_NONE;
  real_vfs = sqlite3_vfs_find (NULL);
  fault_vfs = *real_vfs;
  fault_vfs.zName = "fault";
  fault_vfs.szOsFile = sizeof (FaultFile);
  fault_vfs.xOpen = fault_open;
  fault_vfs.xDelete = fault_delete;
  g_assert_cmpint (sqlite3_vfs_register (&fault_vfs, 1), ==, SQLITE_OK);
}

void
fault_vfs_remove (void)
{
  sqlite3_vfs_unregister (&fault_vfs);
  g_assert_true (sqlite3_vfs_find (NULL) == real_vfs);
  g_clear_pointer (&shadows, g_hash_table_unref);
}

void
fault_vfs_arm (FaultKind kind, guint n, gboolean is_lasting)
{
  g_mutex_lock (&lock);
  armed = kind;
  countdown = n;
  lasting = is_lasting;
  fired = FALSE;
  g_mutex_unlock (&lock);
}

gboolean
fault_vfs_fired (void)
{
  gboolean has_fired;

  g_mutex_lock (&lock);
  has_fired = fired;
  g_mutex_unlock (&lock);
  return has_fired;
}

static void
write_torn (GByteArray *bytes, const Write *write, GRand *dice)
{
  if (write->size == G_MAXSIZE)
    {
      if (g_rand_boolean (dice))
        apply_write (bytes, write, 0, 0);
      return;
    }
  switch (g_rand_int_range (dice, 0, 3))
    {
    case 0:
      return;
    case 1:
      apply_write (bytes, write, 0, write->size);
      return;
    default:
      for (gsize from = 0; from < write->size; from += SECTOR)
        if (g_rand_boolean (dice))
          apply_write (bytes, write, from, MIN (from + SECTOR, write->size));
      return;
    }
}

void
fault_vfs_power_fail (const char *from_dir, const char *to_dir, GRand *dice)
{
  GHashTableIter iter;
  gpointer value;

  g_mutex_lock (&lock);
  g_hash_table_iter_init (&iter, shadows);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Shadow *shadow = value;
      g_autofree char *name = g_path_get_basename (shadow->path), *to = g_build_filename (to_dir, name, NULL);
      g_autoptr(GByteArray) bytes = g_byte_array_new ();

      if (!g_str_has_prefix (shadow->path, from_dir) || (!shadow->is_named && g_rand_boolean (dice)))
        continue;
      g_byte_array_append (bytes, shadow->synced->data, shadow->synced->len);
      /* a cut and a write may not change places: the file system keeps the order of its own records */
      for (guint i = 0; i < shadow->writes->len; i++)
        write_torn (bytes, &g_array_index (shadow->writes, Write, i), dice);
      g_assert_true (g_file_set_contents (to, (const char *) bytes->data, bytes->len, NULL));
    }
  g_mutex_unlock (&lock);
}
