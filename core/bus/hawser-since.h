/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  guint64 sequence;                  /* not before */
  gint64 published_us;               /* not before, monotonic */
} HawserSince;

/* A sequence number, a time as in RFC 3339 or a duration before now; FALSE: none of these. */
gboolean hawser_since_parse (const char  *text,
                             gint64       now_us,
                             gint64       wall_minus_monotonic_us,
                             HawserSince *out);

G_END_DECLS
