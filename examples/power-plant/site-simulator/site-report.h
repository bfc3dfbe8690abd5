/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "site-model.h"

G_BEGIN_DECLS

#define SITE_LONGEST_ORDER_S 3600.0

/* Where a building stands. */
typedef struct {
  double lat;
  double lon;
} SitePlace;

void     site_report_write (const SiteModel *model,
                            const SitePlace *place,
                            double           hour,
                            GString         *out);
/* @battery_kw: of whom it is for, as an order to many says which share of that each of them is to give. %FALSE: it is no
 * order; *out_why says what is wrong with it */
gboolean site_order_read   (const char      *text,
                            gsize            len,
                            double           battery_kw,
                            double          *out_kw,
                            double          *out_seconds,
                            const char     **out_why);
void     site_time_write   (gint64           wall_us,
                            char             out[32]);

G_END_DECLS
