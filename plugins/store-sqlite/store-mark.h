/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* The small file beside the store: it is the lock, and it remembers how far commits went. */
typedef struct _StoreMark StoreMark;

StoreMark *store_mark_open  (const char  *store_path,
                             GError     **error);
void       store_mark_close (StoreMark   *self);

/* What was known at the last commit; zero in a new mark. */
typedef struct {
  guint64 n_commits;
  guint64 last_position;
  guint32 key;           /* of the store's records */
} StoreWitness;

StoreWitness store_mark_get        (StoreMark          *self);
void         store_mark_set        (StoreMark          *self,
                                    const StoreWitness *witness);
gboolean     store_mark_is_damaged (StoreMark          *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreMark, store_mark_close)

G_END_DECLS
