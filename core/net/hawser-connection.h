/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-error.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_CONNECTION (hawser_connection_get_type())
HAWSER_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (HawserConnection, hawser_connection, HAWSER, CONNECTION, GObject)

HAWSER_AVAILABLE_IN_ALL
guint64         hawser_connection_get_id           (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_connection_get_protocol     (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_connection_get_listener_name (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_connection_get_client_id    (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_connection_get_principal_name (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_connection_dup_address      (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_connection_get_is_encrypted (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
guint64         hawser_connection_get_n_received   (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
guint64         hawser_connection_get_n_delivered  (HawserConnection *self);
HAWSER_AVAILABLE_IN_ALL
void            hawser_connection_close            (HawserConnection *self,
                                                    HawserError       reason);

G_END_DECLS
