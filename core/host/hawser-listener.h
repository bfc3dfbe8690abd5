/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-bus.h"
#include "hawser-identity.h"
#include "hawser-protocol.h"
#include "hawser-tls.h"

G_BEGIN_DECLS

/**
 * HawserAuthenticated:
 * @principal: (nullable): who the peer is; %NULL when it was refused
 * @error: (nullable): why it was refused
 * @user_data: data of the caller
 *
 * Since: 0.1
 */
typedef void (*HawserAuthenticated) (HawserPrincipal *principal,
                                     const GError    *error,
                                     gpointer         user_data);

#define HAWSER_TYPE_LISTENER (hawser_listener_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserListener, hawser_listener, HAWSER, LISTENER, GObject)

HAWSER_AVAILABLE_IN_ALL
HawserListener *hawser_listener_new                 (HawserBus             *bus,
                                                     const char            *name,
                                                     const char            *type,
                                                     const char            *address,
                                                     GError               **error);
HAWSER_AVAILABLE_IN_ALL
HawserListener *hawser_listener_new_for_protocol    (HawserBus             *bus,
                                                     const char            *name,
                                                     HawserProtocol        *protocol,
                                                     const char            *address);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_listener_start               (HawserListener        *self,
                                                     GError               **error);
HAWSER_AVAILABLE_IN_ALL
void            hawser_listener_stop                (HawserListener        *self);

HAWSER_AVAILABLE_IN_ALL
HawserBus      *hawser_listener_get_bus             (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_listener_get_name            (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_listener_get_protocol_name   (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
HawserProtocol *hawser_listener_get_protocol        (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_listener_dup_bound_address   (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
guint           hawser_listener_get_port            (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_listener_get_is_loopback     (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
guint           hawser_listener_get_n_connections   (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
guint64         hawser_listener_get_n_opened        (HawserListener        *self);

HAWSER_AVAILABLE_IN_ALL
void            hawser_listener_set_tls             (HawserListener        *self,
                                                     HawserTls             *tls);
HAWSER_AVAILABLE_IN_ALL
HawserTls      *hawser_listener_get_tls             (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
void            hawser_listener_add_identity        (HawserListener        *self,
                                                     HawserIdentity        *identity);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_listener_allows_anonymous    (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_listener_get_proves_identity (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_listener_has_verifiers (HawserListener *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_listener_find_verifier (HawserListener   *self,
                                               const char       *name,
                                               HawserPrincipal **out_principal);
HAWSER_AVAILABLE_IN_ALL
void            hawser_listener_authenticate        (HawserListener        *self,
                                                     HawserCredentialKind   kind,
                                                     const char            *name,
                                                     GBytes                *secret,
                                                     HawserAuthenticated    done,
                                                     gpointer               user_data,
                                                     GDestroyNotify         destroy);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_listener_get_mount_point     (HawserListener        *self);
HAWSER_AVAILABLE_IN_ALL
gsize           hawser_listener_get_max_message_size (HawserListener       *self);

G_END_DECLS
