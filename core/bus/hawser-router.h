/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the way of a message through a bus. */

#include "hawser-publisher.h"

G_BEGIN_DECLS

/* A HawserResult, or HAWSER_ERROR_*. PENDING: @published follows. @outlives: @data lives longer than the publisher. */
int hawser_bus_route (HawserBus       *self,
                      HawserPublisher *publisher,
                      HawserMessage   *message, /* (transfer full) */
                      HawserPublished  published,
                      gpointer         data,
                      guint64          cookie,
                      gboolean         outlives);

G_END_DECLS
