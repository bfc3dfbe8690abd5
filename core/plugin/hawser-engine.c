/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The engine role: see hawser-engine.h. No plugin fills it yet, and nothing in the core asks for one. */

#include "hawser-engine.h"

G_DEFINE_INTERFACE (HawserEngine, hawser_engine, G_TYPE_OBJECT)

static void
hawser_engine_default_init (HawserEngineInterface *iface)
{
}
