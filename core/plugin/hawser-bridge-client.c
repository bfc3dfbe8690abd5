/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bridge role: see hawser-bridge-client.h. What runs it is core/host/hawser-bridge.c. */

#include "hawser-bridge-client.h"

static const GEnumValue send_values[] = {
  { HAWSER_BRIDGE_SEND_DONE, "HAWSER_BRIDGE_SEND_DONE", "done" },
  { HAWSER_BRIDGE_SEND_TAKEN, "HAWSER_BRIDGE_SEND_TAKEN", "taken" },
  { HAWSER_BRIDGE_SEND_BUSY, "HAWSER_BRIDGE_SEND_BUSY", "busy" },
  { HAWSER_BRIDGE_SEND_REFUSED, "HAWSER_BRIDGE_SEND_REFUSED", "refused" },
  { 0, NULL, NULL },
};

GType
hawser_bridge_send_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("HawserBridgeSend", send_values));
  return type;
}

G_DEFINE_INTERFACE (HawserBridgeClient, hawser_bridge_client, G_TYPE_OBJECT)

static void
hawser_bridge_client_default_init (HawserBridgeClientInterface *iface)
{
}

/**
 * hawser_bridge_client_check: (virtual check)
 * @self: a client that is stopped
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID and others for a setting.
 * Context: that of the bridge's bus.
 *
 * Returns: whether the settings can be used
 * Since: 0.1
 */
gboolean
hawser_bridge_client_check (HawserBridgeClient *self, GError **error)
{
  HawserBridgeClientInterface *iface = HAWSER_BRIDGE_CLIENT_GET_IFACE (self);

  return iface->check == NULL || iface->check (self, error);
}

/**
 * hawser_bridge_client_start: (virtual start)
 * @self: a client
 * @bridge: (type GObject.Object): what runs it; stays until hawser_bridge_client_stop()
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID and others for a setting.
 * Context: that of the bridge's bus.
 *
 * Returns: whether it can connect
 * Since: 0.1
 */
gboolean
hawser_bridge_client_start (HawserBridgeClient *self, HawserBridge *bridge, GError **error)
{
  return HAWSER_BRIDGE_CLIENT_GET_IFACE (self)->start (self, bridge, error);
}

/**
 * hawser_bridge_client_connect: (virtual connect)
 * @self: a client
 *
 * Begins one attempt to connect.
 *
 * Context: that of the bridge's bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_client_connect (HawserBridgeClient *self)
{
  HAWSER_BRIDGE_CLIENT_GET_IFACE (self)->connect (self);
}

/**
 * hawser_bridge_client_send: (virtual send)
 * @self: a client that is connected
 * @message: its topic is the other side's
 * @cookie: what hawser_bridge_sent() is to be told
 *
 * Context: that of the bridge's bus.
 *
 * Returns: what became of it
 * Since: 0.1
 */
HawserBridgeSend
hawser_bridge_client_send (HawserBridgeClient *self, HawserMessage *message, guint64 cookie)
{
  return HAWSER_BRIDGE_CLIENT_GET_IFACE (self)->send (self, message, cookie);
}

/**
 * hawser_bridge_client_stop: (virtual stop)
 * @self: a client
 *
 * Context: that of the bridge's bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_client_stop (HawserBridgeClient *self)
{
  HAWSER_BRIDGE_CLIENT_GET_IFACE (self)->stop (self);
}

/**
 * hawser_bridge_client_dup_address: (virtual dup_address)
 * @self: a client
 *
 * Returns: (transfer full) (nullable): where it connects to, for people
 * Since: 0.1
 */
char *
hawser_bridge_client_dup_address (HawserBridgeClient *self)
{
  HawserBridgeClientInterface *iface = HAWSER_BRIDGE_CLIENT_GET_IFACE (self);

  return iface->dup_address != NULL ? iface->dup_address (self) : NULL;
}

/**
 * hawser_bridge_client_stored: (virtual stored)
 * @self: a client
 * @is_safe: whether all that hawser_bridge_received() left open is in the spool; %FALSE: some of it could not be stored
 *
 * Safe: it is to be acknowledged to the broker. Else nothing that is open may be: the client drops its connection, so that the
 * broker sends it again on the next one.
 *
 * Context: that of the bridge's bus.
 *
 * Since: 0.1
 */
void
hawser_bridge_client_stored (HawserBridgeClient *self, gboolean is_safe)
{
  HawserBridgeClientInterface *iface = HAWSER_BRIDGE_CLIENT_GET_IFACE (self);

  if (iface->stored != NULL)
    iface->stored (self, is_safe);
}
