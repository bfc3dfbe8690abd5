/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Observers of peers, and what goes wrong on its way to them. Not introspected; on the bus's lane. */

#include "hawser-observer.h"
#include "hawser-policy-context.h"

G_BEGIN_DECLS

/* As hawser_bus_observe(), with the rights of the peer: it sees what the peer might subscribe to, as its policies are then. */
HAWSER_AVAILABLE_IN_ALL
HawserObserver *hawser_connection_observe    (HawserConnection          *connection,
                                              HawserObserverKind         kind,
                                              const char                *filter,
                                              guint                      lease_ms,
                                              GError                   **error);
/* (transfer none) (nullable): the observer of that id, if it is of the same principal as the peer. */
HAWSER_AVAILABLE_IN_ALL
HawserObserver *hawser_connection_find_observer (HawserConnection       *connection,
                                              const char                *id);
/* Those that hawser_connection_find_observer() finds, in no order; all where @connection is NULL. @func may not end them. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_foreach_observer  (HawserBus                 *bus,
                                              HawserConnection          *connection,
                                              GFunc                      func,
                                              gpointer                   data);
/* Something went wrong with a message of @topic: told to observers of errors after this turn. @reason: a word; @source: where,
 * such as `sink/archive`; @detail (nullable): a line for people. Costs nothing while nobody observes errors. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_bus_note_error        (HawserBus                 *bus,
                                              const char                *topic,
                                              const char                *source,
                                              const char                *reason,
                                              const char                *detail);

G_END_DECLS
