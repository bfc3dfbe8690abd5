/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

#include "store-room.h"

G_BEGIN_DECLS

#define STORE_TYPE_SQLITE (store_sqlite_get_type())
G_DECLARE_FINAL_TYPE (StoreSqlite, store_sqlite, STORE, SQLITE, GObject)

StoreSqlite *store_sqlite_new           (void);

/* For tests: asks @func for the room on the disk, not the file system. */
void         store_sqlite_set_room_func (StoreSqlite  *self,
                                         StoreRoomFunc func,
                                         gpointer      data);

G_END_DECLS
