/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Idempotency-Key: a publish that is repeated because its answer was lost is published once. Keys are of a principal and
 * a path; the newest are remembered for a while, in memory, so a repetition after a restart is published again. Only
 * digests are kept: a key costs the same whatever its peer sends. Context: the lane.
 * Source: draft-ietf-httpapi-idempotency-key-header-06. */

#include "http-idempotency.h"

#include <string.h>

#define MAX_KEYS 16384                       /* about 2 MB; a flood pushes out old keys, nothing else */
#define KEEP_US (10 * 60 * G_USEC_PER_SEC)   /* longer than clients go on trying */
#define DIGEST_LEN 32

typedef struct {
  guint8 name[DIGEST_LEN];       /* of principal, method, path, query and key: first, so that it is its own hash key */
  guint8 body[DIGEST_LEN];
  guint64 mark;
  gint64 since_us;
  gboolean is_done;
} Key;

struct _HttpKeys {
  GHashTable *by_name;
  GHashTable *by_mark;
  GQueue order;                  /* oldest first */
  guint64 last_mark;
};

static guint
hash_name (gconstpointer key)
{
  guint value;

  memcpy (&value, ((const Key *) key)->name, sizeof value);
  return value;
}

static gboolean
equal_names (gconstpointer a, gconstpointer b)
{
  return memcmp (((const Key *) a)->name, ((const Key *) b)->name, DIGEST_LEN) == 0;
}

HttpKeys *
http_keys_new (void)
{
  HttpKeys *self = g_new0 (HttpKeys, 1);

  self->by_name = g_hash_table_new (hash_name, equal_names);
  self->by_mark = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_queue_init (&self->order);
  return self;
}

static void
forget (HttpKeys *self, Key *key)
{
  g_hash_table_remove (self->by_name, key);
  g_hash_table_remove (self->by_mark, &key->mark);
  g_queue_remove (&self->order, key);
  g_free (key);
}

void
http_keys_free (HttpKeys *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->by_name);
  g_hash_table_unref (self->by_mark);
  g_queue_clear_full (&self->order, g_free);
  g_free (self);
}

static void
add_text (GChecksum *checksum, const char *text)
{
  g_checksum_update (checksum, (const guchar *) (text != NULL ? text : ""), text != NULL ? (gssize) strlen (text) + 1 : 1);
}

static void
take_digest (GChecksum *checksum, guint8 *out)
{
  gsize len = DIGEST_LEN;

  g_checksum_get_digest (checksum, out, &len);
}

HttpKeyState
http_keys_begin (HttpKeys *self, HttpSession *session, HttpRequest *request, guint64 *out_mark)
{
  const char *text = http_request_get_header (request, "Idempotency-Key");
  gint64 now_us = hawser_lane_get_now_us (http_session_get_adapter (session)->lane);
  g_autoptr (GChecksum) name = NULL, body = NULL;
  g_autofree char *bare = NULL;
  Key probe, *key;
  gsize len;

  *out_mark = 0;
  if (text == NULL || *text == '\0')
    return HTTP_KEY_NEW;
  len = strlen (text);
  bare = len >= 2 && text[0] == '"' && text[len - 1] == '"' ? g_strndup (text + 1, len - 2) : g_strdup (text);
  name = g_checksum_new (G_CHECKSUM_SHA256);
  add_text (name, hawser_connection_get_principal_name (http_session_get_connection (session)));
  add_text (name, request->method);
  add_text (name, request->path);
  add_text (name, bare);
  take_digest (name, probe.name);
  body = g_checksum_new (G_CHECKSUM_SHA256);
  add_text (body, http_request_get_header (request, "Content-Type"));
  g_checksum_update (body, request->body_len > 0 ? request->body : (const guint8 *) "", (gssize) request->body_len);
  take_digest (body, probe.body);

  while ((key = g_queue_peek_head (&self->order)) != NULL && (now_us - key->since_us > KEEP_US || self->order.length >= MAX_KEYS))
    forget (self, key);
  key = g_hash_table_lookup (self->by_name, &probe);
  if (key != NULL)
    {
      if (memcmp (key->body, probe.body, DIGEST_LEN) != 0)
        return HTTP_KEY_OTHER;
      return key->is_done ? HTTP_KEY_DONE : HTTP_KEY_UNDER_WAY;
    }
  key = g_new0 (Key, 1);
  *key = probe;
  key->is_done = FALSE;
  key->since_us = now_us;
  key->mark = *out_mark = ++self->last_mark;
  g_hash_table_add (self->by_name, key);
  g_hash_table_insert (self->by_mark, &key->mark, key);
  g_queue_push_tail (&self->order, key);
  return HTTP_KEY_NEW;
}

void
http_keys_end (HttpKeys *self, guint64 mark, gboolean is_accepted)
{
  Key *key = mark != 0 ? g_hash_table_lookup (self->by_mark, &mark) : NULL;

  if (key == NULL)
    return;
  if (is_accepted)
    key->is_done = TRUE;
  else
    forget (self, key);
}
