/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A file system for SQLite that can fail, and that remembers what has not been synced. One at a time; becomes SQLite's
 * default until fault_vfs_remove(). */
typedef enum {
  FAULT_NONE,
  FAULT_SYNC,       /* fsync says EIO */
  FAULT_WRITE,      /* write says EIO */
  FAULT_FULL,       /* write says ENOSPC */
} FaultKind;

void fault_vfs_install   (void);
void fault_vfs_remove    (void);

/* After @n more calls of its kind one call fails, and with @is_lasting all after it. */
void fault_vfs_arm       (FaultKind   kind,
                          guint       n,
                          gboolean    is_lasting);
gboolean fault_vfs_fired (void);

/* Puts into @to_dir what would be on the disk if the power failed now: everything synced, and of what was written since
 * any part, in any order, torn at 512 bytes. Files that were never synced may be missing. */
void fault_vfs_power_fail (const char *from_dir,
                           const char *to_dir,
                           GRand      *dice);

G_END_DECLS
