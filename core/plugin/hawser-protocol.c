/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The protocol role: see hawser-protocol.h. What runs it is core/host/hawser-listener.c. */

#include "hawser-protocol.h"

G_DEFINE_INTERFACE (HawserProtocol, hawser_protocol, G_TYPE_OBJECT)

static void
hawser_protocol_default_init (HawserProtocolInterface *iface)
{
}
