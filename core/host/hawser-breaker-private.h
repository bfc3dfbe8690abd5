/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-breaker.h"

G_BEGIN_DECLS

/* The state machine alone: it knows neither time nor what a write is. Zero it and set threshold. */
typedef struct {
  guint threshold;            /* failures in a row that open it; 0: it never opens */
  guint n_failures;           /* in a row */
  guint64 n_opened;
  HawserBreakerState state;
} HawserBreaker;

/* May a write begin? @is_due: its pause after a failure is over, which makes it fit to be the probe. */
gboolean hawser_breaker_admits (const HawserBreaker *self,
                                gboolean             is_due);
void     hawser_breaker_begin  (HawserBreaker       *self);
/* The outcome of a write that began. FALSE as @ok: the destination failed (a refused message is not a failure). */
void     hawser_breaker_end    (HawserBreaker       *self,
                                gboolean             ok);
/* A write that began says nothing about the destination: it was cancelled. */
void     hawser_breaker_cancel (HawserBreaker       *self);

G_END_DECLS
