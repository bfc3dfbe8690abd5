/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How full the disk may become. What is in the log must fit into the file a second time, or the log can never be begun
 * anew; and taking messages away is written too before it makes room. A store that used the last byte could do neither:
 * with all its messages delivered it would stay full. */

#include "store-room.h"

#include <sys/statvfs.h>

#define RESERVE_MAX (4 << 20)  /* bytes: the pages that are touched when a thousand acknowledged messages are taken away, and more */
#define RESERVE_PART 8         /* of a small disk not more than this part */
#define COMMIT_COST (64 << 10) /* bytes: the pages of tables and index that each transaction writes besides */
#define OP_COST 512            /* bytes: rows around a payload */
#define PUT_IS_SMALL 64        /* bytes: values that replace others, the spool's clock at each commit; they need no room of their own */

gboolean
store_room_get (const char *path, StoreRoom *out_room)
{
  struct statvfs disk;

  if (statvfs (path, &disk) != 0 || disk.f_blocks == 0)
    return FALSE;
  *out_room = (StoreRoom) { (guint64) disk.f_bavail * disk.f_frsize, (guint64) disk.f_blocks * disk.f_frsize };
  return TRUE;
}

guint64
store_room_needed (const HawserStoreOp *ops, guint n_ops)
{
  guint64 needed = 0;

  for (guint i = 0; i < n_ops; i++)
    if ((ops[i].kind == HAWSER_STORE_APPEND && ops[i].n_queues > 0) || (ops[i].kind == HAWSER_STORE_PUT && ops[i].len > PUT_IS_SMALL))
      needed += ops[i].len + OP_COST;
  return needed > 0 ? needed + COMMIT_COST : 0;
}

gboolean
store_room_suffices (const StoreRoom *room, guint64 log, guint64 needed)
{
  return room->n_free >= MIN (RESERVE_MAX, room->n_all / RESERVE_PART) + log + 2 * needed;
}
