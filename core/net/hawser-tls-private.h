/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <openssl/ssl.h>

#include "hawser-tls.h"

G_BEGIN_DECLS

/* A reload: @self becomes what @from is, which is not used for listeners any more. */
void hawser_tls_take (HawserTls *self, HawserTls *from);
SSL *hawser_tls_new_session (HawserTls *self);

G_END_DECLS
