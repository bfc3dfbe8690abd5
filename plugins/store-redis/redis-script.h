/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define REDIS_SCHEMA_VERSION 1

/* Runs in the server, as one step that nobody sees the middle of: all changes, or an error reply that begins with FENCED, STALE or
 * TAKEN. Arguments: prefix, owner's token, "1" if it only makes room, then the changes. Replies with last position and commits. */
extern const char redis_script_apply[];
/* Arguments: prefix, the token that is expected ("" for none), our token, run id of the server, our connection, version. Replies 1 if the
 * store is ours now, 0 if somebody else was quicker. */
extern const char redis_script_claim[];
/* Arguments: prefix, token. Lets go of it. */
extern const char redis_script_release[];

/* The arguments of a command, which own copies of numbers and point to everything else. */
typedef struct {
  GPtrArray *args;           /* of const char * */
  GArray *lens;              /* of gsize */
  GStringChunk *numbers;
} RedisArguments;

void     redis_arguments_init       (RedisArguments      *self);
void     redis_arguments_clear      (RedisArguments      *self);
void     redis_arguments_add        (RedisArguments      *self,
                                     gconstpointer        data,
                                     gsize                len);
void     redis_arguments_add_string (RedisArguments      *self,
                                     const char          *text);
void     redis_arguments_add_number (RedisArguments      *self,
                                     guint64              number);

/* FALSE and @error for what cannot be kept there. */
gboolean redis_arguments_add_change (RedisArguments      *self,
                                     const HawserStoreOp *op,
                                     GError             **error);

/* Whether the changes only make room, and may be made when there is none. */
gboolean redis_changes_are_freeing  (const HawserStoreOp *ops,
                                     guint                n_ops);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RedisArguments, redis_arguments_clear)

G_END_DECLS
