/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* The listener as adapters in C see it. Not introspected. */

#include "hawser-connection-io.h"
#include "hawser-listener.h"

G_BEGIN_DECLS

/* For adapters with accept_fd that want the reactor after all (a WebSocket after its handshake): the listener owns the
 * connection from here on, counts and lists it, and closes it when it stops. @fd must be non-blocking and plain. */
HAWSER_AVAILABLE_IN_ALL
HawserConnection *hawser_listener_adopt_fd      (HawserListener           *self,
                                                 int                       fd,
                                                 const HawserSessionFuncs *funcs,
                                                 gpointer                  session);
/* The listener that accepted or adopted @connection. */
HAWSER_AVAILABLE_IN_ALL
HawserListener   *hawser_listener_of_connection (HawserConnection         *connection);

G_END_DECLS
