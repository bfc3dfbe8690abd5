/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* What a pipeline did, for metrics and listings. Not introspected. */

#include "hawser-pipeline.h"

G_BEGIN_DECLS

/* Since the pipeline was made. */
typedef struct {
  guint64 n_received;         /* taken from its topics */
  guint64 n_published;        /* the bus has them */
  guint64 n_filtered;         /* a rule said no */
  guint64 n_unusable;         /* had nothing that was asked for */
  guint64 n_combined;         /* are part of a later message */
  guint64 n_limited;          /* over a rate */
  guint64 n_overflow;         /* the queue in front dropped them, or there were too many keys */
  guint64 n_looped;           /* had been here before, and went no further */
  guint64 n_refused;          /* the bus would not have them */
} HawserPipelineStatistics;

HAWSER_AVAILABLE_IN_ALL
void hawser_pipeline_get_statistics (HawserPipeline           *self,
                                     HawserPipelineStatistics *out_statistics);

G_END_DECLS
