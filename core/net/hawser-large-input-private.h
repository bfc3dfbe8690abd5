/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A packet that is too large for the lane's buffer, read straight into memory of its own. Believes a claimed length up to
 * a bound; beyond, the memory grows with what came. Reading is the connection's. One lane. */

#include "hawser-message-raw.h"

G_BEGIN_DECLS

typedef struct {
  guint8 *data;
  gsize len, size, total;        /* size: what the memory holds */
} HawserLargeInput;

/* @data: the packet's first bytes, copied. @is_tight: room for these alone for now. NULL: there is no memory for it. */
HawserLargeInput *hawser_large_input_new  (gsize             total,
                                           const guint8     *data,
                                           gsize             len,
                                           gboolean          is_tight);
void              hawser_large_input_free (HawserLargeInput *self);
/* Where the next bytes go; at least one fits. NULL: there is no memory for them. */
guint8           *hawser_large_input_room (HawserLargeInput *self,
                                           gsize            *out_len);
/* The packet when it is complete; then nothing is left in @self. */
HawserBlock      *hawser_large_input_take (HawserLargeInput *self);

G_END_DECLS
