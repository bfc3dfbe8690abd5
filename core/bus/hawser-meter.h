/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What holds one peer back: the rates of its listener, and the memory of the process. Private. */

#include "hawser-connection-private.h"
#include "hawser-memory.h"
#include "hawser-rates.h"
#include "hawser-receiver.h"
#include "hawser-refusal.h"

G_BEGIN_DECLS

typedef struct _HawserMeter HawserMeter;

/* What the meters of a bus have in common; all of it lives longer than they. */
typedef struct {
  const HawserMemory *memory;
  HawserBusStatistics *statistics;
  HawserRefusal *refusal;
} HawserMetering;

/* @rates (nullable): none, and memory alone is the reason for this. */
HawserMeter *hawser_meter_new        (const HawserMetering *metering,
                                      HawserConnection     *connection,
                                      HawserRates          *rates);
void         hawser_meter_free       (HawserMeter          *self);
/* Before a message of its connection is routed: 0, or %HAWSER_ERROR_QUOTA. The connection may be paused after this. */
int          hawser_meter_admit      (HawserMeter          *self,
                                      const HawserMessage  *message);
/* There is no memory for the packet that the peer is sending. FALSE: it was held back for it long enough. */
gboolean     hawser_meter_hold_large (HawserMeter          *self);
/* One more connection of its identity: 0, or how long it should have stayed away, microseconds. */
gint64       hawser_meter_enter      (HawserMeter          *self);

G_END_DECLS
