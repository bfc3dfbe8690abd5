/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_PIPELINE (hawser_pipeline_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserPipeline, hawser_pipeline, HAWSER, PIPELINE, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserPipeline *hawser_pipeline_new            (HawserBus       *bus,
                                                const char      *name);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_pipeline_check          (HawserPipeline  *self,
                                                GError         **error);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_pipeline_start          (HawserPipeline  *self,
                                                GError         **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_pipeline_finish         (HawserPipeline  *self);
HAWSER_AVAILABLE_IN_ALL
void            hawser_pipeline_stop           (HawserPipeline  *self);

HAWSER_AVAILABLE_IN_ALL
const char     *hawser_pipeline_get_name       (HawserPipeline  *self);
HAWSER_AVAILABLE_IN_ALL
HawserBus      *hawser_pipeline_get_bus        (HawserPipeline  *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_pipeline_is_waiting     (HawserPipeline  *self);
HAWSER_AVAILABLE_IN_ALL
guint64         hawser_pipeline_get_depth      (HawserPipeline  *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_pipeline_get_last_error (HawserPipeline  *self);
HAWSER_AVAILABLE_IN_ALL
GVariant       *hawser_pipeline_dup_statistics (HawserPipeline  *self);

G_END_DECLS
