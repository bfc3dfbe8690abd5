/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-batch.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_TWIN_BEHAVIOR (hawser_twin_behavior_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserTwinBehavior, hawser_twin_behavior, HAWSER, TWIN_BEHAVIOR, GObject)

/**
 * HawserTwinBehaviorInterface:
 * @parent_iface: the parent interface
 * @handle: what one message does to one twin: takes its id and state (`a{sv}`), returns the changed members (`a{sv}`, or
 *   %NULL for none) and adds what is to be published to @out; does no I/O and reads no clock
 * @apply_event: (nullable): what one event changes in its twin: takes its id, state and the event, returns the changed members;
 *   without it an event is itself what it changes
 *
 * A pure function of state and message, so that one table tests it in every language.
 *
 * Since: 0.1
 */
struct _HawserTwinBehaviorInterface {
  GTypeInterface parent_iface;

  GVariant *(*handle) (HawserTwinBehavior  *self,
                       const char          *id,
                       GVariant            *state,
                       HawserMessage       *message,
                       HawserBatch         *out,
                       GError             **error);
  GVariant *(*apply_event) (HawserTwinBehavior  *self,
                            const char          *id,
                            GVariant            *state,
                            GVariant            *event,
                            GError             **error);

  gpointer reserved[7];
};

HAWSER_AVAILABLE_IN_ALL
GVariant *hawser_twin_behavior_handle (HawserTwinBehavior  *self,
                                       const char          *id,
                                       GVariant            *state,
                                       HawserMessage       *message,
                                       HawserBatch         *out,
                                       GError             **error);

HAWSER_AVAILABLE_IN_ALL
GVariant *hawser_twin_behavior_apply_event (HawserTwinBehavior  *self,
                                            const char          *id,
                                            GVariant            *state,
                                            GVariant            *event,
                                            GError             **error);

G_END_DECLS
