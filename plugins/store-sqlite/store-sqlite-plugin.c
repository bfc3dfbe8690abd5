/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the registry opens: store type `sqlite`. */

#include "store-sqlite.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "store", "sqlite", STORE_TYPE_SQLITE);
}

HAWSER_PLUGIN_DEFINE (store_sqlite, "store-sqlite", HAWSER_VERSION_S, provide)
