/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-message.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_BATCH (hawser_batch_get_type())
HAWSER_AVAILABLE_IN_ALL
GType          hawser_batch_get_type    (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserBatch   *hawser_batch_new         (void);
HAWSER_AVAILABLE_IN_ALL
HawserBatch   *hawser_batch_ref         (HawserBatch       *self);
HAWSER_AVAILABLE_IN_ALL
void           hawser_batch_unref       (HawserBatch       *self);
HAWSER_AVAILABLE_IN_ALL
guint          hawser_batch_get_size    (const HawserBatch *self);
HAWSER_AVAILABLE_IN_ALL
HawserMessage *hawser_batch_get_message (const HawserBatch *self,
                                         guint              index);
HAWSER_AVAILABLE_IN_ALL
gsize          hawser_batch_get_n_bytes (const HawserBatch *self);
HAWSER_AVAILABLE_IN_ALL
void           hawser_batch_add         (HawserBatch       *self,
                                         HawserMessage     *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserBatch, hawser_batch_unref)

G_END_DECLS
