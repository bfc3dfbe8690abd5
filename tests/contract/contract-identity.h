/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* What every provider of identities must do. Introspected as HawserContract, so that providers in Python and JavaScript are
 * held to the same: each fact of contract_identity_list_facts() is a test for them. */

HAWSER_AVAILABLE_IN_ALL
char   **contract_identity_list_facts (void);
HAWSER_AVAILABLE_IN_ALL
gboolean contract_identity_check      (const char      *fact,
                                       HawserIdentity  *identity,
                                       const char      *user,
                                       const char      *password,
                                       const char      *claim,
                                       GError         **error);

#ifndef HAWSER_GIR
/* For tests in C: adds /identity/NAME/FACT for each fact. @make gives a loaded provider that knows @user. Called before
 * g_test_run(). */
void contract_identity_add (const char      *name,
                            HawserIdentity *(*make) (void),
                            const char      *user,
                            const char      *password,
                            const char      *claim);
#endif

G_END_DECLS
