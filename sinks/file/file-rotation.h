/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef struct {
  /* Settings; 0 is no bound. */
  guint64 max_size;            /* bytes of one file; a longer line has a file of its own */
  guint64 max_count;           /* lines of one file */
  gint64 max_age_us;
  gboolean sync;               /* names, too, are on the disk before anything is acknowledged */
  HawserTemplate *to;          /* what a full file is renamed to */

  /* The file that is open. */
  int fd;                      /* -1: none */
  char *path;
  gboolean is_regular;         /* others, such as pipes, are not rotated */
  guint64 size, n_lines;
  gint64 begun_us;             /* on the monotonic clock, so that setting the clock rotates nothing */
} FileRotation;

/* What goes into the open file with one write. */
typedef struct {
  gsize len;                   /* bytes from the front, whole lines */
  guint n_lines;
} FilePart;

/* In class_init(): the settings above, but @to. @offset: of the rotation in the object. */
void     file_rotation_install_settings (GObjectClass *klass,
                                         gsize         offset);
/* @to: template with the fields {path} and {sequence}, and those of the first message that follows. */
gboolean file_rotation_init  (FileRotation  *self,
                              const char    *to,
                              GError       **error);
void     file_rotation_clear (FileRotation  *self);
/* Opens and locks the file at @path, a new one if the first line of @lines does not go into it any more.
 * @next: the message of that line. Returns a descriptor that belongs to @self, or -1; then nothing is locked. */
int      file_rotation_begin (FileRotation  *self,
                              const char    *path,
                              HawserMessage *next,
                              const char    *lines,
                              gint64         now_us,
                              FilePart      *out_part,
                              GError       **error);
/* Unlocks. @part: (nullable): what was written; NULL when it failed */
void     file_rotation_end   (FileRotation  *self,
                              const FilePart *part);
void     file_rotation_close (FileRotation  *self);

G_END_DECLS
