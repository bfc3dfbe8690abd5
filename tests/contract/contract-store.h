/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* What every store must do. @make gives a closed store; the suite opens it in folders of its own. Called before
 * g_test_run(); the tests are named /store/NAME/... */
void contract_store_add (const char  *name,
                         HawserStore *(*make) (void));

G_END_DECLS
