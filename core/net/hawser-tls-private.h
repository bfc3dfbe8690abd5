/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <openssl/ssl.h>

#include "hawser-tls.h"

G_BEGIN_DECLS

SSL_CTX *hawser_tls_get_context (HawserTls *self);

G_END_DECLS
