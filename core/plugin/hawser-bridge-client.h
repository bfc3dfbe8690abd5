/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-message.h"

G_BEGIN_DECLS

/**
 * HawserBridgeSend:
 * @HAWSER_BRIDGE_SEND_DONE: it is on its way and nothing more will be heard of it (QoS 0)
 * @HAWSER_BRIDGE_SEND_TAKEN: hawser_bridge_sent() follows when the broker has answered
 * @HAWSER_BRIDGE_SEND_BUSY: not now; hawser_bridge_resume() follows
 * @HAWSER_BRIDGE_SEND_REFUSED: this message can never pass, such as one over the broker's packet size
 *
 * What became of a message that a bridge handed to its client.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_BRIDGE_SEND_DONE,
  HAWSER_BRIDGE_SEND_TAKEN,
  HAWSER_BRIDGE_SEND_BUSY,
  HAWSER_BRIDGE_SEND_REFUSED,
} HawserBridgeSend;

#define HAWSER_TYPE_BRIDGE_SEND (hawser_bridge_send_get_type())
HAWSER_AVAILABLE_IN_ALL
GType            hawser_bridge_send_get_type      (void) G_GNUC_CONST;

#define HAWSER_TYPE_BRIDGE_CLIENT (hawser_bridge_client_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserBridgeClient, hawser_bridge_client, HAWSER, BRIDGE_CLIENT, GObject)

/**
 * HawserBridgeClientInterface:
 * @parent_iface: the parent interface
 * @check: (optional): whether the settings can be used; what a check of the configuration asks, which connects to nothing
 * @start: the last moment to refuse a bad setting; opens nothing that may block
 * @connect: begins one attempt; answers by hawser_bridge_connected() when the subscriptions of
 *   hawser_bridge_dup_subscriptions() are live, or by hawser_bridge_lost(); what was taken and not answered before is
 *   sent again, in order, before anything new
 * @send: sends one message, its topic as the other side names it; called only while connected
 * @stop: says good-bye and forgets what was taken; nothing of the bridge is called afterwards
 * @dup_address: (optional): where it connects to, for listings
 * @stored: (optional): what hawser_bridge_received() left open is settled, see there; to be told, a client that can hold its
 *   acknowledgements back has it
 *
 * A client of somebody else's broker: what a [bridge] group's `type=` picks. Which messages pass, their topics, the spool,
 * loops, pauses between attempts and figures are the bridge's (#HawserBridge). All slots run on the lane of the bridge and
 * must not block.
 *
 * Since: 0.1
 */
struct _HawserBridgeClientInterface {
  GTypeInterface parent_iface;

  gboolean         (*check)       (HawserBridgeClient  *self,
                                   GError             **error);
  gboolean         (*start)       (HawserBridgeClient  *self,
                                   HawserBridge        *bridge,
                                   GError             **error);
  void             (*connect)     (HawserBridgeClient  *self);
  HawserBridgeSend (*send)        (HawserBridgeClient  *self,
                                   HawserMessage       *message,
                                   guint64              cookie);
  void             (*stop)        (HawserBridgeClient  *self);
  char            *(*dup_address) (HawserBridgeClient  *self);
  void             (*stored)      (HawserBridgeClient  *self,
                                   gboolean             is_safe);

  /*< private >*/
  gpointer reserved[5];
};

HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_bridge_client_check       (HawserBridgeClient  *self,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean         hawser_bridge_client_start       (HawserBridgeClient  *self,
                                                   HawserBridge        *bridge,
                                                   GError             **error);
HAWSER_AVAILABLE_IN_ALL
void             hawser_bridge_client_connect     (HawserBridgeClient  *self);
HAWSER_AVAILABLE_IN_ALL
HawserBridgeSend hawser_bridge_client_send        (HawserBridgeClient  *self,
                                                   HawserMessage       *message,
                                                   guint64              cookie);
HAWSER_AVAILABLE_IN_ALL
void             hawser_bridge_client_stop        (HawserBridgeClient  *self);
HAWSER_AVAILABLE_IN_ALL
char            *hawser_bridge_client_dup_address (HawserBridgeClient  *self);
HAWSER_AVAILABLE_IN_ALL
void             hawser_bridge_client_stored      (HawserBridgeClient  *self,
                                                   gboolean             is_safe);

G_END_DECLS
