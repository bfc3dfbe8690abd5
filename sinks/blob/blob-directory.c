/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Objects as files below a directory. A write builds a new file beside the old one, syncs it, renames it over the old
 * one and syncs the directory: a reader, and a machine that lost power, see the object before the write or after it.
 * The lock of the directory keeps two daemons (or two sinks) that share an object from losing each other's records.
 * Nothing follows a symbolic link below the endpoint. Runs on the sink's worker; knows no retries. */

#include "blob-backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob-name.h"
#include "blob-records.h"

#define PART_NAME ".hawser.part"   /* one for a directory, under its lock: a leftover is at most one, and the next write removes it */
#define SEQUENCE_DIGITS 8
#define DIRECTORY_MODE 0750
#define OBJECT_MODE 0640

typedef struct {
  BlobBackend backend;
  char *path;
  char *container;
} BlobDirectory;

/* One write to one object. */
typedef struct {
  const BlobPut *put;
  int directory;          /* locked */
  int old;                /* the object whose records are carried on; -1: none */
  int part;
  char *name;             /* last component, without placeholder */
  BlobRecords *records;
  guint first;            /* messages before it are in the object already */
} Write;

static gboolean
fail (GError **error, const char *what)
{
  int problem = errno;

  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "%s: %s", what, g_strerror (problem));
  return FALSE;
}

/* The name of another object is in the way, as with topics a and a/b under path-template={topic}: no retry can help. */
static gboolean
fail_taken (GError **error, const char *name)
{
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: another object has that name or lies below it", name);
  return FALSE;
}

static gboolean
is_file_at (int parent, const char *name)
{
  struct stat info;

  return fstatat (parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (info.st_mode);
}

/* ---- Directories ---- */

static int
open_directory_at (int parent, const char *name, GError **error)
{
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat (parent, name, flags);

  if (fd < 0 && errno == ENOENT && (mkdirat (parent, name, DIRECTORY_MODE) == 0 || errno == EEXIST))
    {
      /* the name must survive a power failure before what is in it counts */
      if (fsync (parent) != 0)
        {
          fail (error, "fsync of a directory");
          return -1;
        }
      fd = openat (parent, name, flags);
    }
  if (fd < 0)
    fail (error, name);
  return fd;
}

static int
open_root (const BlobDirectory *self, GError **error)
{
  int fd;

  if (g_mkdir_with_parents (self->path, DIRECTORY_MODE) != 0 || (fd = open (self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
    {
      fail (error, self->path);
      return -1;
    }
  if (self->container != NULL)
    {
      int inner = open_directory_at (fd, self->container, error);

      close (fd);
      fd = inner;
    }
  return fd;
}

/* The directory of an object, made when it is not there. */
static int
open_parent (const BlobDirectory *self, const char *name, const char **out_last, GError **error)
{
  int fd = open_root (self, error);

  for (const char *slash; fd >= 0 && (slash = strchr (name, '/')) != NULL; name = slash + 1)
    {
      g_autofree char *component = g_strndup (name, slash - name);
      int inner = -1;

      if (is_file_at (fd, component))
        fail_taken (error, component);
      else
        inner = open_directory_at (fd, component, error);
      close (fd);
      fd = inner;
    }
  *out_last = name;
  return fd;
}

static gboolean
lock (int directory, GError **error)
{
  int result;

  do
    result = flock (directory, LOCK_EX);
  while (result != 0 && errno == EINTR);
  return result == 0 || fail (error, "locking the directory");
}

/* ---- Sequences ---- */

/* FALSE: @entry is not an object of this pattern. */
static gboolean
parse_sequence (const char *entry, const char *pattern, guint64 *out_sequence)
{
  gsize prefix = strstr (pattern, BLOB_NAME_SEQUENCE) - pattern;
  const char *suffix = pattern + prefix + strlen (BLOB_NAME_SEQUENCE);
  gsize len = strlen (entry), suffix_len = strlen (suffix);
  g_autofree char *digits = NULL;

  if (len <= prefix + suffix_len || strncmp (entry, pattern, prefix) != 0 || strcmp (entry + len - suffix_len, suffix) != 0)
    return FALSE;
  digits = g_strndup (entry + prefix, len - prefix - suffix_len);
  return g_ascii_string_to_unsigned (digits, 10, 0, G_MAXUINT32, out_sequence, NULL);
}

static char *
fill_sequence (const char *pattern, guint64 sequence)
{
  gsize prefix = strstr (pattern, BLOB_NAME_SEQUENCE) - pattern;

  return g_strdup_printf ("%.*s%0*" G_GUINT64_FORMAT "%s", (int) prefix, pattern, SEQUENCE_DIGITS, sequence,
                          pattern + prefix + strlen (BLOB_NAME_SEQUENCE));
}

/* Highest sequence in the directory, 0 for none. The directory is locked, so it stays true until the write is done. */
static gboolean
find_last_sequence (int directory, const char *pattern, guint64 *out_last, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", directory);
  g_autoptr (GDir) dir = g_dir_open (path, 0, error);
  const char *entry;

  if (dir == NULL)
    return FALSE;
  *out_last = 0;
  while ((entry = g_dir_read_name (dir)) != NULL)
    {
      guint64 sequence;

      if (parse_sequence (entry, pattern, &sequence))
        *out_last = MAX (*out_last, sequence);
    }
  return TRUE;
}

/* ---- Contents ---- */

static gboolean
write_all (gpointer data, gconstpointer bytes, gsize len)
{
  int fd = *(int *) data;
  const char *at = bytes;

  while (len > 0)
    {
      ssize_t n = write (fd, at, len);

      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0)
        {
          at += n;
          len -= (gsize) n;
        }
    }
  return TRUE;
}

/* In the kernel where it can: file systems that share extents copy nothing. */
static gboolean
copy_contents (int from, int to)
{
  char buffer[65536];
  ssize_t n;

  while ((n = copy_file_range (from, NULL, to, NULL, G_MAXSSIZE / 2, 0)) > 0)
    continue;
  if (n == 0)
    return TRUE;
  if (errno != EXDEV && errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP)
    return FALSE;
  while ((n = read (from, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0 && !write_all (&to, buffer, (gsize) n))
        return FALSE;
    }
  return TRUE;
}

static int
open_object (int directory, const char *name, GError **error)
{
  int fd = openat (directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat info;

  if (fd < 0)
    {
      if (errno != ENOENT)
        fail (error, name);
      return -1;
    }
  if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    return fd;
  close (fd);
  if (S_ISDIR (info.st_mode))
    fail_taken (error, name);
  else
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "%s: is not a regular file", name);
  return -1;
}

/* ---- One write ---- */

static gboolean
find_object (Write *self, const char *last, GError **error)
{
  GError *problem = NULL;
  guint64 sequence = 0;

  if (strstr (last, BLOB_NAME_SEQUENCE) == NULL)
    self->name = g_strdup (last);
  else if (!find_last_sequence (self->directory, last, &sequence, error))
    return FALSE;
  else if (sequence > 0)
    self->name = fill_sequence (last, sequence);
  if (self->name != NULL)
    self->old = open_object (self->directory, self->name, &problem);
  if (problem != NULL)
    {
      g_propagate_error (error, problem);
      return FALSE;
    }
  self->records = self->old >= 0 ? blob_records_read (self->old) : g_byte_array_new ();
  if (strstr (last, BLOB_NAME_SEQUENCE) == NULL)
    return TRUE;
  /* a new object each time: of the old one only the records count */
  if (self->old >= 0)
    close (self->old);
  self->old = -1;
  g_free (self->name);
  self->name = fill_sequence (last, sequence + 1);
  return TRUE;
}

static gboolean
build_part (Write *self, GError **error)
{
  const BlobPut *put = self->put;

  unlinkat (self->directory, PART_NAME, 0);
  self->part = openat (self->directory, PART_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, OBJECT_MODE);
  if (self->part < 0 || (self->old >= 0 && !copy_contents (self->old, self->part))
      || !blob_format_render (put->format, put->compression, put->batch, self->first, write_all, &self->part))
    return fail (error, "writing");
  blob_records_add (self->records, put->batch, self->first);
  if (!blob_records_write (self->records, self->part))
    g_debug ("blob: %s: the file system keeps no attributes: a write that is repeated after a crash is not recognised", self->name);
  if (fsync (self->part) != 0)
    return fail (error, "fsync");
  return TRUE;
}

static gboolean
publish_part (Write *self, GError **error)
{
  if (g_cancellable_set_error_if_cancelled (self->put->cancellable, error))
    return FALSE;
  if (renameat (self->directory, PART_NAME, self->directory, self->name) != 0)
    return fail (error, "rename");
  if (fsync (self->directory) != 0)
    return fail (error, "fsync of the directory");
  return TRUE;
}

static gboolean
run (Write *self, const char *last, char **out_text, GError **error)
{
  const BlobPut *put = self->put;
  guint n = hawser_batch_get_size (put->batch);

  if (!lock (self->directory, error) || !find_object (self, last, error))
    return FALSE;
  self->first = blob_records_match (self->records, put->batch, put->n_repeated);
  if (self->first == n)
    {
      /* a crash between building and renaming leaves its part behind */
      unlinkat (self->directory, PART_NAME, 0);
      *out_text = g_strdup_printf ("%u messages were there already", n);
      return TRUE;
    }
  if (!build_part (self, error) || !publish_part (self, error))
    {
      unlinkat (self->directory, PART_NAME, 0);
      return FALSE;
    }
  *out_text = g_strdup_printf ("%u messages to %s", n - self->first, self->name);
  return TRUE;
}

static gboolean
put_batch (BlobBackend *backend, const BlobPut *put, char **out_text, GError **error)
{
  const BlobDirectory *directory = (const BlobDirectory *) backend;
  Write self = { .put = put, .old = -1, .part = -1 };
  const char *last;
  gboolean ok;

  self.directory = open_parent (directory, put->name, &last, error);
  if (self.directory < 0)
    return FALSE;
  ok = run (&self, last, out_text, error);
  if (self.part >= 0)
    close (self.part);
  if (self.old >= 0)
    close (self.old);
  close (self.directory);   /* and with it the lock */
  if (self.records != NULL)
    g_byte_array_unref (self.records);
  g_free (self.name);
  return ok;
}

static void
free_directory (BlobBackend *backend)
{
  BlobDirectory *self = (BlobDirectory *) backend;

  g_free (self->path);
  g_free (self->container);
  g_free (self);
}

BlobBackend *
blob_directory_new (const char *path, const char *container)
{
  BlobDirectory *self = g_new0 (BlobDirectory, 1);

  self->backend.put = put_batch;
  self->backend.free = free_directory;
  self->path = g_strdup (path);
  self->container = g_strdup (container);
  return &self->backend;
}
