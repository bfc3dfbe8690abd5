/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>
#include <hiredis/hiredis.h>

G_BEGIN_DECLS

#define REDIS_MAX_ELEMENTS (1 << 21)     /* of an array in a reply; the largest that we ask for are 1000 entries, or all queues */

/* What the server says a reply is, before it is there: a longer array is refused. For redisReaderFree(). */
redisReader *redis_reply_new_reader (void);

/* A queue as it is kept: `LENGTH ID META`. */
typedef struct {
  guint32 number;
  char *id;
  GBytes *meta;
} RedisQueue;

void         redis_queue_clear      (RedisQueue        *self);
gboolean     redis_reply_read_queue (const redisReply  *number,
                                     const redisReply  *record,
                                     RedisQueue        *out);

/* A message in a queue: `POSITION:SIZE:SECONDS`. */
typedef struct {
  guint64 position;
  guint32 size;
  guint32 time_s;
} RedisEntry;

gboolean     redis_reply_read_entry (const redisReply  *reply,
                                     RedisEntry        *out);

/* A value as it is kept: `REVISION BYTES`; @out_bytes points into the reply. */
gboolean     redis_reply_read_value (const redisReply  *reply,
                                     guint64           *out_revision,
                                     const guint8     **out_bytes,
                                     gsize             *out_len);

/* (transfer full): element @i if it is a string, else an empty one. */
char        *redis_reply_dup_field  (const redisReply  *reply,
                                     gsize              i);
/* What an error reply says behind its word and a blank. */
const char  *redis_reply_get_detail (const redisReply  *reply);

G_END_DECLS
