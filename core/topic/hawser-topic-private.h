/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-types.h"

G_BEGIN_DECLS

/* A readable form for error messages of bytes from anywhere: one line, at most 80 bytes. */
char    *hawser_topic_quote        (const char  *text,
                                    gsize        len);

/* What names and filters have in common: length, UTF-8, levels. @kind begins the message. */
gboolean hawser_topic_check_common (const char  *kind,
                                    const char  *text,
                                    gsize        len,
                                    GError     **error);

G_END_DECLS
