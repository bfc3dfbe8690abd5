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
