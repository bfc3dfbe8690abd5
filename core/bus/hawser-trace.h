/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-message-private.h"

G_BEGIN_DECLS

/* W3C Trace Context, which travels as user properties `traceparent` and `tracestate`. */
typedef enum {
  HAWSER_TRACE_PROPAGATE,            /* as they came */
  HAWSER_TRACE_GENERATE,             /* and a traceparent of our own for who brought none */
  HAWSER_TRACE_OFF,                  /* taken out */
} HawserTrace;

/* @message: (transfer full), not stamped yet; (transfer full). Any thread. */
HawserMessage *hawser_trace_apply (HawserTrace    trace,
                                   HawserMessage *message);

/* propagate, generate or off; anything else, and NULL: propagate. */
HawserTrace    hawser_trace_parse (const char    *word);

G_END_DECLS
