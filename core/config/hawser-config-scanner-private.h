/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAWSER_CONFIG_MAX_FILE_LEN (16 * 1024 * 1024) /* bytes; ours: the largest sensible file is a hundredth of it */

/* What the scanner found, in the order of the text. Strings are valid during the call only. Columns count characters from 1. */
typedef struct {
  void (*group)   (const char *text, guint line, guint column, gpointer user_data);
  void (*key)     (const char *key, const char *value, guint line, guint key_column, guint value_column, gpointer user_data);
  void (*problem) (gboolean is_warning, guint line, guint column, const char *text, gpointer user_data);
} HawserConfigScannerHandler;

void  hawser_config_scan   (const char                       *bytes,
                            gsize                             len,
                            const HawserConfigScannerHandler *handler,
                            gpointer                          user_data);
char *hawser_config_expand (const char                       *value,
                            char                            **out_problem,
                            guint                            *out_column);

G_END_DECLS
