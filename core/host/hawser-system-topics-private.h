/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* $SYS topics: the figures of a bus as messages, for who subscribes to them. On the bus's lane. */

#include "hawser-bus.h"

G_BEGIN_DECLS

typedef struct _HawserSystemTopics HawserSystemTopics;

HawserSystemTopics *hawser_system_topics_new  (HawserBus          *bus,
                                               gint64              interval_us);
void                hawser_system_topics_free (HawserSystemTopics *self);

G_END_DECLS
