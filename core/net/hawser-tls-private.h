/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <openssl/ssl.h>

#include "hawser-tls.h"

G_BEGIN_DECLS

SSL *hawser_tls_new_session (HawserTls *self);

G_END_DECLS
