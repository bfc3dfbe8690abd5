/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What replies of a server mean to us. The server may be another program, or have been written to by one: nothing is believed of a
 * reply but its type. Pure functions over replies; any thread. Source: Redis serialization protocol, version 2. */

#include "redis-reply.h"

#include <string.h>

static const redisReplyObjectFunctions *defaults;   /* of hiredis */

/* An array is made when its length is read: without a limit five bytes of a reply would cost 16 GiB of addresses. */
static void *
create_array (const redisReadTask *task, int elements)
{
  return elements <= REDIS_MAX_ELEMENTS ? defaults->createArray (task, elements) : NULL;
}

redisReader *
redis_reply_new_reader (void)
{
  static redisReplyObjectFunctions funcs;
  static gsize is_ready;
  redisReader *reader = redisReaderCreate ();

  if (g_once_init_enter (&is_ready))
    {
      defaults = reader->fn;
      funcs = *defaults;
      funcs.createArray = create_array;
      g_once_init_leave (&is_ready, 1);
    }
  reader->fn = &funcs;
  return reader;
}

void
redis_queue_clear (RedisQueue *self)
{
  g_free (self->id);
  g_bytes_unref (self->meta);
}

gboolean
redis_reply_read_queue (const redisReply *number, const redisReply *record, RedisQueue *out)
{
  char *rest;
  guint64 id_len;

  if (number->type != REDIS_REPLY_STRING || record->type != REDIS_REPLY_STRING)
    return FALSE;
  id_len = g_ascii_strtoull (record->str, &rest, 10);
  if (*rest != ' ' || id_len > record->len - (gsize) (rest + 1 - record->str) || memchr (rest + 1, '\0', id_len) != NULL || !g_utf8_validate (rest + 1, (gssize) id_len, NULL))
    return FALSE;
  rest++;
  *out = (RedisQueue) { (guint32) g_ascii_strtoull (number->str, NULL, 10), g_strndup (rest, id_len),
                        g_bytes_new (rest + id_len, record->len - (gsize) (rest + id_len - record->str)) };
  return TRUE;
}

gboolean
redis_reply_read_entry (const redisReply *reply, RedisEntry *out)
{
  char *rest = NULL;

  if (reply->type != REDIS_REPLY_STRING)
    return FALSE;
  out->position = g_ascii_strtoull (reply->str, &rest, 10);
  if (*rest != ':')
    return FALSE;
  out->size = (guint32) g_ascii_strtoull (rest + 1, &rest, 10);
  if (*rest != ':')
    return FALSE;
  out->time_s = (guint32) g_ascii_strtoull (rest + 1, NULL, 10);
  return TRUE;
}

gboolean
redis_reply_read_value (const redisReply *reply, guint64 *out_revision, const guint8 **out_bytes, gsize *out_len)
{
  char *rest = NULL;
  guint64 revision;

  if (reply->type != REDIS_REPLY_STRING)
    return FALSE;
  revision = g_ascii_strtoull (reply->str, &rest, 10);
  if (rest == reply->str || *rest != ' ')
    return FALSE;
  rest++;
  *out_revision = revision;
  *out_bytes = (const guint8 *) rest;
  *out_len = reply->len - (gsize) (rest - reply->str);
  return TRUE;
}

char *
redis_reply_dup_field (const redisReply *reply, gsize i)
{
  return i < reply->elements && reply->element[i]->type == REDIS_REPLY_STRING ? g_strndup (reply->element[i]->str, reply->element[i]->len) : g_strdup ("");
}

const char *
redis_reply_get_detail (const redisReply *reply)
{
  const char *blank = reply->str != NULL ? strchr (reply->str, ' ') : NULL;

  return blank != NULL ? blank + 1 : "";
}
