/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registers the three providers under the role "identity". */

#include "identity-channel.h"

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "identity", "x509", identity_x509_get_type ());
  hawser_plugin_registry_provide (registry, "identity", "psk", identity_psk_get_type ());
  hawser_plugin_registry_provide (registry, "identity", "unix", identity_unix_get_type ());
}

HAWSER_PLUGIN_DEFINE (identity_channel, "identity-channel", HAWSER_VERSION_S, provide)
