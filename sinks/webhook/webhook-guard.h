/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Whether an address belongs to the public internet: not this host, this link, a private or a reserved network. Pure. */
gboolean webhook_guard_is_public (GInetAddress *address);

G_END_DECLS
