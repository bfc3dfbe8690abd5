/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes of twins that are not in memory, by place. One lane. */

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_TWIN_PAGE_MAX (64u << 20) /* bytes of one twin: a million values of a few properties */

typedef struct {
  int fd;                    /* -1: in memory */
  GPtrArray *blobs;          /* in memory: by place */
  guint32 free_blob;
  guint32 n_units;           /* of the file */
  GHashTable *free;          /* units -> GArray of places */
  guint64 n_live, n_bytes;
} HawserTwinPages;

void     hawser_twin_pages_init     (HawserTwinPages  *self);
void     hawser_twin_pages_clear    (HawserTwinPages  *self);
void     hawser_twin_pages_set_file (HawserTwinPages  *self,
                                     int               fd);
guint32  hawser_twin_pages_keep     (HawserTwinPages  *self,
                                     const guint8     *bytes,
                                     gsize             len);
gboolean hawser_twin_pages_read     (HawserTwinPages  *self,
                                     guint32           place,
                                     GByteArray       *out);
/* @len: of what was kept there. */
void     hawser_twin_pages_drop     (HawserTwinPages  *self,
                                     guint32           place,
                                     gsize             len);

G_END_DECLS
