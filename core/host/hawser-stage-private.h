/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-message.h"

G_BEGIN_DECLS

/* One step of a pipeline: messages go in, fewer or others come out. It owns no timer and no queue without a bound, and knows
 * neither bus nor lane: time is an argument. */

#define HAWSER_STAGE_BUFFER 64         /* messages that wait behind a stage for the next one */
#define HAWSER_STAGE_MAX_KEYS 10000    /* of a window, of conflate */
#define HAWSER_STAGE_MAX_MEMBERS 64    /* of map, of a window */

typedef struct _HawserStage HawserStage;

/* Of what went in: in = out + the rest + what waits here. */
typedef struct {
  guint64 n_in, n_out;
  guint64 n_filtered;        /* the rule said no */
  guint64 n_unusable;        /* the payload has nothing that was asked for */
  guint64 n_combined;        /* are part of a later message: of a window, or replaced by a newer one */
  guint64 n_limited;         /* over the rate */
  guint64 n_overflow;        /* more keys than there may be */
} HawserStageStatistics;

typedef struct {
  gint64 now_us;             /* monotonic */
  gint64 wall_us;
  gboolean is_end;           /* nothing more comes: what waits for time goes on */
} HawserStageTime;

/* Errors: %HAWSER_ERROR_INVALID. */
HawserStage   *hawser_stage_new            (const char                  *text,
                                            GError                     **error);
void           hawser_stage_free           (HawserStage                 *self);
const char    *hawser_stage_get_text       (HawserStage                 *self);

/* Whether there is room for one more. */
gboolean       hawser_stage_accepts        (HawserStage                 *self);
/* @message: (transfer none) */
void           hawser_stage_push           (HawserStage                 *self,
                                            HawserMessage               *message,
                                            const HawserStageTime       *time);
/* (transfer full) (nullable): what may go on now. */
HawserMessage *hawser_stage_pop            (HawserStage                 *self,
                                            const HawserStageTime       *time);
/* When pop() may give something that it does not give now: monotonic; -1: not by time alone. */
gint64         hawser_stage_next_us        (HawserStage                 *self,
                                            const HawserStageTime       *time);
/* Messages that wait, and those that are in windows. */
guint          hawser_stage_get_n_waiting  (HawserStage                 *self);
void           hawser_stage_get_statistics (HawserStage                 *self,
                                            HawserStageStatistics       *out_statistics);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserStage, hawser_stage_free)

/* ---- hawser-stage-window.c ---- */

typedef struct _HawserWindows HawserWindows;

/* "10s mean=mean(/kw), n=count()", without the key. */
HawserWindows *hawser_windows_new          (const char                  *text,
                                            GError                     **error);
void           hawser_windows_free         (HawserWindows               *self);
/* Of what closes by it, or had to close for want of room, messages are added to @out. */
void           hawser_windows_add          (HawserWindows               *self,
                                            const char                  *key,
                                            HawserMessage               *message,
                                            const HawserStageTime       *time,
                                            GQueue                      *out);
void           hawser_windows_close_due    (HawserWindows               *self,
                                            const HawserStageTime       *time,
                                            GQueue                      *out);
gint64         hawser_windows_next_us      (HawserWindows               *self,
                                            const HawserStageTime       *time);
guint          hawser_windows_get_n        (HawserWindows               *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserWindows, hawser_windows_free)

/* ---- of all ---- */

/* User property: the pipelines that a message passed, one of it for each. */
#define HAWSER_PIPELINE_PROPERTY "hawser-pipeline"

/* Of text that says what a stage does. FALSE. */
gboolean hawser_stage_refuse (GError    **error,
                              const char *format,
                              ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
