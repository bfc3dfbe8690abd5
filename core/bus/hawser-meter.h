/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What holds one publisher back: the rates of its listener, and the memory of the process. Private. */

#include "hawser-bus-private.h"

G_BEGIN_DECLS

/* For a new publisher, and when the settings of its listener changed: a meter if there is something to measure. */
void     hawser_meter_renew (HawserPublisher     *publisher);
/* Before a message of a connection is routed: 0, or %HAWSER_ERROR_QUOTA. The connection may be paused after this. */
int      hawser_meter_admit (HawserPublisher     *publisher,
                             const HawserMessage *message);
/* There is no memory for the packet that @publisher is sending. FALSE: it was held back for it long enough. */
gboolean hawser_meter_hold_large (HawserPublisher *publisher);
/* One more connection of its identity: 0, or how long it should have stayed away, microseconds. */
gint64   hawser_meter_enter (HawserPublisher     *publisher);
void     hawser_meter_free  (HawserMeter         *self);

G_END_DECLS
