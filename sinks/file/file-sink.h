/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define FILE_TYPE_SINK (file_sink_get_type())
G_DECLARE_FINAL_TYPE (FileSink, file_sink, FILE, SINK, GObject)

G_END_DECLS
