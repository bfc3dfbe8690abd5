/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as what a Redis server sends, read as each of the replies that the store asks for: nothing outside a reply is touched,
 * and what is told lies within it. */

#include "redis-reply.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_value (const redisReply *reply)
{
  const guint8 *bytes;
  guint64 revision;
  gsize len;

  if (!redis_reply_read_value (reply, &revision, &bytes, &len))
    return;
  g_assert_true (bytes > (const guint8 *) reply->str && bytes + len == (const guint8 *) reply->str + reply->len);
}

static void
check_entry (const redisReply *reply)
{
  RedisEntry entry;

  if (redis_reply_read_entry (reply, &entry))
    g_assert_cmpint (reply->type, ==, REDIS_REPLY_STRING);
}

static void
check_pair (const redisReply *name, const redisReply *record)
{
  RedisQueue queue;

  if (!redis_reply_read_queue (name, record, &queue))
    return;
  g_assert_true (g_utf8_validate (queue.id, -1, NULL));
  g_assert_cmpuint (strlen (queue.id) + g_bytes_get_size (queue.meta), <, record->len);
  redis_queue_clear (&queue);
}

/* As arrays of entries, of values, of pairs; and what HSCAN says: a cursor and pairs. */
static void
check_array (const redisReply *reply)
{
  g_assert_cmpuint (reply->elements, <=, REDIS_MAX_ELEMENTS);
  for (gsize i = 0; i < reply->elements; i++)
    {
      g_autofree char *field = redis_reply_dup_field (reply, i);

      g_assert_nonnull (field);
      check_entry (reply->element[i]);
      check_value (reply->element[i]);
      if (i + 1 < reply->elements)
        check_pair (reply->element[i], reply->element[i + 1]);
    }
}

static void
check_reply (const redisReply *reply)
{
  check_entry (reply);
  check_value (reply);
  if (reply->type == REDIS_REPLY_ERROR || reply->type == REDIS_REPLY_STATUS)
    g_assert_cmpuint (strlen (redis_reply_get_detail (reply)), <=, reply->len);
  if (reply->type != REDIS_REPLY_ARRAY)
    return;
  check_array (reply);
  for (gsize i = 0; i < reply->elements; i++)
    if (reply->element[i]->type == REDIS_REPLY_ARRAY)
      check_array (reply->element[i]);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  redisReader *reader = redis_reply_new_reader ();
  gpointer reply = NULL;

  /* in two pieces, as a network gives it */
  if (redisReaderFeed (reader, (const char *) data, size / 2) == REDIS_OK && redisReaderGetReply (reader, &reply) == REDIS_OK && reply == NULL)
    {
      if (redisReaderFeed (reader, (const char *) data + size / 2, size - size / 2) == REDIS_OK)
        redisReaderGetReply (reader, &reply);
    }
  while (reply != NULL)
    {
      check_reply (reply);
      freeReplyObject (reply);
      reply = NULL;
      redisReaderGetReply (reader, &reply);
    }
  redisReaderFree (reader);
  return 0;
}
