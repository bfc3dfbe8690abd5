/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store-record.h"

G_BEGIN_DECLS

#define STORE_PAGE_SIZE 4096

/* The files of a store as pages, looked at without SQLite: the newest sound image of each. */
typedef struct _StorePages StorePages;

typedef void (*StorePagesFunc) (gpointer           data,
                                const StoreRecord *record);

StorePages *store_pages_new     (const char     *path);
void        store_pages_free    (StorePages     *self);
guint32     store_pages_get_key (StorePages     *self);

/* Every sound record: in the newest image of each page in use, then in images that may have been meant to be newer
 * (damaged, or of a transaction that is not there as a whole) and in those that a damaged one replaces. */
void        store_pages_foreach (StorePages     *self,
                                 guint32         key,
                                 StorePagesFunc  func,
                                 gpointer        data);

/* The newest images as one file that can be opened as a database, without a log. It may be as damaged as they are. */
gboolean    store_pages_write   (StorePages     *self,
                                 const char     *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StorePages, store_pages_free)

G_END_DECLS
