/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a file is full, and what becomes of it. The sink asks for the file before each write; here it is opened, locked
 * against other processes that append to it, and renamed first when it is full by size, lines or age. A rename replaces
 * nothing, whatever the clock says: numbers only go up. Runs on a worker thread, one call at a time. */

#include "file-rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEQUENCE "{sequence}"   /* stands in an expanded name until the number is known; a value cannot hold it */
#define MAX_DIGITS 18           /* of a number in a name: fits 63 bits */
#define MAX_TRIES 100           /* names that others took between looking and renaming */
#define MODE 0640
#define FOLDER_MODE 0750

static const char * const own_fields[] = { "path", "sequence", NULL };

static gboolean
fail (GError **error, const char *path)
{
  int code = errno;

  /* a name that is too long is so at the next attempt as well */
  if (code == ENAMETOOLONG)
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: %s", path, g_strerror (code));
  else
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s", path, g_strerror (code));
  return FALSE;
}

void
file_rotation_install_settings (GObjectClass *klass, gsize offset)
{
  const GParamFlags flags = HAWSER_SETTING_FLAGS;

  hawser_setting_install (klass, offset + G_STRUCT_OFFSET (FileRotation, sync), sizeof (gboolean),
    g_param_spec_boolean ("fsync", NULL, "Acknowledge only what is on the disk", TRUE, flags));
  hawser_setting_install (klass, offset + G_STRUCT_OFFSET (FileRotation, max_size), sizeof (guint64),
    hawser_param_spec_size ("rotate-size", "Most bytes of a file before the next one begins; 0 for any", 0, G_MAXINT64, 0, flags));
  hawser_setting_install (klass, offset + G_STRUCT_OFFSET (FileRotation, max_count), sizeof (guint64),
    g_param_spec_uint64 ("rotate-count", NULL, "Most lines of a file before the next one begins; 0 for any", 0, G_MAXINT64, 0, flags));
  hawser_setting_install (klass, offset + G_STRUCT_OFFSET (FileRotation, max_age_us), sizeof (gint64),
    hawser_param_spec_duration ("rotate-age", "A line that comes so long after a file began begins the next one; 0 for never",
                                0, G_MAXINT64, 0, flags));
}

gboolean
file_rotation_init (FileRotation *self, const char *to, GError **error)
{
  const char *sequence = to != NULL ? strstr (to, SEQUENCE) : NULL;

  file_rotation_clear (self);
  self->fd = -1;
  if (sequence == NULL || strchr (sequence, '/') != NULL || strstr (sequence + 1, SEQUENCE) != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "rotate-to '%s': {sequence} must be in it once, in the last component", to != NULL ? to : "");
      return FALSE;
    }
  self->to = hawser_template_new (to, own_fields, error);
  return self->to != NULL;
}

void
file_rotation_close (FileRotation *self)
{
  if (self->path != NULL)
    close (self->fd);
  self->fd = -1;
  g_clear_pointer (&self->path, g_free);
}

void
file_rotation_clear (FileRotation *self)
{
  file_rotation_close (self);
  g_clear_pointer (&self->to, hawser_template_free);
}

/* ---- Opening ---- */

static gboolean
sync_folder_of (FileRotation *self, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd;
  gboolean done;

  if (!self->sync)
    return TRUE;
  fd = g_open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  done = fd >= 0 && fsync (fd) == 0;
  if (!done)
    fail (error, folder);
  if (fd >= 0)
    close (fd);
  return done;
}

static gboolean
make_folder_of (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  return g_mkdir_with_parents (folder, FOLDER_MODE) == 0 || fail (error, folder);
}

/* How long the file has been there; the time since it was opened if the file system does not know. */
static gint64
find_age_us (int fd)
{
  struct statx x;

  if (statx (fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) != 0 || !(x.stx_mask & STATX_BTIME))
    return 0;
  return MAX (g_get_real_time () - (x.stx_btime.tv_sec * G_USEC_PER_SEC + x.stx_btime.tv_nsec / 1000), 0);
}

static gboolean
open_file (FileRotation *self, const char *path, gint64 now_us, GError **error)
{
  const int access = self->max_count > 0 ? O_RDWR : O_WRONLY;   /* lines of before are counted */
  gboolean is_new = g_access (path, F_OK) != 0;
  struct stat s;

  if (!make_folder_of (path, error))
    return FALSE;
  self->fd = g_open (path, access | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, MODE);
  if (self->fd < 0)
    return fail (error, path);
  self->path = g_strdup (path);
  self->is_regular = fstat (self->fd, &s) == 0 && S_ISREG (s.st_mode);
  self->size = self->n_lines = 0;
  self->begun_us = now_us - find_age_us (self->fd);
  if (!is_new || sync_folder_of (self, path, error))
    return TRUE;
  file_rotation_close (self);
  return FALSE;
}

/* Whether the name still means the file that is open: nothing may be acknowledged that went into a deleted file. */
static gboolean
is_in_place (FileRotation *self, const char *path)
{
  struct stat named, open;

  return self->path != NULL && g_str_equal (self->path, path) && stat (path, &named) == 0 && fstat (self->fd, &open) == 0
         && named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

/* What this process did not write: lines from before it was started, or of others. */
static gboolean
count_foreign (FileRotation *self, gint64 now_us, GError **error)
{
  g_autofree char *buffer = NULL;
  struct stat s;

  if (fstat (self->fd, &s) != 0)
    return fail (error, self->path);
  if ((guint64) s.st_size < self->size)   /* somebody emptied it */
    {
      self->size = self->n_lines = 0;
      self->begun_us = now_us;
    }
  if (self->max_count > 0 && (guint64) s.st_size > self->size)
    {
      gsize chunk = 65536;

      buffer = g_malloc (chunk);
      for (guint64 at = self->size; at < (guint64) s.st_size;)
        {
          ssize_t n = pread (self->fd, buffer, MIN (chunk, (guint64) s.st_size - at), (off_t) at);

          if (n < 0 && errno != EINTR)
            return fail (error, self->path);
          if (n == 0)
            break;
          for (ssize_t i = 0; i < n; i++)
            self->n_lines += buffer[i] == '\n';
          at += (guint64) MAX (n, 0);
        }
    }
  self->size = (guint64) s.st_size;
  return TRUE;
}

static gboolean
open_and_lock (FileRotation *self, const char *path, gint64 now_us, GError **error)
{
  for (guint i = 0; i < MAX_TRIES; i++)
    {
      if (!is_in_place (self, path))
        {
          file_rotation_close (self);
          if (!open_file (self, path, now_us, error))
            return FALSE;
        }
      /* file systems without locks have one writer at a time anyhow */
      while (flock (self->fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
      if (!self->is_regular || is_in_place (self, path))
        return !self->is_regular || count_foreign (self, now_us, error);
      file_rotation_close (self);   /* another process rotated it while we waited */
    }
  errno = EBUSY;
  return fail (error, path);
}

/* ---- Renaming ---- */

static void
append_value (GString *out, const char *field, const char *value, gpointer data)
{
  if (g_str_equal (field, "path"))
    g_string_append (out, data);
  else if (g_str_equal (field, "sequence"))
    g_string_append (out, SEQUENCE);
  else
    hawser_template_escape (out, value != NULL ? value : "", FALSE);
}

/* The highest number that a name in @folder has between @before and @after; 0 if there is none. */
static guint64
find_last (const char *folder, const char *before, const char *after)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint64 last = 0;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      const char *digits = name + strlen (before);
      gsize n;

      if (!g_str_has_prefix (name, before))
        continue;
      n = strspn (digits, "0123456789");
      if (n > 0 && n <= MAX_DIGITS && g_str_equal (digits + n, after))
        last = MAX (last, g_ascii_strtoull (digits, NULL, 10));
    }
  return last;
}

static gboolean
rename_to_next (FileRotation *self, const char *folder, const char *before, const char *after, GError **error)
{
  guint64 last = find_last (folder, before, after);

  for (guint64 i = 1; i <= MAX_TRIES; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%s%08" G_GUINT64_FORMAT "%s", folder, before, last + i, after);

      if (renameat2 (AT_FDCWD, self->path, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
        return sync_folder_of (self, name, error);
      /* a file system that cannot refuse to replace: we just saw that the name is free, and hold the lock */
      if (errno == EINVAL && g_access (name, F_OK) != 0 && g_rename (self->path, name) == 0)
        return sync_folder_of (self, name, error);
      if (errno != EEXIST)
        return fail (error, name);
    }
  errno = EEXIST;
  return fail (error, self->path);
}

static gboolean
rotate (FileRotation *self, HawserMessage *next, GError **error)
{
  g_autoptr (GString) full = g_string_new (NULL);
  g_autofree char *folder = NULL;
  char *base, *sequence;

  hawser_template_expand (self->to, next, append_value, self->path, full);
  if (!make_folder_of (full->str, error))
    return FALSE;
  folder = g_path_get_dirname (full->str);
  base = strrchr (full->str, '/');
  base = base != NULL ? base + 1 : full->str;
  sequence = g_strrstr (base, SEQUENCE);
  *sequence = '\0';
  if (!rename_to_next (self, folder, base, sequence + strlen (SEQUENCE), error))
    return FALSE;
  file_rotation_close (self);
  return TRUE;
}

/* ---- One write ---- */

static gboolean
has_room (const FileRotation *self, guint n_lines, gsize len)
{
  return (self->max_size == 0 || self->size + len <= self->max_size)
         && (self->max_count == 0 || self->n_lines + n_lines <= self->max_count);
}

static FilePart
find_part (const FileRotation *self, const char *lines)
{
  FilePart part = { 0 };
  const char *end;

  for (const char *at = lines; (end = strchr (at, '\n')) != NULL; at = end + 1)
    {
      if (part.n_lines > 0 && self->is_regular && !has_room (self, part.n_lines + 1, end + 1 - lines))
        break;
      part.len = end + 1 - lines;
      part.n_lines++;
    }
  return part;
}

static gboolean
is_full (const FileRotation *self, gsize len, gint64 now_us)
{
  if (!self->is_regular || self->size == 0)
    return FALSE;
  return !has_room (self, 1, len) || (self->max_age_us > 0 && now_us - self->begun_us >= self->max_age_us);
}

int
file_rotation_begin (FileRotation *self, const char *path, HawserMessage *next, const char *lines, gint64 now_us,
                     FilePart *out_part, GError **error)
{
  const gsize first = strchr (lines, '\n') + 1 - lines;
  gboolean is_ready = open_and_lock (self, path, now_us, error);

  while (is_ready && is_full (self, first, now_us))   /* again when another process filled the new file at once */
    is_ready = rotate (self, next, error) && open_and_lock (self, path, now_us, error);
  if (is_ready)
    *out_part = find_part (self, lines);
  else
    file_rotation_close (self);
  return self->fd;
}

void
file_rotation_end (FileRotation *self, const FilePart *part)
{
  if (part == NULL)
    {
      file_rotation_close (self);
      return;
    }
  self->size += part->len;
  self->n_lines += part->n_lines;
  flock (self->fd, LOCK_UN);
}
