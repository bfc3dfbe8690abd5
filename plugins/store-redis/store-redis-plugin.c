/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the registry opens: store type `redis`. */

#include "store-redis.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "store", "redis", STORE_TYPE_REDIS);
}

HAWSER_PLUGIN_DEFINE (store_redis, "store-redis", HAWSER_VERSION_S, provide)
