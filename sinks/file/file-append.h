/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "file-rotation.h"

G_BEGIN_DECLS

/* Appends @lines, one for each message of @batch, to the file at @path and those that follow when it is full.
 * Returns how many messages from the front are safe; with an error the rest is not there, not even in part. */
guint file_append (FileRotation  *rotation,
                   const char    *path,
                   HawserBatch   *batch,
                   const char    *lines,
                   GError       **error);

G_END_DECLS
