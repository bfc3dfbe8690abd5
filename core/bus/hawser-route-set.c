/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A counted array. Who is in it is worked out in hawser-routes.c. */

#include "hawser-route-set.h"

#include <string.h>

HawserRouteSet *
hawser_route_set_new (const HawserRoute *routes, guint n_routes)
{
  HawserRouteSet *self = g_malloc (sizeof *self + n_routes * sizeof (HawserRoute));

  *self = (HawserRouteSet) { .ref_count = 1, .n_routes = n_routes };
  if (n_routes > 0)
    memcpy (self->routes, routes, n_routes * sizeof (HawserRoute));
  return self;
}

void
hawser_route_set_free (HawserRouteSet *self)
{
  g_free (self->ids);
  g_free (self);
}
