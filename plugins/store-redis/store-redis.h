/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define STORE_TYPE_REDIS (store_redis_get_type ())
G_DECLARE_FINAL_TYPE (StoreRedis, store_redis, STORE, REDIS, GObject)

G_END_DECLS
