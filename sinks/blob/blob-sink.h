/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define BLOB_TYPE_SINK (blob_sink_get_type())
G_DECLARE_FINAL_TYPE (BlobSink, blob_sink, BLOB, SINK, GObject)

G_END_DECLS
