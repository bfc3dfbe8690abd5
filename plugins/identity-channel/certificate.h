/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* The claims of a certificate in PEM, whose chain somebody has verified; its name is the first value of @id_claim. Pure.
 * NULL: it cannot be read, or has no such claim. */
HawserPrincipal *certificate_to_principal (GBytes      *pem,
                                           const char  *id_claim,
                                           GError     **error);

G_END_DECLS
