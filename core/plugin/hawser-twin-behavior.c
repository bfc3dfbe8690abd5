/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The role of a twin's behaviour: see hawser-twin-behavior.h. core/host runs it. */

#include "hawser-twin-behavior.h"

#include "hawser-error.h"

G_DEFINE_INTERFACE (HawserTwinBehavior, hawser_twin_behavior, G_TYPE_OBJECT)

static void
hawser_twin_behavior_default_init (HawserTwinBehaviorInterface *iface)
{
}

/**
 * hawser_twin_behavior_handle: (virtual handle)
 * @self: a behaviour
 * @id: name of the twin
 * @state: its state, `a{sv}`
 * @message: what came
 * @out: where messages that it sends are added
 * @error: return location; an error restarts the twin from its stored state
 *
 * Errors: what the behaviour says; %HAWSER_ERROR_INVALID if its type has no such function.
 * Context: that of the bus whose twins it serves.
 *
 * Returns: (transfer full) (nullable): changed members of the state, `a{sv}`; %NULL for none
 * Since: 0.1
 */
GVariant *
hawser_twin_behavior_handle (HawserTwinBehavior *self, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  HawserTwinBehaviorInterface *iface = HAWSER_TWIN_BEHAVIOR_GET_IFACE (self);

  if (iface->handle != NULL)
    return iface->handle (self, id, state, message, out, error);
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "behaviour of type %s: does not implement handle()", G_OBJECT_TYPE_NAME (self));
  return NULL;
}

/**
 * hawser_twin_behavior_apply_event: (virtual apply_event)
 * @self: a behaviour
 * @id: name of the twin
 * @state: its state, `a{sv}`, before the event
 * @event: one of the `events` that hawser_twin_behavior_handle() returned, now or in an earlier life of the daemon
 * @error: return location; now, an error restarts the twin; of an event of earlier, it is left out
 *
 * A pure function of state and event: events are kept, and what they make of the twin is found again from them.
 *
 * Errors: what the behaviour says; %HAWSER_ERROR_INVALID if it has no such function and @event is no `a{sv}`.
 * Context: that of the bus whose twins it serves.
 *
 * Returns: (transfer full) (nullable): changed members of the state, `a{sv}`; %NULL for none
 * Since: 0.1
 */
GVariant *
hawser_twin_behavior_apply_event (HawserTwinBehavior *self, const char *id, GVariant *state, GVariant *event, GError **error)
{
  HawserTwinBehaviorInterface *iface = HAWSER_TWIN_BEHAVIOR_GET_IFACE (self);
  GVariant *changes = NULL;
  GError *failure = NULL;

  if (iface->apply_event != NULL)
    changes = iface->apply_event (self, id, state, event, &failure);
  else
    changes = g_variant_ref (event);
  if (changes != NULL && g_variant_is_floating (changes))
    g_variant_ref_sink (changes);
  if (failure == NULL && changes != NULL && !g_variant_is_of_type (changes, G_VARIANT_TYPE_VARDICT))
    g_set_error (&failure, HAWSER_ERROR, HAWSER_ERROR_INVALID, "an event changed %s and not a{sv}", g_variant_get_type_string (changes));
  if (failure == NULL)
    return changes;
  g_clear_pointer (&changes, g_variant_unref);
  g_propagate_error (error, failure);
  return NULL;
}
