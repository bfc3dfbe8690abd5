/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

#include "hawser-types.h"

G_BEGIN_DECLS

#define HAWSER_TYPE_POLICY (hawser_policy_get_type())
HAWSER_AVAILABLE_IN_ALL
GType         hawser_policy_get_type       (void) G_GNUC_CONST;

HAWSER_AVAILABLE_IN_ALL
HawserPolicy *hawser_policy_new            (const char       *name,
                                            const char       *expression,
                                            GError          **error);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_policy_test           (HawserPolicy     *self,
                                            HawserPrincipal  *principal,
                                            GHashTable       *facts,
                                            char            **out_explanation);

HAWSER_AVAILABLE_IN_ALL
const char   *hawser_policy_get_name       (HawserPolicy     *self);
HAWSER_AVAILABLE_IN_ALL
const char   *hawser_policy_get_expression (HawserPolicy     *self);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_policy_is_constant    (HawserPolicy     *self,
                                            gboolean         *out_value);
HAWSER_AVAILABLE_IN_ALL
gboolean      hawser_policy_uses           (HawserPolicy     *self,
                                            const char       *claim);

HAWSER_AVAILABLE_IN_ALL
HawserPolicy *hawser_policy_ref            (HawserPolicy     *self);
HAWSER_AVAILABLE_IN_ALL
void          hawser_policy_unref          (HawserPolicy     *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserPolicy, hawser_policy_unref)

G_END_DECLS
