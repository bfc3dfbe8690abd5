/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines into files, all or nothing: after a failure the same messages come again, so what was written in part is cut off.
 * Called by the sink, on its worker thread. */

#include "file-append.h"

#include <errno.h>
#include <unistd.h>

static gboolean
append_part (FileRotation *rotation, int fd, const char *lines, gsize len, GError **error)
{
  off_t before = lseek (fd, 0, SEEK_END);
  gsize done = 0;
  int problem = 0;

  while (problem == 0 && done < len)
    {
      ssize_t n = write (fd, lines + done, len - done);

      if (n >= 0)
        done += (gsize) n;
      else if (errno != EINTR)
        problem = errno;
    }
  if (problem == 0 && rotation->sync && fdatasync (fd) != 0)
    problem = errno;
  if (problem == 0)
    return TRUE;
  /* all or nothing: the next attempt must not follow half a line */
  if (before >= 0 && ftruncate (fd, before) != 0)
    g_debug ("cannot cut off what was written in part: %s", g_strerror (errno));
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (problem), "%s: %s", rotation->path, g_strerror (problem));
  return FALSE;
}

guint
file_append (FileRotation *rotation, const char *path, HawserBatch *batch, const char *lines, GError **error)
{
  guint n_safe = 0;

  while (n_safe < hawser_batch_get_size (batch))
    {
      HawserMessage *next = hawser_batch_get_message (batch, n_safe);
      FilePart part;   /* what of the rest goes into this file */
      int fd = file_rotation_begin (rotation, path, next, lines, g_get_monotonic_time (), &part, error);
      gboolean is_safe = fd >= 0 && append_part (rotation, fd, lines, part.len, error);

      file_rotation_end (rotation, is_safe ? &part : NULL);
      if (!is_safe)
        break;
      lines += part.len;
      n_safe += part.n_lines;
    }
  return n_safe;
}
