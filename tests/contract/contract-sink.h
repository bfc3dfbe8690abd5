/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* A destination that a test owns, and sinks that write to it. */
typedef struct {
  const char *name;
  gpointer    (*open)  (void);             /* an empty destination */
  void        (*close) (gpointer world);
  HawserSink *(*make)  (gpointer world);   /* a sink for it, not started */
  void        (*fail)  (gpointer world);   /* from now on it fails for a while */
  void        (*mend)  (gpointer world);
  GPtrArray  *(*list)  (gpointer world);   /* (transfer full): payloads that arrived, of char *, in order */
} ContractSink;

/* What every sink must do. Payloads are JSON numbers and strings. Called before g_test_run(); the tests are named
 * /sink/NAME/... */
void contract_sink_add (const ContractSink *sink);

G_END_DECLS
