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

/* Every sound record in the pages in use, then those in images of the log that fail the log's own checksum. */
void        store_pages_foreach (StorePages     *self,
                                 guint32         key,
                                 StorePagesFunc  func,
                                 gpointer        data);

/* Messages in images that a later one replaces: the later one may belong to a transaction that is not there as a whole.
 * They may have been acknowledged since. */
void        store_pages_foreach_old_message (StorePages     *self,
                                             guint32         key,
                                             StorePagesFunc  func,
                                             gpointer        data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (StorePages, store_pages_free)

G_END_DECLS
