/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-connection.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_PROTOCOL (hawser_protocol_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (HawserProtocol, hawser_protocol, HAWSER, PROTOCOL, GObject)

/**
 * HawserProtocolInterface:
 * @parent_iface: the parent interface
 * @accepted: (optional): a peer connected: give its connection a session (hawser_connection_set_session())
 * @admitted: (optional): instead of @accepted, for peers that say nothing of who they are: the listener has asked its
 *   identity providers, while nothing of the peer was read, and let it in
 * @refused: (optional): with @admitted: the peer may not come in, and is closed when what is written here was sent
 * @accept_fd: (optional): the adapter brings its own I/O: takes over a connected socket, and owns it when it returns
 *   %TRUE; used instead of @accepted when both are there
 * @start: (optional): the listener is about to accept; the last moment to refuse a bad setting
 * @stop: (optional): no further peer is accepted; connections of @accepted are closed by the listener
 * @changed: (optional): a reload changed properties of @self or settings of the listener: what start() made of them is stale
 * @websocket_subprotocols: (nullable) (array zero-terminated=1): what it is called in Sec-WebSocket-Protocol, the best
 *   name first; %NULL: the value of `type=`
 *
 * Fills one listener: an instance a listener, its GObject properties are the settings of the listener's group.
 * All slots run on the lane of the listener and must not block.
 *
 * Since: 0.1
 */
struct _HawserProtocolInterface {
  GTypeInterface parent_iface;

  void     (*accepted)  (HawserProtocol   *self,
                         HawserConnection *connection);
  gboolean (*accept_fd) (HawserProtocol   *self,
                         HawserListener   *listener,
                         int               fd);
  gboolean (*start)     (HawserProtocol   *self,
                         HawserListener   *listener,
                         GError          **error);
  void     (*stop)      (HawserProtocol   *self,
                         HawserListener   *listener);

  void     (*admitted)  (HawserProtocol   *self,
                         HawserConnection *connection);
  void     (*refused)   (HawserProtocol   *self,
                         HawserConnection *connection,
                         const GError     *error);

  void     (*changed)   (HawserProtocol   *self,
                         HawserListener   *listener);

  const char * const *websocket_subprotocols;

  /*< private >*/
  gpointer reserved[4];
};

G_END_DECLS
