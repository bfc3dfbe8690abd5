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
/* What peers of @self may change to over a WebSocket that an adapter opened: a listener of the same name, rights and limits
 * that speaks @type, such as `mqtt`. Owned by @self; NULL: no plugin speaks it, or it will not start. */
HAWSER_AVAILABLE_IN_ALL
HawserListener   *hawser_listener_get_inner     (HawserListener           *self,
                                                 const char               *type,
                                                 GError                  **error);
/* Names for Sec-WebSocket-Protocol, the best first, ended by NULL. */
HAWSER_AVAILABLE_IN_ALL
const char * const *hawser_listener_get_subprotocols (HawserListener      *self);
/* The handshake was answered: from the end of the session's call on, @connection belongs to @inner. */
HAWSER_AVAILABLE_IN_ALL
void              hawser_listener_upgrade       (HawserListener           *inner,
                                                 HawserConnection         *connection);
/* As hawser_listener_authenticate() of the listener of @connection; a peer that shows nothing, or nothing that anybody there
 * judges, is asked by what its way here proves: a client certificate, a pre-shared key, or the user of a Unix socket. */
HAWSER_AVAILABLE_IN_ALL
void              hawser_listener_authenticate_peer (HawserConnection     *connection,
                                                 HawserCredentialKind      kind,
                                                 const char               *name,
                                                 GBytes                   *secret,
                                                 HawserAuthenticated       done,
                                                 gpointer                  user_data,
                                                 GDestroyNotify            destroy);
/* Whether the way of @connection proves something that a provider of its listener judges. */
HAWSER_AVAILABLE_IN_ALL
gboolean          hawser_listener_knows_peer    (HawserConnection         *connection);
/* The identity of @connection is set: is it welcome? 0, %HAWSER_ERROR_DISABLED (it is banned) or %HAWSER_ERROR_QUOTA (it connects
 * more often than identity-connect-rate allows). @comes: count it as coming once more; not for each of many requests. */
HAWSER_AVAILABLE_IN_ALL
int               hawser_listener_admit         (HawserConnection         *connection,
                                                 gboolean                  comes);
/* The listener that accepted or adopted @connection, or that it was upgraded to. */
HAWSER_AVAILABLE_IN_ALL
HawserListener   *hawser_listener_of_connection (HawserConnection         *connection);

G_END_DECLS
