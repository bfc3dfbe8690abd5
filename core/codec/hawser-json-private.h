/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-json.h"

G_BEGIN_DECLS

typedef struct {
  const char *next;
  const char *end;
  const char *reason;  /* why next is not valid */
} HawserJsonScanner;

/* The byte after white space, 0 at the end. */
char     hawser_json_scan_peek  (HawserJsonScanner *scanner);

/* A member name and the ':' behind it. */
gboolean hawser_json_scan_key   (HawserJsonScanner *scanner,
                                 HawserJsonSlice   *out_key);

/* A whole value of any type. */
gboolean hawser_json_scan_value (HawserJsonScanner *scanner,
                                 HawserJsonSlice   *out_value);

G_END_DECLS
