/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

GType identity_psk_get_type  (void);
GType identity_x509_get_type (void);
GType identity_unix_get_type (void);

G_END_DECLS
