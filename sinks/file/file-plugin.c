/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one symbol of the plugin. */

#include "file-sink.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "sink", "file", FILE_TYPE_SINK);
}

HAWSER_PLUGIN_DEFINE (file, "file", "0.1.0", provide)
