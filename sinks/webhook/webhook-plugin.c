/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one symbol of the plugin. */

#include "webhook-sink.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "sink", "webhook", WEBHOOK_TYPE_SINK);
}

HAWSER_PLUGIN_DEFINE (webhook, "webhook", "0.1.0", provide)
