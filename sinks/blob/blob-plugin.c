/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one symbol of the plugin. */

#include "blob-sink.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "sink", "blob", BLOB_TYPE_SINK);
}

HAWSER_PLUGIN_DEFINE (blob, "blob", "0.1.0", provide)
