/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much memory the process may use before publishers are held back. Private. */

#include "hawser-lane-private.h"

G_BEGIN_DECLS

typedef struct {
  HawserTimer timer;           /* while it is tight */
  HawserLane *lane;            /* NULL: there is no budget */
  guint64 max;                 /* bytes; 0: any */
  guint64 used;                /* when it was looked at last */
  gint level;                  /* 0, 1: tight, 2: exhausted; atomic */
  gint64 next_trim_us;
} HawserMemory;

/* Publishers are held back, or refused where that is not enough. Any thread. */
static inline gboolean
hawser_memory_is_tight (const HawserMemory *self)
{
  return G_UNLIKELY (g_atomic_int_get (&self->level) > 0);
}

/* Nothing more is taken. */
static inline gboolean
hawser_memory_is_exhausted (const HawserMemory *self)
{
  return g_atomic_int_get (&self->level) > 1;
}

void    hawser_memory_set_max      (HawserMemory *self,
                                    HawserLane   *lane,
                                    guint64       max);
void    hawser_memory_clear        (HawserMemory *self);
/* What this machine, or the control group of the process, may use; 0: not known. */
guint64 hawser_memory_get_machine  (void);
/* Private memory of the process that is in RAM; 0: not known. */
guint64 hawser_memory_get_used     (void);

G_END_DECLS
