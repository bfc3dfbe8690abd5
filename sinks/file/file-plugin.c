/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one symbol of the plugin. */

#include "file-sink.h"

HAWSER_PLUGIN_DEFINE_TYPE (file, "file", "0.1.0", "sink", file_sink_get_type ())
