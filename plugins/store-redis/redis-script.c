/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server does for us in one step, and how changes are handed to it. The keys all have one hash tag, so that a cluster keeps
 * them together:
 *
 *   PREFIX state      hash: schema, owner (token), run, client (of the owner's connection), last (position), commits
 *   PREFIX queues     hash: number -> "LENGTH-OF-ID ID META"
 *   PREFIX q:NUMBER   sorted set by position: "POSITION:SIZE:TIME"
 *   PREFIX m          hash: position -> message
 *   PREFIX r:POSITION set of the queues that a message of several still waits in
 *   PREFIX v:SPACE    hash: key -> "REVISION VALUE"
 *
 * A script looks at everything before it changes anything: what fails later would not be taken back. The first change is one that a
 * server without memory refuses, unless all of them only make room. */

#include "redis-script.h"

#include <string.h>

#define MAX_POSITION (G_GUINT64_CONSTANT (1) << 53)   /* scores are doubles */

const char redis_script_apply[] =
  "local prefix, token, freeing = ARGV[1], ARGV[2], ARGV[3] == '1'\n"
  "local state, messages = prefix .. 'state', prefix .. 'm'\n"
  "if redis.call('HGET', state, 'owner') ~= token then return redis.error_reply('FENCED another process owns the store') end\n"
  /* how many arguments follow the kind of a change; an append has its queues behind them */
  "local sizes = { A = 5, U = 1, K = 3, Q = 3, R = 1, P = 6, D = 4, C = 1 }\n"
  "local found, cleared = {}, {}\n"
  "local i = 4\n"
  "while i <= #ARGV do\n"
  "  local kind = ARGV[i]\n"
  "  local step = sizes[kind] + 1\n"
  "  if kind == 'A' then\n"
  "    if redis.call('HEXISTS', messages, ARGV[i + 1]) == 1 then return redis.error_reply('TAKEN position ' .. ARGV[i + 1] .. ' is taken') end\n"
  "    step = step + tonumber(ARGV[i + 5])\n"
  "  elseif kind == 'C' then\n"
  "    cleared[ARGV[i + 1]] = true\n"
  "    found[ARGV[i + 1]] = {}\n"
  "  elseif kind == 'P' or kind == 'D' then\n"
  "    local space, key, expected = ARGV[i + 1], ARGV[i + 2], ARGV[i + 4]\n"
  "    found[space] = found[space] or {}\n"
  "    if ARGV[i + 3] == '1' then\n"
  "      local known = found[space][key]\n"  /* false: there is none */
  "      if known == nil then\n"
  "        local value = not cleared[space] and redis.call('HGET', prefix .. 'v:' .. space, key)\n"
  "        known = value and string.match(value, '^%d+') or false\n"
  "      end\n"
  "      if known ~= '0' and (known or '0') ~= expected then\n"
  "        return redis.error_reply('STALE value ' .. key .. ' of ' .. space .. ' has revision ' .. (known or '0') .. ' and not ' .. expected)\n"
  "      end\n"
  "    end\n"
  "    if kind == 'P' then found[space][key] = ARGV[i + 5] else found[space][key] = false end\n"
  "  end\n"
  "  i = i + step\n"
  "end\n"
  "local last = tonumber(redis.call('HGET', state, 'last') or '0')\n"
  "local commits = redis.call('HGET', state, 'commits') or '0'\n"
  "if not freeing then commits = redis.call('HINCRBY', state, 'commits', 1) end\n"
  "local function leave(queue, position)\n"
  "  local sharers = prefix .. 'r:' .. position\n"
  "  redis.call('SREM', sharers, queue)\n"
  "  if redis.call('EXISTS', sharers) == 0 then redis.call('HDEL', messages, position) end\n"
  "end\n"
  "local function leave_all(queue, first, to)\n"
  "  local waiting = prefix .. 'q:' .. queue\n"
  "  while true do\n"
  "    local entries = redis.call('ZRANGEBYSCORE', waiting, first, to, 'LIMIT', 0, 1000)\n"
  "    if #entries == 0 then return end\n"
  "    for _, entry in ipairs(entries) do\n"
  "      redis.call('ZREM', waiting, entry)\n"
  "      leave(queue, string.match(entry, '^%d+'))\n"
  "    end\n"
  "  end\n"
  "end\n"
  "i = 4\n"
  "while i <= #ARGV do\n"
  "  local kind = ARGV[i]\n"
  "  local step = sizes[kind] + 1\n"
  "  if kind == 'A' then\n"
  "    local position, n = ARGV[i + 1], tonumber(ARGV[i + 5])\n"
  "    redis.call('HSET', messages, position, ARGV[i + 4])\n"
  "    for q = 1, n do\n"
  "      local queue = ARGV[i + 5 + q]\n"
  "      redis.call('ZADD', prefix .. 'q:' .. queue, position, position .. ':' .. ARGV[i + 2] .. ':' .. ARGV[i + 3])\n"
  "      if n > 1 then redis.call('SADD', prefix .. 'r:' .. position, queue) end\n"
  "    end\n"
  "    step = step + n\n"
  "    if tonumber(position) > last then last = tonumber(position) end\n"
  "  elseif kind == 'U' then\n"
  "    if tonumber(ARGV[i + 1]) > last then last = tonumber(ARGV[i + 1]) end\n"
  "  elseif kind == 'K' then\n"
  "    leave_all(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])\n"
  "  elseif kind == 'Q' then\n"
  "    redis.call('HSET', prefix .. 'queues', ARGV[i + 1], #ARGV[i + 2] .. ' ' .. ARGV[i + 2] .. ARGV[i + 3])\n"
  "  elseif kind == 'R' then\n"
  "    leave_all(ARGV[i + 1], '-inf', '+inf')\n"
  "    redis.call('HDEL', prefix .. 'queues', ARGV[i + 1])\n"
  "  elseif kind == 'P' then\n"
  "    redis.call('HSET', prefix .. 'v:' .. ARGV[i + 1], ARGV[i + 2], ARGV[i + 5] .. ' ' .. ARGV[i + 6])\n"
  "  elseif kind == 'D' then\n"
  "    redis.call('HDEL', prefix .. 'v:' .. ARGV[i + 1], ARGV[i + 2])\n"
  "  elseif kind == 'C' then\n"
  "    redis.call('UNLINK', prefix .. 'v:' .. ARGV[i + 1])\n"
  "  end\n"
  "  i = i + step\n"
  "end\n"
  "if not freeing then redis.call('HSET', state, 'last', string.format('%.0f', last)) end\n"
  "return { string.format('%.0f', last), tostring(commits) }\n";

const char redis_script_claim[] =
  "local state = ARGV[1] .. 'state'\n"
  "if (redis.call('HGET', state, 'owner') or '') ~= ARGV[2] then return 0 end\n"
  "redis.call('HSET', state, 'owner', ARGV[3], 'run', ARGV[4], 'client', ARGV[5], 'schema', ARGV[6])\n"
  "return 1\n";

const char redis_script_release[] =
  "local state = ARGV[1] .. 'state'\n"
  "if redis.call('HGET', state, 'owner') ~= ARGV[2] then return 0 end\n"
  "return redis.call('HDEL', state, 'owner', 'run', 'client')\n";

void
redis_arguments_init (RedisArguments *self)
{
  self->args = g_ptr_array_new ();
  self->lens = g_array_new (FALSE, FALSE, sizeof (gsize));
  self->numbers = g_string_chunk_new (4096);
}

void
redis_arguments_clear (RedisArguments *self)
{
  g_clear_pointer (&self->args, g_ptr_array_unref);
  g_clear_pointer (&self->lens, g_array_unref);
  g_clear_pointer (&self->numbers, g_string_chunk_free);
}

void
redis_arguments_add (RedisArguments *self, gconstpointer data, gsize len)
{
  g_ptr_array_add (self->args, (gpointer) (data != NULL ? data : ""));
  g_array_append_val (self->lens, len);
}

void
redis_arguments_add_string (RedisArguments *self, const char *text)
{
  redis_arguments_add (self, text, strlen (text));
}

void
redis_arguments_add_number (RedisArguments *self, guint64 number)
{
  char text[24];
  gsize len = (gsize) g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, number);

  redis_arguments_add (self, g_string_chunk_insert_len (self->numbers, text, (gssize) len), len);
}

/* Of a range; beyond what a score can say nothing waits. */
static void
add_bound (RedisArguments *self, guint64 position)
{
  if (position >= MAX_POSITION)
    redis_arguments_add_string (self, "+inf");
  else
    redis_arguments_add_number (self, position);
}

static void
add_append (RedisArguments *self, const HawserStoreOp *op)
{
  redis_arguments_add_string (self, op->n_queues > 0 ? "A" : "U");
  redis_arguments_add_number (self, op->position);
  if (op->n_queues == 0)
    return;
  redis_arguments_add_number (self, op->size);
  redis_arguments_add_number (self, op->time_s);
  redis_arguments_add (self, op->data, op->len);
  redis_arguments_add_number (self, op->n_queues);
  for (guint i = 0; i < op->n_queues; i++)
    redis_arguments_add_number (self, op->queues[i]);
}

static void
add_value_change (RedisArguments *self, const HawserStoreOp *op, gboolean is_put)
{
  redis_arguments_add_string (self, is_put ? "P" : "D");
  redis_arguments_add_string (self, op->space);
  redis_arguments_add_string (self, op->key);
  redis_arguments_add_number (self, op->is_conditional ? 1 : 0);
  redis_arguments_add_number (self, op->if_revision);
  if (!is_put)
    return;
  redis_arguments_add_number (self, op->revision);
  redis_arguments_add (self, op->data, op->len);
}

gboolean
redis_arguments_add_change (RedisArguments *self, const HawserStoreOp *op, GError **error)
{
  if ((op->kind == HAWSER_STORE_APPEND && op->position >= MAX_POSITION) || op->len > G_MAXINT32 / 8 || op->n_queues > G_MAXUINT16)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE, "larger than 256 MiB, or a position beyond 2^53");
      return FALSE;
    }
  switch (op->kind)
    {
    case HAWSER_STORE_APPEND:
      add_append (self, op);
      break;
    case HAWSER_STORE_ACK:
      redis_arguments_add_string (self, "K");
      redis_arguments_add_number (self, op->queue);
      add_bound (self, op->position);
      add_bound (self, op->last);
      break;
    case HAWSER_STORE_ADD_QUEUE:
      redis_arguments_add_string (self, "Q");
      redis_arguments_add_number (self, op->queue);
      redis_arguments_add_string (self, op->key);
      redis_arguments_add (self, op->data, op->len);
      break;
    case HAWSER_STORE_REMOVE_QUEUE:
      redis_arguments_add_string (self, "R");
      redis_arguments_add_number (self, op->queue);
      break;
    case HAWSER_STORE_PUT:
    case HAWSER_STORE_DELETE:
      add_value_change (self, op, op->kind == HAWSER_STORE_PUT);
      break;
    case HAWSER_STORE_CLEAR:
      redis_arguments_add_string (self, "C");
      redis_arguments_add_string (self, op->space);
      break;
    }
  return TRUE;
}

gboolean
redis_changes_are_freeing (const HawserStoreOp *ops, guint n_ops)
{
  for (guint i = 0; i < n_ops; i++)
    if (ops[i].kind != HAWSER_STORE_ACK && ops[i].kind != HAWSER_STORE_REMOVE_QUEUE && ops[i].kind != HAWSER_STORE_DELETE && ops[i].kind != HAWSER_STORE_CLEAR)
      return FALSE;
  return TRUE;
}
