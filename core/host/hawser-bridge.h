/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bridge-client.h"
#include "hawser-bus.h"

G_BEGIN_DECLS

/**
 * HawserBridgeState:
 * @HAWSER_BRIDGE_STATE_STOPPED: not started, or stopped; messages wait in the spool
 * @HAWSER_BRIDGE_STATE_CONNECTING: an attempt is under way
 * @HAWSER_BRIDGE_STATE_CONNECTED: messages pass
 * @HAWSER_BRIDGE_STATE_WAITING: the last attempt failed; the next one is due later
 *
 * What a bridge is doing.
 *
 * Since: 0.1
 */
typedef enum {
  HAWSER_BRIDGE_STATE_STOPPED,
  HAWSER_BRIDGE_STATE_CONNECTING,
  HAWSER_BRIDGE_STATE_CONNECTED,
  HAWSER_BRIDGE_STATE_WAITING,
} HawserBridgeState;

#define HAWSER_TYPE_BRIDGE_STATE (hawser_bridge_state_get_type())
HAWSER_AVAILABLE_IN_ALL
GType               hawser_bridge_state_get_type      (void) G_GNUC_CONST;

#define HAWSER_TYPE_BRIDGE (hawser_bridge_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserBridge, hawser_bridge, HAWSER, BRIDGE, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserBridge       *hawser_bridge_new                 (HawserBus           *bus,
                                                       const char          *name,
                                                       HawserBridgeClient  *client);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bridge_check               (HawserBridge        *self,
                                                       GError             **error);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bridge_start               (HawserBridge        *self,
                                                       GError             **error);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bridge_stop                (HawserBridge        *self);

HAWSER_AVAILABLE_IN_ALL
const char         *hawser_bridge_get_name            (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
HawserBus          *hawser_bridge_get_bus             (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
HawserBridgeClient *hawser_bridge_get_client          (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
HawserBridgeState   hawser_bridge_get_state           (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
guint64             hawser_bridge_get_depth           (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
const char         *hawser_bridge_get_last_error      (HawserBridge        *self);

/* For clients. */
HAWSER_AVAILABLE_IN_ALL
char              **hawser_bridge_dup_subscriptions   (HawserBridge        *self,
                                                       guint8             **out_qos);
HAWSER_AVAILABLE_IN_ALL
guint8              hawser_bridge_get_highest_qos_out (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bridge_connected           (HawserBridge        *self,
                                                       gboolean             knows_origin);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bridge_lost                (HawserBridge        *self,
                                                       const char          *reason);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bridge_warn                (HawserBridge        *self,
                                                       const char          *reason);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bridge_sent                (HawserBridge        *self,
                                                       guint64              cookie,
                                                       const char          *refusal);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bridge_take_back           (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
void                hawser_bridge_resume              (HawserBridge        *self);
HAWSER_AVAILABLE_IN_ALL
gboolean            hawser_bridge_received            (HawserBridge        *self,
                                                       HawserMessage       *message);

G_END_DECLS
