/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A log that is cut off at its end looks like a log that never went further, and a log that is missing like one that
 * was empty. The mark is the second witness: 32 bytes beside the store, rewritten after each commit and never synced.
 * It survives the death of the process; after a power failure it is at most as old as the last commit, so it raises no
 * false alarm. It is also what the lock is taken on, because it is never replaced by another file. */

#include "store-mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store-crc.h"

#define MARK_MAGIC "HWSMARK1"

struct _StoreMark {
  int fd;
  StoreWitness witness;
  gboolean is_damaged;
};

typedef struct {
  char magic[8];
  guint64 n_commits;
  guint64 last_position;
  guint32 key;
  guint32 crc;
} MarkBytes;

static void
load (StoreMark *self)
{
  MarkBytes bytes;

  gssize n = pread (self->fd, &bytes, sizeof bytes, 0);

  if (n != sizeof bytes || memcmp (bytes.magic, MARK_MAGIC, 8) != 0
      || GUINT32_FROM_LE (bytes.crc) != store_crc32c (0, &bytes, G_STRUCT_OFFSET (MarkBytes, crc)))
    {
      self->is_damaged = n != 0;
      return;
    }
  self->witness = (StoreWitness) { GUINT64_FROM_LE (bytes.n_commits), GUINT64_FROM_LE (bytes.last_position), GUINT32_FROM_LE (bytes.key) };
}

StoreMark *
store_mark_open (const char *store_path, GError **error)
{
  g_autofree char *path = g_strconcat (store_path, "-mark", NULL);
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  StoreMark *self;
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "store '%s': cannot open its mark: %s", store_path, g_strerror (errno));
      return NULL;
    }
  /* of the open file, not of the process: a second store in one process is kept out too */
  if (fcntl (fd, F_OFD_SETLK, &lock) != 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "store '%s' is in use by another process or spool", store_path);
      close (fd);
      return NULL;
    }
  self = g_new0 (StoreMark, 1);
  self->fd = fd;
  load (self);
  return self;
}

void
store_mark_close (StoreMark *self)
{
  if (self == NULL)
    return;
  close (self->fd);
  g_free (self);
}

StoreWitness
store_mark_get (StoreMark *self)
{
  return self->witness;
}

gboolean
store_mark_is_damaged (StoreMark *self)
{
  return self->is_damaged;
}

void
store_mark_set (StoreMark *self, const StoreWitness *witness)
{
  MarkBytes bytes = {
    .n_commits = GUINT64_TO_LE (witness->n_commits), .last_position = GUINT64_TO_LE (witness->last_position), .key = GUINT32_TO_LE (witness->key),
  };

  memcpy (bytes.magic, MARK_MAGIC, 8);
  bytes.crc = GUINT32_TO_LE (store_crc32c (0, &bytes, G_STRUCT_OFFSET (MarkBytes, crc)));
  self->witness = *witness;
  /* a mark that cannot be written only makes the check at the next start blind: the commit itself stands */
  if (pwrite (self->fd, &bytes, sizeof bytes, 0) != sizeof bytes)
    g_debug ("store: mark not written: %s", g_strerror (errno));
}
