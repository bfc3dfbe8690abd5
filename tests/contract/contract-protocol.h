/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* What every adapter must do with the bytes of a peer, whichever protocol: @said is what a good peer sends, @expected what it
 * then reads at the front. Called before g_test_run(); the tests are named /protocol/TYPE/... The same facts against a running
 * daemon, and more of them, are contract_protocol.py. */
void contract_protocol_add (const char *type,
                            const char *said,
                            gsize       said_len,
                            const char *expected,
                            gsize       expected_len);

G_END_DECLS
