/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef struct {
  guint64 n_free;   /* bytes that may still be written */
  guint64 n_all;    /* bytes of the whole disk */
} StoreRoom;

typedef gboolean (*StoreRoomFunc) (const char *path,
                                   StoreRoom  *out_room,
                                   gpointer    data);

/* FALSE: the file system does not say. */
gboolean store_room_get      (const char         *path,
                              StoreRoom          *out_room);

/* Bytes that a change set adds to the log, at most; 0: it only takes away. */
guint64  store_room_needed   (const HawserStoreOp *ops,
                              guint                n_ops);

/* Whether, with a log of @log bytes still to be folded, @needed more leave enough to fold all of it and to take away what is there. */
gboolean store_room_suffices (const StoreRoom     *room,
                              guint64              log,
                              guint64              needed);

G_END_DECLS
