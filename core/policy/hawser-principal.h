/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_PRINCIPAL (hawser_principal_get_type())
HAWSER_AVAILABLE_IN_ALL
GType            hawser_principal_get_type         (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_principal_new              (const char         *name,
                                                    GHashTable         *claims);
HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_principal_new_from_strings (const char         *name,
                                                    const char * const *claims);

HAWSER_AVAILABLE_IN_ALL
const char      *hawser_principal_get_name         (HawserPrincipal    *self);
HAWSER_AVAILABLE_IN_ALL
const char      *hawser_principal_get_claim        (HawserPrincipal    *self,
                                                    const char         *name);
HAWSER_AVAILABLE_IN_ALL
const char      *hawser_principal_get_claim_value  (HawserPrincipal    *self,
                                                    const char         *name,
                                                    guint               index);
HAWSER_AVAILABLE_IN_ALL
char           **hawser_principal_list_claims      (HawserPrincipal    *self);

HAWSER_AVAILABLE_IN_ALL
HawserPrincipal *hawser_principal_ref              (HawserPrincipal    *self);
HAWSER_AVAILABLE_IN_ALL
void             hawser_principal_unref            (HawserPrincipal    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserPrincipal, hawser_principal_unref)

G_END_DECLS
