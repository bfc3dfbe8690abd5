/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A mosquitto.conf as a configuration of ours. Reads the file and what it includes, its ACL file too; writes nothing but secrets, and
 * those only where it is told to. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  const char *state_dir;       /* for `persistence true` */
  const char *secrets_dir;     /* NULL: passwords of bridges are left out, and said so */
} ToolMosquittoOptions;

/* Text of a configuration; NULL: a file cannot be read. @notes: lines `FILE:LINE: …` about what could not be carried over. */
char *tool_mosquitto_import (const char *path, const ToolMosquittoOptions *options, GPtrArray *notes, GError **error);

G_END_DECLS
