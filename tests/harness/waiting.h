/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one place where C tests wait for what other threads and processes do (waiting.py is that of Python). */

#include <glib.h>

G_BEGIN_DECLS

#define WAITING_DEADLINE_S 120   /* for a machine that does much else */
#define WAITING_TICK_MS 2

static inline gboolean
waiting_on_tick (gpointer data)
{
  return G_SOURCE_REMOVE;
}

/* One turn of the context, NULL for the default one: at once when something comes there. What another thread counts or another
 * process does sends nothing, so the turn ends after a moment. */
static inline void
waiting_turn (GMainContext *context)
{
  GSource *tick = g_timeout_source_new (WAITING_TICK_MS);

  g_source_set_callback (tick, waiting_on_tick, NULL, NULL);
  g_source_attach (tick, context);
  g_main_context_iteration (context, TRUE);
  g_source_destroy (tick);
  g_source_unref (tick);
}

/* Runs the context until the expression holds. */
#define waiting_until(context, holds) \
  G_STMT_START { \
    gint64 waiting_end_us = g_get_monotonic_time () + (gint64) WAITING_DEADLINE_S * G_USEC_PER_SEC; \
    while (!(holds)) \
      { \
        g_assert_cmpint (g_get_monotonic_time (), <, waiting_end_us); \
        waiting_turn (context); \
      } \
  } G_STMT_END

G_END_DECLS
