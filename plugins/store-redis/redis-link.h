/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <hiredis/hiredis.h>

G_BEGIN_DECLS

/* Where a server is; the strings belong to who holds it. */
typedef struct {
  char *host;              /* NULL: path */
  guint16 port;
  char *path;              /* of a Unix socket */
  gboolean is_tls;
} RedisAddress;

/* `redis://HOST[:PORT]`, `rediss://HOST[:PORT]` (TLS) or `unix:/PATH`. */
gboolean      redis_address_parse (const char    *text,
                                   RedisAddress  *out_address,
                                   GError       **error);
void          redis_address_clear (RedisAddress  *self);

typedef struct _RedisLink RedisLink;

/* Blocks for at most @timeout_s for each step. @ca_file: NULL for the system's certificates. */
RedisLink    *redis_link_open     (const RedisAddress *address,
                                   guint               timeout_s,
                                   const char         *ca_file,
                                   GError            **error);
void          redis_link_free     (RedisLink          *self);

/* One command and its reply, for freeReplyObject(); blocks. A refusal by the server is a reply of type error; NULL: the link is of no
 * use any more. @lens: NULL for terminated strings. */
redisReply   *redis_link_call     (RedisLink          *self,
                                   int                 argc,
                                   const char        **argv,
                                   const gsize        *lens,
                                   GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RedisLink, redis_link_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (redisReply, freeReplyObject)

G_END_DECLS
