/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A listening stream socket that the service manager opened for us, by its name (FileDescriptorName=) or, as `3`, by its number.
 * A duplicate: it can be taken again after it was closed. */
GSocket *hawser_inherited_socket_new (const char  *name,
                                      GError     **error);

G_END_DECLS
