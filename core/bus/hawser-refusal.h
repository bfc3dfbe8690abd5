/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why the last thing was refused: a code goes back to whoever asked, the text waits here for who wants it. A refusal costs no
 * allocation, and strangers cause many. One lane. */

#include "hawser-error.h"

G_BEGIN_DECLS

typedef struct {
  char text[256];
  gint64 retry_after_us;             /* 0: not known */
} HawserRefusal;

/* Returns @code. */
int hawser_refuse (HawserRefusal *self,
                   int            code,
                   const char    *format,
                   ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
