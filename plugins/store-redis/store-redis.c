/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store role on a Redis server: the object, who owns it, its transactions and its readers. What is in the server is the business
 * of redis-script.c, the bytes that of redis-link.c.
 *
 * One process at a time owns a store: its token stands in the server beside the number of its connection. Another may take it over
 * once that connection is gone; each change is made only for the token that stands there, so whoever was taken over, and comes back,
 * is refused.
 *
 * Runs on one thread at a time, the spool's writer; blocks it. */

#include "store-redis.h"

#include <string.h>

#include "redis-link.h"
#include "redis-reply.h"
#include "redis-script.h"

#define CHUNK 1000                       /* entries and values asked for at once */
#define MAX_IDLE 10000                   /* answers to HSCAN without a new value: empty slots of a table that shrinks are fewer */
#define NO_PROGRESS "the server says the same again and again"
#define READ_CHUNK 64                    /* messages, which may be large */
#define OWNER_GOES_US (500 * 1000)       /* until the server has noticed that a connection is gone */
#define LOOK_AGAIN_US (20 * 1000)
#define FIRST_PAUSE_US (G_USEC_PER_SEC / 10)
#define LAST_PAUSE_US (10 * (gint64) G_USEC_PER_SEC)
#define SECOND_US ((gint64) G_USEC_PER_SEC)

struct _StoreRedis {
  GObject parent_instance;

  /* settings */
  char *address_text, *user, *password_credential, *password_file, *ca_file, *prefix;
  guint database;
  gint64 timeout_us;

  char *path;                /* NULL: closed */
  char *keys;                /* prefix of every key */
  char *token;
  RedisAddress address;
  char *password;
  RedisLink *link;           /* NULL while open: lost, made again by the next call that may */
  HawserBackoff backoff;
  gint64 retry_us;
  char *last_error;
  HawserStoreProblemFunc problem;
  gpointer problem_data;
  guint64 last_position, n_commits, n_damaged;
  gboolean is_full;
};


static void store_iface_init (HawserStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (StoreRedis, store_redis, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_STORE, store_iface_init))

G_GNUC_PRINTF (3, 4) static void
report (StoreRedis *self, guint64 position, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  self->n_damaged++;
  self->problem (self->problem_data, position, text);
}

/* ---- the connection ---- */

static gboolean
refuse (StoreRedis *self, int code, const char *what, GError **error)
{
  g_set_error (error, HAWSER_ERROR, code, "redis '%s': %s", self->address_text, what);
  return FALSE;
}

/* NULL and @error for a lost connection and for a refusal alike; after a lost one the link is gone. */
static redisReply *
call_raw (StoreRedis *self, int argc, const char **argv, const gsize *lens, GError **error)
{
  g_autoptr (GError) cause = NULL;
  redisReply *reply = redis_link_call (self->link, argc, argv, lens, &cause);

  if (reply == NULL)
    {
      g_clear_pointer (&self->link, redis_link_free);
      refuse (self, HAWSER_ERROR_UNAVAILABLE, cause->message, error);
      return NULL;
    }
  if (reply->type != REDIS_REPLY_ERROR)
    return reply;
  self->is_full = g_str_has_prefix (reply->str, "OOM") || strstr (reply->str, "maxmemory") != NULL;
  if (g_str_has_prefix (reply->str, "STALE"))
    refuse (self, HAWSER_ERROR_CONFLICT, redis_reply_get_detail (reply), error);
  else if (g_str_has_prefix (reply->str, "FENCED"))
    refuse (self, HAWSER_ERROR_EXISTS, redis_reply_get_detail (reply), error);
  else
    refuse (self, HAWSER_ERROR_UNAVAILABLE, reply->str, error);
  freeReplyObject (reply);
  return NULL;
}

#define MAX_WORDS 8

G_GNUC_NULL_TERMINATED static redisReply *
call (StoreRedis *self, GError **error, ...)
{
  const char *argv[MAX_WORDS];
  va_list args;
  int argc = 0;

  va_start (args, error);
  while ((argv[argc] = va_arg (args, const char *)) != NULL && argc < MAX_WORDS - 1)
    argc++;
  va_end (args);
  return call_raw (self, argc, argv, NULL, error);
}

static redisReply *
run_script (StoreRedis *self, const char *script, RedisArguments *arguments, GError **error)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA1, script, -1);
  g_autoptr (GError) refusal = NULL;
  redisReply *reply;

  /* the first three stand open for this: EVALSHA digest 0 */
  arguments->args->pdata[0] = "EVALSHA";
  arguments->args->pdata[1] = digest;
  arguments->args->pdata[2] = "0";
  g_array_index (arguments->lens, gsize, 0) = strlen ("EVALSHA");
  g_array_index (arguments->lens, gsize, 1) = strlen (digest);
  g_array_index (arguments->lens, gsize, 2) = 1;
  reply = call_raw (self, (int) arguments->args->len, (const char **) arguments->args->pdata, (const gsize *) (gpointer) arguments->lens->data, &refusal);
  if (reply != NULL)
    return reply;
  if (self->link == NULL || strstr (refusal->message, "NOSCRIPT") == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&refusal));
      return NULL;
    }
  arguments->args->pdata[0] = "EVAL";
  arguments->args->pdata[1] = (gpointer) script;
  g_array_index (arguments->lens, gsize, 0) = strlen ("EVAL");
  g_array_index (arguments->lens, gsize, 1) = strlen (script);
  return call_raw (self, (int) arguments->args->len, (const char **) arguments->args->pdata, (const gsize *) (gpointer) arguments->lens->data, error);
}

static void
begin_script (StoreRedis *self, RedisArguments *arguments)
{
  redis_arguments_init (arguments);
  for (guint i = 0; i < 3; i++)
    redis_arguments_add_string (arguments, "");
  redis_arguments_add_string (arguments, self->keys);
}

static char *
dup_run_id (StoreRedis *self, GError **error)
{
  g_autoptr (redisReply) reply = call (self, error, "INFO", "server", NULL);
  const char *at = reply != NULL && reply->str != NULL ? strstr (reply->str, "run_id:") : NULL;

  if (reply == NULL)
    return NULL;
  return at != NULL ? g_strndup (at + strlen ("run_id:"), strspn (at + strlen ("run_id:"), "0123456789abcdef")) : g_strdup ("");
}

/* Whether the connection that owns the store is still there. */
static gboolean
is_connected (StoreRedis *self, const char *client)
{
  g_autoptr (redisReply) reply = call (self, NULL, "CLIENT", "LIST", "ID", client, NULL);

  return reply == NULL || (reply->str != NULL && reply->len > 1); /* what cannot be known is believed to live */
}

typedef enum {
  CLAIM_OURS,
  CLAIM_TAKEN,
  CLAIM_FAILED,
} Claim;

static Claim
try_claim (StoreRedis *self, const char *run_id, const char *client, GError **error)
{
  g_autofree char *state = g_strconcat (self->keys, "state", NULL);
  g_autoptr (redisReply) fields = call (self, error, "HMGET", state, "owner", "run", "client", "schema", NULL), claimed = NULL;
  g_autofree char *owner = NULL, *run = NULL, *owner_client = NULL, *schema = NULL;
  g_auto (RedisArguments) arguments = { 0 };

  if (fields == NULL)
    return CLAIM_FAILED;
  owner = redis_reply_dup_field (fields, 0);
  run = redis_reply_dup_field (fields, 1);
  owner_client = redis_reply_dup_field (fields, 2);
  schema = redis_reply_dup_field (fields, 3);
  if (g_ascii_strtoull (schema, NULL, 10) > REDIS_SCHEMA_VERSION)
    {
      g_autofree char *text = g_strdup_printf ("'%s' is of version %s; this program knows up to %d", self->path, schema, REDIS_SCHEMA_VERSION);

      refuse (self, HAWSER_ERROR_INVALID, text, error);
      return CLAIM_FAILED;
    }
  if (*owner != '\0' && strcmp (owner, self->token) != 0 && strcmp (run, run_id) == 0 && is_connected (self, owner_client))
    return self->link != NULL ? CLAIM_TAKEN : CLAIM_FAILED;
  begin_script (self, &arguments);
  redis_arguments_add_string (&arguments, owner);
  redis_arguments_add_string (&arguments, self->token);
  redis_arguments_add_string (&arguments, run_id);
  redis_arguments_add_string (&arguments, client);
  redis_arguments_add_number (&arguments, REDIS_SCHEMA_VERSION);
  claimed = run_script (self, redis_script_claim, &arguments, error);
  return claimed == NULL ? CLAIM_FAILED : claimed->integer == 1 ? CLAIM_OURS : CLAIM_TAKEN;
}

/* With @is_first it may take the store over from a connection that is gone; later it must still be ours. */
static gboolean
claim (StoreRedis *self, gboolean is_first, GError **error)
{
  g_autofree char *run_id = dup_run_id (self, error), *client = NULL, *text = NULL;
  gint64 until_us = g_get_monotonic_time () + OWNER_GOES_US;
  g_autoptr (redisReply) id = NULL;
  Claim outcome;

  id = run_id != NULL ? call (self, error, "CLIENT", "ID", NULL) : NULL;
  if (id == NULL)
    return FALSE;
  client = g_strdup_printf ("%lld", id->integer);
  if (!is_first)
    {
      g_auto (RedisArguments) arguments = { 0 };
      g_autoptr (redisReply) again = NULL;

      begin_script (self, &arguments);
      redis_arguments_add_string (&arguments, self->token);
      redis_arguments_add_string (&arguments, self->token);
      redis_arguments_add_string (&arguments, run_id);
      redis_arguments_add_string (&arguments, client);
      redis_arguments_add_number (&arguments, REDIS_SCHEMA_VERSION);
      again = run_script (self, redis_script_claim, &arguments, error);
      if (again == NULL)
        return FALSE;
      return again->integer == 1 || refuse (self, HAWSER_ERROR_EXISTS, "another process has taken the store over", error);
    }
  while ((outcome = try_claim (self, run_id, client, error)) == CLAIM_TAKEN && g_get_monotonic_time () < until_us)
    g_usleep (LOOK_AGAIN_US);
  if (outcome != CLAIM_TAKEN)
    return outcome == CLAIM_OURS;
  text = g_strdup_printf ("another process holds '%s'", self->path);
  return refuse (self, HAWSER_ERROR_EXISTS, text, error);
}

static gboolean
log_in (StoreRedis *self, GError **error)
{
  g_autofree char *database = g_strdup_printf ("%u", self->database);
  g_autoptr (redisReply) reply = NULL;

  if (self->password != NULL)
    {
      reply = self->user != NULL ? call (self, error, "AUTH", self->user, self->password, NULL) : call (self, error, "AUTH", self->password, NULL);
      if (reply == NULL)
        return FALSE;
      g_clear_pointer (&reply, freeReplyObject);
    }
  if (self->database == 0)
    return TRUE;
  reply = call (self, error, "SELECT", database, NULL);
  return reply != NULL;
}

static gboolean
connect_once (StoreRedis *self, gboolean is_first, GError **error)
{
  g_autoptr (GError) cause = NULL;

  self->link = redis_link_open (&self->address, (guint) MAX (self->timeout_us / G_USEC_PER_SEC, 1), self->ca_file, &cause);
  if (self->link == NULL)
    return refuse (self, HAWSER_ERROR_UNAVAILABLE, cause->message, error);
  if (log_in (self, error) && claim (self, is_first, error))
    return TRUE;
  g_clear_pointer (&self->link, redis_link_free);
  return FALSE;
}

/* A lost connection is made again, but not more often than the pauses between attempts allow: until then each call fails at once. */
static gboolean
require_link (StoreRedis *self, GError **error)
{
  g_autoptr (GError) cause = NULL;

  if (self->path == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "store is closed");
      return FALSE;
    }
  if (self->link != NULL)
    return TRUE;
  if (g_get_monotonic_time () < self->retry_us)
    return refuse (self, HAWSER_ERROR_UNAVAILABLE, self->last_error, error);
  if (connect_once (self, FALSE, &cause))
    {
      hawser_backoff_reset (&self->backoff);
      return TRUE;
    }
  self->retry_us = g_get_monotonic_time () + hawser_backoff_fail (&self->backoff);
  g_free (self->last_error);
  self->last_error = g_strdup_printf ("not connected: %s", cause->message);
  g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}

/* ---- opening ---- */

static void
store_close (HawserStore *store)
{
  StoreRedis *self = STORE_REDIS (store);

  if (self->link != NULL)
    {
      g_auto (RedisArguments) arguments = { 0 };
      g_autoptr (redisReply) reply = NULL;

      begin_script (self, &arguments);
      redis_arguments_add_string (&arguments, self->token);
      reply = run_script (self, redis_script_release, &arguments, NULL);
    }
  g_clear_pointer (&self->link, redis_link_free);
  g_clear_pointer (&self->path, g_free);
  g_clear_pointer (&self->keys, g_free);
  g_clear_pointer (&self->token, g_free);
  g_clear_pointer (&self->password, g_free);
  g_clear_pointer (&self->last_error, g_free);
  redis_address_clear (&self->address);
}

static gboolean
load_state (StoreRedis *self, GError **error)
{
  g_autofree char *state = g_strconcat (self->keys, "state", NULL), *last = NULL, *commits = NULL;
  g_autoptr (redisReply) reply = call (self, error, "HMGET", state, "last", "commits", NULL);

  if (reply == NULL)
    return FALSE;
  last = redis_reply_dup_field (reply, 0);
  commits = redis_reply_dup_field (reply, 1);
  self->last_position = g_ascii_strtoull (last, NULL, 10);
  self->n_commits = g_ascii_strtoull (commits, NULL, 10);
  return TRUE;
}

/* A server that is starting, as after a power failure of both, is waited for. */
static gboolean
connect_first (StoreRedis *self, GError **error)
{
  gint64 until_us = g_get_monotonic_time () + self->timeout_us;

  while (TRUE)
    {
      g_autoptr (GError) cause = NULL;

      if (connect_once (self, TRUE, &cause))
        return TRUE;
      if (g_get_monotonic_time () >= until_us || !g_error_matches (cause, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE) || strstr (cause->message, "NOAUTH") != NULL ||
          strstr (cause->message, "WRONGPASS") != NULL || strstr (cause->message, "NOPERM") != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&cause));
          return FALSE;
        }
      g_usleep ((gulong) hawser_backoff_fail (&self->backoff) + LOOK_AGAIN_US);
    }
}

static gboolean
store_open (HawserStore *store, const char *path, HawserStoreProblemFunc problem, gpointer problem_data, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);

  g_return_val_if_fail (self->path == NULL, FALSE);

  if (strpbrk (path, "{}") != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s': the name of a store in redis has no braces", path);
      return FALSE;
    }
  if (!redis_address_parse (self->address_text != NULL ? self->address_text : "redis://127.0.0.1", &self->address, error))
    return FALSE;
  if (self->password_credential != NULL || self->password_file != NULL)
    {
      self->password = hawser_config_read_secret (self->password_credential, self->password_file, error);
      if (self->password == NULL)
        {
          g_prefix_error (error, "password: ");
          redis_address_clear (&self->address);
          return FALSE;
        }
    }
  self->path = g_strdup (path);
  self->keys = g_strdup_printf ("%s:{%s}:", self->prefix != NULL ? self->prefix : "hawser", path);
  self->token = g_uuid_string_random ();
  self->problem = problem;
  self->problem_data = problem_data;
  self->n_damaged = 0;
  self->retry_us = 0;
  hawser_backoff_init (&self->backoff, FIRST_PAUSE_US, LAST_PAUSE_US, 0);
  if (connect_first (self, error) && load_state (self, error))
    {
      hawser_backoff_reset (&self->backoff);
      return TRUE;
    }
  store_close (store);
  return FALSE;
}

/* ---- changing ---- */

static gboolean
store_apply (HawserStore *store, const HawserStoreOp *ops, guint n_ops, gboolean sync, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);
  g_auto (RedisArguments) arguments = { 0 };
  g_autoptr (redisReply) reply = NULL;
  g_autofree char *last = NULL, *commits = NULL;

  if (!require_link (self, error))
    return FALSE;
  begin_script (self, &arguments);
  redis_arguments_add_string (&arguments, self->token);
  redis_arguments_add_string (&arguments, redis_changes_are_freeing (ops, n_ops) ? "1" : "0");
  for (guint i = 0; i < n_ops; i++)
    if (!redis_arguments_add_change (&arguments, &ops[i], error))
      return FALSE;
  reply = run_script (self, redis_script_apply, &arguments, error);
  if (reply == NULL)
    return FALSE;
  self->is_full = FALSE;
  last = redis_reply_dup_field (reply, 0);
  commits = redis_reply_dup_field (reply, 1);
  self->last_position = MAX (self->last_position, g_ascii_strtoull (last, NULL, 10));
  self->n_commits = g_ascii_strtoull (commits, NULL, 10);
  return TRUE;
}

/* ---- reading ---- */

static void
queue_clear (gpointer data)
{
  redis_queue_clear (data);
}

static int
compare_queues (gconstpointer a, gconstpointer b)
{
  guint32 x = ((const RedisQueue *) a)->number, y = ((const RedisQueue *) b)->number;

  return x < y ? -1 : x > y;
}

/* NULL and @error if they cannot be read. */
static GArray *
list_queues (StoreRedis *self, GError **error)
{
  g_autofree char *key = NULL;
  g_autoptr (redisReply) reply = NULL;
  GArray *queues;

  if (!require_link (self, error))
    return NULL;
  key = g_strconcat (self->keys, "queues", NULL);
  reply = call (self, error, "HGETALL", key, NULL);
  if (reply == NULL)
    return NULL;
  queues = g_array_new (FALSE, FALSE, sizeof (RedisQueue));
  g_array_set_clear_func (queues, queue_clear);
  for (gsize i = 0; i + 1 < reply->elements; i += 2)
    {
      RedisQueue queue;

      if (redis_reply_read_queue (reply->element[i], reply->element[i + 1], &queue))
        g_array_append_val (queues, queue);
      else
        report (self, 0, "a queue of '%s' is damaged and left out", self->path);
    }
  g_array_sort (queues, compare_queues);
  return queues;
}

static gboolean
store_foreach_queue (HawserStore *store, HawserStoreQueueFunc func, gpointer data, GError **error)
{
  g_autoptr (GArray) queues = list_queues (STORE_REDIS (store), error);

  for (guint i = 0; queues != NULL && i < queues->len; i++)
    {
      const RedisQueue *queue = &g_array_index (queues, RedisQueue, i);
      gsize len;
      const guint8 *meta = g_bytes_get_data (queue->meta, &len);

      if (!func (data, queue->number, queue->id, meta, len))
        break;
    }
  return queues != NULL;
}

/* Up to @n entries of a queue from a position on. */
static redisReply *
list_entries (StoreRedis *self, guint32 queue, guint64 first, guint n, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%sq:%u", self->keys, queue), *from = g_strdup_printf ("%" G_GUINT64_FORMAT, first), *most = g_strdup_printf ("%u", n);

  return call (self, error, "ZRANGEBYSCORE", key, first >= G_GUINT64_CONSTANT (1) << 53 ? "+inf" : from, "+inf", "LIMIT", "0", most, NULL);
}

static gboolean
store_foreach_entry (HawserStore *store, HawserStoreEntryFunc func, gpointer data, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);
  g_autoptr (GArray) queues = list_queues (self, error);

  for (guint q = 0; queues != NULL && q < queues->len; q++)
    {
      guint32 queue = g_array_index (queues, RedisQueue, q).number;
      guint64 next = 0, before;
      gsize n = CHUNK;

      while (n >= CHUNK)
        {
          g_autoptr (redisReply) reply = list_entries (self, queue, next, CHUNK, error);

          if (reply == NULL)
            return FALSE;
          n = reply->elements;
          before = next;
          for (gsize i = 0; i < n; i++)
            {
              RedisEntry entry;

              if (!redis_reply_read_entry (reply->element[i], &entry))
                continue;
              if (!func (data, queue, entry.position, entry.size, entry.time_s))
                return TRUE;
              next = MAX (next, entry.position + 1);
            }
          if (n >= CHUNK && next == before)
            return refuse (self, HAWSER_ERROR_CORRUPT, NO_PROGRESS, error);
        }
    }
  return queues != NULL;
}

/* What cannot be read is told and left out. FALSE: enough. */
static gboolean
give_value (StoreRedis *self, const char *space, const char *key, const redisReply *value, HawserStoreValueFunc func, gpointer data)
{
  const guint8 *bytes;
  guint64 revision;
  gsize len;

  if (redis_reply_read_value (value, &revision, &bytes, &len))
    return func (data, key, revision, bytes, len);
  report (self, 0, "value '%s' of '%s' is damaged and left out", key, space);
  return TRUE;
}

/* HSCAN may name an entry twice while the server makes the table larger. */
static gboolean
store_foreach_value (HawserStore *store, const char *space, HawserStoreValueFunc func, gpointer data, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);
  g_autofree char *hash = NULL, *cursor = g_strdup ("0");
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint n_idle = 0;                      /* answers in a row without anything new */
  char most[16];

  if (!require_link (self, error))
    return FALSE;
  hash = g_strconcat (self->keys, "v:", space, NULL);
  g_snprintf (most, sizeof most, "%d", CHUNK);
  do
    {
      g_autoptr (redisReply) reply = call (self, error, "HSCAN", hash, cursor, "COUNT", most, NULL);
      const redisReply *pairs = reply != NULL && reply->elements == 2 ? reply->element[1] : NULL;
      guint n_known;

      if (pairs == NULL)
        return reply == NULL ? FALSE : refuse (self, HAWSER_ERROR_CORRUPT, "an answer to HSCAN that is none", error);
      g_free (cursor);
      cursor = redis_reply_dup_field (reply, 0);
      n_known = g_hash_table_size (seen);
      for (gsize i = 0; i + 1 < pairs->elements; i += 2)
        {
          g_autofree char *key = redis_reply_dup_field (pairs, i);

          if (g_hash_table_contains (seen, key))
            continue;
          if (!give_value (self, space, key, pairs->element[i + 1], func, data))
            return TRUE;
          g_hash_table_add (seen, g_steal_pointer (&key));
        }
      n_idle = g_hash_table_size (seen) > n_known ? 0 : n_idle + 1;
      if (n_idle > MAX_IDLE)
        return refuse (self, HAWSER_ERROR_CORRUPT, NO_PROGRESS, error);
    }
  while (strcmp (cursor, "0") != 0);
  return TRUE;
}

static gboolean
store_get_value (HawserStore *store, const char *space, const char *key, HawserStoreValueFunc func, gpointer data, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);
  g_autofree char *hash = NULL;
  g_autoptr (redisReply) reply = NULL;

  if (!require_link (self, error))
    return FALSE;
  hash = g_strconcat (self->keys, "v:", space, NULL);
  reply = call (self, error, "HGET", hash, key, NULL);
  if (reply != NULL && reply->type != REDIS_REPLY_NIL)
    (void) give_value (self, space, key, reply, func, data);
  return reply != NULL;
}

static redisReply *
get_messages (StoreRedis *self, const redisReply *entries, GError **error)
{
  g_autofree char *hash = g_strconcat (self->keys, "m", NULL);
  g_auto (RedisArguments) arguments = { 0 };

  redis_arguments_init (&arguments);
  redis_arguments_add_string (&arguments, "HMGET");
  redis_arguments_add_string (&arguments, hash);
  for (gsize i = 0; i < entries->elements; i++)
    {
      RedisEntry entry = { 0 };

      (void) redis_reply_read_entry (entries->element[i], &entry);
      redis_arguments_add_number (&arguments, entry.position);
    }
  return call_raw (self, (int) arguments.args->len, (const char **) arguments.args->pdata, (const gsize *) (gpointer) arguments.lens->data, error);
}

/* What has no message leaves its queue. */
static void
set_aside (StoreRedis *self, guint32 queue, guint64 position)
{
  const HawserStoreOp op = { .kind = HAWSER_STORE_ACK, .queue = queue, .position = position, .last = position };
  gboolean is_out = store_apply (HAWSER_STORE (self), &op, 1, FALSE, NULL);

  report (self, position, "message %" G_GUINT64_FORMAT " of queue %u is missing%s", position, queue, is_out ? " and was taken out of it" : "");
}

static gboolean
store_read (HawserStore *store, guint32 queue, guint64 first, HawserStoreMessageFunc func, gpointer data, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);
  gsize n = READ_CHUNK;
  guint64 before;

  if (!require_link (self, error))
    return FALSE;
  while (n >= READ_CHUNK)
    {
      g_autoptr (redisReply) entries = list_entries (self, queue, first, READ_CHUNK, error), messages = NULL;

      if (entries == NULL)
        return FALSE;
      n = entries->elements;
      before = first;
      messages = n > 0 ? get_messages (self, entries, error) : NULL;
      if (n > 0 && messages == NULL)
        return FALSE;
      for (gsize i = 0; i < n && i < messages->elements; i++)
        {
          const redisReply *message = messages->element[i];
          RedisEntry entry;

          if (!redis_reply_read_entry (entries->element[i], &entry))
            continue;
          first = MAX (first, entry.position + 1);
          if (message->type != REDIS_REPLY_STRING)
            set_aside (self, queue, entry.position);
          else if (!func (data, entry.position, (const guint8 *) message->str, message->len))
            return TRUE;
          if (self->link == NULL)
            return refuse (self, HAWSER_ERROR_UNAVAILABLE, "the connection was lost", error);
        }
      if (n >= READ_CHUNK && first == before)
        return refuse (self, HAWSER_ERROR_CORRUPT, NO_PROGRESS, error);
    }
  return TRUE;
}

/* Whether each entry of each queue has its message; the bytes themselves are the server's to guard. */
static gboolean
store_check (HawserStore *store, GError **error)
{
  StoreRedis *self = STORE_REDIS (store);
  g_autoptr (GArray) queues = list_queues (self, error);

  for (guint q = 0; queues != NULL && q < queues->len; q++)
    {
      guint32 queue = g_array_index (queues, RedisQueue, q).number;
      guint64 next = 0, before;
      gsize n = READ_CHUNK;

      while (n >= READ_CHUNK)
        {
          g_autoptr (redisReply) entries = list_entries (self, queue, next, READ_CHUNK, error), messages = NULL;

          if (entries == NULL)
            return FALSE;
          n = entries->elements;
          before = next;
          messages = n > 0 ? get_messages (self, entries, error) : NULL;
          if (n > 0 && messages == NULL)
            return FALSE;
          for (gsize i = 0; i < n && i < messages->elements; i++)
            {
              RedisEntry entry = { 0 };

              (void) redis_reply_read_entry (entries->element[i], &entry);
              next = MAX (next, entry.position + 1);
              if (messages->element[i]->type != REDIS_REPLY_STRING)
                report (self, entry.position, "message %" G_GUINT64_FORMAT " of queue %u is missing", entry.position, queue);
            }
          if (n >= READ_CHUNK && next == before)
            return refuse (self, HAWSER_ERROR_CORRUPT, NO_PROGRESS, error);
        }
    }
  return queues != NULL;
}

static void
store_get_info (HawserStore *store, HawserStoreInfo *out_info)
{
  StoreRedis *self = STORE_REDIS (store);

  if (self->path == NULL)
    return;
  *out_info = (HawserStoreInfo) { .schema_version = REDIS_SCHEMA_VERSION, .last_position = self->last_position, .n_commits = self->n_commits,
                                  .n_damaged = self->n_damaged, .is_full = self->is_full };
}

/* ---- the type ---- */

static void
finalize (GObject *object)
{
  store_close (HAWSER_STORE (object));
  G_OBJECT_CLASS (store_redis_parent_class)->finalize (object);
}

static void
store_redis_class_init (StoreRedisClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = finalize;
  HAWSER_SETTING (klass, StoreRedis, address_text, g_param_spec_string ("address", NULL, "Where the server is: redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:/PATH",
                                                                        "redis://127.0.0.1:6379", HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, database, g_param_spec_uint ("database", NULL, "Number of the database", 0, 65535, 0, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, prefix, g_param_spec_string ("prefix", NULL, "What the names of all keys begin with", "hawser", HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, user, g_param_spec_string ("user", NULL, "Who we are; default: the server's default user", NULL, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, password_credential, g_param_spec_string ("password-credential", NULL, "Name of the credential with the password", NULL, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, password_file, g_param_spec_string ("password-file", NULL, "File with the password", NULL, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, ca_file, g_param_spec_string ("ca-file", NULL, "Certificates (PEM) that sign the server's; default: the system's", NULL, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, StoreRedis, timeout_us, hawser_param_spec_duration ("timeout", "Longest time for the server to answer, and to be there at the start", SECOND_US,
                                                                             3600 * SECOND_US, 10 * SECOND_US, HAWSER_SETTING_FLAGS));
}

static void
store_redis_init (StoreRedis *self)
{
}

static void
store_iface_init (HawserStoreInterface *iface)
{
  iface->open = store_open;
  iface->close = store_close;
  iface->apply = store_apply;
  iface->foreach_queue = store_foreach_queue;
  iface->foreach_entry = store_foreach_entry;
  iface->foreach_value = store_foreach_value;
  iface->get_value = store_get_value;
  iface->read = store_read;
  iface->check = store_check;
  iface->get_info = store_get_info;
}
