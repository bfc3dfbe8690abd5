/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

HAWSER_AVAILABLE_IN_ALL
gboolean hawser_duration_parse  (const char  *text,
                                 gint64      *out_us,
                                 GError     **error);
HAWSER_AVAILABLE_IN_ALL
char    *hawser_duration_format (gint64       us);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_size_parse      (const char  *text,
                                 guint64     *out_bytes,
                                 GError     **error);
HAWSER_AVAILABLE_IN_ALL
char    *hawser_size_format     (guint64      bytes);
HAWSER_AVAILABLE_IN_ALL
gboolean hawser_date_parse      (const char  *text,
                                 gint64      *out_wall_us,
                                 GError     **error);
HAWSER_AVAILABLE_IN_ALL
char    *hawser_date_format     (gint64       wall_us);

G_END_DECLS
