/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mount points: a prefix between what the peers of a listener call a topic and what the bus calls it. NULL: none. */

#include "hawser-message.h"

G_BEGIN_DECLS

/* The bus's name for a peer's filter; of a shared subscription the part behind the group's name. */
char          *hawser_mount_filter  (const char     *mount,
                                     const char     *filter,
                                     gsize           len);
/* A peer's message as the bus names it; NULL: it may not name such a topic, or the name is too long. */
HawserMessage *hawser_mount_message (const char     *mount,
                                     HawserMessage  *message);
/* A message of the bus as the peer names it; NULL: it lies outside of the mount point. */
HawserMessage *hawser_mount_strip   (const char     *mount,
                                     HawserMessage  *message);

G_END_DECLS
