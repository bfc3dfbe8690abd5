/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registers the HTTP adapter under the role "protocol". */

#include "http-adapter.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "protocol", "http", HTTP_TYPE_ADAPTER);
}

HAWSER_PLUGIN_DEFINE (http, "http", "0.1.0", provide)
