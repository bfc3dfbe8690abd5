/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  HAWSER_SCALAR_TEXT,
  HAWSER_SCALAR_NUMBER,
  HAWSER_SCALAR_DATE,
} HawserScalarKind;

typedef struct {
  HawserScalarKind kind;
  gboolean is_integer;  /* number that fits gint64 exactly */
  gint64 integer;       /* number: its value; date: seconds since 1970-01-01 UTC */
  double number;
  guint32 nanoseconds;  /* date */
} HawserScalar;

void hawser_scalar_parse   (const char         *text,
                            HawserScalar       *out_scalar);
int  hawser_scalar_compare (const HawserScalar *a,
                            const HawserScalar *b);

G_END_DECLS
