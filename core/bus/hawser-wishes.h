/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: what a publisher asks for by user properties of a message. */

#include "hawser-message.h"

G_BEGIN_DECLS

#define HAWSER_MAX_LABELS 16

typedef struct {
  gint64 due_us;                     /* monotonic; 0: at once */
  gboolean has_labels;
  gboolean wants_stored;
  guint n_sinks;
  struct {
    const char *name;                /* into the message, not terminated */
    gsize len;
  } sinks[HAWSER_MAX_LABELS];
  gint64 timeout_us;                 /* for the labels */
} HawserWishes;

/* A pure function over the message and the two clocks. NULL: @out is filled, else what is wrong. */
const char    *hawser_wishes_read  (const HawserMessage *message,
                                    gint64               now_us,
                                    gint64               wall_minus_monotonic_us,
                                    HawserWishes        *out);
/* The message without these properties: nobody behind this bus is meant. @id (nullable): its id, unless it has one.
 * (transfer full) both messages */
HawserMessage *hawser_wishes_strip (HawserMessage       *message,
                                    const char          *id);

G_END_DECLS
