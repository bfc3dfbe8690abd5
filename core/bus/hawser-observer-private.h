/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the bus and its observers. Private. */

#include "hawser-bus-private.h"
#include "hawser-observer-raw.h"

G_BEGIN_DECLS

/* check_observer() of the authority of @bus, a #HawserBus. */
int  hawser_observers_check_read (gpointer                   bus,
                                  const HawserPolicyContext *context);
/* All of them end. */
void hawser_observers_clear      (HawserBus                 *bus);
/* As hawser_bus_note_error(), of a message that @publisher was refused. */
void hawser_observers_note_refusal (HawserBus               *bus,
                                  const HawserPublisher     *publisher,
                                  const char                *topic,
                                  int                        code);
/* Of one that was dropped on its way to @receiver; @topic may be NULL where it is not known any more. */
void hawser_observers_note_drop  (HawserReceiver            *receiver,
                                  const char                *topic,
                                  HawserDrop                 reason);

static inline gboolean
hawser_bus_observes_errors (HawserBus *bus)
{
  return G_UNLIKELY (bus->n_error_observers > 0);
}

G_END_DECLS
